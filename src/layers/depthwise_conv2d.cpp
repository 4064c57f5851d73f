#include "layers/convolution.hpp"

#include <gradus/error.hpp>

namespace gradus {
namespace {

/// A convolution with as many groups as channels, whose kernel lies as (height, width, channels, depth_multiplier).
class DepthwiseConv2DFunction final : public ConvolutionFunction {
 public:
  DepthwiseConv2DFunction(const DepthwiseConv2D& spec, const Shape& input)
      : ConvolutionFunction({.filters = filters_of(spec, input),
                             .kernel_size = spec.kernel_size,
                             .strides = spec.strides,
                             .dilation = spec.dilation_rate,
                             .padding = spec.padding,
                             .groups = input.back(),
                             .activation = spec.activation,
                             .use_bias = spec.use_bias,
                             .depthwise = true,
                             .kernel_initializer = spec.depthwise_initializer,
                             .bias_initializer = spec.bias_initializer,
                             .kernel_regularizer = spec.depthwise_regularizer,
                             .bias_regularizer = spec.bias_regularizer,
                             .activity_regularizer = spec.activity_regularizer,
                             .kernel_constraint = spec.depthwise_constraint,
                             .bias_constraint = spec.bias_constraint},
                            input) {}

 private:
  static std::int64_t filters_of(const DepthwiseConv2D& spec, const Shape& input) {
    check_image(input);
    if (spec.depth_multiplier >= 1) return spec.depth_multiplier * input.back();
    throw Error(ErrorCode::invalid_argument,
                "depth_multiplier must be 1 or more, got " + std::to_string(spec.depth_multiplier));
  }
};

[[maybe_unused]] const bool registered = register_layer<DepthwiseConv2D, DepthwiseConv2DFunction>(
    {{DepthwiseConv2D{.kernel_size = 3, .activation = Activation::tanh}, {5, 6, 3}},
     {DepthwiseConv2D{.kernel_size = {3, 2}, .strides = 2, .padding = Padding::same, .depth_multiplier = 2}, {5, 4, 3}},
     {DepthwiseConv2D{.kernel_size = 2, .dilation_rate = 2, .use_bias = false}, {4, 5, 18}}},
    __FILE__);

}  // namespace
}  // namespace gradus
