#include <algorithm>
#include <cmath>

#include "losses/mean_over_outputs.hpp"

namespace gradus {
namespace {

double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

struct AbsoluteRule {
  explicit AbsoluteRule(const MeanAbsoluteError&) {}
  [[nodiscard]] CostAt at(double y, double t) const { return {std::abs(y - t), sign(y - t)}; }
};

struct PercentageRule {
  explicit PercentageRule(const MeanAbsolutePercentageError&) {}
  [[nodiscard]] CostAt at(double y, double t) const {
    const double scale = 100 / std::max(std::abs(t), 1e-7);  // Keras's epsilon
    return {scale * std::abs(y - t), scale * sign(y - t)};
  }
};

[[maybe_unused]] const bool registered[] = {
    register_loss<MeanAbsoluteError, MeanOverOutputs<MeanAbsoluteError, AbsoluteRule>>(__FILE__),
    register_loss<MeanAbsolutePercentageError, MeanOverOutputs<MeanAbsolutePercentageError, PercentageRule>>(__FILE__),
};

}  // namespace
}  // namespace gradus
