#pragma once

#include <optional>

#include <gradus/tensor.hpp>

namespace gradus {

/// The shape of a grey image without its one channel, (H, W) for (H, W, 1): arrays of grey images come in either, for
/// training and for prediction. Nothing for other shapes.
inline std::optional<Shape> without_channel(const Shape& sample) {
  if (sample.rank() != 3 || sample[2] != 1) return std::nullopt;
  return Shape{sample[0], sample[1]};
}

}  // namespace gradus
