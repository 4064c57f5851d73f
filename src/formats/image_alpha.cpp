#include <algorithm>
#include <array>

#include "formats/image_codecs.hpp"

namespace gradus {
namespace {

/// How far the visible pixels stand out from a ground: what the strongest fiftieth of them reaches, 0 to 255. `counts`
/// has the number of pixels of each difference.
int contrast(const std::array<std::size_t, 256>& counts, std::size_t visible) {
  std::size_t seen = 0;
  for (int difference = 255; difference > 0; --difference) {
    seen += counts[static_cast<std::size_t>(difference)];
    if (50 * seen >= visible) return difference;
  }
  return 0;
}

/// 255 for white, 0 for black.
unsigned ground_of(const RgbaImage& image) {
  std::array<std::size_t, 256> on_white{}, on_black{};
  std::size_t visible = 0;
  for (std::size_t i = 0; i + 3 < image.pixels.size(); i += 4) {
    const unsigned alpha = image.pixels[i + 3];
    if (alpha == 0) continue;
    const auto [low, high] = std::minmax({image.pixels[i], image.pixels[i + 1], image.pixels[i + 2]});
    ++on_white[(255U - low) * alpha / 255];
    ++on_black[high * alpha / 255];
    ++visible;
  }
  constexpr int hardly_seen = 80;
  const int white = contrast(on_white, visible);
  return white < hardly_seen && contrast(on_black, visible) > white ? 0 : 255;
}

}  // namespace

Image without_alpha(const RgbaImage& image) {
  bool opaque = true;
  for (std::size_t i = 3; i < image.pixels.size() && opaque; i += 4) opaque = image.pixels[i] == 255;
  const unsigned ground = opaque ? 255 : ground_of(image);
  const std::size_t channels = image.grey ? 1 : 3;
  Image result{image.width, image.height, static_cast<std::int64_t>(channels), {}};
  result.pixels.reserve(image.pixels.size() / 4 * channels);
  for (std::size_t i = 0; i + 3 < image.pixels.size(); i += 4) {
    const unsigned alpha = image.pixels[i + 3];
    for (std::size_t c = 0; c < channels; ++c) {
      const unsigned mixed = image.pixels[i + c] * alpha + ground * (255 - alpha);
      result.pixels.push_back(static_cast<std::uint8_t>((mixed + 127) / 255));
    }
  }
  return result;
}

}  // namespace gradus
