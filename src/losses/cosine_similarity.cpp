#include <algorithm>
#include <cmath>

#include "losses/loss.hpp"

namespace gradus {
namespace {

class CosineSimilarityFunction final : public LossFunction {
 public:
  explicit CosineSimilarityFunction(const CosineSimilarity&) {}

  // L = -(y . t) / (|y| |t|), dL/dy = -(t / |t| - (cos) y / |y|) / |y|; below the least norm |y| is a constant.
  double row(const Real* y, const Real* t, std::int32_t, std::int64_t n, Real* gradient) const override {
    constexpr double least = 1e-7;  // Keras's epsilon
    double dot = 0, y_squares = 0, t_squares = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const double out = static_cast<double>(y[i]), target = static_cast<double>(t[i]);
      dot += out * target, y_squares += out * out, t_squares += target * target;
    }
    const double y_norm = std::max(std::sqrt(y_squares), least), t_norm = std::max(std::sqrt(t_squares), least);
    const double cosine = dot / (y_norm * t_norm);
    const double along = std::sqrt(y_squares) > least ? cosine : 0;
    for (std::int64_t i = 0; gradient != nullptr && i < n; ++i) {
      const double out = static_cast<double>(y[i]), target = static_cast<double>(t[i]);
      gradient[i] = static_cast<Real>(-(target / t_norm - along * out / y_norm) / y_norm);
    }
    return -cosine;
  }
};

[[maybe_unused]] const bool registered = register_loss<CosineSimilarity, CosineSimilarityFunction>(__FILE__);

}  // namespace
}  // namespace gradus
