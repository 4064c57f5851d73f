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
  bool center = true;            ///< cut out and centre what is drawn, as MNIST does, for models of 28x28 grey
};

/// An image as a model takes it.
struct ImageInput {
  std::vector<std::uint8_t> pixels;  ///< row-major, all channels of a pixel together
  std::string remark;                ///< what was done to the image; empty when nothing
  std::string kind;                  ///< the remark without the image's size, to count alike images by
};

/// Brings a picture to the model's size and channels. Networks that read digits know them bright on dark: a picture
/// with a bright border is inverted. For a 28x28 model a picture is prepared as MNIST's were (LeCun et al. 1998): what
/// is drawn is cut out, its longer side brought to 20 pixels, and put with its centre of mass on pixel (14, 14),
/// counted from 0. A picture of just 28x28 pixels is left alone when what it shows lies as in MNIST's already, or when
/// it is larger than MNIST's digits (as clothes and letters are that fill such a picture).
/// Throws `invalid_argument` when the model takes no images.
ImageInput image_input(const Picture& picture, const Shape& input_shape, const ImageInputOptions& options);

}  // namespace gradus
