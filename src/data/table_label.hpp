#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <gradus/dataset.hpp>

#include "data/table.hpp"
#include "data/table_survey.hpp"

namespace gradus {

/// The different values of a column, as class_key names them.
struct ValueCounts {
  std::map<std::string, std::int64_t, std::less<>> counts;
  std::int64_t rows = 0;  ///< with a value
  bool too_many = false;  ///< counting stopped
  [[nodiscard]] std::int64_t distinct() const { return static_cast<std::int64_t>(counts.size()); }
};

/// A table on its way to a schema: what is known so far.
struct TableFindings {
  const CsvText& text;
  const datasets::CsvOptions& options;
  std::vector<ColumnSurvey> columns;
  std::vector<char> decimals;
  std::vector<std::string>* remarks = nullptr;
  mutable std::map<std::size_t, ValueCounts> counted{};  ///< by column; count_values fills it

  void remark(const std::string& sentence) const {
    if (remarks != nullptr) remarks->push_back(text.name + ": " + sentence);
  }
};

/// Reads all rows, the first time for each column.
const ValueCounts& count_values(const TableFindings& table, std::size_t column);

/// Those of the label. Of words, spellings of a missing value do not count: but "-" is a class beside "+", "NA" where
/// it is about as frequent as the other classes, and all are where the label is named as categorical. Where all words
/// are spellings of one pair of true and false, those that mean the same are one class, by the most frequent spelling.
/// Remarks say so.
ValueCounts label_values(const TableFindings& table, std::size_t label);

/// A column by its name, or by its number; from the end when that is negative. Throws `not_found`; `what` names the
/// option: "label".
std::size_t find_column(const CsvText& text, const std::string& wanted, const char* what);

/// The column to predict: the one named, or the likeliest. Of a table with a header the one called label, class or
/// target, if there is just one, else the last. Without a header the last as well, unless all are whole numbers and the
/// first alone looks like a class, or both do and there are 64 columns or more, as in tables of pixels.
/// Columns without any value are passed over, unless one is called so or would leave no input.
std::size_t find_label(const TableFindings& table);

/// Whether the label's numbers are amounts: those with fractions, and whole ones unless they are few, each with several
/// rows (at most 10 and 5 rows each, or codes such as 1, 2, 3), or name the classes of pixels.
bool label_is_amount(const TableFindings& table, std::size_t label, const ValueCounts& values);

/// Whether all columns but the label are whole numbers from 0 to 255, 64 or more: then each is a pixel.
bool is_pixel_table(const TableFindings& table, std::size_t label);

/// The names of the label's classes in the order of their numbers. Throws `bad_data`.
std::vector<std::string> label_classes(const TableFindings& table, std::size_t label, bool words, bool image,
                                       const ValueCounts& values);

}  // namespace gradus
