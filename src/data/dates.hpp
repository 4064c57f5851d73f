#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gradus {

/// Which number comes first in a date such as 03/04/2021. A year of four digits in front, or a month by its name,
/// needs no order.
enum class DateOrder : std::uint8_t { year_first, day_first, month_first };
inline constexpr std::array<DateOrder, 3> date_orders = {DateOrder::year_first, DateOrder::day_first,
                                                         DateOrder::month_first};

/// What a date gives: numbers a network can learn from.
enum class DatePart : std::uint8_t {
  year,
  month,    ///< 1 to 12
  day,      ///< of the month, 1 to 31
  weekday,  ///< 1 for Monday to 7
  hour,     ///< of the day, 0 to 24, minutes and seconds as its fraction
  elapsed,  ///< days since 1970-01-01 00:00, the time of the day as a fraction
};
inline constexpr std::array<DatePart, 6> date_parts = {DatePart::year,    DatePart::month, DatePart::day,
                                                       DatePart::weekday, DatePart::hour,  DatePart::elapsed};
/// "year", "month", ...
std::string_view date_part_name(DatePart part);
/// "year_first", "day_first", "month_first".
std::string_view date_order_name(DateOrder order);

/// A date of the Gregorian calendar, a time of the day, or both.
class DateTime {
 public:
  /// Reads 2023-01-31, 2023/1/31, 31.01.2023, 01/31/2023 and 31/01/23 (by `order`; years of two digits are 1970 to
  /// 2069), 20230131T101500, 31 Jan 2023, January 31, 2023, 2023-01, 202301, each alone or before a time 10:15,
  /// 10:15:30.5, 10:15 pm, with Z or +01:00 behind it; and a time alone, which is one of 1970-01-01. Nothing for any
  /// other text and for days that the calendar lacks.
  static std::optional<DateTime> parse(std::string_view text, DateOrder order);
  [[nodiscard]] double part(DatePart part) const;

  friend bool operator==(const DateTime&, const DateTime&) = default;

 private:
  std::int64_t year_ = 1970;
  int month_ = 1, day_ = 1;
  double hour_ = 0, zone_ = 0;  // hours
};

}  // namespace gradus
