#pragma once

#include <cstdint>
#include <vector>

#include <gradus/model.hpp>

namespace gradus {

struct RangeTestOptions {
  double lowest = 1e-7;      ///< rate of the first step, above 0
  double highest = 10;       ///< of the last, above `lowest`
  std::int64_t steps = 100;  ///< 10 or more
};

/// What a learning-rate range test found (Smith: "Cyclical learning rates for training neural networks", 2017).
struct RangeTest {
  std::vector<double> rates;   ///< growing by the same factor from step to step
  std::vector<double> losses;  ///< mean over the batch, before the step; as long as `rates`
  std::vector<double> smooth;  ///< the same, smoothed
  bool diverged = false;       ///< ended before the last rate, since the loss had grown fourfold or left its range
  double proposal = 0;         ///< where the smoothed loss falls most steeply; 0 where it never falls
};

/// Trains a copy of the model while the rate grows. Batch size, seed, threads and augmentation are those of `fit`.
/// Throws as fit does.
RangeTest find_learning_rate(const Sequential& model, const Dataset& data, const FitOptions& fit,
                             const RangeTestOptions& options = {});

}  // namespace gradus
