#pragma once

#include <gradus/spec.hpp>

/// What training makes small. A loss is a number for each sample; that of a batch is the mean over its samples.
/// y is the prediction, t the target, n the number of outputs. Names and defaults are Keras's where it has the loss.
namespace gradus {

/// 1/n sum (y - t)^2.
struct MeanSquaredError {
  using Kind = LossKind;
  static constexpr std::string_view class_name = "MeanSquaredError";
  static constexpr auto fields() { return std::tuple<>(); }
};

/// sum (y - t)^2, with gradient 2 (y - t): the cost of single-sample tutorials. Not in Keras.
struct SquaredError {
  using Kind = LossKind;
  static constexpr std::string_view class_name = "SquaredError";
  static constexpr auto fields() { return std::tuple<>(); }
};

/// 1/2 sum (y - t)^2, with gradient y - t (Nielsen, "Neural Networks and Deep Learning", equation 6). Not in Keras.
struct Quadratic {
  using Kind = LossKind;
  static constexpr std::string_view class_name = "Quadratic";
  static constexpr auto fields() { return std::tuple<>(); }
};

/// -1/n sum t ln y + (1 - t) ln(1 - y), for sigmoid outputs. Computed from the sums before the sigmoid, so that no
/// logarithm meets 0; when the last layer is no sigmoid, y is kept within [1e-7, 1 - 1e-7] as in Keras.
struct BinaryCrossentropy {
  using Kind = LossKind;
  bool from_logits = false;
  static constexpr std::string_view class_name = "BinaryCrossentropy";
  static constexpr auto fields() {
    return std::tuple{
        field("from_logits", &BinaryCrossentropy::from_logits, "the model's outputs are sums, not probabilities")};
  }
};

/// -sum t ln y, for softmax outputs and targets that sum to 1. Computed from the sums before the softmax; when the
/// last layer is no softmax, y is divided by its sum and kept within [1e-7, 1 - 1e-7] as in Keras.
struct CategoricalCrossentropy {
  using Kind = LossKind;
  bool from_logits = false;
  static constexpr std::string_view class_name = "CategoricalCrossentropy";
  static constexpr auto fields() {
    return std::tuple{
        field("from_logits", &CategoricalCrossentropy::from_logits, "the model's outputs are sums, not probabilities")};
  }
};

/// -ln y[label]: CategoricalCrossentropy for targets that are labels. A Dataset's one-hot values play no part.
struct SparseCategoricalCrossentropy {
  using Kind = LossKind;
  bool from_logits = false;
  static constexpr std::string_view class_name = "SparseCategoricalCrossentropy";
  static constexpr auto fields() {
    return std::tuple{field("from_logits", &SparseCategoricalCrossentropy::from_logits,
                            "the model's outputs are sums, not probabilities")};
  }
};

}  // namespace gradus
