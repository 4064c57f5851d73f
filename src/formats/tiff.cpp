#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include <gradus/error.hpp>

#include "formats/image_codecs.hpp"

namespace gradus {
namespace {

/// A file in memory, as libtiff reads it, and the first thing that libtiff found wrong.
struct Source {
  std::span<const std::uint8_t> bytes;
  std::uint64_t at = 0;
  std::string fault{};
};

Source& source_of(thandle_t handle) { return *static_cast<Source*>(handle); }

tmsize_t read_bytes(thandle_t handle, void* to, tmsize_t size) {
  Source& source = source_of(handle);
  const std::uint64_t left = source.bytes.size() - std::min<std::uint64_t>(source.at, source.bytes.size());
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left, static_cast<std::uint64_t>(size)));
  if (count > 0) std::memcpy(to, source.bytes.data() + source.at, count);
  source.at += count;
  return static_cast<tmsize_t>(count);
}
tmsize_t write_nothing(thandle_t, void*, tmsize_t) { return 0; }
toff_t seek(thandle_t handle, toff_t offset, int from) {
  Source& source = source_of(handle);
  const std::uint64_t base = from == SEEK_CUR ? source.at : from == SEEK_END ? source.bytes.size() : 0;
  return source.at = base + offset;
}
int close_nothing(thandle_t) { return 0; }
toff_t size_of(thandle_t handle) { return source_of(handle).bytes.size(); }

constexpr std::string_view file_word = "image: ";  // what libtiff calls the file that it is told of

int note_fault(TIFF*, void* user, const char*, const char* format, va_list values) {
  Source& source = source_of(user);
  if (!source.fault.empty()) return 1;
  char text[200] = "";
  std::vsnprintf(text, sizeof text, format, values);
  const std::string_view fault = text;
  source.fault = fault.starts_with(file_word) ? fault.substr(file_word.size()) : fault;
  return 1;
}
int ignore_warning(TIFF*, void*, const char*, const char*, va_list) { return 1; }

struct CloseTiff {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
struct FreeOptions {
  void operator()(TIFFOpenOptions* options) const { TIFFOpenOptionsFree(options); }
};
using Tiff = std::unique_ptr<TIFF, CloseTiff>;

Tiff open_tiff(Source& source, const ImageLimits& limits) {
  const std::unique_ptr<TIFFOpenOptions, FreeOptions> options(TIFFOpenOptionsAlloc());
  if (options == nullptr) return nullptr;
  // Pixels of 4 channels of 16 bits, and what decoders need beside.
  const tmsize_t most_memory = 8 * limits.most_pixels + (tmsize_t{1} << 20);
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), most_memory);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), note_fault, &source);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), ignore_warning, &source);
  return Tiff(TIFFClientOpenExt("image", "rm", &source, read_bytes, write_nothing, seek, close_nothing, size_of,
                                nullptr, nullptr, options.get()));
}

/// Undoes what libtiff did to the colours: it multiplies them by alpha.
std::uint8_t straight(std::uint32_t colour, std::uint32_t alpha) {
  return static_cast<std::uint8_t>(alpha == 0 ? 0 : std::min<std::uint32_t>(255, (colour * 255 + alpha / 2) / alpha));
}

/// The pixels in the order of the file, whatever its orientation. Empty where they cannot be decoded.
std::vector<std::uint32_t> read_raster(TIFF* tiff, std::uint32_t width, std::uint32_t height, std::string& fault) {
  std::vector<std::uint32_t> raster(std::size_t{width} * height);
  TIFFRGBAImage image{};
  char reason[1024] = "";
  if (TIFFRGBAImageBegin(&image, tiff, 1, reason) == 0) {
    fault = reason;
    return {};
  }
  image.req_orientation = image.orientation;
  const bool decoded = TIFFRGBAImageGet(&image, raster.data(), width, height) != 0;
  TIFFRGBAImageEnd(&image);
  return decoded ? std::move(raster) : std::vector<std::uint32_t>{};
}

bool is_grey(TIFF* tiff) {
  std::uint16_t photometric = 0;
  if (TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &photometric) == 0) return false;
  return photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE;
}

}  // namespace

Image decode_tiff(std::span<const std::uint8_t> bytes, const std::string& name, const ImageLimits& limits) {
  Source source{bytes};
  const auto damaged = [&] {
    return Error(ErrorCode::bad_data,
                 name + ": a damaged TIFF image: " + (source.fault.empty() ? "it cannot be decoded" : source.fault));
  };
  const Tiff tiff = open_tiff(source, limits);
  if (tiff == nullptr) throw damaged();
  std::uint32_t width = 0, height = 0;
  TIFFGetField(tiff.get(), TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(tiff.get(), TIFFTAG_IMAGELENGTH, &height);
  check_image_size(width, height, name, limits);
  char reason[1024] = "";
  if (TIFFRGBAImageOK(tiff.get(), reason) == 0) {
    throw Error(ErrorCode::unsupported, name + ": a kind of TIFF image that is not read: " + reason);
  }
  const std::vector<std::uint32_t> raster = read_raster(tiff.get(), width, height, source.fault);
  if (raster.empty()) throw damaged();

  RgbaImage image(width, height);
  image.grey = is_grey(tiff.get());
  auto to = image.pixels.begin();
  for (const std::uint32_t pixel : raster) {
    const std::uint32_t alpha = TIFFGetA(pixel);
    *to++ = straight(TIFFGetR(pixel), alpha);
    *to++ = straight(TIFFGetG(pixel), alpha);
    *to++ = straight(TIFFGetB(pixel), alpha);
    *to++ = static_cast<std::uint8_t>(alpha);
  }
  std::uint16_t orientation = 1;
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_ORIENTATION, &orientation);
  return upright(without_alpha(image), orientation);
}

}  // namespace gradus
