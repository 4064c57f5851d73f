#include "model/spec_words.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include <gradus/error.hpp>

#include "base/text.hpp"

namespace gradus {
namespace {

[[noreturn]] void fail(const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); }

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Follows brackets and quotes through a text.
class Nesting {
 public:
  /// True when `c` stands outside of all brackets and quotes.
  bool outside(char c) {
    if (quote_ != 0) {
      if (c == quote_) quote_ = 0;
      return false;
    }
    if (c == '"' || c == '\'') {
      quote_ = c;
      return false;
    }
    if (c == '(' || c == '[' || c == '{') {
      if (open_.size() == deepest) fail("brackets nested more than " + std::to_string(deepest) + " levels deep");
      open_ += c;
      return false;
    }
    if (c == ')' || c == ']' || c == '}') {
      const char begin = c == ')' ? '(' : c == ']' ? '[' : '{';
      if (open_.empty() || open_.back() != begin) fail(std::string("a '") + c + "' without its '" + begin + "'");
      open_.pop_back();
      return false;
    }
    return open_.empty();
  }
  [[nodiscard]] bool closed() const { return open_.empty() && quote_ == 0; }
  void check_closed() const {
    if (quote_ != 0) fail(std::string("a quote ") + quote_ + " that does not end");
    if (!open_.empty()) fail(std::string("a '") + open_.back() + "' that is not closed");
  }

 private:
  static constexpr std::size_t deepest = 16;  // whoever reads what is within does so by recursion
  std::string open_;
  char quote_ = 0;
};

/// How many letters the brackets take that `text` begins with.
std::size_t end_of_brackets(std::string_view text) {
  Nesting nesting;
  std::size_t end = 0;
  do {
    if (end == text.size()) nesting.check_closed();
    nesting.outside(text[end++]);
  } while (!nesting.closed());
  return end;
}

}  // namespace

std::string folded(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (c != '_' && c != '-') result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return result;
}

std::vector<std::string> parts_of(std::string_view text, char separator) {
  std::vector<std::string> parts(1);
  Nesting nesting;
  for (const char c : text) {
    if (nesting.outside(c) && c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  nesting.check_closed();
  for (std::string& part : parts) part = std::string(trim(part));
  return parts;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  Nesting nesting;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool outside = nesting.outside(text[i]);
    if (!outside || !is_space(text[i])) {
      word += text[i];
      continue;
    }
    std::size_t next = i;
    while (next < text.size() && is_space(text[next])) ++next;
    const bool joined = !word.empty() && (word.back() == '=' || (next < text.size() && text[next] == '='));
    if (!joined && !word.empty()) words.push_back(std::exchange(word, {}));
    i = next - 1;
  }
  nesting.check_closed();
  if (!word.empty()) words.push_back(word);
  return words;
}

std::optional<Value> number_of(std::string_view text) {
  if (const auto whole = parse_int(text)) return Value(*whole);
  if (const auto real = parse_real(text)) return Value(*real);
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto above = parse_real(trim(text.substr(0, slash))), below = parse_real(trim(text.substr(slash + 1)));
  if (!above || !below || *below == 0) return std::nullopt;
  return Value(*above / *below);
}

std::optional<Value> list_of(std::string_view text) {
  std::vector<std::string> parts;
  if (text.size() >= 2 &&
      ((text.front() == '[' && text.back() == ']') || (text.front() == '(' && text.back() == ')'))) {
    parts = parts_of(text.substr(1, text.size() - 2), ',');
    if (!parts.empty() && parts.back().empty()) parts.pop_back();  // "(3,)", "[]"
  } else {
    parts = split_text(lower(text), 'x');
    if (parts.size() < 2) return std::nullopt;
  }
  Value::List list;
  for (const std::string& part : parts) {
    const auto number = number_of(part);
    if (!number) return std::nullopt;
    list.push_back(*number);
  }
  return list;
}

std::string without_quotes(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.front() == text.back() && (text.front() == '"' || text.front() == '\'');
  return std::string(quoted ? text.substr(1, text.size() - 2) : text);
}

std::size_t end_of_name(std::string_view text) {
  const auto ends = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '-'; };
  return static_cast<std::size_t>(std::find_if(text.begin(), text.end(), ends) - text.begin());
}

std::vector<std::string> words_behind_name(std::string_view rest) {
  std::vector<std::string> words;
  rest = trim(rest);
  if (!rest.empty() && rest.front() == '(') {
    const std::size_t end = end_of_brackets(rest);
    for (const std::string& part : parts_of(rest.substr(1, end - 2), ',')) {
      for (std::string& word : words_of(part)) words.push_back(std::move(word));
    }
    rest.remove_prefix(end);
  }
  for (std::string& word : words_of(rest)) words.push_back(std::move(word));
  return words;
}

}  // namespace gradus
