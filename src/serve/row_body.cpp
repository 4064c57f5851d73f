#include "serve/row_body.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>

#include <gradus/error.hpp>

#include "base/nearest.hpp"
#include "base/text.hpp"
#include "data/csv_text.hpp"
#include "data/table.hpp"
#include "serve/json_body.hpp"

namespace gradus::serve {

namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;

constexpr const char* body_name = "body";

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); }

void check_count(std::int64_t rows, std::int64_t most) {
  if (rows > most) refuse("body: more than the " + std::to_string(most) + " rows that one request may have");
  if (rows == 0) {
    refuse("body: no rows; expected a line for each row with commas between its values, or a JSON object");
  }
}

bool is_json(const std::string& body) {
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  return first != std::string::npos && (body[first] == '{' || body[first] == '[');
}

/// Lines of numbers.
BodyRows plain_rows(const std::string& body, const Sequential& model, const ServeOptions& options) {
  const CsvText text = csv_text(body_name, bytes_of(body), {});
  const auto width = static_cast<std::size_t>(model.input_shape().elements());
  BodyRows rows;
  std::vector<CsvField> fields;
  TableRows scanner(text, true);
  while (scanner.next(fields)) {
    const std::string place = std::string(body_name) + ":" + std::to_string(scanner.line());
    if (fields.size() != width) {
      refuse(place + ": " + count_of(static_cast<std::int64_t>(fields.size()), "column") + ", but the model takes " +
             std::to_string(width));
    }
    for (std::size_t i = 0; i < width; ++i) {
      double value = 0;
      if (field_kind(fields[i], value) != FieldKind::number || !std::isfinite(static_cast<Real>(value))) {
        const std::string column = i < text.columns.size() ? text.columns[i] : std::to_string(i);
        refuse(place + ": column " + in_quotes(column) + ": " + in_quotes(fields[i].text) + " is not a number");
      }
      rows.values.push_back(static_cast<Real>(value));
    }
    if (++rows.count > options.max_rows) break;
  }
  return rows;
}

/// What a JSON value would be in a CSV field; null is a missing one.
std::string field_text(element value, const std::string& place) {
  switch (value.type()) {
    case element_type::STRING: {
      std::string text = "\"";
      const std::string_view given = value.get_string().value_unsafe();
      for (const char c : given) text.append(c == '"' ? 2 : 1, c);
      return text + '"';
    }
    case element_type::NULL_VALUE:
      return "\"\"";
    case element_type::ARRAY:
    case element_type::OBJECT:
      refuse(place + ": expected a number or a text, got " + std::string(kind_of(value)));
    default:
      return simdjson::to_string(value);
  }
}

/// The schema's columns by their names.
using Columns = std::unordered_map<std::string_view, std::size_t>;

/// One row in the order of the schema's columns.
std::string row_line(element value, const TableSchema& schema, const std::vector<std::string>& names,
                     const Columns& columns, const std::string& place) {
  object fields;
  if (value.get_object().get(fields) != simdjson::SUCCESS) {
    refuse(place + ": expected an object {\"column\": value}, got " + std::string(kind_of(value)));
  }
  std::vector<std::optional<element>> given(names.size());
  for (const auto& [key, field] : fields) {
    const auto column = columns.find(key);
    if (column == columns.end()) {
      refuse(place + ": the model knows no column " + in_quotes(key) + did_you_mean(std::string(key), names));
    }
    if (given[column->second]) refuse(place + ": column " + in_quotes(key) + " is there twice");
    given[column->second] = field;
  }
  std::string line;
  for (std::size_t c = 0; c < names.size(); ++c) {
    if (!given[c] && schema.columns[c].is_input()) {
      refuse(place + ": column " + in_quotes(names[c]) + " is missing; null says that its value is not known");
    }
    if (c > 0) line += ',';
    if (given[c]) line += field_text(*given[c], place + ": column " + in_quotes(names[c]));
  }
  return line + "\n";
}

/// JSON objects as the table that they mean, row i on line i.
CsvText objects_as_table(const std::string& body, const TableSchema& schema, const ServeOptions& options) {
  std::unique_ptr<simdjson::dom::parser> large;
  const element root = parse_json(body, options.max_json_depth, json_parser(body.size(), large));
  std::vector<std::string> names;
  for (const ColumnSchema& column : schema.columns) names.push_back(column.name);
  Columns columns;
  for (std::size_t c = 0; c < names.size(); ++c) columns.emplace(names[c], c);
  std::string lines;
  std::int64_t count = 0;
  simdjson::dom::array list;
  if (root.get_array().get(list) == simdjson::SUCCESS) {
    for (const element row : list) {
      check_count(++count, options.max_rows);
      lines += row_line(row, schema, names, columns, std::string(body_name) + ":" + std::to_string(count));
    }
  } else {
    lines = row_line(root, schema, names, columns, std::string(body_name) + ":" + std::to_string(++count));
  }
  check_count(count, options.max_rows);
  // Without a header: columns are found by their places, which are the schema's.
  return {.name = body_name, .bytes = bytes_of(lines), .json = true, .columns = std::move(names), .remarks = {}};
}

BodyRows table_rows(const std::string& body, const TableSchema& schema, const ServeOptions& options) {
  const CsvText text =
      is_json(body) ? objects_as_table(body, schema, options) : text_for(schema, body_name, bytes_of(body));
  std::vector<std::string> remarks;
  EncodedRows encoded = encode_rows(schema, text, false, &remarks);
  BodyRows rows{encoded.rows, std::move(encoded.reals), ""};
  if (encoded.is_bytes) rows.values.assign(encoded.bytes.begin(), encoded.bytes.end());
  for (const std::string& remark : remarks) rows.remark += (rows.remark.empty() ? "" : "; ") + remark;
  return rows;
}

}  // namespace

BodyRows read_row_body(const std::string& body, const Sequential& model, const ServeOptions& options) {
  const std::shared_ptr<const TableSchema> table = model.table();
  if (!table && is_json(body)) {
    refuse(
        "body: rows as JSON need a model that learnt from a table and so knows its columns by name; send lines of "
        "numbers, or JSON to /v1/models/NAME:predict");
  }
  BodyRows rows = table ? table_rows(body, *table, options) : plain_rows(body, model, options);
  check_count(rows.count, options.max_rows);
  return rows;
}

}  // namespace gradus::serve
