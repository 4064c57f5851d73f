#include <cmath>

#include "losses/mean_over_outputs.hpp"

namespace gradus {
namespace {

struct PoissonRule {
  explicit PoissonRule(const Poisson&) {}
  [[nodiscard]] CostAt at(double y, double t) const {
    const double kept = y + 1e-7;  // Keras's epsilon
    return {y - t * std::log(kept), 1 - t / kept};
  }
};

[[maybe_unused]] const bool registered = register_loss<Poisson, MeanOverOutputs<Poisson, PoissonRule>>(__FILE__);

}  // namespace
}  // namespace gradus
