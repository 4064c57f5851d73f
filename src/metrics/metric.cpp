#include "metrics/metric.hpp"

#include <array>

#include <gradus/error.hpp>

#include "base/spec_members.hpp"

GRADUS_INSTANTIATE_SPEC(MetricKind)

namespace gradus {
namespace {

constexpr std::array<std::pair<Average, std::string_view>, 4> averages = {
    {{Average::none, "none"}, {Average::micro, "micro"}, {Average::macro, "macro"}, {Average::weighted, "weighted"}}};

class MeanState final : public MetricState {
 public:
  explicit MeanState(const MeanMetric& metric) : metric_(metric) {}
  void reset(std::int64_t) override { sum_ = weight_ = 0; }
  void add(const double* rows, std::int64_t count, const double* weights) override {
    // A batch is summed on its own: small numbers are not lost in a large sum.
    double sum = 0, weight = static_cast<double>(count);
    if (weights == nullptr) {
      for (std::int64_t i = 0; i < count; ++i) sum += rows[i];
    } else {
      weight = 0;
      for (std::int64_t i = 0; i < count; ++i) sum += weights[i] * rows[i], weight += weights[i];
    }
    sum_ += sum, weight_ += weight;
  }
  [[nodiscard]] std::vector<std::pair<std::string, double>> figures() const override { return {{"", now()}}; }
  [[nodiscard]] double now() const override { return metric_.finish(weight_ == 0 ? 0 : sum_ / weight_); }

  [[nodiscard]] std::vector<double> memory() const override { return {sum_, weight_}; }
  void restore(const std::vector<double>& memory) override { sum_ = memory.at(0), weight_ = memory.at(1); }

 private:
  const MeanMetric& metric_;
  double sum_ = 0, weight_ = 0;
};

}  // namespace

std::unique_ptr<MetricState> MeanMetric::state(std::int64_t) const { return std::make_unique<MeanState>(*this); }

Value FieldType<Average>::to_value(Average value) {
  for (const auto& [known, text] : averages) {
    if (known == value) return std::string(text);
  }
  return {};
}

Average FieldType<Average>::from_value(const Value& value) {
  if (value.is_null()) return Average::none;
  for (const auto& [known, text] : averages) {
    if (value == Value(std::string(text))) return known;
  }
  throw Error(ErrorCode::invalid_argument, "expected none, micro, macro or weighted, got " + value.to_string());
}

}  // namespace gradus
