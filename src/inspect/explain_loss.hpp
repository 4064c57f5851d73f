#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <gradus/activations.hpp>
#include <gradus/losses.hpp>

namespace gradus {

/// The cost of one sample and its slope.
struct SampleLoss {
  std::string formula;
  double value = 0;
  std::vector<double> gradient;  ///< dL/da, or dL/dz of the last layer when `fused`
  bool fused = false;
};

/// `z` and `a` are the last layer's sums and outputs, `z` empty when it has no activation. Throws `unsupported` for a
/// loss that is not known here.
SampleLoss sample_loss(const Loss& loss, Activation activation, std::span<const double> z, std::span<const double> a,
                       std::span<const double> target, std::int64_t label);

/// The sample's target as this loss takes it: a label counts as 1 for sparse losses, whatever the data's one-hot
/// values.
bool takes_labels(const Loss& loss);

/// e^z_i / sum e^z_j.
std::vector<double> softmax_of(std::span<const double> z);

}  // namespace gradus
