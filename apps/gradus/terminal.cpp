#include "terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string_view>

#include <gradus/error.hpp>

#include "formats/json.hpp"

namespace gradus::app {

namespace {

int descriptor_of(Stream stream) { return stream == Stream::out ? STDOUT_FILENO : STDERR_FILENO; }

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

bool is_terminal(Stream stream) { return isatty(descriptor_of(stream)) == 1; }

std::int64_t terminal_width(Stream stream) {
  winsize size{};
  if (ioctl(descriptor_of(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

Colors colors_of(Stream stream, const std::string& wanted) {
  if (wanted == "never") return Colors::none;
  if (wanted == "always") return Colors::full;
  const std::string_view terminal = variable("TERM");
  if (!variable("NO_COLOR").empty() || terminal.empty() || terminal == "dumb") return Colors::none;
  return is_terminal(stream) ? depth() : Colors::none;
}

std::string wrapped(const std::string& text, std::size_t width, std::size_t indent) {
  std::istringstream words(text);
  std::string result, word;
  std::size_t column = indent;
  while (words >> word) {
    if (!result.empty() && column + 1 + word.size() > width) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!result.empty()) {
      result += " ";
      ++column;
    }
    result += word;
    column += word.size();
  }
  return result;
}

void note(const std::string& line) {
  std::fflush(stdout);  // where both go to one terminal, they stay in order
  const auto width = static_cast<std::size_t>(terminal_width(Stream::err));
  const bool wrap = line.size() > width && is_terminal(Stream::err);
  std::fprintf(stderr, "%s\n", wrap ? wrapped(line, width, 0).c_str() : line.c_str());
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void print_json(const Value& value) { print(write_json(value) + "\n"); }

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

std::string duration(double seconds) {
  char text[48];
  if (seconds < 0.0995) {
    std::snprintf(text, sizeof text, "%.0f ms", 1000 * seconds);
  } else if (seconds < 59.5) {
    std::snprintf(text, sizeof text, seconds < 0.995 ? "%.2f s" : seconds < 9.95 ? "%.1f s" : "%.0f s", seconds);
  } else if (seconds < 3570) {
    const auto whole = static_cast<long>(std::lround(seconds));
    std::snprintf(text, sizeof text, "%ld min %ld s", whole / 60, whole % 60);
  } else {
    const auto minutes = static_cast<long>(std::lround(seconds / 60));
    std::snprintf(text, sizeof text, "%ld h %ld min", minutes / 60, minutes % 60);
  }
  return text;
}

}  // namespace gradus::app
