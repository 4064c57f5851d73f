#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gradus/metrics.hpp>

#include "base/spec_registry.hpp"

namespace gradus {

/// What a metric keeps of the samples so far. One thread at a time; samples come in their order, so that sums have the
/// same bits for any number of threads.
class MetricState {
 public:
  virtual ~MetricState() = default;
  /// Forgets all. At most `samples` will come before the next call: room for them is made here, and never by `add`.
  virtual void reset(std::int64_t samples) = 0;
  /// Takes the numbers that MetricFunction::row wrote for `count` samples, one sample after another, and how much each
  /// counts (null: 1).
  virtual void add(const double* rows, std::int64_t count, const double* weights) = 0;
  /// The figures over all samples that came. What they are called follows the metric's name: "" or, for class 3, "/3".
  [[nodiscard]] virtual std::vector<std::pair<std::string, double>> figures() const = 0;
  /// The first of them, if it costs next to nothing; else -1.
  [[nodiscard]] virtual double now() const { return -1; }
  /// All that it keeps, as numbers that `restore` takes back to the bit, after a reset: so that a run can be resumed in
  /// the middle of an epoch.
  [[nodiscard]] virtual std::vector<double> memory() const = 0;
  virtual void restore(const std::vector<double>& memory) = 0;
};

/// A metric, ready to compute. It looks at samples one by one, in any thread, and then at what it kept of all of them.
/// Const; any number of threads may call it.
class MetricFunction {
 public:
  virtual ~MetricFunction() = default;
  /// What the figure is called in a History: "accuracy".
  [[nodiscard]] virtual std::string name() const = 0;
  /// How many numbers `row` writes for a sample of n outputs.
  [[nodiscard]] virtual std::int64_t row_size(std::int64_t n) const {
    (void)n;
    return 1;
  }
  /// What matters of one sample with n outputs y and targets t (for a label its one-hot values; `label` is -1 when
  /// targets are numbers).
  virtual void row(const Real* y, const Real* t, std::int32_t label, std::int64_t n, double* out) const = 0;
  /// y may hold the sums before a softmax, whose order is that of the probabilities.
  [[nodiscard]] virtual bool takes_sums() const { return false; }
  [[nodiscard]] virtual std::unique_ptr<MetricState> state(std::int64_t n) const = 0;
  /// Why the metric does not fit n outputs and these targets; empty when it does.
  [[nodiscard]] virtual std::string why_not(std::int64_t n, bool classified) const {
    (void)n, (void)classified;
    return {};
  }
};

/// A metric that is the mean of a number a sample, or what `finish` makes of it.
class MeanMetric : public MetricFunction {
 public:
  [[nodiscard]] std::unique_ptr<MetricState> state(std::int64_t n) const override;
  [[nodiscard]] virtual double finish(double mean) const { return mean; }
};

/// Whether output i of n is one that the targets ask for.
inline bool is_true(const Real* t, std::int32_t label, std::int64_t n, std::int64_t i) {
  if (label < 0) return t[i] > Real{0.5};
  return n == 1 ? label == 1 : i == label;
}

template <>
struct Maker<MetricKind> {
  /// Throws `invalid_argument` naming the option that is out of its range.
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
