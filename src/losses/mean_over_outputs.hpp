#pragma once

#include "losses/loss.hpp"

namespace gradus {

/// A cost and its slope by the output.
struct CostAt {
  double cost = 0;
  double slope = 0;
};

/// The mean over a sample's outputs of what `Rule` makes of each: a class that is built from the loss's spec, with
/// `CostAt at(double y, double t) const`.
template <class S, class Rule>
class MeanOverOutputs final : public LossFunction {
 public:
  explicit MeanOverOutputs(const S& spec) : rule_(spec) {}

  double row(const Real* y, const Real* t, std::int32_t, std::int64_t n, Real* gradient) const override {
    const double share = 1 / static_cast<double>(n);
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const CostAt point = rule_.at(static_cast<double>(y[i]), static_cast<double>(t[i]));
      sum += point.cost;
      if (gradient != nullptr) gradient[i] = static_cast<Real>(point.slope * share);
    }
    return sum * share;
  }

 private:
  Rule rule_;
};

}  // namespace gradus
