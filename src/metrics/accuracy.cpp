#include <algorithm>

#include "metrics/metric.hpp"

GRADUS_INSTANTIATE_SPEC(MetricKind)

namespace gradus {
namespace {

class AccuracyFunction final : public MetricFunction {
 public:
  explicit AccuracyFunction(const Accuracy&) {}
  [[nodiscard]] std::string name() const override { return "accuracy"; }
  [[nodiscard]] double row(const Real* y, const Real* t, std::int32_t label, std::int64_t n) const override {
    if (n == 1) return (y[0] > Real{0.5}) == (t[0] > Real{0.5}) ? 1 : 0;
    const std::int64_t truth = label >= 0 ? label : std::max_element(t, t + n) - t;
    const Real top = y[truth];
    // No branch on what the outputs are: which one is greatest cannot be foreseen.
    int beaten = top == top ? 0 : 1;
    for (std::int64_t i = 0; i < truth; ++i) beaten |= static_cast<int>(y[i] >= top);
    for (std::int64_t i = truth + 1; i < n; ++i) beaten |= static_cast<int>(y[i] > top);
    return beaten == 0 ? 1 : 0;
  }
};

[[maybe_unused]] const bool registered = register_metric<Accuracy, AccuracyFunction>(__FILE__);

}  // namespace
}  // namespace gradus
