#include "data/pickle_text.hpp"

#include <cstdint>

namespace gradus {
namespace {

void append_utf8(std::string& text, std::uint32_t point) {
  const auto put = [&](std::uint32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | point >> 6), put(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12), put(0x80 | (point >> 6 & 0x3f)), put(0x80 | (point & 0x3f));
  } else {
    put(0xf0 | point >> 18), put(0x80 | (point >> 12 & 0x3f)), put(0x80 | (point >> 6 & 0x3f)),
        put(0x80 | (point & 0x3f));
  }
}

// The hexadecimal number of `size` digits at `at`, or -1.
std::int64_t hex_at(std::string_view text, std::size_t at, std::size_t size) {
  if (at + size > text.size()) return -1;
  std::int64_t number = 0;
  for (const char c : text.substr(at, size)) {
    const auto byte = static_cast<unsigned char>(c);
    const int letter = (byte | 0x20) - 'a';
    const int digit = byte >= '0' && byte <= '9' ? byte - '0' : letter >= 0 && letter < 6 ? letter + 10 : -1;
    if (digit < 0) return -1;
    number = number * 16 + digit;
  }
  return number;
}

}  // namespace

std::string from_raw_unicode(std::string_view line) {
  std::string text;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool escape = line[i] == '\\' && i + 1 < line.size() && (line[i + 1] == 'u' || line[i + 1] == 'U');
    const std::size_t digits = escape && line[i + 1] == 'U' ? 8 : 4;
    const std::int64_t point = escape ? hex_at(line, i + 2, digits) : -1;
    if (point >= 0 && point <= 0x10ffff) {
      append_utf8(text, static_cast<std::uint32_t>(point));
      i += 1 + digits;
    } else {
      append_utf8(text, static_cast<unsigned char>(line[i]));
    }
  }
  return text;
}

std::string from_repr(std::string_view body) {
  std::string bytes;
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] != '\\' || i + 1 == body.size()) {
      bytes += body[i];
      continue;
    }
    const char c = body[++i];
    constexpr std::string_view letters = "ntr\\'\"abfv0", meaning("\n\t\r\\'\"\a\b\f\v\0", 11);
    const std::int64_t byte = c == 'x' ? hex_at(body, i + 1, 2) : -1;
    if (byte >= 0) {
      bytes += static_cast<char>(static_cast<unsigned char>(byte));
      i += 2;
    } else if (const auto at = letters.find(c); at != std::string_view::npos) {
      bytes += meaning[at];
    } else {
      bytes += '\\';
      bytes += c;
    }
  }
  return bytes;
}

bool to_latin1(std::string_view text, std::string& bytes) {
  bytes.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto first = static_cast<unsigned char>(text[i]);
    if (first < 0x80) {
      bytes += text[i];
      continue;
    }
    if ((first & 0xfe) != 0xc2 || i + 1 == text.size()) return false;
    const auto second = static_cast<unsigned char>(text[++i]);
    if ((second & 0xc0) != 0x80) return false;
    bytes += static_cast<char>((first << 6 & 0xc0) | (second & 0x3f));
  }
  return true;
}

}  // namespace gradus
