#include "optimizers/adam.hpp"

namespace gradus {
namespace {

class AdamaxFunction final : public AdamLike<Adamax> {
 public:
  using AdamLike::AdamLike;

  [[nodiscard]] std::vector<std::string> slots() const override { return {"momentum", "norm"}; }

  void update(Real* w, const Real* g, std::span<Real* const> slots, std::int64_t n, std::int64_t step,
              double learning_rate) const override {
    const double rate = learning_rate / (1 - std::pow(spec_.beta_1, static_cast<double>(step)));
    kernels::adamax(w, g, slots[0], slots[1], n, numbers(rate));
  }
};

[[maybe_unused]] const bool registered = register_optimizer<Adamax, AdamaxFunction>(__FILE__);

}  // namespace
}  // namespace gradus
