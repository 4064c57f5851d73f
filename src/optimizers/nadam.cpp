#include "optimizers/adam.hpp"

namespace gradus {
namespace {

class NadamFunction final : public AdamLike<Nadam> {
 public:
  using AdamLike::AdamLike;

  void update(Real* w, const Real* g, std::span<Real* const> slots, std::int64_t n, std::int64_t step,
              double learning_rate) const override {
    const auto t = static_cast<double>(step);
    const double u = mean_share(t), next_u = mean_share(t + 1), product = product_of_shares(step);
    kernels::nadam(
        w, g, slots[0], slots[1], n,
        {static_cast<Real>(learning_rate), static_cast<Real>(spec_.beta_1), static_cast<Real>(spec_.beta_2),
         static_cast<Real>(spec_.epsilon), static_cast<Real>(next_u / (1 - product * next_u)),
         static_cast<Real>((1 - u) / (1 - product)), static_cast<Real>(1 / (1 - std::pow(spec_.beta_2, t)))});
  }

 private:
  /// u_t.
  [[nodiscard]] double mean_share(double t) const { return spec_.beta_1 * (1 - 0.5 * std::pow(0.96, t)); }
  /// U_t, computed anew since nothing but the step count is kept; once it is lost beside 1, it may stay what it is.
  [[nodiscard]] double product_of_shares(std::int64_t step) const {
    double product = 1, power = 1;
    for (std::int64_t i = 1; i <= step && product > 1e-17; ++i) {
      power *= 0.96;
      product *= spec_.beta_1 * (1 - 0.5 * power);
    }
    return product;
  }
};

[[maybe_unused]] const bool registered = register_optimizer<Nadam, NadamFunction>(__FILE__);

}  // namespace
}  // namespace gradus
