#include <algorithm>
#include <cmath>

#include "formats/image.hpp"

namespace gradus {
namespace {

/// How one new pixel along an axis is made: weights of the old ones from `first` on, which sum to 1.
struct Mean {
  std::int64_t first = 0;
  std::vector<float> weights;
};

std::vector<Mean> means(std::int64_t from, std::int64_t to) {
  const double step = static_cast<double>(from) / static_cast<double>(to), reach = std::max(step, 1.0);
  std::vector<Mean> all;
  for (std::int64_t i = 0; i < to; ++i) {
    const double middle = (static_cast<double>(i) + 0.5) * step;
    const auto begin = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::floor(middle - reach + 0.5)));
    const auto end = std::min<std::int64_t>(from, static_cast<std::int64_t>(std::floor(middle + reach + 0.5)));
    std::vector<double> weights;
    double sum = 0;
    for (std::int64_t k = begin; k < end; ++k) {
      weights.push_back(std::max(0.0, 1 - std::abs(static_cast<double>(k) + 0.5 - middle) / reach));
      sum += weights.back();
    }
    Mean mean{begin, {}};
    for (const double weight : weights) mean.weights.push_back(static_cast<float>(weight / sum));
    all.push_back(std::move(mean));
  }
  return all;
}

}  // namespace

Image resized(const Image& image, std::int64_t width, std::int64_t height) {
  if (image.width == width && image.height == height) return image;
  const std::int64_t channels = image.channels;
  const std::vector<Mean> across = means(image.width, width), down = means(image.height, height);
  std::vector<float> rows(static_cast<std::size_t>(image.height * width * channels));
  for (std::int64_t y = 0; y < image.height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const Mean& mean = across[static_cast<std::size_t>(x)];
      for (std::int64_t c = 0; c < channels; ++c) {
        float sum = 0;
        std::int64_t at = (y * image.width + mean.first) * channels + c;
        for (const float weight : mean.weights) {
          sum += weight * static_cast<float>(image.pixels[static_cast<std::size_t>(at)]);
          at += channels;
        }
        rows[static_cast<std::size_t>((y * width + x) * channels + c)] = sum;
      }
    }
  }
  Image result{width, height, channels, std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * channels))};
  for (std::int64_t y = 0; y < height; ++y) {
    const Mean& mean = down[static_cast<std::size_t>(y)];
    for (std::int64_t i = 0; i < width * channels; ++i) {
      float sum = 0;
      std::int64_t at = mean.first * width * channels + i;
      for (const float weight : mean.weights) {
        sum += weight * rows[static_cast<std::size_t>(at)];
        at += width * channels;
      }
      result.pixels[static_cast<std::size_t>(y * width * channels + i)] =
          static_cast<std::uint8_t>(std::clamp(std::lround(sum), 0L, 255L));
    }
  }
  return result;
}

Image with_channels(const Image& image, std::int64_t channels) {
  if (image.channels == channels) return image;
  Image result{image.width, image.height, channels, {}};
  result.pixels.reserve(static_cast<std::size_t>(image.width * image.height * channels));
  for (std::size_t i = 0; i < image.pixels.size(); i += static_cast<std::size_t>(image.channels)) {
    const std::uint8_t* p = &image.pixels[i];
    if (channels == 1) {
      result.pixels.push_back(static_cast<std::uint8_t>((299 * p[0] + 587 * p[1] + 114 * p[2] + 500) / 1000));
    } else {
      result.pixels.insert(result.pixels.end(), 3, p[0]);
    }
  }
  return result;
}

}  // namespace gradus
