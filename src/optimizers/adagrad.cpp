#include "kernels/updates.hpp"
#include "optimizers/check.hpp"
#include "optimizers/optimizer.hpp"

namespace gradus {
namespace {

class AdagradFunction final : public OptimizerOf<Adagrad> {
 public:
  explicit AdagradFunction(const Adagrad& spec) : OptimizerOf(spec) {
    demand_option(spec.initial_accumulator_value >= 0, "initial_accumulator_value", "0 or more",
                  spec.initial_accumulator_value);
    demand_above_0("epsilon", spec.epsilon);
  }
  [[nodiscard]] std::vector<std::string> slots() const override { return {"accumulator"}; }
  [[nodiscard]] double initial(std::size_t) const override { return spec_.initial_accumulator_value; }

  void update(Real* w, const Real* g, std::span<Real* const> slots, std::int64_t n, std::int64_t,
              double learning_rate) const override {
    kernels::adagrad(w, g, slots[0], n, static_cast<Real>(learning_rate), static_cast<Real>(spec_.epsilon));
  }
};

[[maybe_unused]] const bool registered = register_optimizer<Adagrad, AdagradFunction>(__FILE__);

}  // namespace
}  // namespace gradus
