#pragma once

#include <gradus/activations.hpp>
#include <gradus/constraints.hpp>
#include <gradus/initializers.hpp>
#include <gradus/regularizers.hpp>
#include <gradus/spec.hpp>
#include <gradus/window.hpp>

/// Layers that look at images, (height, width, channels): convolutions, pooling, and what changes an image's size.
namespace gradus {

/// Cross-correlation of images with learned kernels: (height, width, channels) -> (rows, columns, filters),
///   y[i, j, f] = activation(bias[f] + sum over a, b, c of
///                x[i strides.height + a dilation.height, j strides.width + b dilation.width, c] kernel[a, b, c, f])
/// Weights: kernel (kernel_size, channels / groups, filters), bias (filters). With `groups` > 1 the channels and the
/// filters are cut into so many equal parts, and each part of the filters sees its part of the channels alone.
/// `padding` says what lies beyond the borders, and with strides and dilation_rate how many rows and columns come out.
/// Throws `invalid_argument` for sizes below 1, for groups that do not divide channels and filters, for strides and
/// dilation_rate both above 1 (Keras refuses that, too), and where the kernel does not fit the image.
struct Conv2D {
  using Kind = LayerKind;
  std::int64_t filters = 0;
  Size2D kernel_size = 0;
  Size2D strides = 1;
  Padding padding = Padding::valid;
  Size2D dilation_rate = 1;
  std::int64_t groups = 1;
  Activation activation = linear;
  bool use_bias = true;
  Initializer kernel_initializer = GlorotUniform{};
  Initializer bias_initializer = Zeros{};
  std::optional<Regularizer> kernel_regularizer{};
  std::optional<Regularizer> bias_regularizer{};
  std::optional<Regularizer> activity_regularizer{};
  std::optional<Constraint> kernel_constraint{};
  std::optional<Constraint> bias_constraint{};
  std::string name{};
  static constexpr std::string_view class_name = "Conv2D";
  static constexpr void fields(auto&& field) {
    field("filters", &Conv2D::filters, "number of output channels, 1 or more");
    field("kernel_size", &Conv2D::kernel_size, "height and width of the kernel, in pixels");
    field("strides", &Conv2D::strides, "pixels from one window to the next");
    field("padding", &Conv2D::padding, "stay inside the image, or add zeros around it");
    field("dilation_rate", &Conv2D::dilation_rate, "pixels between neighbours in a window");
    field("groups", &Conv2D::groups, "parts of the channels that do not see each other");
    field("activation", &Conv2D::activation, "what is done to each sum");
    field("use_bias", &Conv2D::use_bias, "add a learned number to each channel");
    field("kernel_initializer", &Conv2D::kernel_initializer, "how the kernel starts");
    field("bias_initializer", &Conv2D::bias_initializer, "how the bias starts");
    field("kernel_regularizer", &Conv2D::kernel_regularizer, "what a large kernel costs");
    field("bias_regularizer", &Conv2D::bias_regularizer, "what a large bias costs");
    field("activity_regularizer", &Conv2D::activity_regularizer, "what large outputs cost");
    field("kernel_constraint", &Conv2D::kernel_constraint, "what the kernel is brought back to");
    field("bias_constraint", &Conv2D::bias_constraint, "what the bias is brought back to");
    field("name", &Conv2D::name, "name in the model");
  }
};

/// A convolution of each channel alone: (height, width, channels) -> (rows, columns, channels depth_multiplier), where
/// output channel c depth_multiplier + m comes from channel c.
/// Weights: kernel (kernel_size, channels, depth_multiplier), bias (channels depth_multiplier). Errors as for Conv2D.
struct DepthwiseConv2D {
  using Kind = LayerKind;
  Size2D kernel_size = 0;
  Size2D strides = 1;
  Padding padding = Padding::valid;
  std::int64_t depth_multiplier = 1;
  Size2D dilation_rate = 1;
  Activation activation = linear;
  bool use_bias = true;
  Initializer depthwise_initializer = GlorotUniform{};
  Initializer bias_initializer = Zeros{};
  std::optional<Regularizer> depthwise_regularizer{};
  std::optional<Regularizer> bias_regularizer{};
  std::optional<Regularizer> activity_regularizer{};
  std::optional<Constraint> depthwise_constraint{};
  std::optional<Constraint> bias_constraint{};
  std::string name{};
  static constexpr std::string_view class_name = "DepthwiseConv2D";
  static constexpr void fields(auto&& field) {
    using L = DepthwiseConv2D;
    field("kernel_size", &L::kernel_size, "height and width of the kernel, in pixels");
    field("strides", &L::strides, "pixels from one window to the next");
    field("padding", &L::padding, "stay inside the image, or add zeros around it");
    field("depth_multiplier", &L::depth_multiplier, "output channels for each input channel");
    field("dilation_rate", &L::dilation_rate, "pixels between neighbours in a window");
    field("activation", &L::activation, "what is done to each sum");
    field("use_bias", &L::use_bias, "add a learned number to each channel");
    field("depthwise_initializer", &L::depthwise_initializer, "how the kernel starts");
    field("bias_initializer", &L::bias_initializer, "how the bias starts");
    field("depthwise_regularizer", &L::depthwise_regularizer, "what a large kernel costs");
    field("bias_regularizer", &L::bias_regularizer, "what a large bias costs");
    field("activity_regularizer", &L::activity_regularizer, "what large outputs cost");
    field("depthwise_constraint", &L::depthwise_constraint, "what the kernel is brought back to");
    field("bias_constraint", &L::bias_constraint, "what the bias is brought back to");
    field("name", &L::name, "name in the model");
  }
};

/// The greatest number of each window, channel by channel: (height, width, channels) -> (rows, columns, channels). The
/// gradient goes to the first of equals. With padding `same`, what lies beyond the borders is never the greatest.
/// Throws `invalid_argument` for sizes below 1 and where the window does not fit the image.
struct MaxPooling2D {
  using Kind = LayerKind;
  Size2D pool_size = 2;
  std::optional<Size2D> strides{};
  Padding padding = Padding::valid;
  std::string name{};
  static constexpr std::string_view class_name = "MaxPooling2D";
  static constexpr void fields(auto&& field) {
    field("pool_size", &MaxPooling2D::pool_size, "height and width of a window, in pixels");
    field("strides", &MaxPooling2D::strides, "pixels from one window to the next, unset: pool_size");
    field("padding", &MaxPooling2D::padding, "stay inside the image, or go over its borders");
    field("name", &MaxPooling2D::name, "name in the model");
  }
};

/// The mean of each window, channel by channel, shapes and errors as for MaxPooling2D. With padding `same`, only what
/// lies inside the image is counted.
struct AveragePooling2D {
  using Kind = LayerKind;
  Size2D pool_size = 2;
  std::optional<Size2D> strides{};
  Padding padding = Padding::valid;
  std::string name{};
  static constexpr std::string_view class_name = "AveragePooling2D";
  static constexpr void fields(auto&& field) {
    using L = AveragePooling2D;
    field("pool_size", &L::pool_size, "height and width of a window, in pixels");
    field("strides", &L::strides, "pixels from one window to the next, unset: pool_size");
    field("padding", &L::padding, "stay inside the image, or go over its borders");
    field("name", &L::name, "name in the model");
  }
};

/// The greatest number of each channel: (height, width, channels) -> (channels), with `keepdims` (1, 1, channels).
struct GlobalMaxPooling2D {
  using Kind = LayerKind;
  bool keepdims = false;
  std::string name{};
  static constexpr std::string_view class_name = "GlobalMaxPooling2D";
  static constexpr void fields(auto&& field) {
    field("keepdims", &GlobalMaxPooling2D::keepdims, "keep height and width, as 1");
    field("name", &GlobalMaxPooling2D::name, "name in the model");
  }
};

/// The mean of each channel: (height, width, channels) -> (channels), with `keepdims` (1, 1, channels).
struct GlobalAveragePooling2D {
  using Kind = LayerKind;
  bool keepdims = false;
  std::string name{};
  static constexpr std::string_view class_name = "GlobalAveragePooling2D";
  static constexpr void fields(auto&& field) {
    field("keepdims", &GlobalAveragePooling2D::keepdims, "keep height and width, as 1");
    field("name", &GlobalAveragePooling2D::name, "name in the model");
  }
};

/// Zeros around an image: (h, w, c) -> (top + h + bottom, left + w + right, c).
struct ZeroPadding2D {
  using Kind = LayerKind;
  std::array<std::array<std::int64_t, 2>, 2> padding = {{{1, 1}, {1, 1}}};
  std::string name{};
  static constexpr std::string_view class_name = "ZeroPadding2D";
  static constexpr void fields(auto&& field) {
    field("padding", &ZeroPadding2D::padding, "[[top, bottom], [left, right]], or fewer numbers");
    field("name", &ZeroPadding2D::name, "name in the model");
  }
};

/// Each pixel size.height x size.width times: (h, w, c) -> (h size.height, w size.width, c); or, with interpolation
/// "bilinear", between the four pixels whose centres are nearest.
struct UpSampling2D {
  using Kind = LayerKind;
  Size2D size = 2;
  std::string interpolation = "nearest";
  std::string name{};
  static constexpr std::string_view class_name = "UpSampling2D";
  static constexpr void fields(auto&& field) {
    field("size", &UpSampling2D::size, "factors of height and width");
    field("interpolation", &UpSampling2D::interpolation, "nearest or bilinear");
    field("name", &UpSampling2D::name, "name in the model");
  }
};

}  // namespace gradus
