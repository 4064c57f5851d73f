#include "inspect/confusion.hpp"

#include <algorithm>
#include <cstdio>

namespace gradus {

namespace {

constexpr std::size_t longest_name = 12;

bool goes_on(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

/// How many characters of UTF-8 a text has.
std::size_t length_of(const std::string& text) {
  return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), goes_on));
}

/// The first `longest_name` characters.
std::string shortened(const std::string& name) {
  std::size_t characters = 0;
  const auto end =
      std::find_if(name.begin(), name.end(), [&](char byte) { return !goes_on(byte) && ++characters > longest_name; });
  return {name.begin(), end};
}

std::string right(const std::string& text, std::size_t width) {
  const std::size_t length = length_of(text);
  return length < width ? std::string(width - length, ' ') + text : text;
}

std::string name_of(std::int64_t label, const std::vector<std::string>& names) {
  const auto index = static_cast<std::size_t>(label);
  return index < names.size() ? shortened(names[index]) : std::to_string(label);
}

/// "98.5 %", or "-" where nothing was counted.
std::string share_text(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text;
}

}  // namespace

std::string confusion_text(const ConfusionMatrix& matrix, const std::vector<std::string>& class_names) {
  std::size_t width = 5, first = 5;
  for (std::int64_t i = 0; i < matrix.classes; ++i) {
    first = std::max(first, length_of(name_of(i, class_names)));
    width = std::max(width, length_of(name_of(i, class_names)));
    for (std::int64_t j = 0; j < matrix.classes; ++j) width = std::max(width, std::to_string(matrix.at(i, j)).size());
  }
  std::string text = right("truth", first) + "  taken for\n" + right("", first) + "  ";
  for (std::int64_t j = 0; j < matrix.classes; ++j) text += right(name_of(j, class_names), width) + " ";
  text += right("found", 8) + "\n";
  for (std::int64_t i = 0; i < matrix.classes; ++i) {
    std::int64_t row = 0;
    text += right(name_of(i, class_names), first) + "  ";
    for (std::int64_t j = 0; j < matrix.classes; ++j) {
      row += matrix.at(i, j);
      text += right(matrix.at(i, j) == 0 ? "." : std::to_string(matrix.at(i, j)), width) + " ";
    }
    text += right(share_text(matrix.at(i, i), row), 8) + "\n";
  }
  return text;
}

}  // namespace gradus
