#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>

#include <gradus/error.hpp>

#include "formats/image_codecs.hpp"

namespace gradus {
namespace {

struct DeleteDemuxer {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};

int orientation_of(const WebPDemuxer* demuxer) {
  WebPChunkIterator chunk{};
  int orientation = 1;
  if (WebPDemuxGetChunk(demuxer, "EXIF", 1, &chunk) != 0) {
    orientation = exif_orientation({chunk.chunk.bytes, chunk.chunk.size});
  }
  WebPDemuxReleaseChunkIterator(&chunk);
  return orientation;
}

/// Decodes the first frame to its place on the canvas. False where it is damaged.
bool decode_frame(const WebPDemuxer* demuxer, RgbaImage& canvas) {
  WebPIterator frame{};
  bool decoded = false;
  if (WebPDemuxGetFrame(demuxer, 1, &frame) != 0) {
    const std::int64_t left = frame.x_offset, top = frame.y_offset, width = frame.width, height = frame.height;
    int real_width = 0, real_height = 0;
    const bool fits = left >= 0 && top >= 0 && width > 0 && height > 0 && left + width <= canvas.width &&
                      top + height <= canvas.height;
    if (fits && frame.complete != 0 &&
        WebPGetInfo(frame.fragment.bytes, frame.fragment.size, &real_width, &real_height) != 0 && real_width == width &&
        real_height == height) {
      std::uint8_t* const first = canvas.at(left, top);
      const auto space = static_cast<std::size_t>(canvas.pixels.data() + canvas.pixels.size() - first);
      decoded = WebPDecodeRGBAInto(frame.fragment.bytes, frame.fragment.size, first, space,
                                   static_cast<int>(4 * canvas.width)) != nullptr;
    }
  }
  WebPDemuxReleaseIterator(&frame);
  return decoded;
}

}  // namespace

Image decode_webp(std::span<const std::uint8_t> bytes, const std::string& name, const ImageLimits& limits) {
  const WebPData data{bytes.data(), bytes.size()};
  const std::unique_ptr<WebPDemuxer, DeleteDemuxer> demuxer(WebPDemux(&data));
  if (demuxer == nullptr) throw Error(ErrorCode::bad_data, name + ": a damaged WebP image: its parts do not fit");
  const std::uint32_t width = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH);
  const std::uint32_t height = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT);
  check_image_size(width, height, name, limits);
  RgbaImage canvas(width, height);
  if (!decode_frame(demuxer.get(), canvas)) {
    throw Error(ErrorCode::bad_data, name + ": a damaged WebP image: its pixels cannot be decoded");
  }
  return upright(without_alpha(canvas), orientation_of(demuxer.get()));
}

}  // namespace gradus
