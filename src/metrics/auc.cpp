#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "metrics/metric.hpp"

namespace gradus {
namespace {

/// A number with its truth and weight.
struct Ranked {
  double score;
  double weight;
  bool positive;
};

struct Area {
  double value = 0;
  double positives = 0;
  bool known = false;  ///< there are samples of both kinds
};

// The share of pairs of a positive and a negative sample in which the positive one has the higher score, ties counting
// half: the statistic of Mann and Whitney 1947, which is the area under the ROC curve.
// NaN scores have no rank, so the area has no value then.
Area area_of(std::vector<Ranked>& samples) {
  if (std::any_of(samples.begin(), samples.end(), [](const Ranked& each) { return std::isnan(each.score); })) {
    return {std::numeric_limits<double>::quiet_NaN(), 1, true};
  }
  std::sort(samples.begin(), samples.end(), [](const Ranked& a, const Ranked& b) { return a.score < b.score; });
  double won = 0, positives = 0, negatives = 0;
  for (std::size_t i = 0; i < samples.size();) {
    double tied_positives = 0, tied_negatives = 0;
    const double score = samples[i].score;
    do {
      (samples[i].positive ? tied_positives : tied_negatives) += samples[i].weight;
    } while (++i < samples.size() && samples[i].score == score);
    won += tied_positives * (negatives + tied_negatives / 2);
    positives += tied_positives, negatives += tied_negatives;
  }
  if (positives == 0 || negatives == 0) return {0, positives, false};
  return {won / (positives * negatives), positives, true};
}

class AreaState final : public MetricState {
 public:
  AreaState(std::int64_t n, Average average) : n_(static_cast<std::size_t>(n)), average_(average) {}

  void reset(std::int64_t samples) override {
    const std::size_t room = static_cast<std::size_t>(samples) * n_;
    scores_.clear(), truths_.clear(), weights_.clear();
    scores_.reserve(room), truths_.reserve(room), weights_.reserve(static_cast<std::size_t>(samples));
  }
  void add(const double* rows, std::int64_t count, const double* weights) override {
    for (std::int64_t r = 0; r < count; ++r) {
      weights_.push_back(weights == nullptr ? 1 : weights[r]);
      for (std::size_t i = 0; i < n_; ++i) {
        scores_.push_back(static_cast<Real>(*rows++));
        truths_.push_back(*rows++ != 0 ? 1 : 0);
      }
    }
  }

  [[nodiscard]] std::vector<std::pair<std::string, double>> figures() const override {
    std::vector<Ranked> samples;
    if (n_ == 1 || average_ == Average::micro) {
      for (std::size_t at = 0; at < scores_.size(); ++at) samples.push_back(ranked(at));
      return {{"", area_of(samples).value}};
    }
    std::vector<std::pair<std::string, double>> each;
    double sum = 0, weight = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      samples.clear();
      for (std::size_t at = i; at < scores_.size(); at += n_) samples.push_back(ranked(at));
      const Area area = area_of(samples);
      each.emplace_back("/" + std::to_string(i), area.value);
      const double counts = !area.known ? 0 : average_ == Average::weighted ? area.positives : 1;
      sum += counts * area.value, weight += counts;
    }
    if (average_ == Average::none) return each;
    return {{"", weight == 0 ? 0 : sum / weight}};
  }

  [[nodiscard]] std::vector<double> memory() const override {
    std::vector<double> numbers(weights_);
    for (std::size_t at = 0; at < scores_.size(); ++at) {
      numbers.push_back(static_cast<double>(scores_[at]));
      numbers.push_back(truths_[at]);
    }
    return numbers;
  }
  void restore(const std::vector<double>& memory) override {
    const std::size_t samples = memory.size() / (2 * n_ + 1);
    weights_.assign(memory.begin(), memory.begin() + static_cast<std::ptrdiff_t>(samples));
    scores_.clear(), truths_.clear();
    for (std::size_t at = samples; at + 1 < memory.size(); at += 2) {
      scores_.push_back(static_cast<Real>(memory[at]));
      truths_.push_back(memory[at + 1] != 0 ? 1 : 0);
    }
  }

 private:
  [[nodiscard]] Ranked ranked(std::size_t at) const {
    return {static_cast<double>(scores_[at]), weights_[at / n_], truths_[at] != 0};
  }

  std::size_t n_;
  Average average_;
  std::vector<Real> scores_;          // sample by sample, n_ each
  std::vector<std::uint8_t> truths_;  // likewise
  std::vector<double> weights_;       // one a sample
};

class AreaFunction final : public MetricFunction {
 public:
  explicit AreaFunction(const AUC& spec) : average_(spec.average) {}
  [[nodiscard]] std::string name() const override { return "auc"; }
  [[nodiscard]] std::int64_t row_size(std::int64_t n) const override { return 2 * n; }
  void row(const Real* y, const Real* t, std::int32_t label, std::int64_t n, double* out) const override {
    for (std::int64_t i = 0; i < n; ++i) {
      *out++ = static_cast<double>(y[i]);
      *out++ = is_true(t, label, n, i) ? 1 : 0;
    }
  }
  [[nodiscard]] std::unique_ptr<MetricState> state(std::int64_t n) const override {
    return std::make_unique<AreaState>(n, average_);
  }

 private:
  Average average_;
};

[[maybe_unused]] const bool registered = register_metric<AUC, AreaFunction>(__FILE__);

}  // namespace
}  // namespace gradus
