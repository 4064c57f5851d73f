#pragma once

#include <cstdio>
#include <cstdlib>
// jpeglib.h needs the two before it.
#include <gif_lib.h>
#include <jpeglib.h>
#include <spng.h>
#include <tiffio.h>
#include <unistd.h>
#include <webp/encode.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "formats/image.hpp"

/// Small images in each format that is read, made by the libraries that others write them with.
namespace gradus::test {

using ImageBytes = std::vector<std::uint8_t>;

/// EXIF data (a TIFF directory of one entry) with this orientation, in either order of bytes.
inline ImageBytes exif_bytes(int orientation, bool little = true) {
  const auto o = static_cast<std::uint8_t>(orientation);
  if (little) return {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, o, 0, 0, 0, 0, 0, 0, 0};
  return {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, o, 0, 0, 0, 0, 0, 0};
}

/// A JPEG file of the best quality, with EXIF data unless `exif` is empty.
inline ImageBytes jpeg_bytes(const Image& image, const ImageBytes& exif = {}, bool progressive = false) {
  jpeg_compress_struct c{};
  jpeg_error_mgr errors{};
  c.err = jpeg_std_error(&errors);
  jpeg_create_compress(&c);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&c, &bytes, &size);
  c.image_width = static_cast<JDIMENSION>(image.width);
  c.image_height = static_cast<JDIMENSION>(image.height);
  c.input_components = static_cast<int>(image.channels);
  c.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&c);
  jpeg_set_quality(&c, 100, TRUE);
  if (progressive) jpeg_simple_progression(&c);
  jpeg_start_compress(&c, TRUE);
  if (!exif.empty()) {
    ImageBytes marker{'E', 'x', 'i', 'f', 0, 0};
    marker.insert(marker.end(), exif.begin(), exif.end());
    jpeg_write_marker(&c, JPEG_APP0 + 1, marker.data(), static_cast<unsigned>(marker.size()));
  }
  while (c.next_scanline < c.image_height) {
    auto* row = const_cast<JSAMPROW>(image.pixels.data()) +
                static_cast<std::size_t>(c.next_scanline) * static_cast<std::size_t>(image.width * image.channels);
    jpeg_write_scanlines(&c, &row, 1);
  }
  jpeg_finish_compress(&c);
  ImageBytes result(bytes, bytes + size);
  jpeg_destroy_compress(&c);
  std::free(bytes);
  return result;
}

/// A PNG file of this type and depth from rows of bytes as PNG has them.
inline ImageBytes png_bytes(std::int64_t width, std::int64_t height, int color, int depth, const ImageBytes& data,
                            ImageBytes exif = {}) {
  spng_ctx* context = spng_ctx_new(SPNG_CTX_ENCODER);
  spng_ihdr header{};
  header.width = static_cast<std::uint32_t>(width), header.height = static_cast<std::uint32_t>(height);
  header.color_type = static_cast<std::uint8_t>(color), header.bit_depth = static_cast<std::uint8_t>(depth);
  spng_set_option(context, SPNG_ENCODE_TO_BUFFER, 1);
  spng_set_ihdr(context, &header);
  spng_exif chunk{exif.size(), reinterpret_cast<char*>(exif.data())};
  if (!exif.empty()) spng_set_exif(context, &chunk);
  spng_encode_image(context, data.data(), data.size(), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
  std::size_t size = 0;
  int error = 0;
  auto* bytes = static_cast<std::uint8_t*>(spng_get_png_buffer(context, &size, &error));
  ImageBytes result(bytes, bytes + size);
  std::free(bytes);
  spng_ctx_free(context);
  return result;
}

/// A lossless WebP file from red, green, blue and alpha; with EXIF data in the extended format unless `exif` is empty.
inline ImageBytes webp_bytes(std::int64_t width, std::int64_t height, const ImageBytes& rgba,
                             const ImageBytes& exif = {}) {
  std::uint8_t* bytes = nullptr;
  const int w = static_cast<int>(width), h = static_cast<int>(height);
  const std::size_t size = WebPEncodeLosslessRGBA(rgba.data(), w, h, 4 * w, &bytes);
  ImageBytes plain(bytes, bytes + size);
  WebPFree(bytes);
  if (exif.empty()) return plain;
  const auto append = [](ImageBytes& to, std::size_t number, int count) {
    for (int i = 0; i < count; ++i) to.push_back(static_cast<std::uint8_t>(number >> (8 * i)));
  };
  ImageBytes chunks{'W', 'E', 'B', 'P', 'V', 'P', '8', 'X', 10, 0, 0, 0, 0x18, 0, 0, 0};  // alpha and EXIF
  append(chunks, static_cast<std::size_t>(width) - 1, 3);
  append(chunks, static_cast<std::size_t>(height) - 1, 3);
  chunks.insert(chunks.end(), plain.begin() + 12, plain.end());
  chunks.insert(chunks.end(), {'E', 'X', 'I', 'F'});
  append(chunks, exif.size(), 4);
  chunks.insert(chunks.end(), exif.begin(), exif.end());
  ImageBytes file{'R', 'I', 'F', 'F'};
  append(file, chunks.size(), 4);
  file.insert(file.end(), chunks.begin(), chunks.end());
  return file;
}

/// What `write` writes to the file whose path it gets.
template <class Write>
ImageBytes written_bytes(const Write& write) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("gradus-image-" + std::to_string(getpid()));
  write(path.string());
  std::ifstream file(path, std::ios::binary);
  ImageBytes bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  file.close();
  std::filesystem::remove(path);
  return bytes;
}

/// A TIFF file of 1 (grey), 3 or 4 (with alpha, not premultiplied) channels.
inline ImageBytes tiff_bytes(const Image& image, int orientation = 1, int compression = COMPRESSION_LZW) {
  return written_bytes([&](const std::string& path) {
    TIFF* tiff = TIFFOpen(path.c_str(), "w");
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, static_cast<std::uint32_t>(image.width));
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, static_cast<std::uint32_t>(image.height));
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, static_cast<int>(image.channels));
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 8);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, image.channels == 1 ? PHOTOMETRIC_MINISBLACK : PHOTOMETRIC_RGB);
    TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(tiff, TIFFTAG_COMPRESSION, compression);
    TIFFSetField(tiff, TIFFTAG_ORIENTATION, orientation);
    const std::uint16_t extra = EXTRASAMPLE_UNASSALPHA;
    if (image.channels == 4) TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, &extra);
    for (std::int64_t y = 0; y < image.height; ++y) {
      auto* row = const_cast<std::uint8_t*>(image.pixels.data()) + y * image.width * image.channels;
      TIFFWriteScanline(tiff, row, static_cast<std::uint32_t>(y), 0);
    }
    TIFFClose(tiff);
  });
}

/// A GIF file of one frame at (left, top) of a canvas: palette indices below four, and the one that is transparent.
struct GifFrame {
  int width = 0, height = 0;
  ImageBytes indices{};
  int left = 0, top = 0, canvas_width = 0, canvas_height = 0, transparent = NO_TRANSPARENT_COLOR;
  bool interlaced = false;
};
inline ImageBytes gif_bytes(GifFrame frame, std::vector<GifColorType> colors) {
  return written_bytes([&](const std::string& path) {
    int error = 0;
    GifFileType* file = EGifOpenFileName(path.c_str(), false, &error);
    EGifSetGifVersion(file, true);
    ColorMapObject* map = GifMakeMapObject(4, nullptr);
    for (std::size_t i = 0; i < colors.size(); ++i) map->Colors[i] = colors[i];
    EGifPutScreenDesc(file, frame.canvas_width == 0 ? frame.width : frame.canvas_width,
                      frame.canvas_height == 0 ? frame.height : frame.canvas_height, 2, 0, map);
    const GraphicsControlBlock control{DISPOSAL_UNSPECIFIED, false, 0, frame.transparent};
    GifByteType extension[4];
    EGifGCBToExtension(&control, extension);
    EGifPutExtension(file, GRAPHICS_EXT_FUNC_CODE, 4, extension);
    EGifPutImageDesc(file, frame.left, frame.top, frame.width, frame.height, frame.interlaced, nullptr);
    const auto row = [&](int y) { EGifPutLine(file, frame.indices.data() + y * frame.width, frame.width); };
    for (int y = 0; y < frame.height && !frame.interlaced; ++y) row(y);
    for (const auto& [first, step] : {std::pair{0, 8}, std::pair{4, 8}, std::pair{2, 4}, std::pair{1, 2}}) {
      for (int y = first; y < frame.height && frame.interlaced; y += step) row(y);
    }
    EGifCloseFile(file, &error);
    GifFreeMapObject(map);
  });
}

/// A BMP file with a BITMAPINFOHEADER: the palette (blue, green, red, 0 each) and the pixel data as the file has them.
inline ImageBytes bmp_bytes(std::int32_t width, std::int32_t height, int bits, std::uint32_t compression,
                            const ImageBytes& palette, const ImageBytes& data) {
  ImageBytes file{'B', 'M'};
  const auto append = [&](std::uint32_t number, int count) {
    for (int i = 0; i < count; ++i) file.push_back(static_cast<std::uint8_t>(std::uint64_t{number} >> (8 * i)));
  };
  const auto pixels_at = static_cast<std::uint32_t>(14 + 40 + palette.size());
  append(static_cast<std::uint32_t>(pixels_at + data.size()), 4);
  append(0, 4);
  append(pixels_at, 4);
  append(40, 4);
  append(static_cast<std::uint32_t>(width), 4);
  append(static_cast<std::uint32_t>(height), 4);
  append(1, 2);
  append(static_cast<std::uint32_t>(bits), 2);
  append(compression, 4);
  append(static_cast<std::uint32_t>(data.size()), 4);
  append(0, 8);
  append(compression == 3 ? 0 : static_cast<std::uint32_t>(palette.size() / 4), 4);
  append(0, 4);
  file.insert(file.end(), palette.begin(), palette.end());
  file.insert(file.end(), data.begin(), data.end());
  return file;
}

}  // namespace gradus::test
