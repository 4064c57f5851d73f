#include "layers/convolution.hpp"

namespace gradus {
namespace {

class Conv2DFunction final : public ConvolutionFunction {
 public:
  Conv2DFunction(const Conv2D& spec, const Shape& input)
      : ConvolutionFunction({.filters = spec.filters,
                             .kernel_size = spec.kernel_size,
                             .strides = spec.strides,
                             .dilation = spec.dilation_rate,
                             .padding = spec.padding,
                             .groups = spec.groups,
                             .activation = spec.activation,
                             .use_bias = spec.use_bias,
                             .kernel_initializer = spec.kernel_initializer,
                             .bias_initializer = spec.bias_initializer,
                             .kernel_regularizer = spec.kernel_regularizer,
                             .bias_regularizer = spec.bias_regularizer,
                             .activity_regularizer = spec.activity_regularizer,
                             .kernel_constraint = spec.kernel_constraint,
                             .bias_constraint = spec.bias_constraint},
                            input) {}
};

constexpr Padding same = Padding::same;

[[maybe_unused]] const bool registered = register_layer<Conv2D, Conv2DFunction>(
    {{Conv2D{.filters = 3, .kernel_size = 3, .activation = Activation::tanh}, {6, 7, 2}},
     {Conv2D{.filters = 6, .kernel_size = 5, .activation = Activation::relu}, {9, 8, 1}},
     {Conv2D{.filters = 4, .kernel_size = {3, 2}, .strides = {2, 1}, .padding = same, .use_bias = false}, {5, 4, 3}},
     {Conv2D{.filters = 5, .kernel_size = {2, 4}, .padding = same, .activation = Activation::softmax}, {4, 5, 2}},
     {Conv2D{.filters = 17, .kernel_size = 3, .dilation_rate = 2, .activation = Activation::sigmoid}, {6, 5, 2}},
     {Conv2D{.filters = 6, .kernel_size = {3, 2}, .strides = 2, .padding = same, .groups = 2}, {5, 6, 4}},
     {Conv2D{.filters = 3, .kernel_size = 2, .padding = same, .dilation_rate = {1, 3}, .groups = 3}, {3, 5, 3}},
     {Conv2D{.filters = 7, .kernel_size = 1}, {3, 4, 5}},
     {Conv2D{.filters = 2, .kernel_size = 1, .strides = 3, .kernel_regularizer = L2{.l2 = 0.01}}, {7, 4, 3}}},
    __FILE__);

}  // namespace
}  // namespace gradus
