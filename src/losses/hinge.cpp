#include <algorithm>

#include "losses/loss.hpp"

namespace gradus {
namespace {

/// 1/n sum max(0, 1 - t y), or of its square.
template <class S>
class HingeFunction final : public LossFunction {
  static constexpr bool squared = std::is_same_v<S, SquaredHinge>;

 public:
  explicit HingeFunction(const S&) {}

  double row(const Real* y, const Real* t, std::int32_t, std::int64_t n, Real* gradient) const override {
    const bool binary = std::all_of(t, t + n, [](Real target) { return target == 0 || target == 1; });
    const double share = 1 / static_cast<double>(n);
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const double target = binary ? 2 * static_cast<double>(t[i]) - 1 : static_cast<double>(t[i]);
      const double missing = std::max(0.0, 1 - target * static_cast<double>(y[i]));
      sum += squared ? missing * missing : missing;
      const double slope = missing == 0 ? 0 : squared ? -2 * target * missing : -target;
      if (gradient != nullptr) gradient[i] = static_cast<Real>(slope * share);
    }
    return sum * share;
  }
};

/// max(0, 1 + max (1 - t) y - sum t y).
class CategoricalHingeFunction final : public LossFunction {
 public:
  explicit CategoricalHingeFunction(const CategoricalHinge&) {}

  double row(const Real* y, const Real* t, std::int32_t, std::int64_t n, Real* gradient) const override {
    double right = 0, wrong = 0;
    std::int64_t worst = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const double out = static_cast<double>(y[i]), target = static_cast<double>(t[i]);
      right += target * out;
      if (i == 0 || (1 - target) * out > wrong) wrong = (1 - target) * out, worst = i;
    }
    const double missing = std::max(0.0, 1 + wrong - right);
    for (std::int64_t i = 0; gradient != nullptr && i < n; ++i) {
      const double target = static_cast<double>(t[i]);
      gradient[i] = static_cast<Real>(missing == 0 ? 0 : (i == worst ? 1 - target : 0) - target);
    }
    return missing;
  }
};

[[maybe_unused]] const bool registered[] = {
    register_loss<Hinge, HingeFunction<Hinge>>(__FILE__),
    register_loss<SquaredHinge, HingeFunction<SquaredHinge>>(__FILE__),
    register_loss<CategoricalHinge, CategoricalHingeFunction>(__FILE__),
};

}  // namespace
}  // namespace gradus
