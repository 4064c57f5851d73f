#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "formats/image.hpp"

/// For image.cpp: one function a format, and what several formats need.
namespace gradus {

Image decode_png(std::span<const std::uint8_t> bytes, const std::string& name, const ImageLimits& limits);
Image decode_jpeg(std::span<const std::uint8_t> bytes, const std::string& name, const ImageLimits& limits);
Image decode_webp(std::span<const std::uint8_t> bytes, const std::string& name, const ImageLimits& limits);
Image decode_tiff(std::span<const std::uint8_t> bytes, const std::string& name, const ImageLimits& limits);
Image decode_gif(std::span<const std::uint8_t> bytes, const std::string& name, const ImageLimits& limits);
Image decode_bmp(std::span<const std::uint8_t> bytes, const std::string& name, const ImageLimits& limits);

/// Throws `bad_data` for an image that is too large, before memory is taken.
void check_image_size(std::uint64_t width, std::uint64_t height, const std::string& name, const ImageLimits& limits);

/// Red, green, blue and alpha, not premultiplied, row-major.
struct RgbaImage {
  std::int64_t width = 0, height = 0;
  std::vector<std::uint8_t> pixels;
  bool grey = false;  ///< red, green and blue are equal in each pixel

  /// All transparent.
  RgbaImage(std::int64_t w, std::int64_t h) : width(w), height(h), pixels(static_cast<std::size_t>(4 * w * h)) {}
  [[nodiscard]] std::uint8_t* at(std::int64_t x, std::int64_t y) {
    return &pixels[static_cast<std::size_t>(4 * (y * width + x))];
  }
};

/// The image on an opaque ground: white, or black where next to nothing would be seen on white and more on black, as
/// with white ink on a transparent ground.
Image without_alpha(const RgbaImage& image);

/// The orientation that EXIF data hold: 1 to 8 (Exif 2.3, tag 0x0112), 1 where there is none that can be read. `exif`
/// begins as a TIFF file does, or with "Exif" and two zeros before that.
int exif_orientation(std::span<const std::uint8_t> exif);
/// The image as it is to be looked at, from pixels stored in this orientation; as it is for one outside 1 to 8.
Image upright(Image image, int orientation);

}  // namespace gradus
