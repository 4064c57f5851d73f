#include "kernels/updates.hpp"
#include "optimizers/check.hpp"
#include "optimizers/optimizer.hpp"

namespace gradus {
namespace {

class LionFunction final : public OptimizerOf<Lion> {
 public:
  explicit LionFunction(const Lion& spec) : OptimizerOf(spec) {
    demand_option(spec.beta_1 > 0 && spec.beta_1 <= 1, "beta_1", "above 0 and at most 1", spec.beta_1);
    demand_share("beta_2", spec.beta_2);
  }
  [[nodiscard]] std::vector<std::string> slots() const override { return {"momentum"}; }

  void update(Real* w, const Real* g, std::span<Real* const> slots, std::int64_t n, std::int64_t,
              double learning_rate) const override {
    kernels::lion(w, g, slots[0], n, static_cast<Real>(learning_rate), static_cast<Real>(spec_.beta_1),
                  static_cast<Real>(spec_.beta_2));
  }
};

[[maybe_unused]] const bool registered = register_optimizer<Lion, LionFunction>(__FILE__);

}  // namespace
}  // namespace gradus
