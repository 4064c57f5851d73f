#include "data/table.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <unordered_map>
#include <utility>

#include <gradus/error.hpp>

#include "base/nearest.hpp"
#include "base/text.hpp"

namespace gradus {

std::size_t TableSchema::label() const {
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (columns[c].is_label()) return c;
  }
  throw Error(ErrorCode::invalid_argument, "a table's schema must have a label column");
}

std::optional<std::size_t> TableSchema::weight() const {
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (columns[c].role == ColumnRole::weight) return c;
  }
  return std::nullopt;
}

namespace {

[[noreturn]] void refuse_column(const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); }

auto column_of(TableSchema& schema, const std::string& name) {
  return std::find_if(schema.columns.begin(), schema.columns.end(),
                      [&](const ColumnSchema& each) { return each.name == name; });
}

}  // namespace

TableSchema with_weight(TableSchema schema, const std::string& column) {
  for (ColumnSchema& each : schema.columns) {
    if (each.role == ColumnRole::weight) each.role = ColumnRole::ignored;
  }
  const auto named = column_of(schema, column);
  if (named == schema.columns.end()) {
    if (!schema.header) refuse_column("the table that the model learnt from has no column " + column);
    schema.columns.push_back({.name = column, .role = ColumnRole::weight});
  } else if (named->role != ColumnRole::ignored) {
    refuse_column("column " + in_quotes(column) + " cannot hold weights: it is " +
                  (named->is_input() ? "an input of the model" : "the label"));
  } else {
    named->role = ColumnRole::weight;
  }
  return schema;
}

TableSchema with_label(TableSchema schema, const std::string& column) {
  const std::string before = schema.columns[schema.label()].name;
  if (column == before) return schema;
  const auto named = column_of(schema, column);
  if (named != schema.columns.end() && named->is_input()) {
    refuse_column("column " + in_quotes(column) + " cannot be the label: it is an input of the model");
  }
  if (!schema.header) {
    refuse_column("column " + in_quotes(column) +
                  " cannot be the label: in the table that the model learnt from it is " + in_quotes(before));
  }
  if (named != schema.columns.end()) schema.columns.erase(named);
  schema.columns[schema.label()].name = column;
  return schema;
}

std::int64_t ColumnSchema::width() const {
  if (!is_input()) return 0;
  const std::int64_t values = role == ColumnRole::number ? 1
                              : role == ColumnRole::date ? static_cast<std::int64_t>(parts.size())
                                                         : static_cast<std::int64_t>(categories.size());
  return values + (other_input ? 1 : 0) + (missing_input ? 1 : 0);
}

std::int64_t TableSchema::width() const {
  std::int64_t width = 0;
  for (const ColumnSchema& column : columns) width += column.width();
  return width;
}

Shape TableSchema::sample_shape() const { return image ? Shape{28, 28, 1} : Shape{width()}; }

std::vector<std::string> TableSchema::feature_names() const {
  std::vector<std::string> names;
  if (image) return names;
  for (const ColumnSchema& column : columns) {
    if (!column.is_input()) continue;
    if (column.role == ColumnRole::number) names.push_back(column.name);
    if (column.role == ColumnRole::words) {
      for (const std::string& word : column.categories) names.push_back(column.name + "=" + word);
    }
    for (const DateInput& input : column.parts) {
      names.push_back(column.name + "." + std::string(date_part_name(input.part)));
    }
    if (column.other_input) names.push_back(column.name + "=other");
    if (column.missing_input) names.push_back(column.name + "=missing");
  }
  return names;
}

std::vector<bool> TableSchema::amounts() const {
  std::vector<bool> amounts;
  for (const ColumnSchema& column : columns) {
    const auto width = static_cast<std::size_t>(column.width());
    const bool numbers = column.role == ColumnRole::number || column.role == ColumnRole::date;
    const std::size_t flags = (column.other_input ? 1U : 0U) + (column.missing_input ? 1U : 0U);
    if (width > 0) amounts.insert(amounts.end(), width - flags, numbers);
    if (width > 0) amounts.insert(amounts.end(), flags, false);
  }
  return amounts;
}

CsvText text_for(const TableSchema& schema, const std::string& name, const HeldBytes& bytes) {
  const auto names_inputs = [&](const CsvText& text) {
    std::size_t inputs = 0, named = 0;
    ColumnFinder columns(text.columns);
    for (const ColumnSchema& column : schema.columns) {
      if (!column.is_input()) continue;
      ++inputs;
      named += columns.find(column.name) ? 1 : 0;
    }
    return 2 * named >= inputs;
  };
  datasets::CsvOptions options;
  if (schema.header) {
    options.header = true;
    CsvText text = csv_text(name, bytes, options);
    if (names_inputs(text)) return text;
    options.header.reset();
  }
  CsvText text = csv_text(name, bytes, options);
  if (!text.header || text.header_sure) return text;
  options.header = false;
  return csv_text(name, bytes, options);
}

std::string column_called(const TableSchema& schema, const CsvText& text, const std::string& wanted) {
  std::vector<std::string> names;
  if (schema.header && text.header) {
    names = text.columns;
  } else {
    for (const ColumnSchema& column : schema.columns) names.push_back(column.name);
  }
  if (std::find(names.begin(), names.end(), wanted) != names.end()) return wanted;
  const auto count = static_cast<std::int64_t>(names.size());
  if (const auto number = parse_int(wanted); number && *number >= -count && *number < count) {
    return names[static_cast<std::size_t>(*number < 0 ? *number + count : *number)];
  }
  throw Error(ErrorCode::not_found,
              text.name + ": there is no column " + in_quotes(wanted) + did_you_mean(wanted, names));
}

namespace {

TableSchema with_named(TableSchema schema, const CsvText& text, const NamedColumns& named) {
  // Without a header, columns are where they were: none can become another.
  const bool by_name = std::exchange(schema.header, schema.header && text.header);
  if (!named.label.empty()) schema = with_label(schema, column_called(schema, text, named.label));
  if (!named.weight.empty()) schema = with_weight(schema, column_called(schema, text, named.weight));
  schema.header = by_name;
  return schema;
}

}  // namespace

Dataset read_table(const std::string& path, const TableSchema& schema, std::vector<std::string>& remarks,
                   const NamedColumns& named, bool on_disk) {
  const CsvText text = text_for(schema, path, text_bytes(path, on_disk));
  return dataset_from(std::filesystem::path(path).filename().string(), with_named(schema, text, named), text, &remarks,
                      on_disk);
}

namespace {

Dataset with_targets(const std::string& name, const Shape& shape, EncodedRows& rows) {
  if (!rows.file) return Dataset::with_targets(name, shape, std::move(rows.reals), std::move(rows.targets), 1);
  return Dataset::on_disk(name, shape, DType::real, rows.file, 0, std::move(rows.targets), 1);
}

Dataset classified(const std::string& name, const Shape& shape, EncodedRows& rows, std::int32_t classes) {
  if (rows.file) {
    const DType type = rows.is_bytes ? DType::uint8 : DType::real;
    return Dataset::on_disk(name, shape, type, rows.file, 0, std::move(rows.labels), classes);
  }
  if (rows.is_bytes) return Dataset::classified(name, shape, std::move(rows.bytes), std::move(rows.labels), classes);
  return Dataset::classified(name, shape, std::move(rows.reals), std::move(rows.labels), classes);
}

}  // namespace

Dataset dataset_from(const std::string& name, const TableSchema& schema, const CsvText& text,
                     std::vector<std::string>* remarks, bool on_disk) {
  EncodedRows rows = encode_rows(schema, text, true, remarks, on_disk);
  if (rows.rows == 0) throw Error(ErrorCode::bad_data, text.name + ": every row has a missing value and was dropped");
  const ColumnSchema& label = schema.columns[schema.label()];
  const Shape shape = schema.sample_shape();
  Dataset set = label.role == ColumnRole::target
                    ? with_targets(name, shape, rows)
                    : classified(name, shape, rows, static_cast<std::int32_t>(label.categories.size()))
                          .with_class_names(label.categories);
  if (!rows.weights.empty()) set = set.with_sample_weights(std::move(rows.weights));
  return set.with_column_names(schema.feature_names()).with_table(std::make_shared<const TableSchema>(schema));
}

}  // namespace gradus
