#include "formats/toml_text.hpp"

#include <algorithm>
#include <vector>

#include <gradus/error.hpp>

namespace gradus {
namespace {

constexpr std::size_t deepest = 64;

[[noreturn]] void fail(const std::string& file, std::size_t line, const std::string& sentence) {
  throw Error(ErrorCode::bad_data, file + ":" + std::to_string(line) + ": " + sentence);
}

/// The place behind a text that opens at `at`: in one or three quotes of either kind.
std::size_t behind_text(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const bool escapes = quote == '"';
  const std::string three(3, quote);
  const bool lines = text.substr(at).starts_with(three);
  for (std::size_t i = at + (lines ? 3 : 1); i < text.size(); ++i) {
    if (escapes && text[i] == '\\') {
      ++i;
    } else if (!lines && (text[i] == quote || text[i] == '\n')) {
      return i + 1;
    } else if (lines && text.substr(i).starts_with(three)) {
      // Up to two quotes may stand before the three that close.
      i += 3;
      for (int more = 0; more < 2 && i < text.size() && text[i] == quote; ++more) ++i;
      return i;
    }
  }
  return text.size();
}

/// Levels are open brackets, and the dots of the keys between them.
void check_depth(std::string_view text, const std::string& file) {
  std::vector<std::size_t> dots(1, 0);  // of the key at hand, within each open bracket
  std::size_t depth = 0, line = 1;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      const std::size_t end = behind_text(text, at);
      line += static_cast<std::size_t>(std::count(text.begin() + static_cast<std::ptrdiff_t>(at),
                                                  text.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
      at = end;
      continue;
    }
    if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
      continue;
    }
    if (c == '.') ++dots.back(), ++depth;
    if (c == '[' || c == '{') dots.push_back(0), ++depth;
    if ((c == ']' || c == '}') && dots.size() > 1) depth -= dots.back() + 1, dots.pop_back();
    if (c == ',' || (c == '\n' && dots.size() == 1)) depth -= dots.back(), dots.back() = 0;
    if (c == '\n') ++line;
    if (depth > deepest) fail(file, line, "nested more than " + std::to_string(deepest) + " levels deep");
    ++at;
  }
}

}  // namespace

toml::table parse_toml(std::string_view text, const std::string& file) {
  check_depth(text, file);
  try {
    return toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    fail(file, error.source().begin.line, "this is no TOML: " + std::string(error.description()));
  }
}

}  // namespace gradus
