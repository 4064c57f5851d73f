#include "data/table_survey.hpp"

#include <algorithm>
#include <cmath>

#include <gradus/error.hpp>

#include "base/text.hpp"

namespace gradus {
namespace {

constexpr std::size_t most_some_words = 4;
/// What a row takes beside its values: its label, its weight, a hash, a place in the set of values seen once.
constexpr std::uint64_t bytes_per_row = 64;

void note_value(ColumnSurvey& column, double value) {
  const bool first = column.noted++ == 0;
  column.first = first ? value : column.first;
  column.least = first ? value : std::min(column.least, value);
  column.greatest = first ? value : std::max(column.greatest, value);
  column.rises = first || (column.rises && value > column.last);
  column.counts_up = first || (column.counts_up && value == column.last + 1);
  column.last = value;
}

// Up to three digits.
void note_small(ColumnSurvey& column, int value) {
  ++column.with_point;
  ++column.with_comma;
  note_value(column, value);
  column.bytes = column.bytes && value <= 255;
}

// What a text is with either mark.
struct Readings {
  std::optional<double> point, comma;
};
Readings readings_of(std::string_view text) {
  // Most numbers are plain, and cannot be groups of thousands.
  if (const auto plain = parse_real(text)) {
    const std::size_t point = text.find('.');
    if (point == std::string_view::npos) return {plain, plain};
    if (text.size() - point != 4) return {plain, std::nullopt};
  }
  return {formatted_number(text, '.'), formatted_number(text, ',')};
}

// False where it is not a number with either mark.
bool note_number(ColumnSurvey& column, std::string_view text) {
  const auto [point, comma] = readings_of(text);
  if (!point && !comma) return false;
  column.with_point += point ? 1 : 0;
  column.with_comma += comma ? 1 : 0;
  column.point_alone += point && !comma ? 1 : 0;
  column.comma_alone += comma && !point ? 1 : 0;
  if (point && comma && *point != *comma && column.ambiguous++ == 0) column.first_ambiguous = text;
  const double value = point ? *point : *comma;
  note_value(column, value);
  column.whole = column.whole && value == std::nearbyint(value);
  const bool digits = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  column.bytes = column.bytes && digits && value <= 255;
  return true;
}

void note_word(ColumnSurvey& column, std::string_view text, std::int64_t line) {
  if (column.words++ == 0) {
    column.first_word = text;
    column.first_word_line = line;
  }
  bool date = false;
  if (text.find_first_of("0123456789") != std::string_view::npos) {
    for (const DateOrder order : date_orders) {
      if (!DateTime::parse(text, order)) continue;
      ++column.dates[static_cast<std::size_t>(order)];
      date = true;
    }
  }
  if (date) ++column.any_date;
  if (!date && boolean_of(text)) ++column.booleans;
  if (date || column.some_words.size() >= most_some_words) return;
  if (std::find(column.some_words.begin(), column.some_words.end(), text) == column.some_words.end()) {
    column.some_words.emplace_back(text);
  }
}

void note_field(ColumnSurvey& column, const CsvField& field, std::int64_t line) {
  ++column.rows;
  const std::string_view text = field.quoted ? trim(field.text) : field.text;
  const std::size_t size = text.size();
  const bool digits =
      size > 0 && size <= 3 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (digits) {
    int value = 0;
    for (const char c : text) value = value * 10 + (c - '0');
    return note_small(column, value);
  }
  if (is_missing_spelling(text)) {
    if (column.missing++ == 0) column.first_missing = text, column.first_missing_line = line;
    return;
  }
  if (!note_number(column, text)) note_word(column, text, line);
}

}  // namespace

std::vector<ColumnSurvey> survey_some(const CsvText& text, std::int64_t most_rows) {
  std::vector<ColumnSurvey> columns(text.columns.size());
  TableRows rows(text);
  std::vector<CsvField> row;
  for (std::int64_t r = 0; r < most_rows && rows.next(row); ++r) {
    const std::size_t width = std::min(row.size(), columns.size());
    for (std::size_t c = 0; c < width; ++c) note_field(columns[c], row[c], rows.line());
  }
  return columns;
}

std::vector<ColumnSurvey> survey_columns(const CsvText& text) {
  std::vector<ColumnSurvey> columns(text.columns.size());
  TableRows rows(text);
  std::vector<CsvField> row;
  ReadBudget budget = text.budget();
  while (rows.next_whole(row)) {
    budget.take(bytes_per_row, text.name);
    for (std::size_t c = 0; c < row.size(); ++c) note_field(columns[c], row[c], rows.line());
  }
  if (columns.front().rows == 0) throw Error(ErrorCode::bad_data, text.name + ": has a header, but no rows");
  return columns;
}

std::vector<char> decimal_marks(const CsvText& text, const std::vector<ColumnSurvey>& columns,
                                const std::vector<char>& usual, std::vector<std::size_t>* guessed) {
  std::int64_t points = 0, commas = 0;
  for (const ColumnSurvey& column : columns) points += column.point_alone, commas += column.comma_alone;
  const char of_file = commas > 0 && points == 0 ? ',' : points > 0 && commas == 0 ? '.' : '\0';
  std::vector<char> marks;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const ColumnSurvey& column = columns[c];
    char mark = column.comma_alone > column.point_alone ? ',' : column.point_alone > 0 ? '.' : of_file;
    if (mark == 0) mark = usual[c];
    if (mark == 0) {
      mark = text.separator == ';' ? ',' : '.';
      if (column.ambiguous > 0 && guessed != nullptr) guessed->push_back(c);
    }
    marks.push_back(mark);
  }
  return marks;
}

}  // namespace gradus
