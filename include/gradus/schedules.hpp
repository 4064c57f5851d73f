#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <gradus/initializers.hpp>
#include <gradus/spec.hpp>

/// Learning rates that change from step to step: pure functions of how many steps have been done, 0 for the first.
/// Formulas, names and defaults are Keras 3's where it has the schedule.
namespace gradus {

struct ScheduleKind {
  static constexpr std::string_view name = "schedule";
};
using Schedule = Spec<ScheduleKind>;

/// initial_learning_rate decay_rate^p, p = step / decay_steps; whole p only when `staircase`: a rate that falls in
/// steps.
struct ExponentialDecay {
  using Kind = ScheduleKind;
  double initial_learning_rate = 0.01;
  std::int64_t decay_steps = 1000;
  double decay_rate = 0.9;
  bool staircase = false;
  static constexpr std::string_view class_name = "ExponentialDecay";
  static constexpr void fields(auto&& field) {
    using S = ExponentialDecay;
    field("initial_learning_rate", &S::initial_learning_rate, "rate of the first step, above 0");
    field("decay_steps", &S::decay_steps, "steps, 1 or more, after which decay_rate has acted once");
    field("decay_rate", &S::decay_rate, "factor, above 0");
    field("staircase", &S::staircase, "change only every decay_steps steps");
  }
};

/// initial_learning_rate / (1 + decay_rate p), p as above.
struct InverseTimeDecay {
  using Kind = ScheduleKind;
  double initial_learning_rate = 0.01;
  std::int64_t decay_steps = 1000;
  double decay_rate = 1;
  bool staircase = false;
  static constexpr std::string_view class_name = "InverseTimeDecay";
  static constexpr void fields(auto&& field) {
    using S = InverseTimeDecay;
    field("initial_learning_rate", &S::initial_learning_rate, "rate of the first step, above 0");
    field("decay_steps", &S::decay_steps, "steps, 1 or more, in which decay_rate is added once");
    field("decay_rate", &S::decay_rate, "share of the first rate, 0 or more");
    field("staircase", &S::staircase, "change only every decay_steps steps");
  }
};

/// (initial_learning_rate - end_learning_rate) (1 - p)^power + end_learning_rate, p = min(step / decay_steps, 1).
/// With `cycle`, decay_steps is multiplied until step lies within it.
struct PolynomialDecay {
  using Kind = ScheduleKind;
  double initial_learning_rate = 0.01;
  std::int64_t decay_steps = 1000;
  double end_learning_rate = 0.0001;
  double power = 1;
  bool cycle = false;
  static constexpr std::string_view class_name = "PolynomialDecay";
  static constexpr void fields(auto&& field) {
    using S = PolynomialDecay;
    field("initial_learning_rate", &S::initial_learning_rate, "rate of the first step, above 0");
    field("decay_steps", &S::decay_steps, "steps, 1 or more, until the end");
    field("end_learning_rate", &S::end_learning_rate, "rate at the end, 0 or more");
    field("power", &S::power, "1: a straight line; above 0");
    field("cycle", &S::cycle, "rise again at the end");
  }
};

/// values[i] up to and with step boundaries[i], the last of `values` thereafter.
struct PiecewiseConstantDecay {
  using Kind = ScheduleKind;
  std::vector<double> boundaries{};
  std::vector<double> values{0.01};
  static constexpr std::string_view class_name = "PiecewiseConstantDecay";
  static constexpr void fields(auto&& field) {
    using S = PiecewiseConstantDecay;
    field("boundaries", &S::boundaries, "steps at which the rate changes, ascending");
    field("values", &S::values, "rates, one more than boundaries, each above 0");
  }
};

/// Half a cosine from the first rate down to alpha times it: rate ((1 - alpha) (1 + cos(pi p)) / 2 + alpha),
/// p = min(step / decay_steps, 1). Loshchilov, Hutter 2017.
/// With `warmup_target`: first a straight line from initial_learning_rate to it in warmup_steps steps, then the cosine
/// down from it.
struct CosineDecay {
  using Kind = ScheduleKind;
  double initial_learning_rate = 0.01;
  std::int64_t decay_steps = 1000;
  double alpha = 0;
  std::optional<double> warmup_target{};
  std::int64_t warmup_steps = 0;
  static constexpr std::string_view class_name = "CosineDecay";
  static constexpr void fields(auto&& field) {
    using S = CosineDecay;
    field("initial_learning_rate", &S::initial_learning_rate, "rate of the first step, above 0; 0 before a warm-up");
    field("decay_steps", &S::decay_steps, "steps of the cosine, 1 or more");
    field("alpha", &S::alpha, "share of the rate that is left at the end, 0 to 1");
    field("warmup_target", &S::warmup_target, "rate after the warm-up, above 0");
    field("warmup_steps", &S::warmup_steps, "steps of the warm-up, 0 or more");
  }
};

/// Half cosines one after another: the first takes first_decay_steps steps, each further one t_mul times those of the
/// one before, from m_mul times its first rate. Loshchilov, Hutter 2017.
struct CosineDecayRestarts {
  using Kind = ScheduleKind;
  double initial_learning_rate = 0.01;
  std::int64_t first_decay_steps = 1000;
  double t_mul = 2;
  double m_mul = 1;
  double alpha = 0;
  static constexpr std::string_view class_name = "CosineDecayRestarts";
  static constexpr void fields(auto&& field) {
    using S = CosineDecayRestarts;
    field("initial_learning_rate", &S::initial_learning_rate, "rate of the first step, above 0");
    field("first_decay_steps", &S::first_decay_steps, "steps of the first cosine, 1 or more");
    field("t_mul", &S::t_mul, "length of each cosine by that of the one before, 1 or more");
    field("m_mul", &S::m_mul, "height of each cosine by that of the one before, above 0");
    field("alpha", &S::alpha, "share of the first rate that is left at the end, 0 to 1");
  }
};

/// Up from max_learning_rate / div_factor to max_learning_rate in the first share pct_start of the steps, then down to
/// the first rate / final_div_factor, each along half a cosine. Smith 2018, in PyTorch's form (OneCycleLR with two
/// phases), whose names these are; the momentum is left alone. Keras has no such schedule.
struct OneCycle {
  using Kind = ScheduleKind;
  double max_learning_rate = 0.01;
  std::int64_t total_steps = 1000;
  double pct_start = 0.3;
  double div_factor = 25;
  double final_div_factor = 1e4;
  static constexpr std::string_view class_name = "OneCycle";
  static constexpr void fields(auto&& field) {
    using S = OneCycle;
    field("max_learning_rate", &S::max_learning_rate, "the highest rate, above 0");
    field("total_steps", &S::total_steps, "steps of the whole cycle, 2 or more");
    field("pct_start", &S::pct_start, "share of the steps that rise, above 0 and below 1");
    field("div_factor", &S::div_factor, "highest rate by the first, above 0");
    field("final_div_factor", &S::final_div_factor, "first rate by the last, above 0");
  }
};

/// What an optimizer's `learning_rate` is: a number, or a schedule.
class LearningRate {
 public:
  LearningRate(double rate) : rate_(rate) {}                           // NOLINT: numbers are rates
  LearningRate(Schedule schedule) : schedule_(std::move(schedule)) {}  // NOLINT: so are schedules
  template <DescribedSpec S>
  requires std::is_same_v<typename S::Kind, ScheduleKind> LearningRate(S schedule)
      : schedule_(Schedule(std::move(schedule))) {}  // NOLINT

  /// Null when the rate is a number.
  [[nodiscard]] const Schedule* schedule() const { return schedule_ ? &*schedule_ : nullptr; }
  /// The number, where there is no schedule.
  [[nodiscard]] double number() const { return rate_; }
  /// The rate of the step that comes after `steps` others.
  [[nodiscard]] double at(std::int64_t steps) const;

 private:
  double rate_ = 0;
  std::optional<Schedule> schedule_;
};

template <>
struct FieldType<LearningRate> {
  static constexpr std::string_view name = "number or schedule";
  static Value to_value(const LearningRate& rate);
  static LearningRate from_value(const Value& value);
};

}  // namespace gradus
