#include <spng.h>

#include <cstdlib>
#include <memory>

#include <gradus/error.hpp>

#include "formats/image_codecs.hpp"

namespace gradus {
namespace {

struct FreeContext {
  void operator()(spng_ctx* context) const { spng_ctx_free(context); }
};
using Context = std::unique_ptr<spng_ctx, FreeContext>;

void check(int status, const std::string& name) {
  if (status != 0) throw Error(ErrorCode::bad_data, name + ": a damaged PNG image: " + spng_strerror(status));
}

int orientation_of(spng_ctx* context) {
  spng_decode_chunks(context);  // those behind the pixels; damage there costs no pixel
  spng_exif exif{};
  if (spng_get_exif(context, &exif) != 0) return 1;
  return exif_orientation({reinterpret_cast<const std::uint8_t*>(exif.data), exif.length});
}

}  // namespace

Image decode_png(std::span<const std::uint8_t> bytes, const std::string& name, const ImageLimits& limits) {
  const Context context(spng_ctx_new(0));
  if (context == nullptr) throw Error(ErrorCode::io, name + ": there is no memory for a PNG image");
  constexpr std::size_t most_text = std::size_t{1} << 20;  // comments and colour profiles, which are not used
  spng_set_chunk_limits(context.get(), most_text, most_text);
  check(spng_set_png_buffer(context.get(), bytes.data(), bytes.size()), name);
  spng_ihdr header{};
  check(spng_get_ihdr(context.get(), &header), name);
  check_image_size(header.width, header.height, name, limits);

  std::size_t size = 0;
  check(spng_decoded_image_size(context.get(), SPNG_FMT_RGBA8, &size), name);
  RgbaImage image(header.width, header.height);
  if (size != image.pixels.size()) check(SPNG_EINTERNAL, name);
  check(spng_decode_image(context.get(), image.pixels.data(), size, SPNG_FMT_RGBA8, SPNG_DECODE_TRNS), name);
  image.grey = header.color_type == SPNG_COLOR_TYPE_GRAYSCALE || header.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA;
  return upright(without_alpha(image), orientation_of(context.get()));
}

std::vector<std::uint8_t> encode_png(const Image& image) {
  const bool sound = (image.channels == 1 || image.channels == 3) && image.width > 0 && image.height > 0 &&
                     image.width <= 1'000'000 && image.height <= 1'000'000 &&
                     static_cast<std::int64_t>(image.pixels.size()) == image.width * image.height * image.channels;
  if (!sound) {
    throw Error(ErrorCode::invalid_argument,
                "no image: " + std::to_string(image.width) + " x " + std::to_string(image.height) + " pixels of " +
                    std::to_string(image.channels) + " channels in " + std::to_string(image.pixels.size()) + " bytes");
  }
  const Context context(spng_ctx_new(SPNG_CTX_ENCODER));
  if (context == nullptr) throw Error(ErrorCode::io, "there is no memory for a PNG image");
  const auto good = [](int status) {
    if (status != 0) throw Error(ErrorCode::io, std::string("a PNG image cannot be made: ") + spng_strerror(status));
  };
  spng_ihdr header{};
  header.width = static_cast<std::uint32_t>(image.width);
  header.height = static_cast<std::uint32_t>(image.height);
  header.bit_depth = 8;
  header.color_type = image.channels == 1 ? SPNG_COLOR_TYPE_GRAYSCALE : SPNG_COLOR_TYPE_TRUECOLOR;
  good(spng_set_option(context.get(), SPNG_ENCODE_TO_BUFFER, 1));
  good(spng_set_ihdr(context.get(), &header));
  good(spng_encode_image(context.get(), image.pixels.data(), image.pixels.size(), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE));
  std::size_t size = 0;
  int status = 0;
  void* const buffer = spng_get_png_buffer(context.get(), &size, &status);
  good(status);
  const auto* const first = static_cast<const std::uint8_t*>(buffer);
  std::vector<std::uint8_t> bytes(first, first + size);
  std::free(buffer);
  return bytes;
}

}  // namespace gradus
