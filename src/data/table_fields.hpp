#pragma once

#include "data/table.hpp"

namespace gradus {

/// What a field is for its column: a value, nothing, or what the column cannot hold.
enum class Reading : std::uint8_t { value, missing, wrong };

/// A number with this decimal mark. true and false are 1 and 0 in a column that holds nothing else.
Reading read_number(const ColumnSchema& column, const CsvField& field, char decimal, double& value);
Reading read_date(const ColumnSchema& column, const CsvField& field, DateTime& date);
/// A word is missing where it is one of the spellings of a missing value.
bool is_missing_word(const CsvField& field);

/// Whether the field of an input counts as missing.
inline bool reads_as_missing(const ColumnSchema& column, const CsvField& field, char decimal) {
  double number = 0;
  DateTime date;
  if (column.role == ColumnRole::number) return read_number(column, field, decimal, number) == Reading::missing;
  if (column.role == ColumnRole::date) return read_date(column, field, date) == Reading::missing;
  return column.role == ColumnRole::words && is_missing_word(field);
}

}  // namespace gradus
