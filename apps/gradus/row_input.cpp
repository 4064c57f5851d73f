#include "row_input.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <iterator>

#include <gradus/error.hpp>

#include "base/gzip.hpp"
#include "base/nearest.hpp"
#include "base/text.hpp"
#include "data/csv_text.hpp"
#include "data/table.hpp"

namespace gradus::app {

namespace {

HeldBytes bytes_of(const std::string& path) {
  if (path != "-") return text_bytes(path, false);
  return std::vector<std::uint8_t>{std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

/// Rows typed by hand have spaces between their values. Nothing for text with separators of its own.
std::optional<std::vector<std::uint8_t>> typed_rows(std::span<const std::uint8_t> bytes, const TableSchema* table) {
  const auto separates = [](std::uint8_t c) {
    return c == ',' || c == ';' || c == '\t' || c == '"' || c == '|' || c == 0;
  };
  constexpr std::size_t most_bytes = std::size_t{1} << 20;  // nobody types more
  if (bytes.size() > most_bytes || std::any_of(bytes.begin(), bytes.end(), separates)) return std::nullopt;
  std::string rows;
  for (const std::string& line : split_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, '\n')) {
    if (table != nullptr) {
      rows += separated_line(*table, trim(line));
    } else {
      bool first = true;
      for (const std::string& word : split_text(trim(line), ' ')) {
        if (trim(word).empty()) continue;
        rows += (first ? "" : ",") + std::string(trim(word));
        first = false;
      }
    }
    rows += '\n';
  }
  return std::vector<std::uint8_t>(rows.begin(), rows.end());
}

/// Which column to leave out; -1 for none. `columns` are the table's, `inputs` those of the model.
std::int64_t label_column(const CsvText& text, std::size_t columns, std::size_t inputs,
                          const std::optional<std::string>& label) {
  const auto find = [&](const std::string& name) -> std::int64_t {
    const auto found = std::find(text.columns.begin(), text.columns.end(), name);
    return found == text.columns.end() ? -1 : found - text.columns.begin();
  };
  const auto count = static_cast<std::int64_t>(columns);
  if (label) {
    const std::int64_t by_name = text.header ? find(*label) : -1;
    if (by_name >= 0) return by_name;
    const auto number = parse_int(*label);
    if (number && *number >= -count && *number < count) return *number < 0 ? *number + count : *number;
    throw Error(ErrorCode::not_found,
                text.name + " has no column " + in_quotes(*label) + did_you_mean(*label, text.columns));
  }
  if (columns != inputs + 1) return -1;
  for (const char* name : {"label", "class", "target"}) {
    if (text.header && find(name) >= 0) return find(name);
  }
  return inputs == 784 ? 0 : -1;
}

[[noreturn]] void fail_without_rows(const std::string& name) {
  throw Error(ErrorCode::bad_data, name + ": has a first line with names, but no rows");
}

/// Whether the table that the model learnt from settles what is left out: columns are found by their names, or the
/// label is where it was. Throws `invalid_argument` when the column to leave out is an input.
bool is_settled(const TableSchema& schema, const CsvText& text, const std::optional<std::string>& label) {
  if (!label) return true;
  const std::string column = column_called(schema, text, *label);
  if (!schema.header || !text.header) return column == schema.columns[schema.label()].name;
  (void)with_label(schema, column);
  return true;
}

RowInput table_input(const TableSchema& schema, const std::string& name, const CsvText& text) {
  RowInput result;
  const EncodedRows rows = encode_rows(schema, text, false, &result.remarks);
  if (rows.rows == 0) fail_without_rows(name);
  result.rows = rows.rows;
  result.values = rows.reals;
  if (rows.is_bytes) result.values.assign(rows.bytes.begin(), rows.bytes.end());
  for (const std::int64_t line : rows.lines) result.names.push_back(name + ":" + std::to_string(line));
  return result;
}

}  // namespace

RowInput row_input(const std::string& path, const Sequential& model, const std::optional<std::string>& label) {
  HeldBytes bytes = bytes_of(path);
  const std::string name = path == "-" ? "standard input" : path;
  const auto table = model.table();
  if (auto typed = typed_rows(bytes.all(), table.get())) bytes = std::move(*typed);
  if (table) {
    const CsvText text = text_for(*table, name, bytes);
    if (is_settled(*table, text, label)) return table_input(*table, name, text);
  }
  const CsvText text = csv_text(name, std::move(bytes), {});
  const auto inputs = static_cast<std::size_t>(model.input_shape().elements());
  RowInput result;
  std::int64_t left_out = -1;
  std::vector<CsvField> fields;
  TableRows scanner(text);
  while (scanner.next(fields)) {
    const std::string place = name + ":" + std::to_string(scanner.line());
    if (result.rows == 0) left_out = label_column(text, fields.size(), inputs, label);
    if (fields.size() != inputs + (left_out < 0 ? 0 : 1)) {
      throw Error(ErrorCode::bad_data,
                  place + ": " + count_of(static_cast<std::int64_t>(fields.size()), "column") +
                      ", but the model takes " + std::to_string(inputs) +
                      (fields.size() == inputs + 1 ? "; --label says which one to leave out" : ""));
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (static_cast<std::int64_t>(i) == left_out) continue;
      double value = 0;
      const bool number = field_kind(fields[i], value) == FieldKind::number;
      if (!number || !std::isfinite(static_cast<Real>(value))) {
        const std::string column = i < text.columns.size() ? text.columns[i] : std::to_string(i);
        const bool large = number || is_beyond_numbers(fields[i].text);
        throw Error(ErrorCode::bad_data, place + ": column " + in_quotes(column) + ": " + in_quotes(fields[i].text) +
                                             (large ? " is not a number that 32 bits can hold" : " is not a number"));
      }
      result.values.push_back(static_cast<Real>(value));
    }
    result.names.push_back(place);
    ++result.rows;
  }
  if (result.rows == 0) fail_without_rows(name);
  if (left_out >= 0 && !label) {
    const auto column = static_cast<std::size_t>(left_out);
    result.remarks.push_back(name + ": column " + in_quotes(column < text.columns.size() ? text.columns[column] : "0") +
                             " is left out as the label");
  }
  return result;
}

}  // namespace gradus::app
