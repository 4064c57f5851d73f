#include <cmath>

#include <gradus/error.hpp>

#include "base/spec_members.hpp"
#include "layers/regularizer.hpp"

GRADUS_INSTANTIATE_SPEC(RegularizerKind)

namespace gradus {
namespace {

double checked(const char* option, double value) {
  if (value >= 0 && std::isfinite(value)) return value;
  throw Error(ErrorCode::invalid_argument,
              std::string(option) + " must be a number of 0 or more, got " + Value(value).to_string());
}

/// l1 sum |x| + l2 sum x^2.
class SumsFunction final : public RegularizerFunction {
 public:
  explicit SumsFunction(const L1& spec) : l1_(checked("l1", spec.l1)) {}
  explicit SumsFunction(const L2& spec) : l2_(checked("l2", spec.l2)) {}
  explicit SumsFunction(const L1L2& spec) : l1_(checked("l1", spec.l1)), l2_(checked("l2", spec.l2)) {}

  // Four sums at a time, each over every fourth number: one chain of additions would wait for itself.
  double add(const Real* x, std::int64_t n, Real scale, Real* gradient) const override {
    double sizes[4] = {}, squares[4] = {};
    for (std::int64_t i = 0; i < n; ++i) {
      const double value = static_cast<double>(x[i]);
      sizes[i % 4] += std::abs(value);
      squares[i % 4] += value * value;
    }
    if (gradient != nullptr) {
      const Real one = scale * static_cast<Real>(l1_), two = scale * static_cast<Real>(2 * l2_);
      for (std::int64_t i = 0; i < n; ++i) {
        const Real sign = x[i] > 0 ? one : x[i] < 0 ? -one : Real{0};
        gradient[i] += sign + two * x[i];
      }
    }
    const double size = (sizes[0] + sizes[1]) + (sizes[2] + sizes[3]);
    const double square = (squares[0] + squares[1]) + (squares[2] + squares[3]);
    return (l1_ == 0 ? 0 : l1_ * size) + (l2_ == 0 ? 0 : l2_ * square);
  }

 private:
  double l1_ = 0, l2_ = 0;
};

[[maybe_unused]] const bool registered[] = {
    register_regularizer<L1, SumsFunction>(__FILE__),
    register_regularizer<L2, SumsFunction>(__FILE__),
    register_regularizer<L1L2, SumsFunction>(__FILE__),
};

}  // namespace
}  // namespace gradus
