#pragma once

#include <functional>
#include <span>

#include <gradus/initializers.hpp>

#include "base/philox.hpp"
#include "base/spec_registry.hpp"

namespace gradus {

/// What is to be filled: a weight of this shape, whose units have this many inputs and outputs.
struct InitializerTarget {
  Shape shape;
  std::int64_t fan_in = 1;
  std::int64_t fan_out = 1;
};

template <>
struct Maker<InitializerKind> {
  /// Fills `values`, row-major. Throws `invalid_argument` for numbers out of range.
  std::function<void(const Initializer& spec, const InitializerTarget& target, Philox& random,
                     std::span<double> values)>
      fill;
};
using InitializerRegistry = SpecRegistry<InitializerKind>;

/// For the registration line of an initializer S, filled by `fill(const S&, target, random, values)`.
template <class S, class F>
bool register_initializer(F fill, std::string_view file) {
  return InitializerRegistry::instance().add(
      S{}, {[fill](const Initializer& spec, const InitializerTarget& target, Philox& random, std::span<double> values) {
        fill(*spec.get_if<S>(), target, random, values);
      }},
      file);
}

}  // namespace gradus
