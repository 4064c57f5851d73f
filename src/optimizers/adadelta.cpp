#include "kernels/updates.hpp"
#include "optimizers/check.hpp"
#include "optimizers/optimizer.hpp"

namespace gradus {
namespace {

class AdadeltaFunction final : public OptimizerOf<Adadelta> {
 public:
  explicit AdadeltaFunction(const Adadelta& spec) : OptimizerOf(spec) {
    demand_share("rho", spec.rho);
    demand_above_0("epsilon", spec.epsilon);
  }
  [[nodiscard]] std::vector<std::string> slots() const override {
    return {"accumulated_grad", "accumulated_delta_var"};
  }
  [[nodiscard]] std::size_t interleaved_slots() const override { return 2; }

  void update(Real* w, const Real* g, std::span<Real* const> slots, std::int64_t n, std::int64_t,
              double learning_rate) const override {
    kernels::adadelta(w, g, slots[0], slots[1], n, static_cast<Real>(learning_rate), static_cast<Real>(spec_.rho),
                      static_cast<Real>(spec_.epsilon));
  }
};

[[maybe_unused]] const bool registered = register_optimizer<Adadelta, AdadeltaFunction>(__FILE__);

}  // namespace
}  // namespace gradus
