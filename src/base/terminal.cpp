#include "base/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string_view>

#include "base/text.hpp"

namespace gradus {

namespace {

int descriptor_of(Stream stream) { return stream == Stream::out ? STDOUT_FILENO : STDERR_FILENO; }

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// The character that stands for U+2500 to U+257F.
char box_in_ascii(unsigned code) {
  if (code == 0x2500 || code == 0x2504 || code == 0x2508) return '-';
  if (code == 0x2501 || code == 0x2505 || code == 0x2509 || code == 0x2550) return '=';
  if (code == 0x2502 || code == 0x2503 || code == 0x2551) return '|';
  return '+';
}

}  // namespace

bool is_terminal(Stream stream) { return isatty(descriptor_of(stream)) == 1; }

std::int64_t terminal_width(Stream stream) {
  winsize size{};
  if (ioctl(descriptor_of(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

bool colors_allowed() {
  const std::string_view terminal = variable("TERM");
  return variable("NO_COLOR").empty() && !terminal.empty() && terminal != "dumb";
}

bool shows_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string value = lower(variable(name));
    if (value.empty()) continue;
    return value.find("utf-8") != std::string::npos || value.find("utf8") != std::string::npos;
  }
  return false;
}

std::string boxes_in_ascii(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
    // U+2500 to U+257F are the bytes E2 94 80 to E2 95 BF.
    const bool box = byte(i) == 0xE2 && (byte(i + 1) == 0x94 || byte(i + 1) == 0x95) && (byte(i + 2) & 0xC0U) == 0x80;
    if (!box) {
      plain += text[i];
      continue;
    }
    plain += box_in_ascii(0x2000 + ((byte(i + 1) & 0x3FU) << 6) + (byte(i + 2) & 0x3FU));
    i += 2;
  }
  return plain;
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

void note(const std::string& text) {
  const std::string line = printable(text);
  std::fflush(stdout);
  const auto width = static_cast<std::size_t>(terminal_width(Stream::err));
  const bool wrap = line.size() > width && is_terminal(Stream::err);
  std::fprintf(stderr, "%s\n", wrap ? wrapped(line, width, 0).c_str() : line.c_str());
}

}  // namespace gradus
