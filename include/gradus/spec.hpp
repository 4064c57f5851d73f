#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>
#include <variant>
#include <vector>

#include <gradus/tensor.hpp>

/// How specs (layers, losses, optimizers, metrics, initializers) are described: one list of fields a spec, from which
/// its JSON in the model file, its help text, its equality and its parsing follow. Users need only the specs
/// themselves; this header is for those who add one.
namespace gradus {

/// A tree of plain values, as JSON or TOML have them. Objects keep their order.
struct Value {
  using List = std::vector<Value>;
  using Object = std::vector<std::pair<std::string, Value>>;
  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, List, Object> data;

  Value();
  Value(bool value);          // NOLINT: values convert
  Value(int value);           // NOLINT
  Value(std::int64_t value);  // NOLINT
  Value(double value);        // NOLINT
  Value(const char* value);   // NOLINT
  Value(std::string value);   // NOLINT
  Value(List value);          // NOLINT
  Value(Object value);        // NOLINT
  Value(const Value& other);
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::nullptr_t>(data); }
  template <class T>
  [[nodiscard]] const T* get_if() const {
    return std::get_if<T>(&data);
  }
  /// The value under `key` of an object; null when this is no object or has no such key.
  [[nodiscard]] const Value* find(std::string_view key) const;
  /// As one line of JSON-like text, for messages.
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const Value& a, const Value& b);
};

/// What a field's type is called in help and messages, and how it goes into a Value and back. `from_value` throws
/// `invalid_argument` with a sentence that ends in what was expected; the caller puts the place in front.
template <class T>
struct FieldType;

/// A field as text, for help, docs and the page.
struct FieldInfo {
  std::string name;
  std::string type;  ///< "whole number", "number", "true or false", "activation", ...
  Value default_value;
  std::string help;
};

/// A plain struct that says what one thing of a kind is: its kind, its class name, and the list of its fields:
///   static constexpr void fields(auto&& field) { field("units", &Dense::units, "number of outputs, 1 or more"); ... }
/// Each has its name in files (Keras's where Keras has it), where it lies, and one line of help that says the unit
/// where there is one. The list is a template so that only the file which registers the spec compiles it.
template <class S>
concept DescribedSpec = requires {
  typename S::Kind;
  { S::class_name } -> std::convertible_to<std::string_view>;
};

/// A spec of any kind, as a value that copies share. What its fields are is known only where its class is registered
/// (src/base/spec_registry.hpp), so that a file which merely uses specs does not compile their descriptions.
class HeldSpec {
 public:
  /// Takes `spec`, an object of `type`, and frees it with `destroy` in the end.
  HeldSpec(std::string_view class_name, const std::type_info& type, const void* spec, void (*destroy)(const void*));

  [[nodiscard]] std::string_view class_name() const { return class_name_; }
  /// The object when it is one of `type`, else null.
  [[nodiscard]] const void* get(const std::type_info& type) const { return type == *type_ ? spec_.get() : nullptr; }

 private:
  std::shared_ptr<const void> spec_;
  std::string_view class_name_;
  const std::type_info* type_;
};

/// Any spec of one kind, as a value: `Layer`, `Loss`, `Optimizer`, `Metric`, `Initializer` are instances.
template <class Kind>
class Spec {
 public:
  template <DescribedSpec S>
  requires std::is_same_v<typename S::Kind, Kind> Spec(S spec)  // NOLINT: specs convert
      : held_(S::class_name, typeid(S), new S(std::move(spec)),
              [](const void* object) { delete static_cast<const S*>(object); }) {}

  /// A spec from its class name and fields as a file holds them; missing fields take their defaults. Throws
  /// `invalid_argument` for an unknown name or field (naming the nearest right one) or a value of the wrong type.
  static Spec make(std::string_view class_name, const Value::Object& fields = {});
  /// The class names that `make` knows, sorted.
  static std::vector<std::string> names();

  [[nodiscard]] std::string_view class_name() const { return held_.class_name(); }
  /// Every field with its value, in the order of the spec.
  [[nodiscard]] Value::Object fields() const;
  [[nodiscard]] std::vector<FieldInfo> describe() const;
  /// A copy with one field changed. Throws `invalid_argument` as `make` does.
  [[nodiscard]] Spec with(std::string_view field, const Value& value) const;
  /// The spec itself when it is an S, else null.
  template <class S>
  [[nodiscard]] const S* get_if() const {
    return static_cast<const S*>(held_.get(typeid(S)));
  }
  friend bool operator==(const Spec& a, const Spec& b) {
    return a.class_name() == b.class_name() && a.fields() == b.fields();
  }

 private:
  HeldSpec held_;
};

template <>
struct FieldType<bool> {
  static constexpr std::string_view name = "true or false";
  static Value to_value(bool value) { return value; }
  static bool from_value(const Value& value);
};
template <>
struct FieldType<std::int64_t> {
  static constexpr std::string_view name = "whole number";
  static Value to_value(std::int64_t value) { return value; }
  static std::int64_t from_value(const Value& value);
};
template <>
struct FieldType<double> {
  static constexpr std::string_view name = "number";
  static Value to_value(double value) { return value; }
  static double from_value(const Value& value);
};
template <>
struct FieldType<std::string> {
  static constexpr std::string_view name = "text";
  static Value to_value(const std::string& value) { return value; }
  static std::string from_value(const Value& value);
};
/// A whole number alone stands for a list of one.
template <>
struct FieldType<std::vector<std::int64_t>> {
  static constexpr std::string_view name = "list of whole numbers";
  static Value to_value(const std::vector<std::int64_t>& value) { return Value::List(value.begin(), value.end()); }
  static std::vector<std::int64_t> from_value(const Value& value);
};
/// {{top, bottom}, {left, right}}; [h, w] stands for h above and below, w left and right; one number for all four.
template <>
struct FieldType<std::array<std::array<std::int64_t, 2>, 2>> {
  static constexpr std::string_view name = "list of whole numbers";
  static Value to_value(const std::array<std::array<std::int64_t, 2>, 2>& value);
  static std::array<std::array<std::int64_t, 2>, 2> from_value(const Value& value);
};
template <>
struct FieldType<Shape> {
  static constexpr std::string_view name = "list of whole numbers";
  static Value to_value(const Shape& value);
  static Shape from_value(const Value& value);
};
template <class T>
struct FieldType<std::optional<T>> {
  static constexpr std::string_view name = FieldType<T>::name;
  static Value to_value(const std::optional<T>& value) {
    return value.has_value() ? FieldType<T>::to_value(*value) : Value();
  }
  static std::optional<T> from_value(const Value& value) {
    if (value.is_null()) return std::nullopt;
    return FieldType<T>::from_value(value);
  }
};
/// A spec within a spec: {"class_name": ..., "config": {...}}; a bare name stands for its defaults.
template <class Kind>
struct FieldType<Spec<Kind>> {
  static constexpr std::string_view name = Kind::name;
  static Value to_value(const Spec<Kind>& value) {
    return Value::Object{{"class_name", std::string(value.class_name())}, {"config", value.fields()}};
  }
  static Spec<Kind> from_value(const Value& value);
};

/// Specs within a spec, as a list of such objects.
template <class Kind>
struct FieldType<std::vector<Spec<Kind>>> {
  static constexpr std::string_view name = Kind::list_name;
  static Value to_value(const std::vector<Spec<Kind>>& value) {
    Value::List list;
    for (const Spec<Kind>& each : value) list.push_back(FieldType<Spec<Kind>>::to_value(each));
    return list;
  }
  static std::vector<Spec<Kind>> from_value(const Value& value) {
    std::vector<Spec<Kind>> specs;
    const auto* list = value.get_if<Value::List>();
    if (list == nullptr) {
      specs.push_back(FieldType<Spec<Kind>>::from_value(value));
    } else {
      for (const Value& each : *list) specs.push_back(FieldType<Spec<Kind>>::from_value(each));
    }
    return specs;
  }
};

struct LayerKind {
  static constexpr std::string_view name = "layer";
  static constexpr std::string_view list_name = "list of layers";
};
struct InitializerKind {
  static constexpr std::string_view name = "initializer";
};
struct RegularizerKind {
  static constexpr std::string_view name = "regularizer";
};
struct ConstraintKind {
  static constexpr std::string_view name = "constraint";
};
struct LossKind {
  static constexpr std::string_view name = "loss";
};
struct OptimizerKind {
  static constexpr std::string_view name = "optimizer";
};
struct MetricKind {
  static constexpr std::string_view name = "metric";
};

using Layer = Spec<LayerKind>;
using Initializer = Spec<InitializerKind>;
using Regularizer = Spec<RegularizerKind>;
using Constraint = Spec<ConstraintKind>;
using Loss = Spec<LossKind>;
using Optimizer = Spec<OptimizerKind>;
using Metric = Spec<MetricKind>;

}  // namespace gradus
