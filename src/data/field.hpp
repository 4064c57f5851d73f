#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gradus {

/// One field of a row, without its quotes and, unless it had some, without blanks at its ends.
struct CsvField {
  std::string_view text;
  bool quoted = false;
};

/// How a field reads among numbers.
enum class FieldKind : std::uint8_t { number, missing, word };
FieldKind field_kind_of_any(const CsvField& field, double& value, char decimal);
/// Puts a number into `value`. `decimal` is the decimal mark of the column, '.' or ','; the other one may then group
/// thousands, as blanks and apostrophes may. Signs of currencies, percent signs and accounting's brackets for a number
/// below 0 are passed over: "$1,234.50", "55%", "(12)". A number that reads only with the other mark is read so.
inline FieldKind field_kind(const CsvField& field, double& value, char decimal = '.') {
  // Nearly all fields of tables of pixels have one to three digits.
  const std::size_t size = field.text.size();
  if (size == 0 || size > 3) return field_kind_of_any(field, value, decimal);
  unsigned number = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const auto digit = static_cast<unsigned>(static_cast<unsigned char>(field.text[i])) - '0';
    if (digit > 9) return field_kind_of_any(field, value, decimal);
    number = number * 10 + digit;
  }
  value = static_cast<int>(number);
  return FieldKind::number;
}

/// Whether the text is one of the usual spellings of a missing value, in any case: nothing, NA, N/A, #N/A, <NA>, NaN,
/// null, None, nil, -, --, ?, a single point.
bool is_missing_spelling(std::string_view text);
/// Whether the text is a number that is not finite, or too large for a double: "inf", "-Infinity", "1e999".
bool is_beyond_numbers(std::string_view text);

/// The number that `text` is with this decimal mark and no other, or nothing.
std::optional<double> formatted_number(std::string_view text, char decimal);

/// A spelling of true or false, and which pair it is of.
struct Truth {
  enum class Pair : std::uint8_t { true_false, yes_no, on_off } pair = Pair::true_false;
  bool value = false;
};
/// true, t, yes, y, on; false, f, no, n, off, in any case. Nothing for any other text.
std::optional<Truth> truth_of(std::string_view text);
inline std::optional<bool> boolean_of(std::string_view text) {
  const std::optional<Truth> truth = truth_of(text);
  return truth ? std::optional(truth->value) : std::nullopt;
}

/// A column's name as the value of an option, to be typed in a shell: "x y" in quotes, '"x, y"' in those that keep a
/// list of names from being cut as well.
std::string option_value(std::string_view column);

/// What names a class in `categories`: numbers lose leading zeros and a fraction of zero, so that 7, 07 and 7.0 agree.
std::string class_key(const CsvField& field);

}  // namespace gradus
