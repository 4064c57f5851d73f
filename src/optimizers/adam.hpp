#pragma once

#include <cmath>

#include "kernels/updates.hpp"
#include "optimizers/check.hpp"
#include "optimizers/optimizer.hpp"

namespace gradus {

/// What Adam and its relatives have in common.
template <class S>
class AdamLike : public OptimizerOf<S> {
 public:
  explicit AdamLike(const S& spec) : OptimizerOf<S>(spec) {
    demand_share("beta_1", spec.beta_1);
    demand_share("beta_2", spec.beta_2);
    demand_above_0("epsilon", spec.epsilon);
  }
  [[nodiscard]] std::vector<std::string> slots() const override { return {"momentum", "velocity"}; }
  [[nodiscard]] std::size_t interleaved_slots() const override { return 2; }

 protected:
  [[nodiscard]] kernels::AdamNumbers numbers(double rate) const {
    const S& s = this->spec_;
    return {static_cast<Real>(rate), static_cast<Real>(s.beta_1), static_cast<Real>(s.beta_2),
            static_cast<Real>(s.epsilon)};
  }
};

/// Adam and AdamW, which differ in their defaults.
template <class S>
class AdamFunction final : public AdamLike<S> {
 public:
  using AdamLike<S>::AdamLike;

  [[nodiscard]] std::vector<std::string> slots() const override {
    std::vector<std::string> names{"momentum", "velocity"};
    if (this->spec_.amsgrad) names.emplace_back("velocity_hat");
    return names;
  }
  void update(Real* w, const Real* g, std::span<Real* const> slots, std::int64_t n, std::int64_t step,
              double learning_rate) const override {
    const S& s = this->spec_;
    const auto t = static_cast<double>(step);
    const double rate = learning_rate * std::sqrt(1 - std::pow(s.beta_2, t)) / (1 - std::pow(s.beta_1, t));
    if (s.amsgrad) {
      kernels::amsgrad(w, g, slots[0], slots[1], slots[2], n, this->numbers(rate));
    } else {
      kernels::adam(w, g, slots[0], slots[1], n, this->numbers(rate));
    }
  }
};

}  // namespace gradus
