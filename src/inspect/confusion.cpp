#include "inspect/confusion.hpp"

#include <algorithm>
#include <cstdio>

namespace gradus {

namespace {

constexpr std::size_t longest_name = 12;

std::string right(const std::string& text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

std::string name_of(std::int64_t label, const std::vector<std::string>& names) {
  const auto index = static_cast<std::size_t>(label);
  return index < names.size() ? names[index].substr(0, longest_name) : std::to_string(label);
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
    first = std::max(first, name_of(i, class_names).size());
    width = std::max(width, name_of(i, class_names).size());
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
