#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

/// Named figures in the order they were made: loss, accuracy, val_loss, ...
class Logs {
 public:
  /// Sets or overwrites.
  void set(const std::string& name, double value);
  /// The value under `name`; throws `invalid_argument` when there is none.
  [[nodiscard]] double at(const std::string& name) const;
  [[nodiscard]] bool contains(const std::string& name) const;
  [[nodiscard]] const std::vector<std::pair<std::string, double>>& entries() const { return entries_; }

 private:
  std::vector<std::pair<std::string, double>> entries_;
};

/// Where a run stands. Epochs and batches count from 0.
struct TrainingState {
  std::int64_t epoch = 0;
  std::int64_t epochs = 0;
  std::int64_t batch = 0;    ///< in this epoch
  std::int64_t batches = 0;  ///< in every epoch
  std::int64_t samples = 0;  ///< done in this epoch
  std::int64_t samples_per_epoch = 0;
  double seconds = 0;    ///< since the epoch began
  double loss = 0;       ///< mean over the epoch's samples so far
  double accuracy = -1;  ///< likewise; -1 when it is not measured
};

/// Watches a run, and may end it. Called on the thread that called `fit`; exceptions leave `fit`.
class Callback {
 public:
  virtual ~Callback() = default;
  virtual void on_train_begin(const TrainingState&) {}
  virtual void on_epoch_begin(const TrainingState&) {}
  /// After the update of each batch. Return false to end the run after this batch.
  virtual bool on_batch_end(const TrainingState&) { return true; }
  /// After each epoch and its validation, with its figures. Return false to end the run.
  virtual bool on_epoch_end(const TrainingState&, const Logs&) { return true; }
  virtual void on_train_end(const TrainingState&) {}
};

}  // namespace gradus
