#include <cmath>

#include "kernels/kernels.hpp"
#include "optimizers/check.hpp"
#include "optimizers/optimizer.hpp"

namespace gradus {
namespace {

class AdamFunction final : public OptimizerFunction {
 public:
  explicit AdamFunction(const Adam& spec) : spec_(spec) {
    demand_rate(spec.learning_rate);
    demand_share("beta_1", spec.beta_1);
    demand_share("beta_2", spec.beta_2);
    demand_option(spec.epsilon > 0, "epsilon", "above 0", spec.epsilon);
  }

  [[nodiscard]] std::vector<std::string> slots() const override { return {"momentum", "velocity"}; }
  [[nodiscard]] bool slots_interleaved() const override { return true; }
  [[nodiscard]] double learning_rate() const override { return spec_.learning_rate; }

  void update(Real* w, const Real* g, std::span<Real* const> slots, std::int64_t n, std::int64_t step,
              double learning_rate) const override {
    const auto t = static_cast<double>(step);
    const double rate = learning_rate * std::sqrt(1 - std::pow(spec_.beta_2, t)) / (1 - std::pow(spec_.beta_1, t));
    kernels::adam(w, g, slots[0], slots[1], n,
                  {static_cast<Real>(rate), static_cast<Real>(spec_.beta_1), static_cast<Real>(spec_.beta_2),
                   static_cast<Real>(spec_.epsilon)});
  }

 private:
  Adam spec_;
};

[[maybe_unused]] const bool registered = register_optimizer<Adam, AdamFunction>(__FILE__);

}  // namespace
}  // namespace gradus
