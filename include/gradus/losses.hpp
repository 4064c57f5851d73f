#pragma once

#include <gradus/spec.hpp>

/// What training makes small. A loss is a number for each sample; that of a batch is the mean over its samples.
/// y is the prediction, t the target, n the number of outputs. Names and defaults are Keras's where it has the loss.
namespace gradus {

/// 1/n sum (y - t)^2.
struct MeanSquaredError {
  using Kind = LossKind;
  static constexpr std::string_view class_name = "MeanSquaredError";
  static constexpr void fields(auto&&) {}
};

/// sum (y - t)^2, with gradient 2 (y - t): the cost of single-sample tutorials. Not in Keras.
struct SquaredError {
  using Kind = LossKind;
  static constexpr std::string_view class_name = "SquaredError";
  static constexpr void fields(auto&&) {}
};

/// 1/2 sum (y - t)^2, with gradient y - t (Nielsen, "Neural Networks and Deep Learning", equation 6). Not in Keras.
struct Quadratic {
  using Kind = LossKind;
  static constexpr std::string_view class_name = "Quadratic";
  static constexpr void fields(auto&&) {}
};

/// -1/n sum t ln y + (1 - t) ln(1 - y), for sigmoid outputs. Computed from the sums before the sigmoid, so that no
/// logarithm meets 0; when the last layer is no sigmoid, y is kept within [1e-7, 1 - 1e-7] as in Keras.
///
/// `label_smoothing` s, between 0 and 1, moves targets towards one half: t (1 - s) + s / 2.
struct BinaryCrossentropy {
  using Kind = LossKind;
  bool from_logits = false;
  double label_smoothing = 0.0;
  static constexpr std::string_view class_name = "BinaryCrossentropy";
  static constexpr void fields(auto&& field) {
    field("from_logits", &BinaryCrossentropy::from_logits, "the model's outputs are sums, not probabilities");
    field("label_smoothing", &BinaryCrossentropy::label_smoothing, "share of the way to 1/2 that targets move");
  }
};

/// -sum t ln y, for softmax outputs and targets that sum to 1. Computed from the sums before the softmax; when the
/// last layer is no softmax, y is divided by its sum and kept within [1e-7, 1 - 1e-7] as in Keras.
///
/// `label_smoothing` s, between 0 and 1, shares out a part of the certainty: t (1 - s) + s / n.
struct CategoricalCrossentropy {
  using Kind = LossKind;
  bool from_logits = false;
  double label_smoothing = 0.0;
  static constexpr std::string_view class_name = "CategoricalCrossentropy";
  static constexpr void fields(auto&& field) {
    field("from_logits", &CategoricalCrossentropy::from_logits, "the model's outputs are sums, not probabilities");
    field("label_smoothing", &CategoricalCrossentropy::label_smoothing, "share of 1 that all classes divide");
  }
};

/// -ln y[label]: CategoricalCrossentropy for targets that are labels. A Dataset's one-hot values play no part.
struct SparseCategoricalCrossentropy {
  using Kind = LossKind;
  bool from_logits = false;
  static constexpr std::string_view class_name = "SparseCategoricalCrossentropy";
  static constexpr void fields(auto&& field) {
    field("from_logits", &SparseCategoricalCrossentropy::from_logits,
          "the model's outputs are sums, not probabilities");
  }
};

/// 1/n sum |y - t|. Its slope at 0 is taken to be 0.
struct MeanAbsoluteError {
  using Kind = LossKind;
  static constexpr std::string_view class_name = "MeanAbsoluteError";
  static constexpr void fields(auto&&) {}
};

/// 100/n sum |t - y| / max(|t|, 1e-7).
struct MeanAbsolutePercentageError {
  using Kind = LossKind;
  static constexpr std::string_view class_name = "MeanAbsolutePercentageError";
  static constexpr void fields(auto&&) {}
};

/// 1/n sum (ln(1 + max(y, 1e-7)) - ln(1 + max(t, 1e-7)))^2: for amounts that differ by factors.
struct MeanSquaredLogarithmicError {
  using Kind = LossKind;
  static constexpr std::string_view class_name = "MeanSquaredLogarithmicError";
  static constexpr void fields(auto&&) {}
};

/// 1/n sum h(y - t), h(e) = e^2 / 2 for |e| <= delta, delta |e| - delta^2 / 2 beyond: squares that outliers cannot
/// dominate. Huber 1964. `invalid_argument` unless delta is above 0.
struct Huber {
  using Kind = LossKind;
  double delta = 1.0;
  static constexpr std::string_view class_name = "Huber";
  static constexpr void fields(auto&& field) {
    field("delta", &Huber::delta, "error from which the cost grows in a straight line, above 0");
  }
};

/// 1/n sum ln cosh(y - t): near e^2 / 2 for small errors e, |e| - ln 2 for large ones.
struct LogCosh {
  using Kind = LossKind;
  static constexpr std::string_view class_name = "LogCosh";
  static constexpr void fields(auto&&) {}
};

/// 1/n sum max(0, 1 - t y), for targets -1 and 1, or 0 and 1, which become -1 and 1: a sample whose targets are all 0
/// or 1 is one of these (Keras looks at a whole batch). Outputs are best linear or tanh.
struct Hinge {
  using Kind = LossKind;
  static constexpr std::string_view class_name = "Hinge";
  static constexpr void fields(auto&&) {}
};

/// 1/n sum max(0, 1 - t y)^2, with targets as for Hinge.
struct SquaredHinge {
  using Kind = LossKind;
  static constexpr std::string_view class_name = "SquaredHinge";
  static constexpr void fields(auto&&) {}
};

/// max(0, 1 + max (1 - t) y - sum t y), for targets 0 and 1: the right output should lead by 1.
struct CategoricalHinge {
  using Kind = LossKind;
  static constexpr std::string_view class_name = "CategoricalHinge";
  static constexpr void fields(auto&&) {}
};

/// sum t ln(t / y), both kept within [1e-7, 1]: how far one distribution is from another. Kullback, Leibler 1951.
struct KLDivergence {
  using Kind = LossKind;
  static constexpr std::string_view class_name = "KLDivergence";
  static constexpr void fields(auto&&) {}
};

/// 1/n sum y - t ln(y + 1e-7), for counts t and positive outputs y.
struct Poisson {
  using Kind = LossKind;
  static constexpr std::string_view class_name = "Poisson";
  static constexpr void fields(auto&&) {}
};

/// -(y . t) / (|y| |t|), each norm at least 1e-7: -1 where directions agree, 1 where they are opposed. Over all outputs
/// of a sample.
struct CosineSimilarity {
  using Kind = LossKind;
  static constexpr std::string_view class_name = "CosineSimilarity";
  static constexpr void fields(auto&&) {}
};

}  // namespace gradus
