#include <algorithm>

#include <gradus/error.hpp>
#include <gradus/model.hpp>

#include "model/callback_registry.hpp"

namespace gradus {

namespace {
constexpr std::string_view own = ReduceLROnPlateauOptions::class_name;
Monitor monitor_of(const ReduceLROnPlateauOptions& o) { return {own, o.monitor, o.mode}; }
}  // namespace

void LearningRateScheduler::on_epoch_begin(const TrainingState& state) {
  model().set_learning_rate(schedule_(state.epoch, model().learning_rate()));
}

ReduceLROnPlateau::ReduceLROnPlateau(ReduceLROnPlateauOptions options) : options_(std::move(options)) {
  (void)monitor_of(options_);
  demand_of_callback(options_.factor > 0 && options_.factor < 1, own, "factor", "above 0 and below 1", options_.factor);
  demand_of_callback(options_.patience >= 0, own, "patience", "0 or more", options_.patience);
  demand_of_callback(options_.min_delta >= 0, own, "min_delta", "0 or more", options_.min_delta);
  demand_of_callback(options_.cooldown >= 0, own, "cooldown", "0 or more", options_.cooldown);
  demand_of_callback(options_.min_lr >= 0, own, "min_lr", "0 or more", options_.min_lr);
}

void ReduceLROnPlateau::on_train_begin(const TrainingState&) {
  wait_ = cooldown_ = 0;
  best_.reset();
  // Says now, rather than after some epochs, that a schedule cannot be lowered.
  model().set_learning_rate(model().learning_rate());
}

// Keras 3, keras/src/callbacks/reduce_lr_on_plateau.py.
bool ReduceLROnPlateau::on_epoch_end(const TrainingState&, const Logs& logs) {
  const Monitor monitor = monitor_of(options_);
  const double now = monitor.value(logs);
  if (cooldown_ > 0) {
    --cooldown_;
    wait_ = 0;
  }
  if (monitor.better(now, best_, options_.min_delta)) {
    best_ = now;
    wait_ = 0;
  } else if (cooldown_ == 0 && ++wait_ >= options_.patience && model().learning_rate() > options_.min_lr) {
    model().set_learning_rate(std::max(model().learning_rate() * options_.factor, options_.min_lr));
    cooldown_ = options_.cooldown;
    wait_ = 0;
  }
  return true;
}

CallbackMemory ReduceLROnPlateau::memory() const {
  return {Value::Object{
              {"wait", wait_}, {"cooldown", cooldown_}, {"best", FieldType<std::optional<double>>::to_value(best_)}},
          {}};
}

void ReduceLROnPlateau::restore(const CallbackMemory& memory) {
  const auto at = [&](const char* key) {
    return memory.values.find(key) == nullptr ? Value() : *memory.values.find(key);
  };
  wait_ = FieldType<std::int64_t>::from_value(at("wait"));
  cooldown_ = FieldType<std::int64_t>::from_value(at("cooldown"));
  best_ = FieldType<std::optional<double>>::from_value(at("best"));
}

namespace {
[[maybe_unused]] const bool registered[] = {
    register_callback<ReduceLROnPlateauOptions, ReduceLROnPlateau>(__FILE__),
    register_callback<TerminateOnNaNOptions, TerminateOnNaN>(__FILE__),
};
}  // namespace

}  // namespace gradus
