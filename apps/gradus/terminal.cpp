#include "terminal.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "formats/json.hpp"

namespace gradus::app {

namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Colors depth() {
  const std::string_view color = variable("COLORTERM");
  if (color == "truecolor" || color == "24bit") return Colors::full;
  return variable("TERM").ends_with("-direct") ? Colors::full : Colors::palette;
}

}  // namespace

Colors colors_of(Stream stream, const std::string& wanted) {
  if (wanted == "never") return Colors::none;
  if (wanted == "always") return Colors::full;
  if (!colors_allowed() || !is_terminal(stream) || !shows_utf8()) return Colors::none;  // half blocks are no ASCII
  return depth();
}

void print_as_it_is(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void print(const std::string& text) { print_as_it_is(printable(text)); }

void print_json(const Value& value) { print_as_it_is(write_json(value) + "\n"); }

void flush_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    throw Error(ErrorCode::io, "the results could not be written to standard output");
  }
}

std::string percent(double share, int decimals) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f %%", decimals, 100 * share);
  return text;
}

}  // namespace gradus::app
