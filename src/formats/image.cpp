#include "formats/image.hpp"

#include <algorithm>
#include <array>

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

bool has_at(std::span<const std::uint8_t> bytes, std::size_t at, std::string_view part) {
  return bytes.size() >= at && begins_with(bytes.subspan(at), part);
}

bool is_bmp(std::span<const std::uint8_t> bytes) {
  // Text may begin with BM; the size of the second header, four bytes, is none that text could have.
  constexpr std::array<std::uint8_t, 8> header_sizes{12, 16, 40, 52, 56, 64, 108, 124};
  using namespace std::string_view_literals;
  return begins_with(bytes, "BM") && has_at(bytes, 15, "\0\0\0"sv) &&
         std::find(header_sizes.begin(), header_sizes.end(), bytes[14]) != header_sizes.end();
}

bool is_tiff(std::span<const std::uint8_t> bytes) {
  using namespace std::string_view_literals;
  return begins_with(bytes, "II*\0"sv) || begins_with(bytes, "MM\0*"sv) || begins_with(bytes, "II+\0"sv) ||
         begins_with(bytes, "MM\0+"sv);
}

using Decode = Image(std::span<const std::uint8_t> bytes, const std::string& name, const ImageLimits& limits);

/// What reads these bytes; null for no image, or none that is read.
Decode* decoder_of(std::span<const std::uint8_t> bytes) {
  if (begins_with(bytes, "\x89PNG\r\n\x1a\n")) return decode_png;
  if (begins_with(bytes, "\xff\xd8\xff")) return decode_jpeg;
  if (begins_with(bytes, "RIFF") && has_at(bytes, 8, "WEBP")) return decode_webp;
  if (begins_with(bytes, "GIF87a") || begins_with(bytes, "GIF89a")) return decode_gif;
  if (is_bmp(bytes)) return decode_bmp;
  if (is_tiff(bytes)) return decode_tiff;
  return nullptr;
}

/// The name of an image format that is not read; empty when it is none that is known.
std::string other_format(std::span<const std::uint8_t> bytes) {
  using namespace std::string_view_literals;
  if (has_at(bytes, 4, "ftyp")) {
    if (has_at(bytes, 8, "avif") || has_at(bytes, 8, "avis")) return "AVIF";
    for (const char* brand : {"heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1"}) {
      if (has_at(bytes, 8, brand)) return "HEIC";
    }
  }
  if (begins_with(bytes, "8BPS")) return "Photoshop";
  if (begins_with(bytes, "\0\0\1\0"sv)) return "ICO";
  if (begins_with(bytes, "\0\0\0\x0cjP  "sv)) return "JPEG 2000";
  if (begins_with(bytes, "\xff\x0a") || begins_with(bytes, "\0\0\0\x0cJXL "sv)) return "JPEG XL";
  return {};
}

constexpr std::string_view formats_read = "PNG, JPEG, WebP, BMP, TIFF and GIF are read";

}  // namespace

void check_image_size(std::uint64_t width, std::uint64_t height, const std::string& name, const ImageLimits& limits) {
  constexpr std::uint64_t longest_side = 16'384;
  const auto most_pixels = static_cast<std::uint64_t>(limits.most_pixels);
  if (width > 0 && height > 0 && width <= longest_side && height <= longest_side && width * height <= most_pixels) {
    return;
  }
  throw Error(ErrorCode::bad_data, name + ": an image of " + std::to_string(width) + " x " + std::to_string(height) +
                                       " pixels; up to 16,384 a side and " + with_commas(limits.most_pixels) +
                                       " in all are read");
}

bool is_image(std::span<const std::uint8_t> first_bytes) { return decoder_of(first_bytes) != nullptr; }

Image decode_image(std::span<const std::uint8_t> bytes, const std::string& name, const ImageLimits& limits) {
  if (Decode* const decode = decoder_of(bytes)) return decode(bytes, name, limits);
  if (bytes.empty()) throw Error(ErrorCode::bad_data, name + ": is empty");
  const std::string other = other_format(bytes);
  if (!other.empty()) {
    throw Error(ErrorCode::unsupported, name + ": " + (other == "AVIF" || other == "ICO" ? "an " : "a ") + other +
                                            " image; " + std::string(formats_read));
  }
  throw Error(ErrorCode::bad_data, name + ": no image; " + std::string(formats_read));
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
