#pragma once

#include <gradus/activations.hpp>
#include <gradus/constraints.hpp>
#include <gradus/initializers.hpp>
#include <gradus/regularizers.hpp>
#include <gradus/spec.hpp>

/// Every layer there is: a table of contents. A spec says what; the layer behind it (src/layers/NAME.cpp) does it.
/// Names, fields and defaults are Keras's. Shapes are written without the axis that counts samples.
///
/// Each spec has a `name`, unique in its model; when it is empty the model gives it one as Keras does (dense, dense_1).
namespace gradus {

/// y = activation(x · kernel + bias), over the last axis: (..., n) -> (..., units).
/// Weights: kernel (n, units), bias (units). Throws `invalid_argument` unless units >= 1.
///
/// `passes_error` trains by a tutorial's rule in place of the gradient: the layer below gets dL/dy · kernel^T, the
/// error shared out by the weights, where backpropagation would take activation'(z) into it first (Rashid, "Make Your
/// Own Neural Network", 2016). The layer's own weights are updated as ever. Not in Keras; prediction is the same.
struct Dense {
  using Kind = LayerKind;
  std::int64_t units = 0;
  Activation activation = linear;
  bool use_bias = true;
  Initializer kernel_initializer = GlorotUniform{};
  Initializer bias_initializer = Zeros{};
  std::optional<Regularizer> kernel_regularizer{};
  std::optional<Regularizer> bias_regularizer{};
  std::optional<Regularizer> activity_regularizer{};
  std::optional<Constraint> kernel_constraint{};
  std::optional<Constraint> bias_constraint{};
  bool passes_error = false;
  std::string name{};
  static constexpr std::string_view class_name = "Dense";
  static constexpr auto fields() {
    return std::tuple{field("units", &Dense::units, "number of outputs, 1 or more"),
                      field("activation", &Dense::activation, "what is done to each sum"),
                      field("use_bias", &Dense::use_bias, "add a learned number to each sum"),
                      field("kernel_initializer", &Dense::kernel_initializer, "how the kernel starts"),
                      field("bias_initializer", &Dense::bias_initializer, "how the bias starts"),
                      field("kernel_regularizer", &Dense::kernel_regularizer, "what a large kernel costs"),
                      field("bias_regularizer", &Dense::bias_regularizer, "what a large bias costs"),
                      field("activity_regularizer", &Dense::activity_regularizer, "what large outputs cost"),
                      field("kernel_constraint", &Dense::kernel_constraint, "what the kernel is brought back to"),
                      field("bias_constraint", &Dense::bias_constraint, "what the bias is brought back to"),
                      field("passes_error", &Dense::passes_error, "pass the plain error down, not the gradient"),
                      field("name", &Dense::name, "name in the model")};
  }
};

/// y = activation(x), any shape. softmax is taken over the last axis.
struct ActivationLayer {
  using Kind = LayerKind;
  Activation activation = linear;
  std::string name{};
  static constexpr std::string_view class_name = "Activation";
  static constexpr auto fields() {
    return std::tuple{field("activation", &ActivationLayer::activation, "what is done to each number"),
                      field("name", &ActivationLayer::name, "name in the model")};
  }
};

/// All axes made one: (28, 28, 1) -> (784). Costs nothing.
struct Flatten {
  using Kind = LayerKind;
  std::string name{};
  static constexpr std::string_view class_name = "Flatten";
  static constexpr auto fields() { return std::tuple{field("name", &Flatten::name, "name in the model")}; }
};

/// y = x * scale + offset, any shape: pixels to numbers near 1.
struct Rescaling {
  using Kind = LayerKind;
  double scale = 1.0;
  double offset = 0.0;
  std::string name{};
  static constexpr std::string_view class_name = "Rescaling";
  static constexpr auto fields() {
    return std::tuple{field("scale", &Rescaling::scale, "factor"),
                      field("offset", &Rescaling::offset, "added after the factor"),
                      field("name", &Rescaling::name, "name in the model")};
  }
};

}  // namespace gradus
