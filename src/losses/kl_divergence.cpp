#include <algorithm>
#include <cmath>

#include "losses/loss.hpp"

namespace gradus {
namespace {

class KLDivergenceFunction final : public LossFunction {
 public:
  explicit KLDivergenceFunction(const KLDivergence&) {}

  double row(const Real* y, const Real* t, std::int32_t, std::int64_t n, Real* gradient) const override {
    constexpr double least = 1e-7;  // Keras's epsilon
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const double out = static_cast<double>(y[i]);
      const double p = std::clamp(static_cast<double>(t[i]), least, 1.0), q = std::clamp(out, least, 1.0);
      sum += p * std::log(p / q);
      if (gradient != nullptr) gradient[i] = static_cast<Real>(out > least && out < 1 ? -p / q : 0);
    }
    return sum;
  }
};

[[maybe_unused]] const bool registered = register_loss<KLDivergence, KLDivergenceFunction>(__FILE__);

}  // namespace
}  // namespace gradus
