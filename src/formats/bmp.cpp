#include <algorithm>
#include <array>
#include <bit>

#include <gradus/error.hpp>

#include "base/byte_reader.hpp"
#include "formats/image_codecs.hpp"

namespace gradus {
namespace {

using Colour = std::array<std::uint8_t, 3>;  // red, green, blue

// How pixels are stored (BITMAPINFOHEADER's biCompression).
enum : std::uint32_t { plain = 0, rle8 = 1, rle4 = 2, bit_fields = 3, alpha_bit_fields = 6 };

struct Header {
  std::int64_t width = 0, height = 0;
  bool top_down = false;  ///< the first row of the file is the topmost
  unsigned bits = 0;      ///< a pixel
  std::uint32_t compression = plain;
  std::array<std::uint32_t, 4> masks{};  ///< of red, green, blue and alpha, for 16 and 32 bits
  std::vector<Colour> palette;           ///< for up to 8 bits
};

[[noreturn]] void refuse(const std::string& name, const std::string& what) {
  throw Error(ErrorCode::unsupported, name + ": a BMP image " + what + ", which is not read");
}

/// The masks behind or in the header. `info` is the header's size.
void read_masks(ByteReader& reader, std::uint32_t info, Header& header) {
  header.masks = {0xff0000, 0xff00, 0xff, 0};
  if (header.bits == 16) header.masks = {0x7c00, 0x3e0, 0x1f, 0};
  if (header.compression != bit_fields && header.compression != alpha_bit_fields) return;
  const bool with_alpha = info >= 56 || header.compression == alpha_bit_fields;
  for (std::size_t i = 0; i < (with_alpha ? 4U : 3U); ++i) header.masks[i] = reader.le<std::uint32_t>();
  for (const std::uint32_t mask : header.masks) {
    const std::uint32_t ones = mask == 0 ? 0 : mask >> std::countr_zero(mask);
    if ((ones & (ones + 1)) != 0) reader.fail("a damaged BMP image: a colour's bits are not side by side");
  }
}

/// Reads the header and the palette, and leaves the reader at the pixels.
Header read_header(ByteReader& reader, const ImageLimits& limits) {
  constexpr std::size_t file_header = 14;
  reader.seek(10);
  const auto pixels_at = reader.le<std::uint32_t>();
  const auto info = reader.le<std::uint32_t>();
  Header header;
  std::uint32_t colours = 0;
  if (info == 12) {
    header.width = reader.le<std::uint16_t>(), header.height = reader.le<std::uint16_t>();
  } else {
    header.width = reader.le<std::int32_t>(), header.height = reader.le<std::int32_t>();
  }
  header.top_down = header.height < 0;
  header.height = std::abs(header.height);
  if (header.width <= 0) reader.fail("a damaged BMP image: its width is " + std::to_string(header.width));
  check_image_size(static_cast<std::uint64_t>(header.width), static_cast<std::uint64_t>(header.height), reader.name(),
                   limits);
  reader.skip(2);
  header.bits = reader.le<std::uint16_t>();
  if (info >= 40) {
    header.compression = reader.le<std::uint32_t>();
    reader.skip(12);
    colours = reader.le<std::uint32_t>();
    reader.skip(4);
  }
  const unsigned bits = header.bits;
  if (bits != 1 && bits != 2 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32) {
    reader.fail("a damaged BMP image: " + std::to_string(bits) + " bits a pixel");
  }
  const bool fields = header.compression == bit_fields || header.compression == alpha_bit_fields;
  const bool fits = header.compression == plain || (header.compression == rle8 && bits == 8) ||
                    (header.compression == rle4 && bits == 4) || (fields && info != 64 && (bits == 16 || bits == 32));
  if (!fits)
    refuse(reader.name(),
           "with compression " + std::to_string(header.compression) + " at " + std::to_string(bits) + " bits a pixel");
  read_masks(reader, info, header);
  if (bits <= 8) {
    reader.seek(std::max(reader.position(), file_header + info));
    const std::uint32_t most = 1U << bits;
    for (std::uint32_t i = 0; i < (colours == 0 ? most : std::min(colours, most)); ++i) {
      const auto blue = reader.u8(), green = reader.u8(), red = reader.u8();
      header.palette.push_back({red, green, blue});
      if (info != 12) reader.skip(1);
    }
  }
  if (pixels_at != 0) reader.seek(pixels_at);
  return header;
}

/// A run-length encoded image as one palette index a pixel, in the file's order; pixels left out are 0. Pairs of bytes:
/// a count and what to repeat; after a count of 0 a row's end (0), the end (1), a move (2: to the right and on), or so
/// many single pixels, filled up to a whole number of 16 bits.
std::vector<std::uint8_t> run_lengths(ByteReader& reader, const Header& header) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(header.width * header.height));
  std::int64_t x = 0, y = 0;
  const bool halves = header.compression == rle4;
  const auto put = [&](std::uint8_t index) {
    if (x >= header.width || y >= header.height) reader.fail("a damaged BMP image: a run ends outside of it");
    pixels[static_cast<std::size_t>(y * header.width + x++)] = index;
  };
  const auto half = [](std::uint8_t byte, int i) {
    return static_cast<std::uint8_t>(i % 2 == 0 ? byte >> 4 : byte & 15);
  };
  while (!reader.at_end()) {
    const int count = reader.u8();
    const std::uint8_t what = reader.u8();
    if (count > 0) {
      for (int i = 0; i < count; ++i) put(halves ? half(what, i) : what);
    } else if (what == 0) {
      x = 0, ++y;
    } else if (what == 1) {
      return pixels;
    } else if (what == 2) {
      x += reader.u8();
      y += reader.u8();
    } else {
      const auto bytes = reader.take(halves ? (what + 1U) / 2 : what);
      for (int i = 0; i < what; ++i) {
        const auto at = static_cast<std::size_t>(halves ? i / 2 : i);
        put(halves ? half(bytes[at], i) : bytes[at]);
      }
      if (bytes.size() % 2 != 0) reader.skip(1);
    }
  }
  reader.fail("a damaged BMP image: it ends before its last row");
}

/// The number in these bits, brought to 0 to 255.
std::uint8_t channel(std::uint32_t pixel, std::uint32_t mask) {
  if (mask == 0) return 0;
  const std::uint64_t most = mask >> std::countr_zero(mask);
  const std::uint64_t value = (pixel & mask) >> std::countr_zero(mask);
  return static_cast<std::uint8_t>((value * 255 + most / 2) / most);
}

class Painter {
 public:
  Painter(const Header& header, const std::string& name) : header_(header), name_(name) {}

  /// One row of the file to red, green, blue and alpha.
  void row(std::span<const std::uint8_t> from, std::uint8_t* to) const {
    const unsigned bits = header_.bits;
    for (std::size_t x = 0; x < static_cast<std::size_t>(header_.width); ++x, to += 4) {
      to[3] = 255;
      if (bits <= 8) {
        const std::size_t bit = x * bits;
        index(from[bit / 8] >> (8 - bits - bit % 8) & ((1U << bits) - 1), to);
      } else if (bits == 24) {
        for (std::size_t c = 0; c < 3; ++c) to[c] = from[3 * x + 2 - c];
      } else {
        std::uint32_t pixel = 0;
        for (std::size_t i = bits / 8; i-- > 0;) pixel = pixel << 8 | from[bits / 8 * x + i];
        for (std::size_t c = 0; c < 3; ++c) to[c] = channel(pixel, header_.masks[c]);
        if (header_.masks[3] != 0) to[3] = channel(pixel, header_.masks[3]);
      }
    }
  }
  void index(std::size_t number, std::uint8_t* to) const {
    if (number >= header_.palette.size()) {
      throw Error(ErrorCode::bad_data, name_ + ": a damaged BMP image: a pixel has colour " + std::to_string(number) +
                                           " of " + std::to_string(header_.palette.size()));
    }
    std::copy_n(header_.palette[number].begin(), 3, to);
    to[3] = 255;
  }

 private:
  const Header& header_;
  const std::string& name_;
};

}  // namespace

Image decode_bmp(std::span<const std::uint8_t> bytes, const std::string& name, const ImageLimits& limits) {
  ByteReader reader(name, bytes);
  const Header header = read_header(reader, limits);
  const Painter painter(header, name);
  const auto width = static_cast<std::size_t>(header.width);
  const bool packed = header.compression == rle8 || header.compression == rle4;
  const std::vector<std::uint8_t> indices = packed ? run_lengths(reader, header) : std::vector<std::uint8_t>{};
  // Rows begin at whole multiples of 4 bytes; the last one need not be filled up.
  const std::size_t row_bytes = (width * header.bits + 7) / 8, stride = (row_bytes + 3) / 4 * 4;
  const auto height = static_cast<std::size_t>(header.height);
  if (!packed && reader.remaining() < stride * (height - 1) + row_bytes) {
    reader.fail("a damaged BMP image: it ends before its last row");
  }
  const std::size_t begin = reader.position();
  RgbaImage image(header.width, header.height);
  image.grey = header.bits <= 8 && std::all_of(header.palette.begin(), header.palette.end(),
                                               [](const Colour& c) { return c[0] == c[1] && c[1] == c[2]; });
  for (std::int64_t y = 0; y < header.height; ++y) {
    const auto from = static_cast<std::size_t>(y);
    std::uint8_t* to = image.at(0, header.top_down ? y : header.height - 1 - y);
    if (!packed) painter.row(bytes.subspan(begin + from * stride, row_bytes), to);
    for (std::size_t x = 0; packed && x < width; ++x) painter.index(indices[from * width + x], to + 4 * x);
  }
  // Programs that know no alpha leave its bits 0 throughout.
  bool seen = header.masks[3] == 0;
  for (std::size_t i = 3; i < image.pixels.size() && !seen; i += 4) seen = image.pixels[i] != 0;
  for (std::size_t i = 3; i < image.pixels.size() && !seen; i += 4) image.pixels[i] = 255;
  return without_alpha(image);
}

}  // namespace gradus
