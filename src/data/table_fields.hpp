#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/table.hpp"

namespace gradus {

/// What a field is for its column: a value, nothing, or what the column cannot hold.
enum class Reading : std::uint8_t { value, missing, wrong };

/// A number with this decimal mark. true and false are 1 and 0 in a column that holds nothing else.
Reading read_number(const ColumnSchema& column, const CsvField& field, char decimal, double& value);
Reading read_date(const ColumnSchema& column, const CsvField& field, DateTime& date);
/// A word is missing where it is one of the spellings of a missing value.
bool is_missing_word(const CsvField& field);

/// Whether the spellings of true and false among these words are of one pair, so that those that mean the same are one
/// word. T, F, Y and N together are four.
bool have_one_truth_pair(const std::vector<std::string>& words);

/// The words of a column, or its classes, by their places.
class WordIndex {
 public:
  explicit WordIndex(const std::vector<std::string>& words);
  /// The place of a word; -1 where it is none of them. Other spellings are found, too: of true and false where words
  /// are of one pair of them, and of whole numbers: 007 and 7.0 of 7.
  [[nodiscard]] std::int32_t find(const CsvField& field) const;
  [[nodiscard]] bool contains(std::string_view word) const { return places_.contains(std::string(word)); }

 private:
  std::unordered_map<std::string, std::int32_t> places_;
  bool one_pair_;
};

/// Whether the field of an input counts as missing.
inline bool reads_as_missing(const ColumnSchema& column, const CsvField& field, char decimal) {
  double number = 0;
  DateTime date;
  if (column.role == ColumnRole::number) return read_number(column, field, decimal, number) == Reading::missing;
  if (column.role == ColumnRole::date) return read_date(column, field, date) == Reading::missing;
  return column.role == ColumnRole::words && is_missing_word(field);
}

}  // namespace gradus
