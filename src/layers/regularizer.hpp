#pragma once

#include <functional>
#include <memory>

#include <gradus/regularizers.hpp>

#include "base/spec_registry.hpp"

namespace gradus {

/// A penalty, ready to compute. It is a sum over numbers, so that any part of a weight can be looked at alone.
class RegularizerFunction {
 public:
  virtual ~RegularizerFunction() = default;
  /// The penalty of n numbers x, in their order. When `gradient` is not null, `scale` times its slope is added there.
  virtual double add(const Real* x, std::int64_t n, Real scale, Real* gradient) const = 0;
};

template <>
struct Maker<RegularizerKind> {
  /// Throws `invalid_argument` naming the option that is out of its range.
  std::function<std::unique_ptr<RegularizerFunction>(const Regularizer&)> make;
};
using RegularizerRegistry = SpecRegistry<RegularizerKind>;

template <class S, class F>
bool register_regularizer(std::string_view file) {
  return RegularizerRegistry::instance().add(S{}, {[](const Regularizer& spec) -> std::unique_ptr<RegularizerFunction> {
                                               return std::make_unique<F>(*spec.get_if<S>());
                                             }},
                                             file);
}

}  // namespace gradus
