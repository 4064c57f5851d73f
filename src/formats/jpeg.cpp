#include <csetjmp>
#include <cstddef>
#include <cstdio>
// jpeglib.h needs the two before it, jerror.h needs jpeglib.h.
#include <jpeglib.h>

#include <jerror.h>

#include <cstring>
#include <utility>

#include <gradus/error.hpp>

#include "formats/image_codecs.hpp"

namespace gradus {
namespace {

/// libjpeg's way to fail: it calls error_exit, which must not return. The decoder below therefore jumps; between the
/// place it jumps to and any call of libjpeg no object with a destructor is made.
struct Decoder {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf failed{};
  char reason[JMSG_LENGTH_MAX] = "";
};

Decoder& decoder_of(j_common_ptr jpeg) { return *static_cast<Decoder*>(jpeg->client_data); }

[[noreturn]] void fail(j_common_ptr jpeg) {
  Decoder& decoder = decoder_of(jpeg);
  jpeg->err->format_message(jpeg, decoder.reason);
  std::longjmp(decoder.failed, 1);
}

/// Warnings after which pixels are missing or wrong are failures; libjpeg would go on and paint them grey.
void judge_warning(j_common_ptr jpeg, int level) {
  const int code = jpeg->err->msg_code;
  const bool lost = code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE ||
                    code == JWRN_MUST_RESYNC || code == JWRN_ARITH_BAD_CODE;
  if (level < 0 && lost) fail(jpeg);
}

constexpr int exif_marker = JPEG_APP0 + 1;

void say_nothing(j_common_ptr) {}

/// A progressive image may be coded in any number of passes over all pixels; a sound one takes about ten.
void limit_scans(j_common_ptr jpeg) {
  constexpr int most_scans = 100;
  if (!jpeg->is_decompressor || reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number <= most_scans) return;
  Decoder& decoder = decoder_of(jpeg);
  std::snprintf(decoder.reason, sizeof decoder.reason, "more than %d scans", most_scans);
  std::longjmp(decoder.failed, 1);
}

/// Reads the header, and sets what the pixels are to become. False when it fails.
bool start(Decoder& decoder, const std::uint8_t* bytes, std::size_t size) {
  if (setjmp(decoder.failed) != 0) return false;
  decoder.jpeg.err = jpeg_std_error(&decoder.errors);
  decoder.errors.error_exit = fail;
  decoder.errors.emit_message = judge_warning;
  decoder.errors.output_message = say_nothing;
  decoder.jpeg.client_data = &decoder;
  jpeg_create_decompress(&decoder.jpeg);
  decoder.progress.progress_monitor = limit_scans;
  decoder.jpeg.progress = &decoder.progress;
  jpeg_mem_src(&decoder.jpeg, bytes, static_cast<unsigned long>(size));
  jpeg_save_markers(&decoder.jpeg, exif_marker, 0xffff);
  jpeg_read_header(&decoder.jpeg, TRUE);
  return true;
}

bool decode(Decoder& decoder, std::uint8_t* pixels, std::size_t row_bytes, std::size_t rows) {
  if (setjmp(decoder.failed) != 0) return false;
  jpeg_start_decompress(&decoder.jpeg);
  const std::size_t width = decoder.jpeg.output_width, channels = static_cast<unsigned>(decoder.jpeg.output_components);
  if (width * channels != row_bytes || decoder.jpeg.output_height != rows) return false;
  while (decoder.jpeg.output_scanline < decoder.jpeg.output_height) {
    JSAMPROW row = pixels + decoder.jpeg.output_scanline * row_bytes;
    jpeg_read_scanlines(&decoder.jpeg, &row, 1);
  }
  jpeg_finish_decompress(&decoder.jpeg);
  return true;
}

/// What the first marker with EXIF data says.
int orientation_of(const jpeg_decompress_struct& jpeg) {
  for (const jpeg_marker_struct* marker = jpeg.marker_list; marker != nullptr; marker = marker->next) {
    const std::span<const std::uint8_t> data(marker->data, marker->data_length);
    if (marker->marker == exif_marker && data.size() > 4 && std::memcmp(data.data(), "Exif", 4) == 0) {
      return exif_orientation(data);
    }
  }
  return 1;
}

/// The pixels are computed at 1/n of the size, n a power of two up to 8. An image in several scans is not: the
/// coefficients of all its pixels are kept until the last.
unsigned reduction(jpeg_decompress_struct& jpeg, const ImageLimits& limits) {
  unsigned n = 1;
  const auto pixels = [&] {
    return static_cast<std::int64_t>((jpeg.image_width + n - 1) / n) *
           static_cast<std::int64_t>((jpeg.image_height + n - 1) / n);
  };
  if (!limits.may_reduce || jpeg_has_multiple_scans(&jpeg) != 0) return n;
  while (n < 8 && pixels() > limits.most_pixels) n *= 2;
  return n;
}

/// Frees what libjpeg holds, whatever happens.
struct Release {
  Decoder& decoder;
  ~Release() { jpeg_destroy_decompress(&decoder.jpeg); }
};

}  // namespace

Image decode_jpeg(std::span<const std::uint8_t> bytes, const std::string& name, const ImageLimits& limits) {
  Decoder decoder;
  const Release release{decoder};
  const auto damaged = [&] { return Error(ErrorCode::bad_data, name + ": a damaged JPEG image: " + decoder.reason); };
  if (!start(decoder, bytes.data(), bytes.size())) throw damaged();
  const unsigned n = reduction(decoder.jpeg, limits);
  const std::int64_t width = (decoder.jpeg.image_width + n - 1) / n, height = (decoder.jpeg.image_height + n - 1) / n;
  if (n > 1) check_image_size(decoder.jpeg.image_width, decoder.jpeg.image_height, name, {});
  check_image_size(static_cast<std::uint64_t>(width), static_cast<std::uint64_t>(height), name, limits);
  decoder.jpeg.scale_num = 1, decoder.jpeg.scale_denom = n;
  const int channels = decoder.jpeg.num_components;
  if (channels != 1 && channels != 3) {
    throw Error(ErrorCode::unsupported,
                name + ": a JPEG image of " + std::to_string(channels) + " channels; grey and RGB are read");
  }
  decoder.jpeg.out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  const int orientation = orientation_of(decoder.jpeg);  // libjpeg forgets the markers when it has finished
  Image image;
  image.width = width, image.height = height;
  image.channels = channels;
  const std::size_t row_bytes = static_cast<std::size_t>(image.width * image.channels);
  image.pixels.resize(row_bytes * static_cast<std::size_t>(image.height));
  if (!decode(decoder, image.pixels.data(), row_bytes, static_cast<std::size_t>(height))) throw damaged();
  image = upright(std::move(image), orientation);
  image.reduced = n;
  return image;
}

}  // namespace gradus
