#include "formats/safetensors.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <optional>

#include <gradus/error.hpp>

#include "base/atomic_file.hpp"
#include "base/byte_reader.hpp"
#include "base/gzip.hpp"
#include "base/text.hpp"
#include "formats/in_file.hpp"
#include "formats/json.hpp"
#include "formats/number_types.hpp"

namespace gradus {
namespace {

constexpr std::uint64_t largest_file = std::uint64_t{1} << 40;
constexpr std::uint64_t longest_header = 100'000'000;  // the reference reader's limit

[[noreturn]] void damaged(const std::string& sentence) { throw Error(ErrorCode::bad_data, sentence); }

NumberType type_of(const std::string& name, const std::string& dtype) {
  using Kind = NumberType::Kind;
  static const std::map<std::string, NumberType> types = {
      {"F16", {Kind::floating, 2, false}},        {"F32", {Kind::floating, 4, false}},
      {"F64", {Kind::floating, 8, false}},        {"BF16", {Kind::bfloat16, 2, false}},
      {"BOOL", {Kind::unsigned_whole, 1, false}}, {"U8", {Kind::unsigned_whole, 1, false}},
      {"U16", {Kind::unsigned_whole, 2, false}},  {"U32", {Kind::unsigned_whole, 4, false}},
      {"U64", {Kind::unsigned_whole, 8, false}},  {"I8", {Kind::signed_whole, 1, false}},
      {"I16", {Kind::signed_whole, 2, false}},    {"I32", {Kind::signed_whole, 4, false}},
      {"I64", {Kind::signed_whole, 8, false}},
  };
  const auto found = types.find(dtype);
  if (found == types.end()) {
    throw Error(ErrorCode::unsupported,
                in_quotes(name) + ": numbers of type " + in_quotes(dtype) + " are not supported");
  }
  return found->second;
}

/// A tensor of the header.
struct Entry {
  std::string name;
  NumberType type;
  Shape shape;
  std::uint64_t begin = 0, end = 0;
};

std::vector<std::int64_t> wholes_at(const std::string& name, const Value& entry, const char* key) {
  const Value* value = entry.find(key);
  const auto* list = value == nullptr ? nullptr : value->get_if<Value::List>();
  if (list == nullptr) damaged(in_quotes(name) + " has no list " + key);
  std::vector<std::int64_t> numbers;
  for (const Value& each : *list) {
    const auto* number = each.get_if<std::int64_t>();
    if (number == nullptr || *number < 0) damaged(in_quotes(name) + ": " + key + " is " + value->to_string());
    numbers.push_back(*number);
  }
  return numbers;
}

Entry entry_of(const std::string& name, const Value& value) {
  Entry entry;
  entry.name = name;
  const Value* dtype = value.find("dtype");
  const auto* text = dtype == nullptr ? nullptr : dtype->get_if<std::string>();
  if (text == nullptr) damaged(in_quotes(name) + " has no dtype");
  entry.type = type_of(name, *text);
  entry.shape = in_file(in_quotes(name), [&] { return Shape(wholes_at(name, value, "shape")); });
  const std::vector<std::int64_t> offsets = wholes_at(name, value, "data_offsets");
  if (offsets.size() != 2 || offsets[1] < offsets[0]) damaged(in_quotes(name) + ": data_offsets are no range");
  entry.begin = static_cast<std::uint64_t>(offsets[0]), entry.end = static_cast<std::uint64_t>(offsets[1]);
  const std::uint64_t bytes = entry.end - entry.begin;
  if (bytes % entry.type.bytes != 0 || bytes / entry.type.bytes != static_cast<std::uint64_t>(entry.shape.elements())) {
    damaged(in_quotes(name) + ": " + std::to_string(bytes) + " bytes for shape " + entry.shape.to_string());
  }
  return entry;
}

Safetensors parse(std::span<const std::uint8_t> bytes) {
  ByteReader reader("no safetensors file", bytes);
  const auto length = reader.le<std::uint64_t>();
  if (length > longest_header) reader.fail("a header of " + std::to_string(length) + " bytes");
  const std::string_view header = reader.text(length);
  const Value root = read_json(header, "header", {.bytes = longest_header});
  const auto* members = root.get_if<Value::Object>();
  if (members == nullptr) damaged("the header is no JSON object");
  Safetensors content;
  std::vector<Entry> entries;
  for (const auto& [name, value] : *members) {
    if (name != "__metadata__") {
      entries.push_back(entry_of(name, value));
      continue;
    }
    const auto* pairs = value.get_if<Value::Object>();
    if (pairs == nullptr) damaged("__metadata__ is no JSON object");
    for (const auto& [key, each] : *pairs) {
      const auto* text = each.get_if<std::string>();
      if (text == nullptr) damaged("__metadata__: " + in_quotes(key) + " is no text");
      content.metadata.emplace_back(key, *text);
    }
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  const std::span<const std::uint8_t> numbers = bytes.subspan(reader.position());
  std::uint64_t at = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != at || entry.end > numbers.size()) {
      damaged(in_quotes(entry.name) + ": its numbers do not follow the others'");
    }
    at = entry.end;
  }
  if (at != numbers.size()) {
    damaged("its tensors have " + std::to_string(at) + " bytes, " + std::to_string(numbers.size()) + " are there");
  }
  for (const Entry& entry : entries) {
    Tensor tensor(entry.shape);
    convert_numbers(entry.type, numbers.subspan(entry.begin, entry.end - entry.begin), tensor.values());
    content.tensors.emplace_back(entry.name, std::move(tensor));
  }
  return content;
}

}  // namespace

Safetensors read_safetensors(const std::string& path) {
  const std::vector<std::uint8_t> bytes = read_file(path, largest_file);
  return in_file(path, [&] { return parse(bytes); });
}

void write_safetensors(const std::string& path, const Safetensors& content) {
  static_assert(std::endian::native == std::endian::little);
  AtomicFile file(path);
  Value::Object header;
  if (!content.metadata.empty()) {
    Value::Object pairs;
    for (const auto& [key, text] : content.metadata) pairs.emplace_back(key, text);
    header.emplace_back("__metadata__", std::move(pairs));
  }
  std::int64_t at = 0;
  for (const auto& [name, tensor] : content.tensors) {
    const std::int64_t end = at + tensor.shape().elements() * static_cast<std::int64_t>(sizeof(float));
    header.emplace_back(name, Value::Object{{"dtype", "F32"},
                                            {"shape", FieldType<Shape>::to_value(tensor.shape())},
                                            {"data_offsets", Value::List{at, end}}});
    at = end;
  }
  std::string text = write_python_json(header);
  text.append((8 - text.size() % 8) % 8, ' ');
  std::uint8_t length[8];
  for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<std::uint8_t>(std::uint64_t{text.size()} >> (8 * i));
  file.write(std::span<const std::uint8_t>(length));
  file.write(text);
  for (const auto& [name, tensor] : content.tensors) {
    const std::vector<float> numbers(tensor.values().begin(), tensor.values().end());
    file.write({reinterpret_cast<const std::uint8_t*>(numbers.data()), numbers.size() * sizeof(float)});
  }
  file.commit();
}

}  // namespace gradus
