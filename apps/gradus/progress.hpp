#pragma once

#include <chrono>
#include <string>

#include <gradus/callbacks.hpp>

namespace gradus::app {

/// Shows a run on standard error: on a terminal a bar that moves, and a line that stays for each epoch; elsewhere only
/// the lines.
class Progress : public Callback {
 public:
  Progress();
  ~Progress() override;

  void on_epoch_begin(const TrainingState& state) override;
  bool on_batch_end(const TrainingState& state) override;
  bool on_epoch_end(const TrainingState& state, const Logs& logs) override;
  void on_train_end(const TrainingState& state) override;
  /// Takes the bar away, before something else is written.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(const TrainingState& state);

  bool live_, color_;
  bool drawn_ = false;
  Clock::time_point next_draw_{};
  double batch_seconds_ = 0;   ///< of this epoch, up to its last batch: without the validation
  double epochs_seconds_ = 0;  ///< of the epochs before, validation included
  std::int64_t epochs_done_ = 0;
};

}  // namespace gradus::app
