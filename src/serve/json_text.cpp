#include "serve/json_text.hpp"

#include <charconv>
#include <cmath>

#include "base/text.hpp"

namespace gradus::serve {

namespace {

void append_nested(std::string& out, const Real*& next, const Shape& shape, std::size_t axis) {
  if (axis == shape.rank()) {
    append_json_number(out, *next++);
    return;
  }
  out += '[';
  for (std::int64_t i = 0; i < shape[axis]; ++i) {
    if (i > 0) out += ", ";
    append_nested(out, next, shape, axis + 1);
  }
  out += ']';
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  constexpr const char* digits = "0123456789abcdef";
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const std::size_t length = character_length(text.substr(i));
    if (length == 0) {
      out += "\xEF\xBF\xBD";
      ++i;
      continue;
    }
    if (length == 2 && c == '\xC2' && static_cast<unsigned char>(text[i + 1]) < 0xA0) {
      // U+0080 to U+009F: terminals take some for the beginning of an escape sequence.
      out += "\\u00";
      out += digits[static_cast<unsigned char>(text[i + 1]) >> 4];
      out += digits[text[i + 1] & 15];
    } else if (length > 1) {
      out += text.substr(i, length);
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += "\\u00";
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[c & 15];
    } else {
      out += c;
    }
    i += length;
  }
  out += '"';
}

void append_json_number(std::string& out, Real value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  const std::string_view number(text, static_cast<std::size_t>(end - text));
  out += number;
  if (number.find_first_of(".e") == std::string_view::npos) out += ".0";
}

void append_json_whole(std::string& out, std::int64_t value) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

void append_json_tensor(std::string& out, std::span<const Real> values, const Shape& shape) {
  const Real* next = values.data();
  append_nested(out, next, shape, 0);
}

void append_json_shape(std::string& out, std::int64_t first, const Shape& shape) {
  out += '[';
  append_json_whole(out, first);
  for (const std::int64_t size : shape.sizes()) {
    out += ", ";
    append_json_whole(out, size);
  }
  out += ']';
}

}  // namespace gradus::serve
