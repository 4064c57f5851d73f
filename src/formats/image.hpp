#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace gradus {

/// Pixels of 8 bits a channel, row-major, all channels of a pixel together.
struct Image {
  std::int64_t width = 0, height = 0;
  std::int64_t channels = 1;  ///< 1 grey, 3 red green blue
  std::vector<std::uint8_t> pixels;
  std::int64_t reduced = 1;  ///< read at 1/reduced of the file's size (ImageLimits::may_reduce)
};

/// How large an image may be, by what its file says of itself: looked at before a pixel is decoded.
struct ImageLimits {
  std::int64_t most_pixels = 64'000'000;
  /// Larger ones are read at 1/2, 1/4 or 1/8 of their size where the format allows that: JPEG that is not progressive.
  bool may_reduce = false;
};

/// How many of a file's first bytes tell whether it is an image.
constexpr std::size_t image_start_bytes = 32;
/// Whether these bytes, a file's first, begin as those of an image file that is read do: PNG, JPEG, WebP, BMP, TIFF or
/// GIF.
bool is_image(std::span<const std::uint8_t> first_bytes);
/// Reads a PNG, JPEG, WebP, BMP, TIFF or GIF file, told apart by content; of several pictures in a file the first.
/// Grey (also a palette of greys) stays grey, all else becomes RGB; 16-bit channels lose their lower half. What is
/// transparent lies on white, or on black where next to nothing would be seen on white, as with white ink. An
/// orientation in the file (EXIF in PNG, JPEG and WebP; TIFF's own) is applied: the image is as it is to be looked at.
/// Throws `not_found` and `io` for the file, `bad_data` for a damaged image or one of more than 16,384 pixels a side or
/// 64 million in all, `unsupported` for another format.
Image read_image(const std::string& path);
/// The same from bytes; `name` is what messages call them.
Image decode_image(std::span<const std::uint8_t> bytes, const std::string& name, const ImageLimits& limits = {});

/// Another size. Each new pixel is the mean of the old ones around it, weighted by a triangle that reaches as far as
/// one new or one old pixel, whichever is wider: smooth when enlarged, nothing left out when shrunk. Pillow's BILINEAR.
Image resized(const Image& image, std::int64_t width, std::int64_t height);
/// With 1 or 3 channels: grey is 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601).
Image with_channels(const Image& image, std::int64_t channels);

/// A PNG file: grey or RGB, 8 bits a channel. Throws `invalid_argument` for an image of no size, of other channels, or
/// with another number of pixels than it says.
std::vector<std::uint8_t> encode_png(const Image& image);
/// Replaces the file in one step. Throws `io` as AtomicFile does.
void write_png(const std::string& path, const Image& image);

}  // namespace gradus
