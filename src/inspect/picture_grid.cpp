#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "inspect/picture.hpp"

namespace gradus {

namespace {

using Color = std::array<std::uint8_t, 3>;

/// Letters of 3 x 5 pixels: five rows from the top, each an octal digit whose highest bit is the left pixel.
struct Glyph {
  char letter;
  std::string_view rows;
};
constexpr Glyph glyphs[] = {
    {'0', "75557"}, {'1', "26227"}, {'2', "71747"}, {'3', "71717"}, {'4', "55711"}, {'5', "74717"}, {'6', "74757"},
    {'7', "71122"}, {'8', "75757"}, {'9', "75717"}, {'A', "25755"}, {'B', "65656"}, {'C', "34443"}, {'D', "65556"},
    {'E', "74647"}, {'F', "74644"}, {'G', "34553"}, {'H', "55755"}, {'I', "72227"}, {'J', "11152"}, {'K', "55655"},
    {'L', "44447"}, {'M', "57755"}, {'N', "75555"}, {'O', "25552"}, {'P', "65644"}, {'Q', "25573"}, {'R', "65655"},
    {'S', "34216"}, {'T', "72222"}, {'U', "55557"}, {'V', "55552"}, {'W', "55775"}, {'X', "55255"}, {'Y', "55222"},
    {'Z', "71247"}, {'.', "00002"}, {',', "00024"}, {'-', "00700"}, {'/', "11244"}, {':', "02020"}, {' ', "00000"},
};

std::string_view rows_of(char letter) {
  const auto upper = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  const auto* found =
      std::find_if(std::begin(glyphs), std::end(glyphs), [&](const Glyph& g) { return g.letter == upper; });
  return found == std::end(glyphs) ? std::string_view("71202") : found->rows;
}

void fill(Picture& picture, std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height,
          const Color& color) {
  for (std::int64_t v = std::max<std::int64_t>(y, 0); v < std::min(y + height, picture.height); ++v) {
    for (std::int64_t u = std::max<std::int64_t>(x, 0); u < std::min(x + width, picture.width); ++u) {
      std::copy_n(color.data(), 3, picture.at(u, v));
    }
  }
}

/// Writes text no further than column `end`, each glyph's pixel `scale` wide.
void write(Picture& picture, std::int64_t x, std::int64_t y, std::int64_t end, std::int64_t scale,
           const std::string& text, const Color& color) {
  for (const char letter : text) {
    if (x + 3 * scale > end) return;
    for (std::int64_t row = 0; row < 5; ++row) {
      const int bits = rows_of(letter)[static_cast<std::size_t>(row)] - '0';
      for (std::int64_t column = 0; column < 3; ++column) {
        if ((bits >> (2 - column) & 1) != 0) fill(picture, x + column * scale, y + row * scale, scale, scale, color);
      }
    }
    x += 4 * scale;
  }
}

void paste(const Picture& from, Picture& to, std::int64_t x, std::int64_t y) {
  for (std::int64_t row = 0; row < from.height; ++row) std::copy_n(from.at(0, row), 3 * from.width, to.at(x, y + row));
}

}  // namespace

Picture grid_picture(std::span<const GridCell> cells, std::int64_t columns) {
  constexpr std::int64_t margin = 6, frame = 2, letter = 2, caption = 5 * letter + 6;
  constexpr Color paper{250, 250, 250}, ink{30, 30, 30}, red{208, 32, 32};
  if (cells.empty()) return {};
  const std::int64_t factor = std::max<std::int64_t>(1, 84 / std::max(cells[0].picture.width, cells[0].picture.height));
  const std::int64_t width = cells[0].picture.width * factor, height = cells[0].picture.height * factor;
  const std::int64_t step_x = width + 2 * margin, step_y = height + caption + 2 * margin;
  const auto count = static_cast<std::int64_t>(cells.size());
  Picture grid(step_x * std::min(columns, count), step_y * ((count + columns - 1) / columns));
  fill(grid, 0, 0, grid.width, grid.height, paper);
  for (std::int64_t i = 0; i < count; ++i) {
    const GridCell& cell = cells[static_cast<std::size_t>(i)];
    const std::int64_t x = i % columns * step_x + margin, y = i / columns * step_y + margin;
    if (cell.wrong) fill(grid, x - frame, y - frame, width + 2 * frame, height + 2 * frame, red);
    paste(enlarged(cell.picture, factor), grid, x, y);
    write(grid, x, y + height + 5, x + width, letter,
          cell.wrong ? cell.predicted + ", is " + cell.truth : cell.predicted, cell.wrong ? red : ink);
  }
  return grid;
}

}  // namespace gradus
