#include "data/field.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace gradus {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes `mark` off the front or the back of `text`.
bool take_front(std::string_view& text, std::string_view mark) {
  if (!text.starts_with(mark)) return false;
  text.remove_prefix(mark.size());
  return true;
}
bool take_back(std::string_view& text, std::string_view mark) {
  if (!text.ends_with(mark)) return false;
  text.remove_suffix(mark.size());
  return true;
}

// Blanks that stand between digits or beside a sign: space, no-break space, thin and narrow no-break space.
constexpr std::array<std::string_view, 4> blanks = {" ", "\xc2\xa0", "\xe2\x80\x89", "\xe2\x80\xaf"};
constexpr std::array<std::string_view, 2> apostrophes = {"'", "\xe2\x80\x99"};
constexpr std::array<std::string_view, 24> currencies = {
    "US$",          "A$",           "C$",           "R$",           "$",   "\xe2\x82\xac", "\xc2\xa3", "\xc2\xa5",
    "\xe2\x82\xb9", "\xe2\x82\xbd", "\xe2\x82\xa9", "\xe2\x82\xba", "USD", "EUR",          "GBP",      "CHF",
    "JPY",          "CNY",          "INR",          "AUD",          "CAD", "SEK",          "NOK",      "DKK"};

template <std::size_t N>
bool take_any(std::string_view& text, const std::array<std::string_view, N>& marks, bool front) {
  return std::any_of(marks.begin(), marks.end(),
                     [&](std::string_view mark) { return front ? take_front(text, mark) : take_back(text, mark); });
}

// What stands around the digits: a sign, brackets, one currency, a percent sign.
struct Stripped {
  std::string_view digits;
  bool negative = false;
};

std::optional<Stripped> stripped(std::string_view text) {
  Stripped result;
  bool sign = false, currency = false, percent = false;
  if (text.size() > 2 && text.front() == '(' && text.back() == ')') {
    text = text.substr(1, text.size() - 2);
    result.negative = sign = true;
  }
  for (bool again = true; again;) {
    again = take_any(text, blanks, true) || take_any(text, blanks, false);
    if (!sign && (take_front(text, "-") || take_front(text, "\xe2\x88\x92"))) result.negative = sign = again = true;
    if (!sign && take_front(text, "+")) sign = again = true;
    if (!currency && (take_any(text, currencies, true) || take_any(text, currencies, false))) currency = again = true;
    if (!percent && take_back(text, "%")) percent = again = true;
  }
  if (text.empty()) return std::nullopt;
  result.digits = text;
  return result;
}

// The separator of thousands at the front of `text`, which may be one with this decimal mark; empty for none.
std::string_view group_mark(std::string_view text, char decimal) {
  if (text.empty()) return {};
  if (text[0] == (decimal == '.' ? ',' : '.')) return text.substr(0, 1);
  for (const std::string_view mark : blanks) {
    if (text.starts_with(mark)) return mark;
  }
  for (const std::string_view mark : apostrophes) {
    if (text.starts_with(mark)) return mark;
  }
  return {};
}

// "1 234 567" of "1 234 567,5", without its marks: groups of three behind a first one of one to three digits, which
// does not begin with 0, all with the same mark; or digits alone. False where it is neither.
bool take_whole_part(std::string_view& text, char decimal, std::string& digits) {
  const auto run = [&] {
    std::size_t count = 0;
    while (count < text.size() && is_digit(text[count])) ++count;
    digits.append(text.substr(0, count));
    text.remove_prefix(count);
    return count;
  };
  const std::size_t begin = digits.size(), first = run();
  const std::string_view mark = group_mark(text, decimal);
  if (mark.empty()) return true;
  if (first == 0 || first > 3 || digits[begin] == '0') return false;  // 0.247 is no 247
  while (take_front(text, mark)) {
    if (run() != 3) return false;
  }
  return true;
}

}  // namespace

std::optional<double> formatted_number(std::string_view text, char decimal) {
  constexpr std::size_t longest = 64;
  if (text.size() > longest) return parse_real(text);
  auto rest = stripped(text);
  if (!rest) return std::nullopt;
  std::string_view at = rest->digits;
  std::string plain;
  if (!take_whole_part(at, decimal, plain)) return std::nullopt;
  if (!at.empty() && at.front() == decimal) {
    plain += '.';
    at.remove_prefix(1);
    while (!at.empty() && is_digit(at.front())) {
      plain += at.front();
      at.remove_prefix(1);
    }
  }
  if (plain.empty() || plain == ".") return std::nullopt;
  plain += at;  // an exponent, or what is wrong
  if (!at.empty() && at.front() != 'e' && at.front() != 'E') return std::nullopt;
  const auto value = parse_real(plain);
  if (!value) return std::nullopt;
  return rest->negative ? -*value : *value;
}

bool is_missing_spelling(std::string_view text) {
  if (text.empty()) return true;
  if (text.size() > 4) return false;
  static constexpr std::array<std::string_view, 16> spellings = {"na",   "n/a",  "#n/a", "#na",         "<na>", "nan",
                                                                 "-nan", "null", "none", "nil",         "-",    "--",
                                                                 "?",    ".",    "n.a.", "\xe2\x80\x93"};
  return std::find(spellings.begin(), spellings.end(), lower(text)) != spellings.end();
}

bool is_beyond_numbers(std::string_view text) {
  std::string word = lower(trim(text));
  if (!word.empty() && (word[0] == '-' || word[0] == '+')) word.erase(0, 1);
  if (word == "inf" || word == "infinity") return true;
  const bool digits = !word.empty() && (is_digit(word[0]) || word[0] == '.') &&
                      word.find_first_not_of("0123456789.e+-") == std::string::npos;
  return digits && !parse_real(word) && word.find('e') != std::string::npos;
}

FieldKind field_kind_of_any(const CsvField& field, double& value, char decimal) {
  const std::string_view text = field.quoted ? trim(field.text) : field.text;
  if (is_missing_spelling(text)) return FieldKind::missing;
  if (decimal == '.') {
    if (const auto number = parse_real(text)) {
      value = *number;
      return FieldKind::number;
    }
  }
  for (const char mark : {decimal, decimal == '.' ? ',' : '.'}) {
    if (const auto number = formatted_number(text, mark)) {
      value = *number;
      return FieldKind::number;
    }
  }
  return FieldKind::word;
}

std::optional<Truth> truth_of(std::string_view text) {
  struct Spelling {
    std::string_view text;
    Truth truth;
  };
  using Pair = Truth::Pair;
  static constexpr std::array<Spelling, 10> spellings = {{{"true", {Pair::true_false, true}},
                                                          {"t", {Pair::true_false, true}},
                                                          {"false", {Pair::true_false, false}},
                                                          {"f", {Pair::true_false, false}},
                                                          {"yes", {Pair::yes_no, true}},
                                                          {"y", {Pair::yes_no, true}},
                                                          {"no", {Pair::yes_no, false}},
                                                          {"n", {Pair::yes_no, false}},
                                                          {"on", {Pair::on_off, true}},
                                                          {"off", {Pair::on_off, false}}}};
  if (text.empty() || text.size() > 5) return std::nullopt;
  const std::string word = lower(text);
  const auto found =
      std::find_if(spellings.begin(), spellings.end(), [&](const Spelling& each) { return each.text == word; });
  return found != spellings.end() ? std::optional(found->truth) : std::nullopt;
}

std::string option_value(std::string_view column) {
  const std::string text(column);
  if (text.find(',') != std::string::npos) return "'\"" + text + "\"'";
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c < 0 || c == '_' || c == '-' || c == '.';
  });
  return plain ? text : text.find('\'') == std::string::npos ? "'" + text + "'" : '"' + text + '"';
}

std::string class_key(const CsvField& field) {
  constexpr double exact = 1e15;  // beyond it doubles skip whole numbers
  const std::string_view text = field.quoted ? trim(field.text) : field.text;
  const auto value = parse_real(text);
  if (value && *value == static_cast<double>(static_cast<std::int64_t>(std::clamp(*value, -exact, exact)))) {
    return std::to_string(static_cast<std::int64_t>(*value));
  }
  return std::string(field.text);
}

}  // namespace gradus
