#include "kernels/kernels.hpp"
#include "optimizers/check.hpp"
#include "optimizers/optimizer.hpp"

namespace gradus {
namespace {

class SgdFunction final : public OptimizerOf<SGD> {
 public:
  explicit SgdFunction(const SGD& spec) : OptimizerOf(spec) { demand_share("momentum", spec.momentum); }

  [[nodiscard]] std::vector<std::string> slots() const override {
    return is_descent() ? std::vector<std::string>{} : std::vector<std::string>{"momentum"};
  }
  void update(Real* w, const Real* g, std::span<Real* const> slots, std::int64_t n, std::int64_t,
              double learning_rate) const override {
    const Real rate = static_cast<Real>(learning_rate);
    if (is_descent()) {
      kernels::sgd(w, g, n, rate);
    } else {
      kernels::sgd_momentum(w, g, slots[0], n, rate, static_cast<Real>(spec_.momentum), spec_.nesterov);
    }
  }

 protected:
  [[nodiscard]] bool is_descent() const override { return spec_.momentum == 0; }
};

[[maybe_unused]] const bool registered = register_optimizer<SGD, SgdFunction>(__FILE__);

}  // namespace
}  // namespace gradus
