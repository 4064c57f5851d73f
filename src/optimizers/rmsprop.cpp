#include "kernels/kernels.hpp"
#include "optimizers/check.hpp"
#include "optimizers/optimizer.hpp"

namespace gradus {
namespace {

class RmspropFunction final : public OptimizerOf<RMSprop> {
 public:
  explicit RmspropFunction(const RMSprop& spec) : OptimizerOf(spec) {
    demand_share("rho", spec.rho);
    demand_share("momentum", spec.momentum);
    demand_above_0("epsilon", spec.epsilon);
  }

  [[nodiscard]] std::vector<std::string> slots() const override {
    std::vector<std::string> names{"velocity"};
    if (spec_.momentum > 0) names.emplace_back("momentum");
    if (spec_.centered) names.emplace_back("average_gradient");
    return names;
  }

  void update(Real* w, const Real* g, std::span<Real* const> slots, std::int64_t n, std::int64_t,
              double learning_rate) const override {
    const kernels::RmspropNumbers numbers{static_cast<Real>(learning_rate), static_cast<Real>(spec_.rho),
                                          static_cast<Real>(spec_.momentum), static_cast<Real>(spec_.epsilon)};
    Real* momentum = spec_.momentum > 0 ? slots[1] : nullptr;
    Real* average = spec_.centered ? slots[spec_.momentum > 0 ? 2 : 1] : nullptr;
    kernels::rmsprop(w, g, slots[0], momentum, average, n, numbers);
  }
};

[[maybe_unused]] const bool registered = register_optimizer<RMSprop, RmspropFunction>(__FILE__);

}  // namespace
}  // namespace gradus
