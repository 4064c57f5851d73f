#include <algorithm>
#include <cmath>

#include "losses/mean_over_outputs.hpp"

namespace gradus {
namespace {

constexpr double least = 1e-7;  // Keras's epsilon

struct LogarithmicRule {
  explicit LogarithmicRule(const MeanSquaredLogarithmicError&) {}
  [[nodiscard]] CostAt at(double y, double t) const {
    const double error = std::log1p(std::max(y, least)) - std::log1p(std::max(t, least));
    return {error * error, y > least ? 2 * error / (1 + y) : 0};
  }
};

[[maybe_unused]] const bool registered =
    register_loss<MeanSquaredLogarithmicError, MeanOverOutputs<MeanSquaredLogarithmicError, LogarithmicRule>>(__FILE__);

}  // namespace
}  // namespace gradus
