#include <algorithm>
#include <array>
#include <cstdio>

#include <gradus/model.hpp>

#include "base/text.hpp"
#include "model/state.hpp"

namespace gradus {
namespace {

std::string with_bytes(std::int64_t parameters) {
  static constexpr std::array units{"B", "KB", "MB", "GB", "TB"};
  double size = 4.0 * static_cast<double>(parameters);
  std::size_t unit = 0;
  for (; size >= 1024 && unit + 1 < units.size(); ++unit) size /= 1024;
  char text[64];
  std::snprintf(text, sizeof text, "%.2f %s", size, units[unit]);
  return with_commas(parameters) + " (" + text + ")";
}

std::string with_none(const Shape& shape) {
  std::string text = "(None";
  for (const std::int64_t size : shape.sizes()) text += ", " + std::to_string(size);
  return text + ")";
}

std::string repeat(const char* piece, std::size_t count) {
  std::string line;
  for (std::size_t i = 0; i < count; ++i) line += piece;
  return line;
}

using Row = std::array<std::string, 3>;
using Widths = std::array<std::size_t, 3>;

std::string rule(const Widths& widths, const char* left, const char* line, const char* middle, const char* right) {
  std::string text = left;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    text += repeat(line, widths[i] + 2) + (i + 1 < widths.size() ? middle : right);
  }
  return text + "\n";
}

std::string cells(const Widths& widths, const Row& row, const char* bar) {
  std::string text = bar;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const std::string space(widths[i] - row[i].size(), ' ');
    text += " " + (i == 2 ? space + row[i] : row[i] + space) + " " + bar;
  }
  return text + "\n";
}

}  // namespace

std::string Sequential::summary() const {
  const State& s = *state_;
  std::vector<Row> rows;
  std::int64_t trainable = 0, fixed = 0;
  for (std::size_t i = 0; i < s.specs.size(); ++i) {
    std::int64_t count = 0;
    for (const Parameter& p : s.functions[i]->parameters()) {
      count += p.shape.elements();
      (p.trainable ? trainable : fixed) += p.shape.elements();
    }
    rows.push_back({layer_name(s.specs[i]) + " (" + std::string(s.specs[i].class_name()) + ")",
                    with_none(layer_output_shape(i)), with_commas(count)});
  }
  const Row head{"Layer (type)", "Output Shape", "Param #"};
  Widths widths{31, 22, 13};
  for (std::size_t i = 0; i < widths.size(); ++i) {
    for (const Row& row : rows) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text = "Model: \"" + s.name + "\"\n";
  text += rule(widths, "┏", "━", "┳", "┓") + cells(widths, head, "┃") + rule(widths, "┡", "━", "╇", "┩");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i > 0) text += rule(widths, "├", "─", "┼", "┤");
    text += cells(widths, rows[i], "│");
  }
  text += rule(widths, "└", "─", "┴", "┘");
  text += " Total params: " + with_bytes(trainable + fixed) + "\n Trainable params: " + with_bytes(trainable) +
          "\n Non-trainable params: " + with_bytes(fixed) + "\n";
  return text;
}

}  // namespace gradus
