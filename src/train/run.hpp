#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include <gradus/checkpoints.hpp>
#include <gradus/model.hpp>

#include "base/thread_pool.hpp"
#include "data/order.hpp"
#include "train/augment.hpp"
#include "train/batches.hpp"
#include "train/measures.hpp"
#include "train/updater.hpp"

namespace gradus {

/// One call of fit, whose options have been checked.
class Run {
 public:
  /// `position`: where a resumed run stands; the model stands there already.
  Run(Sequential& model, const Dataset& data, const FitOptions& options, std::optional<RunPosition> position);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  History train();

 private:
  using Clock = std::chrono::steady_clock;

  void begin();
  void train_epoch();
  /// False when the run ends quietly because numbers are no longer finite.
  bool train_batches(Clock::time_point start);
  bool train_batch();
  void point_to_batch(std::int64_t begin, std::int64_t rows);
  void after_batch(Clock::time_point start);
  void finish_epoch(Clock::time_point start);
  [[nodiscard]] bool weights_are_finite(std::int64_t& layer) const;
  void back_to_good();
  bool give_up(std::int64_t layer);

  [[nodiscard]] bool interrupted() const;
  [[nodiscard]] RunPosition position_now(std::int64_t epoch, std::int64_t batch, bool stopped) const;
  /// What must be the same when a run is resumed.
  [[nodiscard]] Value description() const;
  void check_same_run(const Value& kept) const;

  Sequential& model_;
  Sequential::State& s_;
  const Dataset& data_;
  const FitOptions& options_;
  std::int64_t batch_size_;
  ThreadPool pool_;
  Workspace workspace_;
  bool sparse_;
  kernels::Samples samples_;
  BatchTargets targets_;
  std::optional<Augmenter> augmenter_;
  std::unique_ptr<Workspace> validation_;
  bool validation_sparse_ = false;
  Updater updater_;
  std::vector<std::uint32_t> order_;
  std::optional<BlockOrder> blocks_;  ///< of a set that stays on the disk
  Measures measures_;
  std::vector<Real> class_weights_;
  std::optional<RunPosition> resumed_;
  Clock::time_point start_;
  AlignedBuffer good_;                     ///< the weights after the last good epoch, or where the run was resumed
  std::vector<AlignedBuffer> good_slots_;  ///< the optimizer's state then
  std::int64_t good_iterations_ = 0;       ///< its steps until then
  bool good_is_resumed_ = false;
  TrainingState state_;
  History history_;
  bool stop_ = false, broke_off_ = false, gave_up_ = false;
};

}  // namespace gradus
