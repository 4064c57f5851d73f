#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gradus/tensor.hpp>

#include "inspect/picture.hpp"

namespace gradus {

struct ImageInputOptions {
  std::optional<bool> invert{};  ///< default: when the border is bright, for models of grey images
  bool center = true;            ///< fit what is drawn into the middle, as MNIST does, for models of 28x28 grey
};

/// An image as a model takes it.
struct ImageInput {
  std::vector<std::uint8_t> pixels;  ///< row-major, all channels of a pixel together
  std::string remark;                ///< what was done to the image; empty when nothing
};

/// Brings a picture to the model's size and channels. Networks that read digits know them bright on dark: a picture
/// with a bright border is inverted. A picture of another size than a 28x28 model's is prepared as MNIST was: what is
/// drawn is cut out, scaled to 20 pixels and put with its centre of mass into the middle.
/// Throws `invalid_argument` when the model takes no images.
ImageInput image_input(const Picture& picture, const Shape& input_shape, const ImageInputOptions& options);

}  // namespace gradus
