#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include <gradus/error.hpp>

#include "formats/image_codecs.hpp"

namespace gradus {
namespace {

int read_bytes(GifFileType* file, GifByteType* to, int size) {
  auto& left = *static_cast<std::span<const std::uint8_t>*>(file->UserData);
  const std::size_t count = std::min(left.size(), static_cast<std::size_t>(std::max(size, 0)));
  std::copy_n(left.begin(), count, to);
  left = left.subspan(count);
  return static_cast<int>(count);
}

struct Close {
  void operator()(GifFileType* file) const { DGifCloseFile(file, nullptr); }
};
using File = std::unique_ptr<GifFileType, Close>;

[[noreturn]] void damaged(const std::string& name, int error) {
  const char* reason = GifErrorString(error);
  throw Error(ErrorCode::bad_data,
              name + ": a damaged GIF image: " + (reason == nullptr ? "it cannot be decoded" : reason));
}

/// Reads up to the first frame. Gives the colour that is transparent, if there is one.
std::optional<int> find_frame(GifFileType* file, const std::string& name) {
  const auto check = [&](int status) {
    if (status == GIF_ERROR) damaged(name, file->Error);
  };
  std::optional<int> transparent;
  for (;;) {
    GifRecordType type = UNDEFINED_RECORD_TYPE;
    check(DGifGetRecordType(file, &type));
    if (type == TERMINATE_RECORD_TYPE) throw Error(ErrorCode::bad_data, name + ": a GIF file without a picture");
    if (type == IMAGE_DESC_RECORD_TYPE) {
      check(DGifGetImageDesc(file));
      return transparent;
    }
    if (type != EXTENSION_RECORD_TYPE) continue;
    int code = 0;
    GifByteType* block = nullptr;  // its length, then its bytes
    check(DGifGetExtension(file, &code, &block));
    GraphicsControlBlock control{};
    if (code == GRAPHICS_EXT_FUNC_CODE && block != nullptr &&
        DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK && control.TransparentColor >= 0) {
      transparent = control.TransparentColor;
    }
    while (block != nullptr) check(DGifGetExtensionNext(file, &block));
  }
}

/// The frame's rows in the order in which the file holds them.
std::vector<std::int64_t> row_order(std::int64_t height, bool interlaced) {
  std::vector<std::int64_t> rows;
  struct Pass {
    std::int64_t first, step;
  };
  constexpr std::array<Pass, 4> passes{{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
  for (const auto& [first, step] : passes) {
    if (!interlaced) break;
    for (std::int64_t y = first; y < height; y += step) rows.push_back(y);
  }
  for (std::int64_t y = 0; !interlaced && y < height; ++y) rows.push_back(y);
  return rows;
}

}  // namespace

Image decode_gif(std::span<const std::uint8_t> bytes, const std::string& name, const ImageLimits& limits) {
  std::span<const std::uint8_t> left = bytes;
  int error = 0;
  const File file(DGifOpen(&left, read_bytes, &error));
  if (file == nullptr) damaged(name, error);
  const std::optional<int> transparent = find_frame(file.get(), name);
  const GifImageDesc& frame = file->Image;
  const ColorMapObject* colours = frame.ColorMap != nullptr ? frame.ColorMap : file->SColorMap;
  if (colours == nullptr) throw Error(ErrorCode::bad_data, name + ": a GIF image without colours");
  if (frame.Left < 0 || frame.Top < 0) damaged(name, D_GIF_ERR_NO_IMAG_DSCR);
  const std::int64_t width = std::max<std::int64_t>(file->SWidth, std::int64_t{frame.Left} + frame.Width);
  const std::int64_t height = std::max<std::int64_t>(file->SHeight, std::int64_t{frame.Top} + frame.Height);
  check_image_size(static_cast<std::uint64_t>(width), static_cast<std::uint64_t>(height), name, limits);
  if (frame.Width < 1 || frame.Height < 1) damaged(name, D_GIF_ERR_NO_IMAG_DSCR);

  RgbaImage canvas(width, height);
  canvas.grey = std::all_of(colours->Colors, colours->Colors + colours->ColorCount,
                            [](const GifColorType& c) { return c.Red == c.Green && c.Green == c.Blue; });
  std::vector<GifPixelType> line(static_cast<std::size_t>(frame.Width));
  for (const std::int64_t y : row_order(frame.Height, frame.Interlace)) {
    if (DGifGetLine(file.get(), line.data(), frame.Width) == GIF_ERROR) damaged(name, file->Error);
    std::uint8_t* to = canvas.at(frame.Left, frame.Top + y);
    for (const GifPixelType index : line) {
      const bool seen = index != transparent && index < colours->ColorCount;
      const GifColorType colour = seen ? colours->Colors[index] : GifColorType{};
      to = std::copy_n(std::array{colour.Red, colour.Green, colour.Blue}.data(), 3, to);
      *to++ = seen ? 255 : 0;
    }
  }
  return without_alpha(canvas);
}

}  // namespace gradus
