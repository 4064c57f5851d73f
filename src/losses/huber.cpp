#include <cmath>

#include <gradus/error.hpp>

#include "losses/mean_over_outputs.hpp"

namespace gradus {
namespace {

struct HuberRule {
  explicit HuberRule(const Huber& spec) : delta(spec.delta) {
    if (!(delta > 0 && std::isfinite(delta))) {
      throw Error(ErrorCode::invalid_argument, "delta must be above 0, got " + Value(delta).to_string());
    }
  }
  [[nodiscard]] CostAt at(double y, double t) const {
    const double error = y - t;
    if (std::abs(error) <= delta) return {error * error / 2, error};
    return {delta * std::abs(error) - delta * delta / 2, error > 0 ? delta : -delta};
  }
  double delta;
};

[[maybe_unused]] const bool registered =
    register_loss<Huber, MeanOverOutputs<Huber, HuberRule>>(__FILE__, {Huber{.delta = 0.25}});

}  // namespace
}  // namespace gradus
