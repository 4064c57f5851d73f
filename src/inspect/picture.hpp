#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <gradus/dataset.hpp>

namespace gradus {

/// An image in red, green and blue bytes, row-major.
struct Picture {
  std::int64_t width = 0, height = 0;
  std::vector<std::uint8_t> rgb;

  Picture() = default;
  /// All black.
  Picture(std::int64_t w, std::int64_t h) : width(w), height(h), rgb(static_cast<std::size_t>(3 * w * h)) {}
  [[nodiscard]] std::uint8_t* at(std::int64_t x, std::int64_t y) {
    return &rgb[static_cast<std::size_t>(3 * (y * width + x))];
  }
  [[nodiscard]] const std::uint8_t* at(std::int64_t x, std::int64_t y) const {
    return &rgb[static_cast<std::size_t>(3 * (y * width + x))];
  }
};

/// Whether samples of this shape can be drawn: (h, w), (h, w, 1), (h, w, 3).
bool is_image_shape(const Shape& sample_shape);

/// Sample `index` as an image. Bytes are drawn as they are; other numbers are taken as 0 to 1 when they lie there, as
/// 0 to 255 when they lie there, and are stretched to fit otherwise. Throws `invalid_argument` for an index outside the
/// set or samples that are no images.
Picture picture_of(const Dataset& data, std::int64_t index);

/// Every pixel `factor` times as wide and high.
Picture enlarged(const Picture& picture, std::int64_t factor);
/// Another size, each new pixel the mean of the area that it covers.
Picture resized(const Picture& picture, std::int64_t width, std::int64_t height);

/// What a terminal can show.
enum class Colors {
  none,     ///< plain characters, from dark to bright
  palette,  ///< the 256 colours of xterm
  full,     ///< 24 bits
};

/// The image in lines of text, two rows of pixels in a line of half-block characters (or in one plain character),
/// each line ended by '\n'.
std::string picture_text(const Picture& picture, Colors colors);

/// An image with what was made of it.
struct GridCell {
  Picture picture;
  std::string predicted;
  std::string truth;
  bool wrong = false;
};

/// Images side by side, `columns` in a line, with their predictions below; wrong ones are marked and say what would
/// have been right. Shrunk so that a line takes at most `width` characters.
std::string grid_text(std::span<const GridCell> cells, std::int64_t columns, Colors colors, std::int64_t width);
/// The same as one image: wrong ones have a red frame.
Picture grid_picture(std::span<const GridCell> cells, std::int64_t columns);

}  // namespace gradus
