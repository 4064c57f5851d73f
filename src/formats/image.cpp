#include "formats/image.hpp"

#include <algorithm>

#include <gradus/error.hpp>

#include "base/atomic_file.hpp"
#include "base/gzip.hpp"
#include "base/text.hpp"
#include "formats/image_codecs.hpp"

namespace gradus {
namespace {

constexpr std::uint64_t largest_file = std::uint64_t{256} << 20;

bool begins_with(std::span<const std::uint8_t> bytes, std::string_view start) {
  return bytes.size() >= start.size() &&
         std::equal(start.begin(), start.end(), bytes.begin(),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

constexpr std::string_view png_start = "\x89PNG\r\n\x1a\n";
constexpr std::string_view jpeg_start = "\xff\xd8\xff";

/// The name of an image format that is not read; empty when it is none that is known.
std::string other_format(std::span<const std::uint8_t> bytes) {
  if (begins_with(bytes, "GIF8")) return "GIF";
  if (begins_with(bytes, "BM")) return "BMP";
  if (begins_with(bytes, "RIFF") && begins_with(bytes.subspan(std::min<std::size_t>(8, bytes.size())), "WEBP")) {
    return "WebP";
  }
  if (begins_with(bytes, "II*") || begins_with(bytes, "MM")) return "TIFF";
  return {};
}

}  // namespace

void check_image_size(std::uint64_t width, std::uint64_t height, const std::string& name) {
  constexpr std::uint64_t longest_side = 16'384, most_pixels = 64'000'000;
  if (width > 0 && height > 0 && width <= longest_side && height <= longest_side && width * height <= most_pixels) {
    return;
  }
  throw Error(ErrorCode::bad_data, name + ": an image of " + std::to_string(width) + " x " + std::to_string(height) +
                                       " pixels; up to 16,384 a side and 64 million in all are read");
}

bool is_image(std::span<const std::uint8_t> first_bytes) {
  return begins_with(first_bytes, png_start) || begins_with(first_bytes, jpeg_start);
}

Image decode_image(std::span<const std::uint8_t> bytes, const std::string& name) {
  if (begins_with(bytes, png_start)) return decode_png(bytes, name);
  if (begins_with(bytes, jpeg_start)) return decode_jpeg(bytes, name);
  if (bytes.empty()) throw Error(ErrorCode::bad_data, name + ": is empty");
  const std::string other = other_format(bytes);
  if (!other.empty()) throw Error(ErrorCode::unsupported, name + ": a " + other + " image; PNG and JPEG are read");
  throw Error(ErrorCode::bad_data, name + ": no image; PNG and JPEG are read");
}

Image read_image(const std::string& path) {
  InputFile file(path);
  if (file.file_size() > largest_file) {
    throw Error(ErrorCode::bad_data,
                path + ": " + std::to_string(file.file_size()) + " bytes are too many for an image");
  }
  return decode_image(file.read_up_to(largest_file), path);
}

void write_png(const std::string& path, const Image& image) { write_file_atomically(path, encode_png(image)); }

}  // namespace gradus
