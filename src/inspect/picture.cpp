#include "inspect/picture.hpp"

#include <algorithm>
#include <cmath>

#include <gradus/error.hpp>

namespace gradus {

bool is_image_shape(const Shape& shape) {
  const bool grey = shape.rank() == 2 || (shape.rank() == 3 && shape[2] == 1);
  return (grey || (shape.rank() == 3 && shape[2] == 3)) && shape.elements() > 0;
}

namespace {

/// How the numbers of an image become bytes: (value - low) * factor.
struct Stretch {
  double low = 0, factor = 1;
};

Stretch stretch_for(const TensorView& inputs, std::int64_t begin, std::int64_t end) {
  if (inputs.dtype() == DType::uint8) return {};
  double low = 0, high = 1;
  for (std::int64_t i = begin; i < end; ++i) {
    low = std::min(low, static_cast<double>(inputs.at(i)));
    high = std::max(high, static_cast<double>(inputs.at(i)));
  }
  if (low == 0 && high > 1 && high <= 255) return {};
  return {low, 255 / (high - low)};
}

}  // namespace

Picture picture_of(const Dataset& data, std::int64_t index) {
  const Shape& shape = data.sample_shape();
  if (index < 0 || index >= data.size()) {
    throw Error(ErrorCode::invalid_argument, data.name() + " has samples 0 to " + std::to_string(data.size() - 1) +
                                                 "; there is no sample " + std::to_string(index));
  }
  if (!is_image_shape(shape)) {
    throw Error(ErrorCode::invalid_argument,
                data.name() + " has samples of " + shape.to_string() + ", which are no images");
  }
  const std::int64_t channels = shape.rank() == 2 ? 1 : shape[2];
  const std::int64_t begin = index * shape.elements();
  const Stretch stretch = stretch_for(data.inputs(), begin, begin + shape.elements());
  Picture picture(shape[1], shape[0]);
  for (std::int64_t pixel = 0; pixel < shape[0] * shape[1]; ++pixel) {
    for (std::int64_t c = 0; c < 3; ++c) {
      const double value = data.inputs().at(begin + pixel * channels + std::min(c, channels - 1));
      const double byte = std::clamp(std::round((value - stretch.low) * stretch.factor), 0.0, 255.0);
      picture.rgb[static_cast<std::size_t>(3 * pixel + c)] = static_cast<std::uint8_t>(byte);
    }
  }
  return picture;
}

Picture enlarged(const Picture& picture, std::int64_t factor) {
  Picture larger(picture.width * factor, picture.height * factor);
  for (std::int64_t y = 0; y < larger.height; ++y) {
    for (std::int64_t x = 0; x < larger.width; ++x) std::copy_n(picture.at(x / factor, y / factor), 3, larger.at(x, y));
  }
  return larger;
}

Picture resized(const Picture& picture, std::int64_t width, std::int64_t height) {
  Picture result(width, height);
  const double step_x = static_cast<double>(picture.width) / static_cast<double>(width);
  const double step_y = static_cast<double>(picture.height) / static_cast<double>(height);
  // How much of pixel i lies between begin and end.
  const auto overlap = [](std::int64_t i, double begin, double end) {
    const auto pixel = static_cast<double>(i);
    return std::max(0.0, std::min(pixel + 1, end) - std::max(pixel, begin));
  };
  for (std::int64_t y = 0; y < height; ++y) {
    const double top = static_cast<double>(y) * step_y, bottom = top + step_y;
    for (std::int64_t x = 0; x < width; ++x) {
      const double left = static_cast<double>(x) * step_x, right = left + step_x;
      double sum[3] = {0, 0, 0}, area = 0;
      for (auto v = static_cast<std::int64_t>(top); v < picture.height && static_cast<double>(v) < bottom; ++v) {
        for (auto u = static_cast<std::int64_t>(left); u < picture.width && static_cast<double>(u) < right; ++u) {
          const double share = overlap(u, left, right) * overlap(v, top, bottom);
          area += share;
          for (int c = 0; c < 3; ++c) sum[c] += share * picture.at(u, v)[c];
        }
      }
      for (int c = 0; c < 3; ++c) result.at(x, y)[c] = static_cast<std::uint8_t>(std::lround(sum[c] / area));
    }
  }
  return result;
}

}  // namespace gradus
