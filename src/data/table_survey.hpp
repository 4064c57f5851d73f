#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "data/csv_text.hpp"
#include "data/dates.hpp"

namespace gradus {

/// What the fields of a column look like, in all rows of a table. Nothing is decided here.
struct ColumnSurvey {
  std::int64_t rows = 0;
  std::int64_t missing = 0;
  std::int64_t with_point = 0;                    ///< numbers, where '.' is the decimal mark
  std::int64_t with_comma = 0;                    ///< numbers, where ',' is the decimal mark; plain digits are in both
  std::int64_t point_alone = 0, comma_alone = 0;  ///< those that the other mark would not allow
  std::int64_t ambiguous = 0;                     ///< those that either mark allows, with another value each: "1,234"
  std::string first_ambiguous{};
  std::array<std::int64_t, 3> dates{};  ///< dates, by DateOrder
  std::int64_t any_date = 0;
  /// Those that are not the same date in every order: how many, the first, and their years by DateOrder.
  std::int64_t unclear_dates = 0;
  std::string first_unclear_date{};
  std::array<double, 3> first_year{}, last_year{};
  std::int64_t booleans = 0;
  std::int64_t words = 0;  ///< neither missing nor a number with either mark
  std::string first_word{};
  std::int64_t first_word_line = 0;
  std::string first_missing{};
  std::int64_t first_missing_line = 0;
  std::vector<std::string> some_words{};                ///< the first few different ones that are no dates
  bool bytes = true;                                    ///< every number is a whole one from 0 to 255
  bool whole = true;                                    ///< every number is a whole one
  bool rises = true;                                    ///< every number is greater than the one before
  bool counts_up = true;                                ///< every number is the one before plus 1
  std::int64_t noted = 0;                               ///< numbers that these are taken from:
  double first = 0, last = 0, least = 0, greatest = 0;  ///< read with a point where both marks are possible

  [[nodiscard]] std::int64_t filled() const { return rows - missing; }
  [[nodiscard]] std::int64_t numbers() const { return filled() - words; }
};

/// Reads all rows once. Throws `bad_data` for a row of another width, and for no rows.
std::vector<ColumnSurvey> survey_columns(const CsvText& text);
/// Of the first `most_rows` rows, without complaint.
std::vector<ColumnSurvey> survey_some(const CsvText& text, std::int64_t most_rows);

/// The decimal mark of each column, by its own fields where they tell, else by those of the others, else a point for
/// "3.500" where fields are separated by ',', else `usual[c]`; 0 there: a comma where fields are separated by ';', a
/// point otherwise. `guessed` gets the columns where only that is known and it makes a difference.
std::vector<char> decimal_marks(const CsvText& text, const std::vector<ColumnSurvey>& columns,
                                const std::vector<char>& usual, std::vector<std::size_t>* guessed = nullptr);

/// The order that reads most of a column's dates. `unsure` is set where several do: then a year of two digits comes
/// last, unless the last numbers are plainly days, and the day comes first where points stand between.
DateOrder likely_date_order(const ColumnSurvey& column, bool& unsure);

}  // namespace gradus
