#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gradus/spec.hpp>

namespace gradus {

/// How figures of several classes become one. In files and texts: null or "none", "micro", "macro", "weighted".
enum class Average : std::uint8_t {
  none,      ///< a figure for each class, under names such as f1_score/3
  micro,     ///< all classes' counts are added up first
  macro,     ///< the mean over those classes that occur, in targets or predictions, as scikit-learn's
  weighted,  ///< the mean over classes, each counting as many samples as it has
};

template <>
struct FieldType<Average> {
  static constexpr std::string_view name = "none, micro, macro or weighted";
  static Value to_value(Average value);
  static Average from_value(const Value& value);
};

/// What is measured beside the loss: over the whole set, never averaged over batches. y is a sample's output, t its
/// target (a label's one-hot values), n the number of outputs. Names and defaults are Keras's where it has the metric;
/// a figure is called after its metric, in small letters with underscores. For fit the samples of an epoch are measured
/// as they are trained on, as in Keras; for evaluate and validation the weights stand still.
///
/// Of a sigmoid or softmax that the loss takes over, metrics see its probabilities all the same.

/// The share of samples whose greatest output is the target's greatest (one output: whose output lies on the target's
/// side of 0.5). Of equal outputs the first counts as the greatest.
struct Accuracy {
  using Kind = MetricKind;
  static constexpr std::string_view class_name = "Accuracy";
  static constexpr void fields(auto&&) {}
};

/// The share of samples whose class is among the k greatest outputs: fewer than k outputs are greater than its own.
struct TopKCategoricalAccuracy {
  using Kind = MetricKind;
  std::int64_t k = 5;
  static constexpr std::string_view class_name = "TopKCategoricalAccuracy";
  static constexpr void fields(auto&& field) {
    field("k", &TopKCategoricalAccuracy::k, "how many outputs are looked at, 1 or more");
  }
};

/// The share of outputs, not samples, that lie on their target's side of the threshold.
struct BinaryAccuracy {
  using Kind = MetricKind;
  double threshold = 0.5;
  static constexpr std::string_view class_name = "BinaryAccuracy";
  static constexpr void fields(auto&& field) {
    field("threshold", &BinaryAccuracy::threshold, "outputs above are taken for 1");
  }
};

/// Of what was taken for a class, the share that is of it: true positives / (true + false positives); 0 where nothing
/// was.
///
/// As Keras has it unless `average` is given: every output above `thresholds` is taken for its class (or the `top_k`
/// greatest of a sample are), and all classes' counts are added up, or those of `class_id` alone. With `average` a
/// sample is taken for the class of its greatest output, as in most reports: by class or averaged over classes.
struct Precision {
  using Kind = MetricKind;
  std::optional<double> thresholds{};
  std::optional<std::int64_t> top_k{};
  std::optional<std::int64_t> class_id{};
  std::optional<Average> average{};
  static constexpr std::string_view class_name = "Precision";
  static constexpr void fields(auto&& field) {
    field("thresholds", &Precision::thresholds, "outputs above are taken for 1; null: 0.5");
    field("top_k", &Precision::top_k, "take the k greatest outputs for 1 instead");
    field("class_id", &Precision::class_id, "look at this class alone");
    field("average", &Precision::average, "take each sample for one class; not in Keras");
  }
};

/// Of what is of a class, the share that was taken for it: true positives / (true positives + false negatives); 0 where
/// nothing is. Options as for Precision.
struct Recall {
  using Kind = MetricKind;
  std::optional<double> thresholds{};
  std::optional<std::int64_t> top_k{};
  std::optional<std::int64_t> class_id{};
  std::optional<Average> average{};
  static constexpr std::string_view class_name = "Recall";
  static constexpr void fields(auto&& field) {
    field("thresholds", &Recall::thresholds, "outputs above are taken for 1; null: 0.5");
    field("top_k", &Recall::top_k, "take the k greatest outputs for 1 instead");
    field("class_id", &Recall::class_id, "look at this class alone");
    field("average", &Recall::average, "take each sample for one class; not in Keras");
  }
};

/// 2 precision recall / (precision + recall) of each class. A sample is taken for the class of its greatest output;
/// with `threshold`, for each whose output is above it. A single output is taken for 1 above 0.5 unless `threshold`
/// says otherwise, and gives one figure.
struct F1Score {
  using Kind = MetricKind;
  Average average = Average::none;
  std::optional<double> threshold{};
  static constexpr std::string_view class_name = "F1Score";
  static constexpr void fields(auto&& field) {
    field("average", &F1Score::average, "a figure a class, or how they become one");
    field("threshold", &F1Score::threshold, "outputs above are taken for 1; null: the greatest is");
  }
};

/// The area under the ROC curve: how probably a sample of the class gets a higher output than one of another class,
/// ties counting half. By exact ranking of all samples, where Keras takes 200 thresholds. Several outputs: each class
/// against the rest, averaged over those classes that have samples and do not have all of them; `micro` ranks all
/// outputs together. 0 where there is nothing to compare, as in Keras. Keeps one number a sample and output.
struct AUC {
  using Kind = MetricKind;
  Average average = Average::macro;
  static constexpr std::string_view class_name = "AUC";
  static constexpr void fields(auto&& field) {
    field("average", &AUC::average, "a figure a class, or how they become one");
  }
};

/// Metrics that share their name with a loss have a namespace of their own.
namespace metrics {

/// The mean of |y - t| over outputs and samples.
struct MeanAbsoluteError {
  using Kind = MetricKind;
  static constexpr std::string_view class_name = "MeanAbsoluteError";
  static constexpr void fields(auto&&) {}
};

/// The mean of (y - t)^2 over outputs and samples.
struct MeanSquaredError {
  using Kind = MetricKind;
  static constexpr std::string_view class_name = "MeanSquaredError";
  static constexpr void fields(auto&&) {}
};

/// The square root of the mean of (y - t)^2 over outputs and samples.
struct RootMeanSquaredError {
  using Kind = MetricKind;
  static constexpr std::string_view class_name = "RootMeanSquaredError";
  static constexpr void fields(auto&&) {}
};

}  // namespace metrics

/// 1 - sum (y - t)^2 / sum (t - mean t)^2: 1 for a perfect fit, 0 for the mean. Of several outputs the mean of theirs.
/// 0 where all targets are equal.
struct R2Score {
  using Kind = MetricKind;
  static constexpr std::string_view class_name = "R2Score";
  static constexpr void fields(auto&&) {}
};

/// How often class i was taken for class j: `counts[i * classes + j]`.
struct ConfusionMatrix {
  std::int64_t classes = 0;
  std::vector<std::int64_t> counts;
  [[nodiscard]] std::int64_t at(std::int64_t truth, std::int64_t prediction) const {
    return counts[static_cast<std::size_t>(truth * classes + prediction)];
  }
};

}  // namespace gradus
