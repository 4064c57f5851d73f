#include "losses/loss.hpp"

namespace gradus {
namespace {

/// factor(n) * sum (y - t)^2.
template <class S>
class SquaredFunction final : public LossFunction {
 public:
  explicit SquaredFunction(const S&) {}

  double row(const Real* y, const Real* t, std::int32_t, std::int64_t n, Real* gradient) const override {
    double factor = 1;
    if (std::is_same_v<S, MeanSquaredError>) factor = 1.0 / static_cast<double>(n);
    if (std::is_same_v<S, Quadratic>) factor = 0.5;
    const Real slope = static_cast<Real>(2 * factor);
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const Real error = y[i] - t[i];
      sum += static_cast<double>(error) * static_cast<double>(error);
      if (gradient != nullptr) gradient[i] = slope * error;
    }
    return factor * sum;
  }
};

[[maybe_unused]] const bool registered[] = {
    register_loss<MeanSquaredError, SquaredFunction<MeanSquaredError>>(__FILE__),
    register_loss<SquaredError, SquaredFunction<SquaredError>>(__FILE__),
    register_loss<Quadratic, SquaredFunction<Quadratic>>(__FILE__),
};

}  // namespace
}  // namespace gradus
