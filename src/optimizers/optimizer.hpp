#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <gradus/optimizers.hpp>

#include "base/spec_registry.hpp"

namespace gradus {

/// The options that every optimizer has, with Keras's "none" for those that do nothing.
struct SharedOptimizerOptions {
  std::optional<double> weight_decay, clipnorm, global_clipnorm, clipvalue;
  bool use_ema = false;
  double ema_momentum = 0.99;
  std::optional<std::int64_t> ema_overwrite_frequency;

  /// Throws `invalid_argument` naming the option that is out of its range.
  void check() const;
  /// A gradient's length must be known before any of it is used.
  [[nodiscard]] bool need_norm() const { return clipnorm.has_value() || global_clipnorm.has_value(); }
  /// They change nothing.
  [[nodiscard]] bool neutral() const { return !weight_decay && !need_norm() && !clipvalue && !use_ema; }
};

/// An optimizer, ready to compute. Const: its state lies in slots that the model owns, each laid out as the weights.
class OptimizerFunction {
 public:
  OptimizerFunction(LearningRate rate, const SharedOptimizerOptions& shared);
  virtual ~OptimizerFunction() = default;
  /// The names of the state arrays, as Keras calls them in a file, in Keras's order.
  [[nodiscard]] virtual std::vector<std::string> slots() const { return {}; }
  /// What slot `slot` holds before the first step.
  [[nodiscard]] virtual double initial(std::size_t slot) const {
    (void)slot;
    return 0;
  }
  /// How many of the slots Keras writes weight by weight (m0, v0, m1, v1, ...); the others come behind them, slot by
  /// slot.
  [[nodiscard]] virtual std::size_t interleaved_slots() const { return 0; }
  /// One step over n weights w with gradients g; slots[i] is the matching part of slot i. `step` counts from 1;
  /// `learning_rate` is the rate of this step. What the shared options ask for is not done here.
  virtual void update(Real* w, const Real* g, std::span<Real* const> slots, std::int64_t n, std::int64_t step,
                      double learning_rate) const = 0;
  /// The step is w -= learning_rate * g and nothing else, the shared options included.
  [[nodiscard]] bool is_plain() const { return is_descent() && shared_.neutral(); }

  [[nodiscard]] const LearningRate& learning_rate() const { return rate_; }
  [[nodiscard]] const SharedOptimizerOptions& shared() const { return shared_; }

 protected:
  [[nodiscard]] virtual bool is_descent() const { return false; }

 private:
  LearningRate rate_;
  SharedOptimizerOptions shared_;
};

/// An optimizer with its spec: what the files of this room derive from.
template <class S>
class OptimizerOf : public OptimizerFunction {
 public:
  explicit OptimizerOf(const S& spec)
      : OptimizerFunction(spec.learning_rate, {spec.weight_decay, spec.clipnorm, spec.global_clipnorm, spec.clipvalue,
                                               spec.use_ema, spec.ema_momentum, spec.ema_overwrite_frequency}),
        spec_(spec) {}

 protected:
  S spec_;
};

template <>
struct Maker<OptimizerKind> {
  /// Throws `invalid_argument` naming the option that is out of its range.
  std::function<std::unique_ptr<OptimizerFunction>(const Optimizer&)> make;
};
using OptimizerRegistry = SpecRegistry<OptimizerKind>;

template <class S, class F>
bool register_optimizer(std::string_view file) {
  return OptimizerRegistry::instance().add(S{}, {[](const Optimizer& spec) -> std::unique_ptr<OptimizerFunction> {
                                             return std::make_unique<F>(*spec.get_if<S>());
                                           }},
                                           file);
}

template <>
struct Maker<ScheduleKind> {
  /// Throws `invalid_argument` naming the option that is out of its range.
  std::function<void(const Schedule&)> check;
  /// The rate of the step that comes after `steps` others.
  std::function<double(const Schedule&, double steps)> rate;
};
using ScheduleRegistry = SpecRegistry<ScheduleKind>;

}  // namespace gradus
