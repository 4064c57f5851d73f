#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gradus/activations.hpp>
#include <gradus/losses.hpp>

#include "base/spec_registry.hpp"

namespace gradus {

/// A loss, ready to compute. Const; any number of threads may call it.
class LossFunction {
 public:
  virtual ~LossFunction() = default;
  /// The loss of one sample of n outputs y with targets t; `label` is the sample's class, or -1 when targets are
  /// numbers. When `gradient` is not null it receives dL/dy (n numbers).
  virtual double row(const Real* y, const Real* t, std::int32_t label, std::int64_t n, Real* gradient) const = 0;
  /// The output activation that this loss computes itself: a model whose last layer ends in it hands over the sums
  /// before it, and `row` must then be called on `fused()`.
  [[nodiscard]] virtual Activation takes_over() const { return Activation::linear; }
  [[nodiscard]] virtual std::unique_ptr<LossFunction> fused() const { return nullptr; }
  /// Why the loss does not fit `n` outputs and these targets; empty when it does.
  [[nodiscard]] virtual std::string why_not(std::int64_t n, bool classified) const {
    (void)n, (void)classified;
    return {};
  }
};

template <>
struct Maker<LossKind> {
  /// Throws `invalid_argument` naming the option that is out of its range.
  std::function<std::unique_ptr<LossFunction>(const Loss&)> make;
  std::vector<Loss> examples;  ///< configurations that the generic tests run
};
using LossRegistry = SpecRegistry<LossKind>;

/// For the registration line of a loss; `examples` come beside its defaults.
template <class S, class F>
bool register_loss(std::string_view file, std::vector<Loss> examples = {}) {
  examples.insert(examples.begin(), S{});
  return LossRegistry::instance().add(
      S{},
      {[](const Loss& spec) -> std::unique_ptr<LossFunction> { return std::make_unique<F>(*spec.get_if<S>()); },
       std::move(examples)},
      file);
}

}  // namespace gradus
