#pragma once

#include <functional>
#include <memory>

#include <gradus/metrics.hpp>

#include "base/spec_registry.hpp"

namespace gradus {

/// A metric, ready to compute: the mean of a number a sample.
class MetricFunction {
 public:
  virtual ~MetricFunction() = default;
  /// What the figure is called in a History: "accuracy".
  [[nodiscard]] virtual std::string name() const = 0;
  /// The number of one sample with n outputs y (probabilities or the sums before them) and targets t.
  [[nodiscard]] virtual double row(const Real* y, const Real* t, std::int32_t label, std::int64_t n) const = 0;
};

template <>
struct Maker<MetricKind> {
  std::function<std::unique_ptr<MetricFunction>(const Metric&)> make;
};
using MetricRegistry = SpecRegistry<MetricKind>;

template <class S, class F>
bool register_metric(std::string_view file) {
  return MetricRegistry::instance().add(S{}, {[](const Metric& spec) -> std::unique_ptr<MetricFunction> {
                                          return std::make_unique<F>(*spec.get_if<S>());
                                        }},
                                        file);
}

}  // namespace gradus
