#include <algorithm>
#include <cmath>

#include <gradus/error.hpp>

#include "base/spec_members.hpp"
#include "layers/constraint.hpp"

GRADUS_INSTANTIATE_SPEC(ConstraintKind)

namespace gradus {
namespace {

constexpr double epsilon = 1e-7;  // Keras's

void demand(bool condition, const std::string& sentence, double value) {
  if (!condition) throw Error(ErrorCode::invalid_argument, sentence + ", got " + Value(value).to_string());
}

/// w goal / (epsilon + norm), goal = rate clip(norm, least, greatest) + (1 - rate) norm.
class NormFunction final : public ConstraintFunction {
 public:
  explicit NormFunction(const MaxNorm& spec) : axes_(spec.axis), greatest_(spec.max_value) { check(); }
  explicit NormFunction(const UnitNorm& spec) : axes_(spec.axis), least_(1), greatest_(1) {}
  explicit NormFunction(const MinMaxNorm& spec)
      : axes_(spec.axis), least_(spec.min_value), greatest_(spec.max_value), rate_(spec.rate) {
    check();
  }

  [[nodiscard]] const std::vector<std::int64_t>* axes() const override { return &axes_; }
  [[nodiscard]] double factor(double norm) const override {
    const double goal = rate_ * std::clamp(norm, least_, greatest_) + (1 - rate_) * norm;
    return goal / (epsilon + norm);
  }

 private:
  void check() const {
    demand(least_ >= 0, "min_value must be 0 or more", least_);
    demand(greatest_ >= least_ && std::isfinite(greatest_), "max_value must be a number of min_value or more",
           greatest_);
    demand(rate_ >= 0 && rate_ <= 1, "rate must be between 0 and 1", rate_);
  }

  std::vector<std::int64_t> axes_;
  double least_ = 0, greatest_ = 1, rate_ = 1;
};

class NonNegFunction final : public ConstraintFunction {
 public:
  explicit NonNegFunction(const NonNeg&) {}
  [[nodiscard]] Real number(Real x) const override { return x >= 0 ? x : 0; }
};

[[maybe_unused]] const bool registered[] = {
    register_constraint<MaxNorm, NormFunction>(__FILE__),
    register_constraint<NonNeg, NonNegFunction>(__FILE__),
    register_constraint<UnitNorm, NormFunction>(__FILE__),
    register_constraint<MinMaxNorm, NormFunction>(__FILE__),
};

}  // namespace
}  // namespace gradus
