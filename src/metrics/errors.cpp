#include <algorithm>
#include <cmath>

#include "metrics/metric.hpp"

namespace gradus {
namespace {

/// The mean of |y - t|, or of its square, perhaps with a root over it.
template <class S>
class ErrorFunction final : public MeanMetric {
  static constexpr bool absolute = std::is_same_v<S, metrics::MeanAbsoluteError>;
  static constexpr bool root = std::is_same_v<S, metrics::RootMeanSquaredError>;

 public:
  explicit ErrorFunction(const S&) {}
  [[nodiscard]] std::string name() const override {
    return absolute ? "mean_absolute_error" : root ? "root_mean_squared_error" : "mean_squared_error";
  }
  void row(const Real* y, const Real* t, std::int32_t, std::int64_t n, double* out) const override {
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const double error = static_cast<double>(y[i]) - static_cast<double>(t[i]);
      sum += absolute ? std::abs(error) : error * error;
    }
    *out = sum / static_cast<double>(n);
  }
  [[nodiscard]] double finish(double mean) const override { return root ? std::sqrt(mean) : mean; }
};

/// Of each output: how far it is off, and how far the targets are from their mean, in squares. The latter is kept as
/// Welford does (Knuth, The Art of Computer Programming 2, 4.2.2), which large targets cannot spoil.
class R2State final : public MetricState {
 public:
  explicit R2State(std::int64_t n) : outputs_(static_cast<std::size_t>(n)) {}
  void reset(std::int64_t) override {
    std::fill(outputs_.begin(), outputs_.end(), Output{});
    weight_ = 0;
  }
  void add(const double* rows, std::int64_t count, const double* weights) override {
    for (std::int64_t r = 0; r < count; ++r) {
      const double weight = weights == nullptr ? 1 : weights[r];
      if (weight == 0) {
        rows += 2 * outputs_.size();
        continue;
      }
      weight_ += weight;
      for (Output& output : outputs_) {
        const double y = *rows++, t = *rows++;
        output.off += weight * (y - t) * (y - t);
        const double from = t - output.mean;
        output.mean += weight / weight_ * from;
        output.spread += weight * from * (t - output.mean);
      }
    }
  }
  [[nodiscard]] std::vector<std::pair<std::string, double>> figures() const override {
    double sum = 0;
    for (const Output& output : outputs_) sum += output.spread == 0 ? 0 : 1 - output.off / output.spread;
    return {{"", sum / static_cast<double>(outputs_.size())}};
  }

  [[nodiscard]] std::vector<double> memory() const override {
    std::vector<double> numbers{weight_};
    for (const Output& output : outputs_) numbers.insert(numbers.end(), {output.off, output.mean, output.spread});
    return numbers;
  }
  void restore(const std::vector<double>& memory) override {
    weight_ = memory.at(0);
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      outputs_[i] = {memory.at(3 * i + 1), memory.at(3 * i + 2), memory.at(3 * i + 3)};
    }
  }

 private:
  struct Output {
    double off = 0, mean = 0, spread = 0;
  };
  std::vector<Output> outputs_;
  double weight_ = 0;
};

class R2Function final : public MetricFunction {
 public:
  explicit R2Function(const R2Score&) {}
  [[nodiscard]] std::string name() const override { return "r2_score"; }
  [[nodiscard]] std::int64_t row_size(std::int64_t n) const override { return 2 * n; }
  void row(const Real* y, const Real* t, std::int32_t, std::int64_t n, double* out) const override {
    for (std::int64_t i = 0; i < n; ++i) {
      *out++ = static_cast<double>(y[i]);
      *out++ = static_cast<double>(t[i]);
    }
  }
  [[nodiscard]] std::unique_ptr<MetricState> state(std::int64_t n) const override {
    return std::make_unique<R2State>(n);
  }
};

[[maybe_unused]] const bool registered[] = {
    register_metric<metrics::MeanAbsoluteError, ErrorFunction<metrics::MeanAbsoluteError>>(__FILE__),
    register_metric<metrics::MeanSquaredError, ErrorFunction<metrics::MeanSquaredError>>(__FILE__),
    register_metric<metrics::RootMeanSquaredError, ErrorFunction<metrics::RootMeanSquaredError>>(__FILE__),
    register_metric<R2Score, R2Function>(__FILE__),
};

}  // namespace
}  // namespace gradus
