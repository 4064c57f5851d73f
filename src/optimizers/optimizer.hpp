#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gradus/optimizers.hpp>

#include "base/spec_registry.hpp"

namespace gradus {

/// An optimizer, ready to compute. Const: its state lies in slots that the model owns, each laid out as the weights.
class OptimizerFunction {
 public:
  virtual ~OptimizerFunction() = default;
  /// The names of the state arrays, as Keras calls them in a file, in Keras's order.
  [[nodiscard]] virtual std::vector<std::string> slots() const { return {}; }
  /// Keras writes the slots weight by weight (m0, v0, m1, v1, ...) rather than slot by slot.
  [[nodiscard]] virtual bool slots_interleaved() const { return false; }
  /// One step over n weights w with gradients g; slots[i] is the matching part of slot i. `step` counts from 1;
  /// `learning_rate` is the rate of this step.
  virtual void update(Real* w, const Real* g, std::span<Real* const> slots, std::int64_t n, std::int64_t step,
                      double learning_rate) const = 0;
  [[nodiscard]] virtual double learning_rate() const = 0;
  /// The step is w -= learning_rate * g and nothing else.
  [[nodiscard]] virtual bool is_plain() const { return false; }
};

template <>
struct Maker<OptimizerKind> {
  /// Throws `invalid_argument` naming the option that is out of its range.
  std::function<std::unique_ptr<OptimizerFunction>(const Optimizer&)> make;
};
using OptimizerRegistry = SpecRegistry<OptimizerKind>;

template <class S, class F>
bool register_optimizer(std::string_view file) {
  return OptimizerRegistry::instance().add(S{}, {[](const Optimizer& spec) -> std::unique_ptr<OptimizerFunction> {
                                             return std::make_unique<F>(*spec.get_if<S>());
                                           }},
                                           file);
}

}  // namespace gradus
