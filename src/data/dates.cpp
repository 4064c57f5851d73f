#include "data/dates.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.hpp"

namespace gradus {

std::string_view date_part_name(DatePart part) {
  static constexpr std::array<std::string_view, 6> names = {"year", "month", "day", "weekday", "hour", "elapsed"};
  return names[static_cast<std::size_t>(part)];
}

std::string_view date_order_name(DateOrder order) {
  static constexpr std::array<std::string_view, 3> names = {"year_first", "day_first", "month_first"};
  return names[static_cast<std::size_t>(order)];
}

namespace {

/// Days from 1970-01-01 to a date (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil).
std::int64_t days_from_civil(std::int64_t year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t of_era = year - era * 400;
  const std::int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int days_in_month(std::int64_t year, int month) {
  static constexpr std::array<int, 12> days = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : days[static_cast<std::size_t>(month - 1)];
}

/// 1 for "Jan", "january", "Sept"; 0 for no month.
int month_by_name(const std::string& word) {
  static constexpr std::array<std::string_view, 12> names = {"january",   "february", "march",    "april",
                                                             "may",       "june",     "july",     "august",
                                                             "september", "october",  "november", "december"};
  if (word.size() < 3) return 0;
  for (std::size_t m = 0; m < names.size(); ++m) {
    if (names[m].starts_with(word)) return static_cast<int>(m) + 1;
  }
  return 0;
}

bool is_weekday(const std::string& word) {
  static constexpr std::array<std::string_view, 7> names = {"monday", "tuesday",  "wednesday", "thursday",
                                                            "friday", "saturday", "sunday"};
  return word.size() >= 3 && std::any_of(names.begin(), names.end(), [&](auto name) { return name.starts_with(word); });
}

/// A run of digits or of letters, and the character in front of it.
struct Token {
  std::string text;
  char before = 0;
  bool number = false;
  [[nodiscard]] int value() const { return std::stoi(text); }
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// The tokens of a text that may be a date; none for one that cannot be.
std::vector<Token> tokens_of(std::string_view text) {
  constexpr std::size_t most_tokens = 12, longest_number = 14;
  std::vector<Token> tokens;
  char before = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (!is_digit(c) && !is_letter(c)) {
      if (std::string_view("-/.:, +").find(c) == std::string_view::npos) return {};
      if (before == 0 || before == ' ' || before == ',') before = c;
      ++at;
      continue;
    }
    const std::size_t begin = at;
    while (at < text.size() && is_digit(text[at]) == is_digit(c) && is_letter(text[at]) == is_letter(c)) ++at;
    tokens.push_back({lower(text.substr(begin, at - begin)), before, is_digit(c)});
    before = 0;
    if (tokens.size() > most_tokens || at - begin > longest_number) return {};
  }
  return tokens;
}

/// A walk over tokens.
struct Walk {
  std::vector<Token> tokens;
  std::size_t at = 0;
  [[nodiscard]] const Token* peek(std::size_t ahead = 0) const {
    return at + ahead < tokens.size() ? &tokens[at + ahead] : nullptr;
  }
  [[nodiscard]] bool number(std::size_t ahead, std::size_t least, std::size_t most) const {
    const Token* token = peek(ahead);
    return token != nullptr && token->number && token->text.size() >= least && token->text.size() <= most;
  }
  [[nodiscard]] bool done() const { return at == tokens.size(); }
};

struct Fields {
  std::int64_t year = 1970;
  int month = 1, day = 1;
  bool has_date = false, has_time = false;
  double hour = 0, zone = 0;
};

std::int64_t full_year(const Token& token) {
  const int year = token.value();
  if (token.text.size() != 2) return year;
  return year < 70 ? 2000 + year : 1900 + year;
}

/// 202301, 20230131 or 20230131101500; the latter's time too.
bool take_compact(Walk& walk, Fields& fields) {
  const Token& token = *walk.peek();
  const std::size_t digits = token.text.size();
  if (digits != 6 && digits != 8 && digits != 14) return false;
  const auto part = [&](std::size_t begin, std::size_t count) { return std::stoi(token.text.substr(begin, count)); };
  fields.year = part(0, 4), fields.month = part(4, 2), fields.day = digits == 6 ? 1 : part(6, 2);
  if (fields.year < 1800 || fields.year > 2199) return false;
  if (token.text.size() == 14) {
    fields.hour = part(8, 2) + part(10, 2) / 60.0 + part(12, 2) / 3600.0;
    fields.has_time = true;
    if (part(8, 2) > 23 || part(10, 2) > 59 || part(12, 2) > 60) return false;
  }
  ++walk.at;
  return true;
}

/// 31 Jan 2023, Jan 31, 2023, Jan 2023.
bool take_with_month_name(Walk& walk, Fields& fields) {
  if (walk.number(0, 1, 2) && walk.peek(1) != nullptr && month_by_name(walk.peek(1)->text) > 0 &&
      (walk.number(2, 4, 4) || walk.number(2, 2, 2))) {
    fields.day = walk.peek(0)->value(), fields.month = month_by_name(walk.peek(1)->text);
    fields.year = full_year(*walk.peek(2));
    walk.at += 3;
    return true;
  }
  if (walk.peek() == nullptr || month_by_name(walk.peek()->text) == 0) return false;
  fields.month = month_by_name(walk.peek()->text);
  const bool with_day = walk.number(1, 1, 2) && walk.number(2, 4, 4);
  if (!with_day && !walk.number(1, 4, 4)) return false;
  if (with_day) fields.day = walk.peek(1)->value();
  fields.year = walk.peek(with_day ? 2 : 1)->value();
  walk.at += with_day ? 3 : 2;
  return true;
}

/// Numbers with the same mark between them.
bool take_numbers(Walk& walk, Fields& fields, DateOrder order) {
  const Token* second = walk.peek(1);
  if (second == nullptr || !second->number) return false;
  const char mark = second->before;
  if (mark != '-' && mark != '/' && mark != '.') return false;
  const bool three = walk.number(2, 1, 4) && walk.peek(2)->before == mark;
  if (walk.number(0, 4, 4)) {
    if (!walk.number(1, 1, 2) || (three && !walk.number(2, 1, 2))) return false;
    if (!three && mark != '-' && mark != '/') return false;  // 2023.01 is a number
    fields.year = walk.peek(0)->value(), fields.month = second->value();
    if (three) fields.day = walk.peek(2)->value();
    walk.at += three ? 3 : 2;
    return true;
  }
  if (!three || !walk.number(0, 1, 2) || !walk.number(1, 1, 2)) return false;
  const Token &first = *walk.peek(0), &last = *walk.peek(2);
  if (order == DateOrder::year_first) {
    if (first.text.size() != 2 || last.text.size() > 2) return false;
    fields.year = full_year(first), fields.month = second->value(), fields.day = last.value();
  } else {
    if (last.text.size() != 4 && last.text.size() != 2) return false;
    const bool day_first = order == DateOrder::day_first;
    fields.day = (day_first ? first : *second).value(), fields.month = (day_first ? *second : first).value();
    fields.year = full_year(last);
  }
  walk.at += 3;
  return true;
}

/// 101530, behind a compact date.
bool take_compact_time(Walk& walk, Fields& fields) {
  if (!walk.number(0, 6, 6)) return false;
  const int time = walk.peek()->value();
  if (time / 10000 > 23 || time / 100 % 100 > 59 || time % 100 > 60) return false;
  fields.hour = time / 10000 + time / 100 % 100 / 60.0 + time % 100 / 3600.0;
  fields.has_time = true;
  ++walk.at;
  return true;
}

/// 10:15, 10:15:30.5, 10:15 pm.
bool take_time(Walk& walk, Fields& fields) {
  if (!walk.number(0, 1, 2) || !walk.number(1, 2, 2) || walk.peek(1)->before != ':') return false;
  int hour = walk.peek(0)->value();
  const int minute = walk.peek(1)->value();
  double second = 0;
  walk.at += 2;
  if (walk.number(0, 2, 2) && walk.peek()->before == ':') {
    second = walk.peek()->value();
    ++walk.at;
    if (walk.number(0, 1, 9) && walk.peek()->before == '.') {
      second += std::stod("0." + walk.peek()->text);
      ++walk.at;
    }
  }
  if (walk.peek() != nullptr && (walk.peek()->text == "am" || walk.peek()->text == "pm")) {
    if (hour < 1 || hour > 12) return false;
    hour = hour % 12 + (walk.peek()->text == "pm" ? 12 : 0);
    ++walk.at;
  }
  if (hour > 24 || minute > 59 || second >= 61 || (hour == 24 && (minute > 0 || second > 0))) return false;
  fields.hour = hour + minute / 60.0 + second / 3600;
  fields.has_time = true;
  return true;
}

/// Z, UTC, +01:00, -0500.
bool take_zone(Walk& walk, Fields& fields) {
  const Token* token = walk.peek();
  if (token == nullptr) return true;
  if (token->text == "z" || token->text == "utc" || token->text == "gmt") {
    ++walk.at;
    return true;
  }
  if (!token->number || (token->before != '+' && token->before != '-')) return false;
  const double sign = token->before == '+' ? 1 : -1;
  if (token->text.size() == 4) {
    fields.zone = sign * (token->value() / 100 + token->value() % 100 / 60.0);
    ++walk.at;
    return true;
  }
  if (token->text.size() != 2) return false;
  fields.zone = sign * token->value();
  ++walk.at;
  if (walk.number(0, 2, 2) && walk.peek()->before == ':') {
    fields.zone += sign * walk.peek()->value() / 60.0;
    ++walk.at;
  }
  return true;
}

}  // namespace

std::optional<DateTime> DateTime::parse(std::string_view text, DateOrder order) {
  constexpr std::size_t shortest = 4, longest = 40;
  if (text.size() < shortest || text.size() > longest) return std::nullopt;
  Walk walk{tokens_of(text)};
  if (walk.tokens.empty() || walk.tokens.front().before != 0) return std::nullopt;
  if (is_weekday(walk.peek()->text)) ++walk.at;
  if (walk.done()) return std::nullopt;
  Fields fields;
  fields.has_date = take_numbers(walk, fields, order) || take_with_month_name(walk, fields) ||
                    (walk.peek()->number && take_compact(walk, fields));
  const bool behind_t = fields.has_date && !walk.done() && walk.peek()->text == "t";
  if (behind_t) ++walk.at;
  if (!walk.done() && !fields.has_time && !take_time(walk, fields) && !(behind_t && take_compact_time(walk, fields))) {
    return std::nullopt;
  }
  if (!fields.has_date && !fields.has_time) return std::nullopt;
  if (fields.has_time && !take_zone(walk, fields)) return std::nullopt;
  if (!walk.done()) return std::nullopt;
  if (fields.month < 1 || fields.month > 12 || fields.day < 1 ||
      fields.day > days_in_month(fields.year, fields.month)) {
    return std::nullopt;
  }
  DateTime date;
  date.year_ = fields.year, date.month_ = fields.month, date.day_ = fields.day;
  date.hour_ = fields.hour, date.zone_ = fields.zone;
  return date;
}

double DateTime::part(DatePart part) const {
  const std::int64_t days = days_from_civil(year_, month_, day_);
  switch (part) {
    case DatePart::year:
      return static_cast<double>(year_);
    case DatePart::month:
      return month_;
    case DatePart::day:
      return day_;
    case DatePart::weekday:
      return static_cast<double>(((days + 3) % 7 + 7) % 7 + 1);  // 1970-01-01 was a Thursday
    case DatePart::hour:
      return hour_;
    case DatePart::elapsed:
      return static_cast<double>(days) + (hour_ - zone_) / 24;
  }
  return 0;
}

}  // namespace gradus
