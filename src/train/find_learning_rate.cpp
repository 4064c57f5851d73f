#include "train/find_learning_rate.hpp"

#include <algorithm>
#include <cmath>

#include <gradus/error.hpp>

namespace gradus {
namespace {

/// Raises the rate from step to step and remembers the loss of each batch.
class Climb : public Callback {
 public:
  Climb(const RangeTestOptions& options, RangeTest& test) : options_(options), test_(test) {}

  void on_train_begin(const TrainingState&) override { model().set_learning_rate(rate(0)); }
  void on_epoch_begin(const TrainingState&) override { sum_ = 0, samples_ = 0; }
  bool on_batch_end(const TrainingState& state) override {
    const double sum = state.loss * static_cast<double>(state.samples);
    const double loss = (sum - sum_) / static_cast<double>(state.samples - samples_);
    sum_ = sum, samples_ = state.samples;
    test_.rates.push_back(rate(test_.rates.size()));
    test_.losses.push_back(loss);
    // An average that starts without a bias towards 0, as Adam's.
    constexpr double memory = 0.9;
    average_ = memory * average_ + (1 - memory) * loss;
    const double smooth = average_ / (1 - std::pow(memory, static_cast<double>(test_.rates.size())));
    test_.smooth.push_back(smooth);
    least_ = std::min(least_, smooth);
    if (smooth > 4 * least_) test_.diverged = true;
    if (test_.diverged || static_cast<std::int64_t>(test_.rates.size()) >= options_.steps) return false;
    model().set_learning_rate(rate(test_.rates.size()));
    return true;
  }
  [[nodiscard]] bool ends_on_not_finite() const override { return true; }

 private:
  [[nodiscard]] double rate(std::size_t step) const {
    const double share = static_cast<double>(step) / static_cast<double>(options_.steps - 1);
    return options_.lowest * std::pow(options_.highest / options_.lowest, share);
  }

  const RangeTestOptions& options_;
  RangeTest& test_;
  double sum_ = 0, average_ = 0, least_ = HUGE_VAL;
  std::int64_t samples_ = 0;
};

/// Where the smoothed loss falls most steeply over the logarithm of the rate, before its least value; measured over
/// five steps, without the first ten, in which the average settles.
double steepest(const RangeTest& test) {
  constexpr std::size_t settling = 10, span = 5;
  if (test.smooth.size() <= settling + span) return 0;
  const auto least = static_cast<std::size_t>(std::min_element(test.smooth.begin() + settling, test.smooth.end()) -
                                              test.smooth.begin());
  double best = 0, rate = 0;
  for (std::size_t i = settling; i + span <= least; ++i) {
    const double fall = test.smooth[i] - test.smooth[i + span];
    if (fall <= best) continue;
    best = fall;
    rate = test.rates[i + span / 2];
  }
  return rate;
}

}  // namespace

RangeTest find_learning_rate(const Sequential& model, const Dataset& data, const FitOptions& fit,
                             const RangeTestOptions& options) {
  if (!(options.lowest > 0) || !(options.highest > options.lowest) || options.steps < 10) {
    throw Error(
        ErrorCode::invalid_argument,
        "find_learning_rate: the rates must lie above 0, the highest above the lowest, and steps be 10 or more");
  }
  Sequential copy = model;
  if (copy.compiled()) {  // a schedule gives way to numbers
    CompileOptions compile = *copy.compiled();
    compile.optimizer = compile.optimizer.with("learning_rate", options.lowest);
    copy.compile(std::move(compile));
  }
  RangeTest test;
  Climb climb(options, test);
  FitOptions run = fit;
  run.callbacks = {&climb};
  run.keeper = nullptr;
  run.validation_data = {};
  const std::int64_t batches = std::max<std::int64_t>(1, (data.size() + fit.batch_size - 1) / fit.batch_size);
  run.epochs = (options.steps + batches - 1) / batches;
  (void)copy.fit(data, run);
  test.diverged = test.diverged || static_cast<std::int64_t>(test.rates.size()) < options.steps;
  test.proposal = steepest(test);
  return test;
}

}  // namespace gradus
