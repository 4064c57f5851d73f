#include "data/table_describe.hpp"

#include <algorithm>
#include <unordered_set>

#include <gradus/spec.hpp>

#include "base/text.hpp"
#include "data/table_fields.hpp"
#include "data/table_survey.hpp"

namespace gradus {
namespace {

constexpr std::size_t most_distinct = 10'000, most_examples = 3, most_named = 4;

std::string type_of(const ColumnSurvey& survey, const ColumnSchema& column) {
  if (survey.filled() == 0) return "empty";
  if (column.role == ColumnRole::date || survey.any_date == survey.filled()) return "date";
  if (survey.words == 0 || column.role == ColumnRole::number) {
    const bool whole = survey.whole && survey.first_ambiguous.find(column.decimal) == std::string::npos;
    return whole ? "whole number" : "number";
  }
  return survey.booleans == survey.filled() ? "true or false" : "text";
}

std::string list_of(const std::vector<std::string>& names) {
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), most_named); ++i) list += (i == 0 ? "" : ", ") + names[i];
  return list + (names.size() > most_named ? ", ..." : "");
}

std::string inputs_text(const ColumnSchema& column) {
  std::vector<std::string> names = column.categories;
  for (const DateInput& input : column.parts) names.emplace_back(date_part_name(input.part));
  if (column.other_input) names.emplace_back("other");
  std::string text = count_of(column.width(), "input");
  if (!names.empty()) text += ": " + list_of(names);
  if (column.missing_input) text += names.empty() ? ", one says whether it is missing" : " and missing";
  return text;
}

std::string becomes(const ColumnSchema& column) {
  switch (column.role) {
    case ColumnRole::classes:
      return "the label: " + std::to_string(column.categories.size()) + " classes: " + list_of(column.categories);
    case ColumnRole::target:
      return "the label: an amount";
    case ColumnRole::weight:
      return "the rows' weight";
    case ColumnRole::ignored:
      return "left out";
    default:
      return inputs_text(column);
  }
}

/// The least and the greatest value as the column reads its fields.
class Range {
 public:
  explicit Range(const ColumnSchema& column) : column_(column) {}
  void add(const CsvField& field) {
    double value = 0;
    DateTime date;
    if (column_.role == ColumnRole::date) {
      if (read_date(column_, field, date) != Reading::value) return;
      value = date.part(DatePart::elapsed);
    } else if (field_kind(field, value, column_.decimal) != FieldKind::number) {
      return;
    }
    if (!any_ || value < least_) least_ = value, least_text_ = field.text;
    if (!any_ || value > greatest_) greatest_ = value, greatest_text_ = field.text;
    any_ = true;
  }
  [[nodiscard]] std::string text() const { return any_ ? least_text_ + " to " + greatest_text_ : ""; }

 private:
  const ColumnSchema& column_;
  bool any_ = false;
  double least_ = 0, greatest_ = 0;
  std::string least_text_, greatest_text_;
};

}  // namespace

std::vector<ColumnDescription> describe_columns(const TableSchema& schema, const CsvText& text) {
  const std::vector<ColumnSurvey> surveys = survey_columns(text);
  std::vector<ColumnDescription> columns;
  std::vector<Range> ranges;
  for (std::size_t c = 0; c < surveys.size(); ++c) {
    const ColumnSchema& column = schema.columns[c];
    columns.push_back(
        {column.name, type_of(surveys[c], column), "", surveys[c].rows, surveys[c].missing, 0, {}, becomes(column)});
    ranges.emplace_back(column);
  }
  std::vector<std::unordered_set<std::string>> seen(columns.size());
  TableRows rows(text);
  std::vector<CsvField> row;
  while (rows.next_whole(row)) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (is_missing_word(row[c])) {
        const auto& classes = schema.columns[c].categories;
        const bool is_class =
            schema.columns[c].is_label() && std::find(classes.begin(), classes.end(), row[c].text) != classes.end();
        if (!is_class) continue;
        --columns[c].missing;
      }
      if (columns[c].type != "text") ranges[c].add(row[c]);
      if (seen[c].size() >= most_distinct || !seen[c].insert(std::string(row[c].text)).second) continue;
      ++columns[c].distinct;
      if (columns[c].examples.size() < most_examples) columns[c].examples.emplace_back(row[c].text);
    }
  }
  for (std::size_t c = 0; c < columns.size(); ++c) columns[c].range = ranges[c].text();
  return columns;
}

}  // namespace gradus
