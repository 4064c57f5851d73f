#include "formats/table_value.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <gradus/error.hpp>

#include "base/text.hpp"

namespace gradus {
namespace {

[[noreturn]] void fail(const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); }

constexpr std::array<std::pair<ColumnRole, const char*>, 7> roles = {{{ColumnRole::number, "number"},
                                                                      {ColumnRole::words, "words"},
                                                                      {ColumnRole::classes, "classes"},
                                                                      {ColumnRole::target, "target"},
                                                                      {ColumnRole::ignored, "ignored"},
                                                                      {ColumnRole::weight, "weight"},
                                                                      {ColumnRole::date, "date"}}};

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

/// The same where it may be missing.
template <class T>
void read_if_there(const Value& object, const char* key, T& value) {
  if (object.find(key) != nullptr) value = read<T>(object, key);
}

NumberFacts facts_from(const Value& object) {
  NumberFacts facts;
  read_if_there(object, "offset", facts.offset);
  read_if_there(object, "unit", facts.unit);
  read_if_there(object, "least", facts.least);
  read_if_there(object, "greatest", facts.greatest);
  if (!(facts.least <= facts.greatest) || !std::isfinite(facts.offset)) fail("the range of a number is out of order");
  if (!(facts.unit > 0) || !std::isfinite(facts.unit)) fail("expected a unit above 0");
  return facts;
}

void add_facts(Value::Object& object, const NumberFacts& facts) {
  if (facts.offset != 0) object.emplace_back("offset", facts.offset);
  if (facts.unit != 1) object.emplace_back("unit", facts.unit);
  if (std::isfinite(facts.least)) object.emplace_back("least", facts.least);
  if (std::isfinite(facts.greatest)) object.emplace_back("greatest", facts.greatest);
}

/// The one of `all` that `name_of` calls by this name.
template <class T, std::size_t N, class F>
T by_name(const std::array<T, N>& all, const std::string& name, F&& name_of) {
  const auto found = std::find_if(all.begin(), all.end(), [&](T each) { return name_of(each) == name; });
  if (found == all.end()) fail("there is no " + in_quotes(name));
  return *found;
}

std::vector<DateInput> parts_from(const Value& value) {
  const auto* list = value.get_if<Value::List>();
  if (list == nullptr || list->empty()) fail("parts: expected a list, got " + value.to_string());
  std::vector<DateInput> parts;
  for (const Value& part : *list) {
    parts.push_back({by_name(date_parts, read<std::string>(part, "part"), date_part_name), facts_from(part),
                     read<double>(part, "fill")});
  }
  return parts;
}

ColumnSchema column_from(const Value& value) {
  ColumnSchema column{.name = read<std::string>(value, "name"), .role = role_from(read<std::string>(value, "role"))};
  if (const Value* categories = value.find("categories")) {
    const auto* list = categories->get_if<Value::List>();
    if (list == nullptr) fail("categories: expected a list, got " + categories->to_string());
    for (const Value& word : *list) column.categories.push_back(FieldType<std::string>::from_value(word));
  }
  read_if_there(value, "missing_input", column.missing_input);
  read_if_there(value, "other_input", column.other_input);
  read_if_there(value, "text_is_missing", column.text_is_missing);
  if (value.find("decimal") != nullptr) {
    const auto mark = read<std::string>(value, "decimal");
    if (mark != "," && mark != ".") fail("the decimal mark must be . or ,");
    column.decimal = mark[0];
  }
  column.facts = facts_from(value);
  if (const Value* parts = value.find("parts")) column.parts = parts_from(*parts);
  if (value.find("date_order") != nullptr) {
    column.date_order = by_name(date_orders, read<std::string>(value, "date_order"), date_order_name);
  }
  const bool counted = column.role == ColumnRole::words || column.role == ColumnRole::classes;
  const bool dated = column.role == ColumnRole::date;
  if (counted == column.categories.empty() || dated == column.parts.empty())
    fail("column " + in_quotes(column.name) + ": its words or parts do not fit its role");
  if (value.find("fill") != nullptr) {
    const double fill = read<double>(value, "fill");
    const double most = column.role == ColumnRole::words ? static_cast<double>(column.categories.size()) - 1 : 1e300;
    const double least = column.role == ColumnRole::words ? -1 : -1e300;
    if (!(fill >= least && fill <= most)) fail("column " + in_quotes(column.name) + ": fill is out of range");
    column.fill = fill;
  }
  return column;
}

Value column_value(const ColumnSchema& column) {
  Value::Object object{{"name", column.name}, {"role", roles[static_cast<std::size_t>(column.role)].second}};
  if (!column.categories.empty()) {
    object.emplace_back("categories", Value::List(column.categories.begin(), column.categories.end()));
  }
  if (column.fill) object.emplace_back("fill", *column.fill);
  if (column.missing_input) object.emplace_back("missing_input", true);
  if (column.other_input) object.emplace_back("other_input", true);
  if (column.text_is_missing) object.emplace_back("text_is_missing", true);
  if (column.decimal != '.') object.emplace_back("decimal", std::string(1, column.decimal));
  add_facts(object, column.facts);
  if (column.parts.empty()) return object;
  object.emplace_back("date_order", std::string(date_order_name(column.date_order)));
  Value::List parts;
  for (const DateInput& input : column.parts) {
    Value::Object part{{"part", std::string(date_part_name(input.part))}, {"fill", input.fill}};
    add_facts(part, input.facts);
    parts.emplace_back(std::move(part));
  }
  object.emplace_back("parts", std::move(parts));
  return object;
}

}  // namespace

Value table_value(const TableSchema& schema) {
  Value::List columns;
  for (const ColumnSchema& column : schema.columns) columns.push_back(column_value(column));
  return Value::Object{{"header", schema.header},
                       {"drop_missing", schema.drop_missing},
                       {"drop_unlabelled", schema.drop_unlabelled},
                       {"bytes", schema.bytes},
                       {"image", schema.image},
                       {"columns", std::move(columns)}};
}

TableSchema table_from(const Value& value) {
  TableSchema schema;
  schema.header = read<bool>(value, "header");
  schema.drop_missing = read<bool>(value, "drop_missing");
  read_if_there(value, "drop_unlabelled", schema.drop_unlabelled);
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
