#include <algorithm>
#include <optional>

#include <gradus/error.hpp>

#include "metrics/metric.hpp"

namespace gradus {
namespace {

/// What was taken for a class and what is of it, in weights of samples.
struct Counts {
  double true_positives = 0, false_positives = 0, false_negatives = 0;
  [[nodiscard]] double taken() const { return true_positives + false_positives; }
  [[nodiscard]] double support() const { return true_positives + false_negatives; }
  void add(const Counts& other) {
    true_positives += other.true_positives;
    false_positives += other.false_positives;
    false_negatives += other.false_negatives;
  }
};

double ratio(double part, double whole) { return whole == 0 ? 0 : part / whole; }

double precision_of(const Counts& c) { return ratio(c.true_positives, c.taken()); }
double recall_of(const Counts& c) { return ratio(c.true_positives, c.support()); }
double f1_of(const Counts& c) { return ratio(2 * c.true_positives, c.taken() + c.support()); }

using Figure = double (*)(const Counts&);

/// Which outputs of a sample are taken for 1, and how the classes' figures become one.
struct CountRules {
  std::optional<double> threshold{};    ///< outputs above it
  std::optional<std::int64_t> top_k{};  ///< the k greatest
  std::optional<std::int64_t> class_id{};
  Average average = Average::none;
  bool all_together = false;  ///< one figure of all classes that are looked at
};

class CountState final : public MetricState {
 public:
  CountState(std::int64_t n, const CountRules& rules, Figure figure)
      : rules_(rules), figure_(figure), counts_(static_cast<std::size_t>(n)) {}

  void reset(std::int64_t) override { std::fill(counts_.begin(), counts_.end(), Counts{}); }
  void add(const double* rows, std::int64_t count, const double* weights) override {
    for (std::int64_t r = 0; r < count; ++r) {
      const double weight = weights == nullptr ? 1 : weights[r];
      for (Counts& c : counts_) {
        const int code = static_cast<int>(*rows++);
        if (code == 3) c.true_positives += weight;
        if (code == 2) c.false_negatives += weight;
        if (code == 1) c.false_positives += weight;
      }
    }
  }

  [[nodiscard]] std::vector<std::pair<std::string, double>> figures() const override {
    if (rules_.class_id) return {{"", figure_(counts_[static_cast<std::size_t>(*rules_.class_id)])}};
    if (counts_.size() == 1) return {{"", figure_(counts_[0])}};
    if (!rules_.all_together && rules_.average == Average::none) return by_class();
    Counts all;
    double sum = 0, support = 0, occurring = 0;
    for (const Counts& c : counts_) {
      all.add(c);
      sum += figure_(c) * (rules_.average == Average::weighted ? c.support() : 1);
      support += c.support();
      if (c.support() + c.taken() > 0) ++occurring;
    }
    if (rules_.all_together || rules_.average == Average::micro) return {{"", figure_(all)}};
    return {{"", ratio(sum, rules_.average == Average::weighted ? support : occurring)}};
  }

  [[nodiscard]] std::vector<double> memory() const override {
    std::vector<double> numbers;
    for (const Counts& c : counts_) {
      numbers.insert(numbers.end(), {c.true_positives, c.false_negatives, c.false_positives});
    }
    return numbers;
  }
  void restore(const std::vector<double>& memory) override {
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      Counts& c = counts_[i];
      c.true_positives = memory.at(3 * i), c.false_negatives = memory.at(3 * i + 1);
      c.false_positives = memory.at(3 * i + 2);
    }
  }

 private:
  [[nodiscard]] std::vector<std::pair<std::string, double>> by_class() const {
    std::vector<std::pair<std::string, double>> each;
    for (std::size_t i = 0; i < counts_.size(); ++i) each.emplace_back("/" + std::to_string(i), figure_(counts_[i]));
    return each;
  }

  const CountRules& rules_;
  Figure figure_;
  std::vector<Counts> counts_;
};

/// Precision, recall and F1. A sample gives a number for each output: 2 where it should be 1, and 1 more where it was
/// taken for 1.
class CountFunction final : public MetricFunction {
 public:
  explicit CountFunction(const Precision& spec) : name_("precision"), figure_(precision_of) { take(spec); }
  explicit CountFunction(const Recall& spec) : name_("recall"), figure_(recall_of) { take(spec); }
  explicit CountFunction(const F1Score& spec) : name_("f1_score"), figure_(f1_of) {
    rules_.threshold = spec.threshold;
    rules_.average = spec.average;
  }

  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] std::int64_t row_size(std::int64_t n) const override { return n; }
  [[nodiscard]] std::unique_ptr<MetricState> state(std::int64_t n) const override {
    return std::make_unique<CountState>(n, rules_, figure_);
  }
  [[nodiscard]] std::string why_not(std::int64_t n, bool) const override {
    if (!rules_.class_id || *rules_.class_id < n) return {};
    return "looks at class " + std::to_string(*rules_.class_id) + ", but there are " + std::to_string(n) + " outputs";
  }

  void row(const Real* y, const Real* t, std::int32_t label, std::int64_t n, double* out) const override {
    const std::int64_t greatest = std::max_element(y, y + n) - y;
    for (std::int64_t i = 0; i < n; ++i) {
      out[i] = (is_true(t, label, n, i) ? 2 : 0) + (is_taken(y, n, i, greatest) ? 1 : 0);
    }
  }

 private:
  template <class S>
  void take(const S& spec) {
    if (spec.top_k && *spec.top_k < 1) {
      throw Error(ErrorCode::invalid_argument, "top_k must be 1 or more, got " + std::to_string(*spec.top_k));
    }
    if (spec.class_id && *spec.class_id < 0) {
      throw Error(ErrorCode::invalid_argument, "class_id must be 0 or more, got " + std::to_string(*spec.class_id));
    }
    rules_ = {spec.thresholds, spec.top_k, spec.class_id, spec.average.value_or(Average::none), !spec.average};
    if (!spec.average && !spec.top_k) rules_.threshold = spec.thresholds.value_or(0.5);
  }

  [[nodiscard]] bool is_taken(const Real* y, std::int64_t n, std::int64_t i, std::int64_t greatest) const {
    if (rules_.threshold && !(y[i] > static_cast<Real>(*rules_.threshold))) return false;
    if (rules_.top_k) {
      // Of equal outputs those in front count as greater.
      std::int64_t before = 0;
      for (std::int64_t j = 0; j < n; ++j) before += y[j] > y[i] || (y[j] == y[i] && j < i) ? 1 : 0;
      return before < *rules_.top_k;
    }
    if (rules_.threshold) return true;
    return n == 1 ? y[0] > Real{0.5} : i == greatest;
  }

  std::string name_;
  Figure figure_;
  CountRules rules_;
};

[[maybe_unused]] const bool registered[] = {
    register_metric<Precision, CountFunction>(__FILE__),
    register_metric<Recall, CountFunction>(__FILE__),
    register_metric<F1Score, CountFunction>(__FILE__),
};

}  // namespace
}  // namespace gradus
