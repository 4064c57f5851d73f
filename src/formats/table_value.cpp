#include "formats/table_value.hpp"

#include <array>
#include <cmath>

#include <gradus/error.hpp>

#include "base/text.hpp"

namespace gradus {
namespace {

[[noreturn]] void fail(const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); }

constexpr std::array<std::pair<ColumnRole, const char*>, 6> roles = {{{ColumnRole::number, "number"},
                                                                      {ColumnRole::words, "words"},
                                                                      {ColumnRole::classes, "classes"},
                                                                      {ColumnRole::target, "target"},
                                                                      {ColumnRole::ignored, "ignored"},
                                                                      {ColumnRole::weight, "weight"}}};

ColumnRole role_from(const std::string& name) {
  for (const auto& [role, known] : roles) {
    if (name == known) return role;
  }
  fail("there is no role " + in_quotes(name));
}

template <class T>
T read(const Value& object, const char* key) {
  const Value* value = object.find(key);
  if (value == nullptr) fail(std::string("there is no ") + key);
  try {
    return FieldType<T>::from_value(*value);
  } catch (const Error& error) {
    fail(std::string(key) + ": " + error.what());
  }
}

ColumnSchema column_from(const Value& value) {
  ColumnSchema column{.name = read<std::string>(value, "name"), .role = role_from(read<std::string>(value, "role"))};
  if (const Value* categories = value.find("categories")) {
    const auto* list = categories->get_if<Value::List>();
    if (list == nullptr) fail("categories: expected a list, got " + categories->to_string());
    for (const Value& word : *list) column.categories.push_back(FieldType<std::string>::from_value(word));
  }
  const bool counted = column.role == ColumnRole::words || column.role == ColumnRole::classes;
  if (counted == column.categories.empty())
    fail("column " + in_quotes(column.name) + ": its words do not fit its role");
  if (value.find("fill") != nullptr) {
    const double fill = read<double>(value, "fill");
    const double most = column.role == ColumnRole::words ? static_cast<double>(column.categories.size()) - 1 : 1e300;
    const double least = column.role == ColumnRole::words ? -1 : -1e300;
    if (!(fill >= least && fill <= most)) fail("column " + in_quotes(column.name) + ": fill is out of range");
    column.fill = fill;
  }
  return column;
}

}  // namespace

Value table_value(const TableSchema& schema) {
  Value::List columns;
  for (const ColumnSchema& column : schema.columns) {
    Value::Object object{{"name", column.name}, {"role", roles[static_cast<std::size_t>(column.role)].second}};
    if (!column.categories.empty()) {
      object.emplace_back("categories", Value::List(column.categories.begin(), column.categories.end()));
    }
    if (column.fill) object.emplace_back("fill", *column.fill);
    columns.emplace_back(std::move(object));
  }
  return Value::Object{{"header", schema.header},
                       {"drop_missing", schema.drop_missing},
                       {"bytes", schema.bytes},
                       {"image", schema.image},
                       {"columns", std::move(columns)}};
}

TableSchema table_from(const Value& value) {
  TableSchema schema;
  schema.header = read<bool>(value, "header");
  schema.drop_missing = read<bool>(value, "drop_missing");
  schema.bytes = read<bool>(value, "bytes");
  schema.image = read<bool>(value, "image");
  const Value* columns = value.find("columns");
  const auto* list = columns == nullptr ? nullptr : columns->get_if<Value::List>();
  if (list == nullptr) fail("expected a list of columns");
  int labels = 0, weights = 0;
  for (const Value& column : *list) {
    schema.columns.push_back(column_from(column));
    const ColumnRole role = schema.columns.back().role;
    weights += role == ColumnRole::weight ? 1 : 0;
    labels += role == ColumnRole::classes || role == ColumnRole::target ? 1 : 0;
  }
  if (labels != 1) fail("expected one label among the columns, found " + std::to_string(labels));
  if (weights > 1) fail("expected one column of weights at most, found " + std::to_string(weights));
  return schema;
}

}  // namespace gradus
