#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <gradus/spec.hpp>

/// What is measured beside the loss.
namespace gradus {

/// The share of samples whose greatest output is the target's greatest (one output: whose output lies on the target's
/// side of 0.5). Of equal outputs the first counts as the greatest.
struct Accuracy {
  using Kind = MetricKind;
  static constexpr std::string_view class_name = "Accuracy";
  static constexpr auto fields() { return std::tuple<>(); }
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
