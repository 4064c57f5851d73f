#include <gradus/error.hpp>
#include <gradus/model.hpp>

#include "model/callback_registry.hpp"

namespace gradus {

namespace {
constexpr std::string_view own = EarlyStoppingOptions::class_name;
Monitor monitor_of(const EarlyStoppingOptions& o) { return {own, o.monitor, o.mode}; }
}  // namespace

EarlyStopping::EarlyStopping(EarlyStoppingOptions options) : options_(std::move(options)) {
  (void)monitor_of(options_);
  demand_of_callback(options_.patience >= 0, own, "patience", "0 or more", options_.patience);
  demand_of_callback(options_.min_delta >= 0, own, "min_delta", "0 or more", options_.min_delta);
  demand_of_callback(options_.start_from_epoch >= 0, own, "start_from_epoch", "0 or more", options_.start_from_epoch);
}

void EarlyStopping::on_train_begin(const TrainingState&) {
  wait_ = best_epoch_ = 0;
  best_.reset(), stopped_.reset();
  best_weights_.clear();
}

void EarlyStopping::remember_weights() {
  best_weights_.clear();
  for (std::size_t i = 0; i < model().weights().size(); ++i) best_weights_.push_back(model().weight(i));
}

// Keras 3, keras/src/callbacks/early_stopping.py.
bool EarlyStopping::on_epoch_end(const TrainingState& state, const Logs& logs) {
  const Monitor monitor = monitor_of(options_);
  const double now = monitor.value(logs);
  if (state.epoch < options_.start_from_epoch) return true;
  if (options_.restore_best_weights && best_weights_.empty()) {
    remember_weights();  // in case nothing ever becomes better
    best_epoch_ = state.epoch;
  }
  ++wait_;
  if (monitor.better(now, best_, options_.min_delta)) {
    best_ = now;
    best_epoch_ = state.epoch;
    if (options_.restore_best_weights) remember_weights();
    if (monitor.better(now, options_.baseline, options_.min_delta)) wait_ = 0;
    return true;
  }
  if (wait_ < options_.patience || state.epoch == 0) return true;
  stopped_ = state.epoch;
  return false;
}

void EarlyStopping::on_train_end(const TrainingState&) {
  for (std::size_t i = 0; i < best_weights_.size(); ++i) model().set_weight(i, best_weights_[i]);
}

CallbackMemory EarlyStopping::memory() const {
  return {Value::Object{{"wait", wait_},
                        {"best_epoch", best_epoch_},
                        {"best", FieldType<std::optional<double>>::to_value(best_)},
                        {"stopped", FieldType<std::optional<std::int64_t>>::to_value(stopped_)}},
          best_weights_};
}

void EarlyStopping::restore(const CallbackMemory& memory) {
  const auto at = [&](const char* key) {
    return memory.values.find(key) == nullptr ? Value() : *memory.values.find(key);
  };
  wait_ = FieldType<std::int64_t>::from_value(at("wait"));
  best_epoch_ = FieldType<std::int64_t>::from_value(at("best_epoch"));
  best_ = FieldType<std::optional<double>>::from_value(at("best"));
  stopped_ = FieldType<std::optional<std::int64_t>>::from_value(at("stopped"));
  best_weights_ = memory.arrays;
}

namespace {
[[maybe_unused]] const bool registered = register_callback<EarlyStoppingOptions, EarlyStopping>(__FILE__);
}  // namespace

}  // namespace gradus
