#include <algorithm>

#include <gradus/error.hpp>

#include "metrics/metric.hpp"

namespace gradus {
namespace {

class AccuracyFunction final : public MeanMetric {
 public:
  explicit AccuracyFunction(const Accuracy&) {}
  [[nodiscard]] std::string name() const override { return "accuracy"; }
  [[nodiscard]] bool takes_sums() const override { return true; }
  void row(const Real* y, const Real* t, std::int32_t label, std::int64_t n, double* out) const override {
    if (n == 1) {
      *out = (y[0] > Real{0.5}) == (t[0] > Real{0.5}) ? 1 : 0;
      return;
    }
    const std::int64_t truth = label >= 0 ? label : std::max_element(t, t + n) - t;
    const Real top = y[truth];
    // No branch on what the outputs are: which one is greatest cannot be foreseen.
    int beaten = top == top ? 0 : 1;
    for (std::int64_t i = 0; i < truth; ++i) beaten |= static_cast<int>(y[i] >= top);
    for (std::int64_t i = truth + 1; i < n; ++i) beaten |= static_cast<int>(y[i] > top);
    *out = beaten == 0 ? 1 : 0;
  }
};

class TopKFunction final : public MeanMetric {
 public:
  explicit TopKFunction(const TopKCategoricalAccuracy& spec) : k_(spec.k) {
    if (k_ < 1) throw Error(ErrorCode::invalid_argument, "k must be 1 or more, got " + std::to_string(k_));
  }
  [[nodiscard]] std::string name() const override { return "top_k_categorical_accuracy"; }
  [[nodiscard]] bool takes_sums() const override { return true; }
  [[nodiscard]] std::string why_not(std::int64_t n, bool) const override {
    return n < 2 ? "needs two or more outputs, one a class" : "";
  }
  void row(const Real* y, const Real* t, std::int32_t label, std::int64_t n, double* out) const override {
    const Real own = y[label >= 0 ? label : std::max_element(t, t + n) - t];
    *out = std::count_if(y, y + n, [own](Real other) { return other > own; }) < k_ ? 1 : 0;
  }

 private:
  std::int64_t k_;
};

class BinaryAccuracyFunction final : public MeanMetric {
 public:
  explicit BinaryAccuracyFunction(const BinaryAccuracy& spec) : threshold_(static_cast<Real>(spec.threshold)) {}
  [[nodiscard]] std::string name() const override { return "binary_accuracy"; }
  void row(const Real* y, const Real* t, std::int32_t, std::int64_t n, double* out) const override {
    std::int64_t right = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      right += (y[i] > threshold_) == (t[i] > threshold_) ? 1 : 0;
    }
    *out = static_cast<double>(right) / static_cast<double>(n);
  }

 private:
  Real threshold_;
};

[[maybe_unused]] const bool registered[] = {
    register_metric<Accuracy, AccuracyFunction>(__FILE__),
    register_metric<TopKCategoricalAccuracy, TopKFunction>(__FILE__),
    register_metric<BinaryAccuracy, BinaryAccuracyFunction>(__FILE__),
};

}  // namespace
}  // namespace gradus
