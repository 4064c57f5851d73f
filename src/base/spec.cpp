#include <cmath>
#include <sstream>

#include <gradus/activations.hpp>
#include <gradus/error.hpp>
#include <gradus/initializers.hpp>
#include <gradus/spec.hpp>
#include <gradus/window.hpp>

#include "base/nearest.hpp"
#include "base/spec_registry.hpp"

namespace gradus {
namespace {

[[noreturn]] void expected(const std::string& what, const Value& got) {
  throw Error(ErrorCode::invalid_argument, "expected " + what + ", got " + got.to_string());
}

constexpr std::pair<Activation, std::string_view> activation_names[] = {
    {Activation::linear, "linear"},
    {Activation::relu, "relu"},
    {Activation::sigmoid, "sigmoid"},
    {Activation::tanh, "tanh"},
    {Activation::softmax, "softmax"},
    {Activation::step, "step"},
    {Activation::elu, "elu"},
    {Activation::selu, "selu"},
    {Activation::leaky_relu, "leaky_relu"},
    {Activation::relu6, "relu6"},
    {Activation::gelu, "gelu"},
    {Activation::silu, "silu"},
    {Activation::mish, "mish"},
    {Activation::softplus, "softplus"},
    {Activation::softsign, "softsign"},
    {Activation::hard_sigmoid, "hard_sigmoid"},
    {Activation::exponential, "exponential"},
    {Activation::log_softmax, "log_softmax"},
    {Activation::hard_silu, "hard_silu"},
    {Activation::gelu_tanh, "gelu_tanh"},
};

}  // namespace

HeldSpec::HeldSpec(std::string_view class_name, const std::type_info& type, const void* spec,
                   void (*destroy)(const void*))
    : spec_(spec, destroy), class_name_(class_name), type_(&type) {}

void add_value(Value::Object& object, std::string_view name, Value value) {
  object.emplace_back(std::string(name), std::move(value));
}

void add_info(std::vector<FieldInfo>& infos, std::string_view name, std::string_view type, Value value,
              std::string_view help) {
  infos.push_back({std::string(name), std::string(type), std::move(value), std::string(help)});
}

Value::Value() : data(nullptr) {}
Value::Value(bool value) : data(value) {}
Value::Value(int value) : data(std::int64_t{value}) {}
Value::Value(std::int64_t value) : data(value) {}
Value::Value(double value) : data(value) {}
Value::Value(const char* value) : data(std::string(value)) {}
Value::Value(std::string value) : data(std::move(value)) {}
Value::Value(List value) : data(std::move(value)) {}
Value::Value(Object value) : data(std::move(value)) {}
Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;
Value::~Value() = default;

bool operator==(const Value& a, const Value& b) { return a.data == b.data; }

const Value* Value::find(std::string_view key) const {
  const auto* object = get_if<Object>();
  if (object == nullptr) return nullptr;
  for (const auto& [name, value] : *object) {
    if (name == key) return &value;
  }
  return nullptr;
}

std::string Value::to_string() const {
  if (const auto* flag = get_if<bool>()) return *flag ? "true" : "false";
  if (const auto* whole = get_if<std::int64_t>()) return std::to_string(*whole);
  if (const auto* number = get_if<double>()) {
    std::ostringstream out;
    out.precision(9);
    out << *number;
    return out.str();
  }
  if (const auto* text = get_if<std::string>()) return "'" + *text + "'";
  std::string joined;
  if (const auto* list = get_if<List>()) {
    for (const auto& item : *list) joined += (joined.empty() ? "" : ", ") + item.to_string();
    return "[" + joined + "]";
  }
  if (const auto* object = get_if<Object>()) {
    for (const auto& [name, item] : *object) joined += (joined.empty() ? "" : ", ") + name + ": " + item.to_string();
    return "{" + joined + "}";
  }
  return "nothing";
}

bool FieldType<bool>::from_value(const Value& value) {
  if (const auto* flag = value.get_if<bool>()) return *flag;
  expected("true or false", value);
}

std::int64_t FieldType<std::int64_t>::from_value(const Value& value) {
  if (const auto* whole = value.get_if<std::int64_t>()) return *whole;
  const auto* number = value.get_if<double>();
  if (number != nullptr && std::trunc(*number) == *number && std::abs(*number) < 0x1p53) {
    return static_cast<std::int64_t>(*number);
  }
  expected("a whole number", value);
}

double FieldType<double>::from_value(const Value& value) {
  if (const auto* number = value.get_if<double>()) return *number;
  if (const auto* whole = value.get_if<std::int64_t>()) return static_cast<double>(*whole);
  expected("a number", value);
}

std::string FieldType<std::string>::from_value(const Value& value) {
  if (const auto* text = value.get_if<std::string>()) return *text;
  expected("a text", value);
}

std::vector<std::int64_t> FieldType<std::vector<std::int64_t>>::from_value(const Value& value) {
  const auto* list = value.get_if<Value::List>();
  if (list == nullptr) return {FieldType<std::int64_t>::from_value(value)};
  std::vector<std::int64_t> numbers;
  for (const auto& item : *list) numbers.push_back(FieldType<std::int64_t>::from_value(item));
  return numbers;
}

using Margins = std::array<std::array<std::int64_t, 2>, 2>;

Value FieldType<Margins>::to_value(const Margins& value) {
  Value::List list;
  for (const auto& [before, after] : value) list.push_back(Value::List{before, after});
  return list;
}

Margins FieldType<Margins>::from_value(const Value& value) {
  const auto both = [&](const Value& item) -> std::array<std::int64_t, 2> {
    const std::vector<std::int64_t> sizes = FieldType<std::vector<std::int64_t>>::from_value(item);
    if (sizes.empty() || sizes.size() > 2) expected("one or two whole numbers for an axis", item);
    return {sizes.front(), sizes.back()};
  };
  const auto* list = value.get_if<Value::List>();
  if (list == nullptr) return {both(value), both(value)};
  if (list->size() != 2) expected("a number, [height, width] or [[top, bottom], [left, right]]", value);
  return {both(list->front()), both(list->back())};
}

Value FieldType<Shape>::to_value(const Shape& value) {
  Value::List list;
  for (const std::int64_t size : value.sizes()) list.emplace_back(size);
  return list;
}

Shape FieldType<Shape>::from_value(const Value& value) {
  const auto* list = value.get_if<Value::List>();
  if (list == nullptr) expected("a list of whole numbers", value);
  std::vector<std::int64_t> sizes;
  for (const auto& item : *list) sizes.push_back(FieldType<std::int64_t>::from_value(item));
  return Shape(std::move(sizes));
}

Value FieldType<std::vector<double>>::to_value(const std::vector<double>& value) {
  return Value::List(value.begin(), value.end());
}

std::vector<double> FieldType<std::vector<double>>::from_value(const Value& value) {
  const auto* list = value.get_if<Value::List>();
  if (list == nullptr) expected("a list of numbers", value);
  std::vector<double> numbers;
  for (const auto& item : *list) numbers.push_back(FieldType<double>::from_value(item));
  return numbers;
}

std::string Size2D::to_string() const { return std::to_string(height) + "x" + std::to_string(width); }

Value FieldType<Size2D>::to_value(const Size2D& value) { return Value::List{value.height, value.width}; }

Size2D FieldType<Size2D>::from_value(const Value& value) {
  const auto* list = value.get_if<Value::List>();
  if (list == nullptr && !value.is_null() && value.get_if<std::string>() == nullptr) {
    return FieldType<std::int64_t>::from_value(value);
  }
  if (list == nullptr || list->size() != 2) expected("a whole number or a list of two", value);
  return {FieldType<std::int64_t>::from_value((*list)[0]), FieldType<std::int64_t>::from_value((*list)[1])};
}

std::string_view padding_name(Padding padding) { return padding == Padding::same ? "same" : "valid"; }

Padding FieldType<Padding>::from_value(const Value& value) {
  const auto* text = value.get_if<std::string>();
  for (const Padding padding : {Padding::valid, Padding::same}) {
    if (text != nullptr && *text == padding_name(padding)) return padding;
  }
  expected("'valid' or 'same'", value);
}

std::string_view activation_name(Activation activation) {
  for (const auto& [known, name] : activation_names) {
    if (known == activation) return name;
  }
  return "?";
}

Activation activation_from_name(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& [activation, known] : activation_names) {
    if (known == name) return activation;
    if (name == "swish" && activation == Activation::silu) return activation;
    if (name == "hard_swish" && activation == Activation::hard_silu) return activation;
    names.emplace_back(known);
  }
  throw Error(ErrorCode::invalid_argument,
              "there is no activation '" + std::string(name) + "'" + did_you_mean(name, names));
}

const std::vector<Activation>& all_activations() {
  static const std::vector<Activation> all = [] {
    std::vector<Activation> list;
    for (const auto& [activation, name] : activation_names) list.push_back(activation);
    return list;
  }();
  return all;
}

Activation FieldType<Activation>::from_value(const Value& value) {
  if (const auto* name = value.get_if<std::string>()) return activation_from_name(*name);
  expected("the name of an activation", value);
}

}  // namespace gradus
