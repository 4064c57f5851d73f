#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gradus/model.hpp>

/// Runs that survive being killed. A checkpoint is a `.keras` file, which Keras opens like any other; what Keras has no
/// place for stands where it does not look. A run that is killed at any moment and resumed ends with the same weights,
/// to the bit, and the same history as one that never was, with any number of threads.
///
///   Checkpoints checkpoints({.directory = "run"});
///   model.fit(data, {.epochs = 100, .keeper = &checkpoints});
namespace gradus {

/// Where a run of `fit` stands, beside what the model itself knows.
struct RunPosition {
  std::int64_t epoch = 0;  ///< epochs that are done
  std::int64_t batch = 0;  ///< batches of the next one that are done
  bool stopped = false;    ///< a callback has ended the run
  double seconds = 0;      ///< that it took so far
  Value figures;           ///< sums over the epoch so far
  Value run;               ///< what it is a run of: batch size, seed, data; a resumed run must have the same
  History history;         ///< of this run
  std::vector<CallbackMemory> callbacks;
};

/// Keeps positions, so that a run can be resumed. `fit` asks and tells.
class RunKeeper {
 public:
  virtual ~RunKeeper() = default;
  /// Before a run: puts the model where a kept run stands and says where that is; nothing: the run begins anew.
  virtual std::optional<RunPosition> resume(Sequential& model) = 0;
  /// After each batch, or in place of its last one after each epoch: whether the position should be kept now.
  [[nodiscard]] virtual bool due(const TrainingState& state, bool epoch_ended) = 0;
  /// Keeps the model and the position.
  virtual void keep(const Sequential& model, const RunPosition& position) = 0;
};

struct CheckpointOptions {
  enum class Unit : std::uint8_t { epochs, steps, seconds };
  std::string directory;
  double every = 1;  ///< above 0
  Unit unit = Unit::epochs;
  std::int64_t keep = 3;  ///< how many, 1 or more; older ones go away
  bool resume = false;    ///< go on where the newest whole checkpoint stands; without one, begin
  Value about{};          ///< written into each checkpoint: whatever the caller wants to know again
};

/// Checkpoints in a directory, step-NNNNNNNNNNNN.keras by the count of steps. The library never prints: what goes wrong
/// while a run goes on is told to `on_trouble`, one sentence each.
class Checkpoints : public RunKeeper {
 public:
  /// Makes the directory where it is missing, and holds it alone until destroyed. Throws `io` when that is not to be
  /// had, or another process holds it; `invalid_argument` for options out of range, and when a run lies there that is
  /// not to be resumed.
  explicit Checkpoints(CheckpointOptions options, std::function<void(const std::string&)> on_trouble = {});
  ~Checkpoints() override;
  Checkpoints(const Checkpoints&) = delete;
  Checkpoints& operator=(const Checkpoints&) = delete;

  /// A damaged file is told of, set aside as NAME.damaged, and the one before it taken. Throws `invalid_argument` when
  /// the checkpoints are those of another network.
  std::optional<RunPosition> resume(Sequential& model) override;
  [[nodiscard]] bool due(const TrainingState& state, bool epoch_ended) override;
  /// What cannot be written is told of; the run goes on, and the checkpoints that there are stay.
  void keep(const Sequential& model, const RunPosition& position) override;

  /// The newest checkpoint that has been written or read; empty when there is none.
  [[nodiscard]] const std::string& newest() const { return newest_; }
  /// CheckpointOptions::about of the newest whole checkpoint in a directory. Throws `not_found` when there is none.
  static Value about(const std::string& directory);

 private:
  struct Lock;
  void tell(const std::string& sentence);
  void remove_old() const;

  CheckpointOptions options_;
  std::function<void(const std::string&)> on_trouble_;
  std::unique_ptr<Lock> lock_;
  std::string newest_;
  std::int64_t steps_since_ = 0, epochs_since_ = 0;
  std::int64_t last_seen_ = 0;  ///< in the clock's units, when the last one was written
  bool in_trouble_ = false;
};

}  // namespace gradus
