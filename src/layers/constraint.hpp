#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <gradus/constraints.hpp>

#include "base/spec_registry.hpp"

namespace gradus {

/// What a weight is brought back to, ready to compute: a factor for all numbers that share a norm, or a rule for each
/// number.
class ConstraintFunction {
 public:
  virtual ~ConstraintFunction() = default;
  /// The axes that a norm runs over, as the spec has them; null when each number is looked at alone.
  [[nodiscard]] virtual const std::vector<std::int64_t>* axes() const { return nullptr; }
  /// What numbers of this norm are multiplied by.
  [[nodiscard]] virtual double factor(double norm) const { return norm >= 0 ? 1 : 0; }
  /// What a number becomes that is looked at alone.
  [[nodiscard]] virtual Real number(Real x) const { return x; }
};

template <>
struct Maker<ConstraintKind> {
  /// Throws `invalid_argument` naming the option that is out of its range.
  std::function<std::unique_ptr<ConstraintFunction>(const Constraint&)> make;
};
using ConstraintRegistry = SpecRegistry<ConstraintKind>;

template <class S, class F>
bool register_constraint(std::string_view file) {
  return ConstraintRegistry::instance().add(S{}, {[](const Constraint& spec) -> std::unique_ptr<ConstraintFunction> {
                                              return std::make_unique<F>(*spec.get_if<S>());
                                            }},
                                            file);
}

}  // namespace gradus
