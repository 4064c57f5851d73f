#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "base/text.hpp"
#include "inspect/picture.hpp"

namespace gradus {

namespace {

/// Plain characters by the share of their cell that they cover.
constexpr std::string_view ramp = " .:-=+*#%@";
constexpr std::string_view upper_half = "\xE2\x96\x80";

int brightness(const std::uint8_t* rgb) { return (299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2]) / 1000; }

/// The nearest of xterm's 256 colours: 24 greys from 232 on, or the 6x6x6 cube from 16 on.
int palette_index(const std::uint8_t* rgb) {
  const auto level = [](int value) { return value < 48 ? 0 : value < 115 ? 1 : std::min(5, (value - 35) / 40); };
  const auto [low, high] = std::minmax({rgb[0], rgb[1], rgb[2]});
  if (high - low < 12) {
    const int grey = (brightness(rgb) - 3) / 10;
    return grey < 1 && brightness(rgb) < 4 ? 16 : grey > 23 ? 231 : 232 + grey;
  }
  return 16 + 36 * level(rgb[0]) + 6 * level(rgb[1]) + level(rgb[2]);
}

/// `layer` is 38 for the letter's colour, 48 for what lies behind it.
std::string color_code(int layer, const std::uint8_t* rgb, Colors colors) {
  const std::string head = "\x1b[" + std::to_string(layer);
  if (colors == Colors::palette) return head + ";5;" + std::to_string(palette_index(rgb)) + "m";
  return head + ";2;" + std::to_string(rgb[0]) + ";" + std::to_string(rgb[1]) + ";" + std::to_string(rgb[2]) + "m";
}

/// Two rows of pixels as one line of text, without a line end.
std::string line_text(const Picture& picture, std::int64_t y, Colors colors) {
  static constexpr std::array<std::uint8_t, 3> black{};
  std::string line, front, back;
  for (std::int64_t x = 0; x < picture.width; ++x) {
    const std::uint8_t* top = picture.at(x, y);
    const std::uint8_t* bottom = y + 1 < picture.height ? picture.at(x, y + 1) : black.data();
    if (colors == Colors::none) {
      const int mean = (brightness(top) + brightness(bottom)) / 2;
      line += ramp[static_cast<std::size_t>(mean) * ramp.size() / 256];
      continue;
    }
    std::string new_front = color_code(38, top, colors), new_back = color_code(48, bottom, colors);
    if (new_front != front) line += new_front;
    if (new_back != back) line += new_back;
    front = std::move(new_front);
    back = std::move(new_back);
    line += upper_half;
  }
  return colors == Colors::none ? line : line + "\x1b[0m";
}

/// At most `width` characters of UTF-8 text, filled up with spaces.
std::string fitted(const std::string& text, std::int64_t width) {
  std::int64_t count = 0;
  std::size_t end = 0;
  while (end < text.size() && count < width) {
    ++end;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    ++count;
  }
  return text.substr(0, end) + std::string(static_cast<std::size_t>(width - count), ' ');
}

std::string caption(const GridCell& cell, std::int64_t width, Colors colors) {
  if (!cell.wrong) return fitted("  " + printable(cell.predicted), width);
  const std::string words = printable(cell.predicted + ", is " + cell.truth);
  if (colors == Colors::none) return fitted("x " + words, width);
  return "\x1b[1;31m" + fitted("\xE2\x9C\x97 " + words, width) + "\x1b[0m";
}

}  // namespace

std::string picture_text(const Picture& picture, Colors colors) {
  std::string text;
  for (std::int64_t y = 0; y < picture.height; y += 2) text += line_text(picture, y, colors) + "\n";
  return text;
}

std::string grid_text(std::span<const GridCell> cells, std::int64_t columns, Colors colors, std::int64_t width) {
  if (cells.empty()) return {};
  constexpr std::int64_t gap = 2;
  const Picture& first = cells[0].picture;
  const std::int64_t room = std::max<std::int64_t>((width + gap) / columns - gap, 4);
  const std::int64_t cell_width = std::min(first.width, room);
  // Even, since two rows of pixels share a line.
  const std::int64_t cell_height = std::max<std::int64_t>(first.height * cell_width / first.width / 2 * 2, 2);
  std::string text;
  for (std::size_t begin = 0; begin < cells.size(); begin += static_cast<std::size_t>(columns)) {
    const auto row = cells.subspan(begin, std::min(cells.size() - begin, static_cast<std::size_t>(columns)));
    std::vector<Picture> pictures;
    for (const GridCell& cell : row) {
      const bool fits = cell.picture.width == cell_width && cell.picture.height == cell_height;
      pictures.push_back(fits ? cell.picture : resized(cell.picture, cell_width, cell_height));
    }
    for (std::int64_t y = 0; y < cell_height; y += 2) {
      for (std::size_t i = 0; i < row.size(); ++i) text += (i == 0 ? "" : "  ") + line_text(pictures[i], y, colors);
      text += "\n";
    }
    for (std::size_t i = 0; i < row.size(); ++i) text += (i == 0 ? "" : "  ") + caption(row[i], cell_width, colors);
    text += "\n\n";
  }
  text.pop_back();
  return text;
}

}  // namespace gradus
