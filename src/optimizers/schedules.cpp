#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/spec_members.hpp"
#include "optimizers/check.hpp"
#include "optimizers/optimizer.hpp"

GRADUS_INSTANTIATE_SPEC(ScheduleKind)

namespace gradus {
namespace {

void check_rate(const char* name, double rate) { demand_above_0(name, rate); }

/// From `from` at p = 0 to `to` at p = 1, along half a cosine.
double along_cosine(double from, double to, double p) {
  return to + (from - to) * 0.5 * (1 + std::cos(std::numbers::pi * p));
}

double periods(double steps, std::int64_t period, bool whole) {
  const double p = steps / static_cast<double>(period);
  return whole ? std::floor(p) : p;
}

void check(const ExponentialDecay& s) {
  check_rate("initial_learning_rate", s.initial_learning_rate);
  demand_steps("decay_steps", s.decay_steps);
  demand_above_0("decay_rate", s.decay_rate);
}
double rate(const ExponentialDecay& s, double steps) {
  return s.initial_learning_rate * std::pow(s.decay_rate, periods(steps, s.decay_steps, s.staircase));
}

void check(const InverseTimeDecay& s) {
  check_rate("initial_learning_rate", s.initial_learning_rate);
  demand_steps("decay_steps", s.decay_steps);
  demand_option(s.decay_rate >= 0, "decay_rate", "0 or more", s.decay_rate);
}
double rate(const InverseTimeDecay& s, double steps) {
  return s.initial_learning_rate / (1 + s.decay_rate * periods(steps, s.decay_steps, s.staircase));
}

void check(const PolynomialDecay& s) {
  check_rate("initial_learning_rate", s.initial_learning_rate);
  demand_steps("decay_steps", s.decay_steps);
  demand_option(s.end_learning_rate >= 0, "end_learning_rate", "0 or more", s.end_learning_rate);
  demand_above_0("power", s.power);
}
double rate(const PolynomialDecay& s, double steps) {
  double end = static_cast<double>(s.decay_steps);
  if (s.cycle) {
    end *= std::max(1.0, std::ceil(steps / end));
  } else {
    steps = std::min(steps, end);
  }
  return (s.initial_learning_rate - s.end_learning_rate) * std::pow(1 - steps / end, s.power) + s.end_learning_rate;
}

void check(const PiecewiseConstantDecay& s) {
  demand_option(s.values.size() == s.boundaries.size() + 1, "values", "one more than boundaries",
                static_cast<std::int64_t>(s.values.size()));
  for (const double value : s.values) demand_above_0("values", value);
  const bool ascending = std::is_sorted(s.boundaries.begin(), s.boundaries.end());
  demand_option(ascending, "boundaries", "in ascending order", FieldType<std::vector<double>>::to_value(s.boundaries));
}
double rate(const PiecewiseConstantDecay& s, double steps) {
  const auto at = std::lower_bound(s.boundaries.begin(), s.boundaries.end(), steps);
  return s.values[static_cast<std::size_t>(at - s.boundaries.begin())];
}

void check(const CosineDecay& s) {
  const bool warms = s.warmup_target.has_value();
  demand_option(s.initial_learning_rate > 0 || (warms && s.initial_learning_rate == 0), "initial_learning_rate",
                "above 0 (or 0 before a warm-up)", s.initial_learning_rate);
  demand_steps("decay_steps", s.decay_steps);
  demand_option(s.alpha >= 0 && s.alpha <= 1, "alpha", "between 0 and 1", s.alpha);
  if (warms) demand_above_0("warmup_target", *s.warmup_target);
  demand_option(s.warmup_steps >= 0, "warmup_steps", "0 or more", s.warmup_steps);
  demand_option(warms || s.warmup_steps == 0, "warmup_target", "given where there are warmup_steps", Value());
}
double rate(const CosineDecay& s, double steps) {
  const double top = s.warmup_target.value_or(s.initial_learning_rate);
  const auto warm = static_cast<double>(s.warmup_steps);
  if (s.warmup_target && steps < warm) {
    return s.initial_learning_rate + (top - s.initial_learning_rate) * steps / warm;
  }
  const double p = std::min(1.0, (steps - (s.warmup_target ? warm : 0)) / static_cast<double>(s.decay_steps));
  return along_cosine(top, s.alpha * top, p);
}

void check(const CosineDecayRestarts& s) {
  check_rate("initial_learning_rate", s.initial_learning_rate);
  demand_steps("first_decay_steps", s.first_decay_steps);
  demand_option(s.t_mul >= 1, "t_mul", "1 or more", s.t_mul);
  demand_above_0("m_mul", s.m_mul);
  demand_option(s.alpha >= 0 && s.alpha <= 1, "alpha", "between 0 and 1", s.alpha);
}
double rate(const CosineDecayRestarts& s, double steps) {
  double length = static_cast<double>(s.first_decay_steps), height = 1;
  if (s.t_mul == 1) {
    const double past = std::floor(steps / length);
    height = std::pow(s.m_mul, past);
    steps -= past * length;
  }
  while (steps >= length) {
    steps -= length;
    length *= s.t_mul;
    height *= s.m_mul;
  }
  const double wave = 0.5 * height * (1 + std::cos(std::numbers::pi * steps / length));
  return s.initial_learning_rate * ((1 - s.alpha) * wave + s.alpha);
}

void check(const OneCycle& s) {
  check_rate("max_learning_rate", s.max_learning_rate);
  demand_option(s.total_steps >= 2, "total_steps", "2 or more", s.total_steps);
  demand_option(s.pct_start > 0 && s.pct_start < 1, "pct_start", "above 0 and below 1", s.pct_start);
  demand_above_0("div_factor", s.div_factor);
  demand_above_0("final_div_factor", s.final_div_factor);
}
double rate(const OneCycle& s, double steps) {
  const double first = s.max_learning_rate / s.div_factor, last = first / s.final_div_factor;
  const double end = static_cast<double>(s.total_steps) - 1;
  const double peak = std::max(0.0, s.pct_start * static_cast<double>(s.total_steps) - 1);
  if (steps < peak) return along_cosine(first, s.max_learning_rate, steps / peak);
  return along_cosine(s.max_learning_rate, last, std::min(1.0, (steps - peak) / std::max(1.0, end - peak)));
}

template <class S>
bool register_schedule() {
  return ScheduleRegistry::instance().add(
      S{},
      {[](const Schedule& schedule) { check(*schedule.get_if<S>()); },
       [](const Schedule& schedule, double steps) { return rate(*schedule.get_if<S>(), steps); }},
      __FILE__);
}

[[maybe_unused]] const bool registered[] = {
    register_schedule<ExponentialDecay>(), register_schedule<InverseTimeDecay>(),
    register_schedule<PolynomialDecay>(),  register_schedule<PiecewiseConstantDecay>(),
    register_schedule<CosineDecay>(),      register_schedule<CosineDecayRestarts>(),
    register_schedule<OneCycle>(),
};

}  // namespace

double LearningRate::at(std::int64_t steps) const {
  if (!schedule_) return rate_;
  return ScheduleRegistry::instance().find(schedule_->class_name()).maker.rate(*schedule_, static_cast<double>(steps));
}

Value FieldType<LearningRate>::to_value(const LearningRate& rate) {
  return rate.schedule() != nullptr ? FieldType<Schedule>::to_value(*rate.schedule()) : Value(rate.number());
}

LearningRate FieldType<LearningRate>::from_value(const Value& value) {
  const bool written_as_spec = value.find("class_name") != nullptr || value.get_if<std::string>() != nullptr;
  if (written_as_spec) return FieldType<Schedule>::from_value(value);
  return FieldType<double>::from_value(value);
}

}  // namespace gradus
