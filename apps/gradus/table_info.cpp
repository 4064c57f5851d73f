#include "table_info.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "data/registry.hpp"
#include "data/table_describe.hpp"
#include "values.hpp"

namespace gradus::app {

namespace {

std::vector<ColumnDescription> described(const DataOptions& options, const TableSchema& schema) {
  const std::string path = find_data_file(options.data);
  return describe_columns(schema, csv_text(path, text_bytes(path, false), csv_from(options)));
}

std::string examples_of(const ColumnDescription& column) {
  std::string text;
  for (const std::string& example : column.examples) text += (text.empty() ? "" : ", ") + in_quotes(example, 24);
  return text;
}

}  // namespace

Value columns_value(const DataOptions& options, const TableSchema& schema) {
  Value::List columns;
  for (const ColumnDescription& column : described(options, schema)) {
    columns.emplace_back(Value::Object{{"name", column.name},
                                       {"type", column.type},
                                       {"range", column.range.empty() ? Value() : Value(column.range)},
                                       {"rows", column.rows},
                                       {"missing", column.missing},
                                       {"distinct", column.distinct},
                                       {"examples", list_value(column.examples)},
                                       {"becomes", column.becomes}});
  }
  return columns;
}

std::string columns_text(const DataOptions& options, const TableSchema& schema) {
  std::vector<std::vector<std::string>> cells = {
      {"column", "type", "range", "missing", "distinct", "examples", "becomes"}};
  for (const ColumnDescription& column : described(options, schema)) {
    cells.push_back({column.name, column.type, column.range, with_commas(column.missing),
                     with_commas(column.distinct) + (column.distinct == 10'000 ? "+" : ""), examples_of(column),
                     column.becomes});
  }
  constexpr std::size_t widest = 36;
  std::vector<std::size_t> widths(cells[0].size());
  for (const auto& row : cells) {
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::min(widest, std::max(widths[c], row[c].size()));
  }
  std::string text;
  for (const auto& row : cells) {
    std::string line = "  ";
    for (std::size_t c = 0; c < row.size(); ++c) {
      line += row[c];
      if (c + 1 < row.size()) line += std::string(widths[c] > row[c].size() ? widths[c] - row[c].size() + 2 : 2, ' ');
    }
    text += line + "\n";
  }
  return text;
}

}  // namespace gradus::app
