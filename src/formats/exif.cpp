#include <algorithm>
#include <string_view>

#include "formats/image_codecs.hpp"

namespace gradus {
namespace {

constexpr std::string_view exif_mark{"Exif\0\0", 6};

/// The bytes as TIFF lays them out: numbers in either order of bytes. Outside the bytes, numbers are 0.
struct Tiff {
  std::span<const std::uint8_t> bytes;
  bool little = true;

  [[nodiscard]] std::uint32_t number(std::size_t at, std::size_t size) const {
    if (at > bytes.size() || size > bytes.size() - at) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value = value << 8 | bytes[at + (little ? size - 1 - i : i)];
    return value;
  }
};

}  // namespace

int exif_orientation(std::span<const std::uint8_t> exif) {
  const auto same = [](char mark, std::uint8_t byte) { return static_cast<std::uint8_t>(mark) == byte; };
  if (exif.size() >= exif_mark.size() && std::equal(exif_mark.begin(), exif_mark.end(), exif.begin(), same)) {
    exif = exif.subspan(exif_mark.size());
  }
  if (exif.size() < 8 || exif[0] != exif[1] || (exif[0] != 'I' && exif[0] != 'M')) return 1;
  const Tiff tiff{exif, exif[0] == 'I'};
  // A directory: the count of its entries, then 12 bytes each: tag, type, count of values, the value or its place.
  constexpr std::uint32_t orientation_tag = 0x0112, type_short = 3;
  const std::size_t directory = tiff.number(4, 4), entries = tiff.number(directory, 2);
  for (std::size_t i = 0; i < entries && directory + 2 + 12 * i < exif.size(); ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    if (tiff.number(entry, 2) != orientation_tag || tiff.number(entry + 2, 2) != type_short) continue;
    const std::uint32_t value = tiff.number(entry + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

Image upright(Image image, int orientation) {
  if (orientation < 2 || orientation > 8) return image;
  const bool transposed = orientation >= 5;
  const std::int64_t w = image.width, h = image.height, channels = image.channels;
  Image result{transposed ? h : w, transposed ? w : h, channels, std::vector<std::uint8_t>(image.pixels.size())};
  auto to = result.pixels.begin();
  for (std::int64_t y = 0; y < result.height; ++y) {
    for (std::int64_t x = 0; x < result.width; ++x) {
      // Where the pixel lies in the file, transposed or not, and then counted from which side.
      std::int64_t u = transposed ? y : x, v = transposed ? x : y;
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) u = w - 1 - u;
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) v = h - 1 - v;
      to = std::copy_n(image.pixels.begin() + (v * w + u) * channels, channels, to);
    }
  }
  return result;
}

}  // namespace gradus
