#pragma once

#include <gradus/activations.hpp>
#include <gradus/constraints.hpp>
#include <gradus/image_layers.hpp>
#include <gradus/initializers.hpp>
#include <gradus/regularizers.hpp>
#include <gradus/spec.hpp>

/// Every layer there is, those that look at images in image_layers.hpp: a table of contents. A spec says what; the
/// layer behind it (src/layers/NAME.cpp) does it. Names, fields and defaults are Keras's. Shapes are written without
/// the axis that counts samples.
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
  static constexpr void fields(auto&& field) {
    field("units", &Dense::units, "number of outputs, 1 or more");
    field("activation", &Dense::activation, "what is done to each sum");
    field("use_bias", &Dense::use_bias, "add a learned number to each sum");
    field("kernel_initializer", &Dense::kernel_initializer, "how the kernel starts");
    field("bias_initializer", &Dense::bias_initializer, "how the bias starts");
    field("kernel_regularizer", &Dense::kernel_regularizer, "what a large kernel costs");
    field("bias_regularizer", &Dense::bias_regularizer, "what a large bias costs");
    field("activity_regularizer", &Dense::activity_regularizer, "what large outputs cost");
    field("kernel_constraint", &Dense::kernel_constraint, "what the kernel is brought back to");
    field("bias_constraint", &Dense::bias_constraint, "what the bias is brought back to");
    field("passes_error", &Dense::passes_error, "pass the plain error down, not the gradient");
    field("name", &Dense::name, "name in the model");
  }
};

/// y = activation(x), any shape. softmax is taken over the last axis.
struct ActivationLayer {
  using Kind = LayerKind;
  Activation activation = linear;
  std::string name{};
  static constexpr std::string_view class_name = "Activation";
  static constexpr void fields(auto&& field) {
    field("activation", &ActivationLayer::activation, "what is done to each number");
    field("name", &ActivationLayer::name, "name in the model");
  }
};

/// All axes made one: (28, 28, 1) -> (784). Costs nothing.
struct Flatten {
  using Kind = LayerKind;
  std::string name{};
  static constexpr std::string_view class_name = "Flatten";
  static constexpr void fields(auto&& field) { field("name", &Flatten::name, "name in the model"); }
};

/// y = x * scale + offset, any shape: pixels to numbers near 1.
struct Rescaling {
  using Kind = LayerKind;
  double scale = 1.0;
  double offset = 0.0;
  std::string name{};
  static constexpr std::string_view class_name = "Rescaling";
  static constexpr void fields(auto&& field) {
    field("scale", &Rescaling::scale, "factor");
    field("offset", &Rescaling::offset, "added after the factor");
    field("name", &Rescaling::name, "name in the model");
  }
};

/// y = x where x > 0, negative_slope x elsewhere; any shape.
struct LeakyReLU {
  using Kind = LayerKind;
  double negative_slope = 0.3;
  std::string name{};
  static constexpr std::string_view class_name = "LeakyReLU";
  static constexpr void fields(auto&& field) {
    field("negative_slope", &LeakyReLU::negative_slope, "slope below 0, 0 or more");
    field("name", &LeakyReLU::name, "name in the model");
  }
};

/// y = min(x, max_value) where x > threshold, else negative_slope (x - threshold); any shape.
/// Throws `invalid_argument` for a negative max_value, slope or threshold.
struct ReLU {
  using Kind = LayerKind;
  std::optional<double> max_value{};
  double negative_slope = 0.0;
  double threshold = 0.0;
  std::string name{};
  static constexpr std::string_view class_name = "ReLU";
  static constexpr void fields(auto&& field) {
    field("max_value", &ReLU::max_value, "the greatest output; none: any");
    field("negative_slope", &ReLU::negative_slope, "slope below the threshold, 0 or more");
    field("threshold", &ReLU::threshold, "where the slope of 1 begins, 0 or more");
    field("name", &ReLU::name, "name in the model");
  }
};

/// y = x where x > 0, alpha (e^x - 1) elsewhere; any shape.
struct ELU {
  using Kind = LayerKind;
  double alpha = 1.0;
  std::string name{};
  static constexpr std::string_view class_name = "ELU";
  static constexpr void fields(auto&& field) {
    field("alpha", &ELU::alpha, "how deep it goes below 0");
    field("name", &ELU::name, "name in the model");
  }
};

/// y = x where x > 0, alpha x elsewhere, with learned alpha (He et al. 2015); any shape.
/// Weight: alpha, of the input's shape with 1 for shared axes, which are counted from 1 as in Keras.
struct PReLU {
  using Kind = LayerKind;
  std::optional<std::vector<std::int64_t>> shared_axes{};
  Initializer alpha_initializer = Zeros{};
  std::string name{};
  static constexpr std::string_view class_name = "PReLU";
  static constexpr void fields(auto&& field) {
    field("shared_axes", &PReLU::shared_axes, "axes along which alpha is the same, from 1");
    field("alpha_initializer", &PReLU::alpha_initializer, "how alpha starts");
    field("name", &PReLU::name, "name in the model");
  }
};

/// y = e^x_i / sum_j e^x_j over the last axis, which `axis` must name.
struct Softmax {
  using Kind = LayerKind;
  std::int64_t axis = -1;
  std::string name{};
  static constexpr std::string_view class_name = "Softmax";
  static constexpr void fields(auto&& field) {
    field("axis", &Softmax::axis, "the last axis: -1");
    field("name", &Softmax::name, "name in the model");
  }
};

/// In training, every number is 0 with probability `rate`, to steps of 1/65536, and 1 / (1 - rate) times itself
/// otherwise (Srivastava et al. 2014); elsewhere y = x, at no cost. Any shape. What is dropped follows from the seed
/// (of `fit`, or the layer's own), the layer's place, the step and the row. Throws `invalid_argument` unless
/// 0 <= rate <= 1.
struct Dropout {
  using Kind = LayerKind;
  double rate = 0.5;
  std::optional<std::int64_t> seed{};
  std::string name{};
  static constexpr std::string_view class_name = "Dropout";
  static constexpr void fields(auto&& field) {
    field("rate", &Dropout::rate, "share of numbers dropped, 0 to 1");
    field("seed", &Dropout::seed, "of what is dropped; none: the seed of the training");
    field("name", &Dropout::name, "name in the model");
  }
};

/// Dropout of whole channels: (h, w, channels). Throws `invalid_argument` unless 0 <= rate <= 1.
struct SpatialDropout2D {
  using Kind = LayerKind;
  double rate = 0.5;
  std::optional<std::int64_t> seed{};
  std::string name{};
  static constexpr std::string_view class_name = "SpatialDropout2D";
  static constexpr void fields(auto&& field) {
    field("rate", &SpatialDropout2D::rate, "share of channels dropped, 0 to 1");
    field("seed", &SpatialDropout2D::seed, "of what is dropped; none: the seed of the training");
    field("name", &SpatialDropout2D::name, "name in the model");
  }
};

/// In training, adds normal noise of standard deviation `stddev`; elsewhere y = x. Any shape. Throws
/// `invalid_argument` for a negative stddev.
struct GaussianNoise {
  using Kind = LayerKind;
  double stddev = 0.1;
  std::optional<std::int64_t> seed{};
  std::string name{};
  static constexpr std::string_view class_name = "GaussianNoise";
  static constexpr void fields(auto&& field) {
    field("stddev", &GaussianNoise::stddev, "standard deviation of the noise, 0 or more");
    field("seed", &GaussianNoise::seed, "of the noise; none: the seed of the training");
    field("name", &GaussianNoise::name, "name in the model");
  }
};

/// y = gamma (x - mean) / sqrt(variance + epsilon) + beta for each channel of the last axis (Ioffe, Szegedy 2015). In
/// training the mean and variance are those of the batch, over all samples and positions, and the moving averages move:
/// average = momentum average + (1 - momentum) batch's, with the variance divided by n, as Keras has it. Elsewhere the
/// moving averages are used. Weights: gamma, beta, moving_mean, moving_variance, (channels) each.
struct BatchNormalization {
  using Kind = LayerKind;
  double momentum = 0.99;
  double epsilon = 0.001;
  bool center = true;
  bool scale = true;
  std::int64_t axis = -1;
  Initializer beta_initializer = Zeros{};
  Initializer gamma_initializer = Ones{};
  Initializer moving_mean_initializer = Zeros{};
  Initializer moving_variance_initializer = Ones{};
  std::string name{};
  static constexpr std::string_view class_name = "BatchNormalization";
  static constexpr void fields(auto&& field) {
    field("momentum", &BatchNormalization::momentum, "share of the moving averages that a step keeps, 0 to 1");
    field("epsilon", &BatchNormalization::epsilon, "added to the variance, above 0");
    field("center", &BatchNormalization::center, "add a learned beta");
    field("scale", &BatchNormalization::scale, "multiply by a learned gamma");
    field("axis", &BatchNormalization::axis, "the axis of channels, the last one: -1");
    field("beta_initializer", &BatchNormalization::beta_initializer, "how beta starts");
    field("gamma_initializer", &BatchNormalization::gamma_initializer, "how gamma starts");
    field("moving_mean_initializer", &BatchNormalization::moving_mean_initializer, "how the moving mean starts");
    field("moving_variance_initializer", &BatchNormalization::moving_variance_initializer,
          "how the moving variance starts");
    field("name", &BatchNormalization::name, "name in the model");
  }
};

/// y = gamma (x - mean) / sqrt(variance + epsilon) + beta, with the mean and variance of the last axis of each sample
/// and position (Ba, Kiros, Hinton 2016). Weights: gamma, beta, of the last axis' size.
struct LayerNormalization {
  using Kind = LayerKind;
  double epsilon = 0.001;
  bool center = true;
  bool scale = true;
  std::int64_t axis = -1;
  Initializer beta_initializer = Zeros{};
  Initializer gamma_initializer = Ones{};
  std::string name{};
  static constexpr std::string_view class_name = "LayerNormalization";
  static constexpr void fields(auto&& field) {
    field("epsilon", &LayerNormalization::epsilon, "added to the variance, above 0");
    field("center", &LayerNormalization::center, "add a learned beta");
    field("scale", &LayerNormalization::scale, "multiply by a learned gamma");
    field("axis", &LayerNormalization::axis, "the axis that is normalised, the last one: -1");
    field("beta_initializer", &LayerNormalization::beta_initializer, "how beta starts");
    field("gamma_initializer", &LayerNormalization::gamma_initializer, "how gamma starts");
    field("name", &LayerNormalization::name, "name in the model");
  }
};

/// y = (x - mean) / max(sqrt(variance), 1e-7) for each feature of the last axis, or with `axis` none by one mean and
/// variance for all; any shape. Without `mean` and `variance` the layer is fitted to data by Sequential::adapt, or by
/// the first `fit`. Weights, then: mean, variance, count (of values seen, a whole number); none are trained.
/// Throws `invalid_argument` when one of mean and variance is missing, or has neither one value nor one a feature.
struct Normalization {
  using Kind = LayerKind;
  std::optional<std::int64_t> axis = -1;
  std::optional<std::vector<double>> mean{};
  std::optional<std::vector<double>> variance{};
  std::string name{};
  static constexpr std::string_view class_name = "Normalization";
  static constexpr void fields(auto&& field) {
    field("axis", &Normalization::axis, "the axis of features, the last one: -1; none: one for all");
    field("mean", &Normalization::mean, "of each feature; none: fitted to data");
    field("variance", &Normalization::variance, "of each feature; none: fitted to data");
    field("name", &Normalization::name, "name in the model");
  }
};

/// A learned row of output_dim numbers for each whole number below input_dim: (n) -> (n, output_dim).
/// Weight: embeddings (input_dim, output_dim). An input that is no such number ends the pass with `invalid_argument`.
struct Embedding {
  using Kind = LayerKind;
  std::int64_t input_dim = 0;
  std::int64_t output_dim = 0;
  Initializer embeddings_initializer = RandomUniform{};
  std::string name{};
  static constexpr std::string_view class_name = "Embedding";
  static constexpr void fields(auto&& field) {
    field("input_dim", &Embedding::input_dim, "inputs are 0 to input_dim - 1");
    field("output_dim", &Embedding::output_dim, "numbers for each input");
    field("embeddings_initializer", &Embedding::embeddings_initializer, "how they start");
    field("name", &Embedding::name, "name in the model");
  }
};

/// The same numbers under another shape; one size may be -1: what is left. Costs nothing.
/// Throws `invalid_argument` when the numbers of elements differ.
struct Reshape {
  using Kind = LayerKind;
  std::vector<std::int64_t> target_shape{};
  std::string name{};
  static constexpr std::string_view class_name = "Reshape";
  static constexpr void fields(auto&& field) {
    field("target_shape", &Reshape::target_shape, "sizes, one of them -1 for what is left");
    field("name", &Reshape::name, "name in the model");
  }
};

/// Axes in another order: axis i of the output is axis dims[i] of the input, counted from 1 as in Keras.
struct Permute {
  using Kind = LayerKind;
  std::vector<std::int64_t> dims{};
  std::string name{};
  static constexpr std::string_view class_name = "Permute";
  static constexpr void fields(auto&& field) {
    field("dims", &Permute::dims, "the input's axes in their new order, from 1");
    field("name", &Permute::name, "name in the model");
  }
};

/// y = x + what the layers make of x (He et al. 2015), which must have x's shape. Their names are unique in the whole
/// model; their weights are called "layer/weight". Keras has no such layer: its files hold it as a Functional model
/// that ends in Add. Throws `invalid_argument` when the shapes differ, and for layers within it that would be fitted to
/// data or have an activity_regularizer.
struct Residual {
  using Kind = LayerKind;
  std::vector<Layer> layers{};
  std::string name{};
  static constexpr std::string_view class_name = "Residual";
  static constexpr void fields(auto&& field) {
    field("layers", &Residual::layers, "the layers whose output is added to their input");
    field("name", &Residual::name, "name in the model");
  }
};

}  // namespace gradus
