#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gradus/spec.hpp>
#include <gradus/tensor.hpp>

namespace gradus {

class Sequential;

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

/// What a callback has to know again when a run is resumed: small things, and arrays.
struct CallbackMemory {
  Value values;
  std::vector<Tensor> arrays;
};

/// Watches a run, and may end it. Called on the thread that called `fit`; exceptions leave `fit`.
class Callback {
 public:
  virtual ~Callback() = default;
  /// The model that is trained; `fit` says so before anything else.
  virtual void set_model(Sequential& model) { model_ = &model; }
  virtual void on_train_begin(const TrainingState&) {}
  virtual void on_epoch_begin(const TrainingState&) {}
  /// After the update of each batch. Return false to end the run after this batch.
  virtual bool on_batch_end(const TrainingState&) { return true; }
  /// After each epoch and its validation, with its figures. Return false to end the run.
  virtual bool on_epoch_end(const TrainingState&, const Logs&) { return true; }
  virtual void on_train_end(const TrainingState&) {}

  /// Asked after each batch and epoch: whether the run breaks off here, to be resumed another day. It then ends as if
  /// the callback had returned false.
  [[nodiscard]] virtual bool interrupted() const { return false; }
  /// Whether numbers that stop being finite end the run quietly, with the weights after the last good epoch, rather
  /// than by an Error.
  [[nodiscard]] virtual bool ends_on_not_finite() const { return false; }
  /// What it must remember so that a resumed run goes on as the first would have; given back by `restore`, which comes
  /// after on_train_begin.
  [[nodiscard]] virtual CallbackMemory memory() const { return {}; }
  virtual void restore(const CallbackMemory&) {}

 protected:
  /// Throws `invalid_argument` outside of a run.
  [[nodiscard]] Sequential& model() const;

 private:
  Sequential* model_ = nullptr;
};

/// Shows a run on standard error, as `gradus train` does. On a terminal: a bar that moves, and a line for each epoch.
/// Elsewhere (a file, a pipe): a line for each epoch of up to 20, of longer runs for some 20 of them and the last. The
/// bar has the colors and characters that NO_COLOR, TERM and the locale (LC_ALL, LC_CTYPE, LANG) allow.
///
///     Progress progress;
///     model.fit(train, {.epochs = 5, .callbacks = {&progress}});
class Progress : public Callback {
 public:
  Progress();
  ~Progress() override;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void on_train_begin(const TrainingState& state) override;
  void on_epoch_begin(const TrainingState& state) override;
  bool on_batch_end(const TrainingState& state) override;
  bool on_epoch_end(const TrainingState& state, const Logs& logs) override;
  void on_train_end(const TrainingState& state) override;
  /// Removes the bar, before something else is written to the terminal.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(const TrainingState& state);

  bool live_, color_, utf8_;
  std::size_t columns_drawn_ = 0;  ///< of the bar's line; 0 while there is none
  std::string untold_;             ///< the line of the last epoch, if it was left out
  Clock::time_point next_draw_{};
  double batch_seconds_ = 0;   ///< of this epoch, up to its last batch: without the validation
  double epochs_seconds_ = 0;  ///< of the epochs before, validation included
  std::int64_t epochs_done_ = 0;
};

/// The options of the callbacks below are specs, so that the program and recipes can name them too.
struct CallbackKind {
  static constexpr std::string_view name = "callback";
};
using CallbackSpec = Spec<CallbackKind>;
/// The callback that a spec describes. Throws `invalid_argument` naming the option that is out of its range.
std::unique_ptr<Callback> make_callback(const CallbackSpec& spec);

/// Names and defaults are Keras's. `monitor` is a figure of the history. `mode` is "min" where it should fall, "max"
/// where it should rise; "auto" tells by its name: loss and error fall, accuracy and the like rise.

struct EarlyStoppingOptions {
  using Kind = CallbackKind;
  std::string monitor = "val_loss";
  double min_delta = 0;
  std::int64_t patience = 0;
  std::string mode = "auto";
  std::optional<double> baseline{};
  bool restore_best_weights = false;
  std::int64_t start_from_epoch = 0;
  static constexpr std::string_view class_name = "EarlyStopping";
  static constexpr void fields(auto&& field) {
    using S = EarlyStoppingOptions;
    field("patience", &S::patience, "epochs without a better figure until the end, 0 or more");
    field("monitor", &S::monitor, "the figure");
    field("min_delta", &S::min_delta, "what counts as better, 0 or more");
    field("mode", &S::mode, "min, max or auto");
    field("baseline", &S::baseline, "a figure that is no better than this counts as none");
    field("restore_best_weights", &S::restore_best_weights, "end with the weights of the best epoch");
    field("start_from_epoch", &S::start_from_epoch, "epochs at the beginning that do not count, 0 or more");
  }
};

/// Ends a run when a figure has not become better for `patience` epochs.
class EarlyStopping : public Callback {
 public:
  /// Throws `invalid_argument` naming the option that is out of its range, or a mode that is none of the three.
  explicit EarlyStopping(EarlyStoppingOptions options = {});
  void on_train_begin(const TrainingState& state) override;
  bool on_epoch_end(const TrainingState& state, const Logs& logs) override;
  void on_train_end(const TrainingState& state) override;
  [[nodiscard]] CallbackMemory memory() const override;
  void restore(const CallbackMemory& memory) override;

  /// The epoch after which the run ended, from 0; nothing when it did not end here.
  [[nodiscard]] std::optional<std::int64_t> stopped_epoch() const { return stopped_; }
  [[nodiscard]] std::int64_t best_epoch() const { return best_epoch_; }
  [[nodiscard]] std::optional<double> best() const { return best_; }

 private:
  void remember_weights();
  EarlyStoppingOptions options_;
  std::int64_t wait_ = 0, best_epoch_ = 0;
  std::optional<double> best_;
  std::optional<std::int64_t> stopped_;
  std::vector<Tensor> best_weights_;
};

struct ReduceLROnPlateauOptions {
  using Kind = CallbackKind;
  std::string monitor = "val_loss";
  double factor = 0.1;
  std::int64_t patience = 10;
  std::string mode = "auto";
  double min_delta = 1e-4;
  std::int64_t cooldown = 0;
  double min_lr = 0;
  static constexpr std::string_view class_name = "ReduceLROnPlateau";
  static constexpr void fields(auto&& field) {
    using S = ReduceLROnPlateauOptions;
    field("patience", &S::patience, "epochs without a better figure until the rate falls, 0 or more");
    field("factor", &S::factor, "what the learning rate is multiplied by, above 0 and below 1");
    field("monitor", &S::monitor, "the figure");
    field("mode", &S::mode, "min, max or auto");
    field("min_delta", &S::min_delta, "what counts as better, 0 or more");
    field("cooldown", &S::cooldown, "epochs after a fall that do not count, 0 or more");
    field("min_lr", &S::min_lr, "the least learning rate, 0 or more");
  }
};

/// Lowers the learning rate when a figure has not become better for `patience` epochs. Throws `invalid_argument` when
/// the run begins and the rate is a schedule.
class ReduceLROnPlateau : public Callback {
 public:
  explicit ReduceLROnPlateau(ReduceLROnPlateauOptions options = {});
  void on_train_begin(const TrainingState& state) override;
  bool on_epoch_end(const TrainingState& state, const Logs& logs) override;
  [[nodiscard]] CallbackMemory memory() const override;
  void restore(const CallbackMemory& memory) override;

 private:
  ReduceLROnPlateauOptions options_;
  std::int64_t wait_ = 0, cooldown_ = 0;
  std::optional<double> best_;
};

struct ModelCheckpointOptions {
  using Kind = CallbackKind;
  std::string filepath{};
  std::string monitor = "val_loss";
  bool save_best_only = false;
  bool save_weights_only = false;
  std::string mode = "auto";
  std::optional<double> initial_value_threshold{};
  static constexpr std::string_view class_name = "ModelCheckpoint";
  static constexpr void fields(auto&& field) {
    using S = ModelCheckpointOptions;
    field("filepath", &S::filepath, "the file; {epoch:02d} and {val_loss:.4f} are filled in");
    field("monitor", &S::monitor, "the figure that says which epoch is best");
    field("save_best_only", &S::save_best_only, "only when the figure is better than ever");
    field("save_weights_only", &S::save_weights_only, "weights alone, in a file .weights.h5");
    field("mode", &S::mode, "min, max or auto");
    field("initial_value_threshold", &S::initial_value_threshold, "what the first must be better than");
  }
};

/// Saves the model after every epoch. Of the epoch that ends, {epoch} is the number from 1. To resume a killed run, see
/// Checkpoints in checkpoints.hpp.
class ModelCheckpoint : public Callback {
 public:
  /// Throws `invalid_argument` for a name that cannot be filled in.
  explicit ModelCheckpoint(ModelCheckpointOptions options);
  bool on_epoch_end(const TrainingState& state, const Logs& logs) override;
  [[nodiscard]] CallbackMemory memory() const override;
  void restore(const CallbackMemory& memory) override;

 private:
  ModelCheckpointOptions options_;
  std::optional<double> best_;
};

struct CSVLoggerOptions {
  using Kind = CallbackKind;
  std::string filename{};
  std::string separator = ",";
  bool append = false;
  static constexpr std::string_view class_name = "CSVLogger";
  static constexpr void fields(auto&& field) {
    using S = CSVLoggerOptions;
    field("filename", &S::filename, "the file");
    field("separator", &S::separator, "between columns");
    field("append", &S::append, "go on with a file that is there");
  }
};

/// Writes a line of figures after every epoch: epoch, counted from 0, and then the figures in alphabetical order.
/// Throws `io` when the file cannot be written.
class CSVLogger : public Callback {
 public:
  explicit CSVLogger(CSVLoggerOptions options);
  void on_train_begin(const TrainingState& state) override;
  bool on_epoch_end(const TrainingState& state, const Logs& logs) override;
  [[nodiscard]] CallbackMemory memory() const override;
  void restore(const CallbackMemory& memory) override;

 private:
  CSVLoggerOptions options_;
  std::vector<std::string> columns_;
  std::int64_t size_ = 0;  ///< bytes of the file that are ours
};

struct TerminateOnNaNOptions {
  using Kind = CallbackKind;
  static constexpr std::string_view class_name = "TerminateOnNaN";
  static constexpr void fields(auto&&) {}
};

/// Makes a run whose numbers stop being finite end quietly. The weights are then those after the last good epoch.
class TerminateOnNaN : public Callback {
 public:
  explicit TerminateOnNaN(TerminateOnNaNOptions = {}) {}
  [[nodiscard]] bool ends_on_not_finite() const override { return true; }
};

/// Sets the learning rate at the beginning of each epoch: schedule(epoch from 0, rate so far).
class LearningRateScheduler : public Callback {
 public:
  explicit LearningRateScheduler(std::function<double(std::int64_t epoch, double rate)> schedule)
      : schedule_(std::move(schedule)) {}
  void on_epoch_begin(const TrainingState& state) override;

 private:
  std::function<double(std::int64_t, double)> schedule_;
};

/// Calls functions; those that are empty are left out. on_batch_end and on_epoch_end may return false to end the run.
class LambdaCallback : public Callback {
 public:
  struct Functions {
    std::function<void(const TrainingState&)> on_train_begin{}, on_epoch_begin{}, on_train_end{};
    std::function<bool(const TrainingState&)> on_batch_end{};
    std::function<bool(const TrainingState&, const Logs&)> on_epoch_end{};
  };
  explicit LambdaCallback(Functions functions) : f_(std::move(functions)) {}
  void on_train_begin(const TrainingState& s) override {
    if (f_.on_train_begin) f_.on_train_begin(s);
  }
  void on_epoch_begin(const TrainingState& s) override {
    if (f_.on_epoch_begin) f_.on_epoch_begin(s);
  }
  bool on_batch_end(const TrainingState& s) override { return !f_.on_batch_end || f_.on_batch_end(s); }
  bool on_epoch_end(const TrainingState& s, const Logs& logs) override {
    return !f_.on_epoch_end || f_.on_epoch_end(s, logs);
  }
  void on_train_end(const TrainingState& s) override {
    if (f_.on_train_end) f_.on_train_end(s);
  }

 private:
  Functions f_;
};

struct TensorBoardOptions {
  using Kind = CallbackKind;
  std::string log_dir = "logs";
  std::int64_t histogram_freq = 0;
  bool write_images = false;
  std::int64_t update_freq = 0;
  static constexpr std::string_view class_name = "TensorBoard";
  static constexpr void fields(auto&& field) {
    using S = TensorBoardOptions;
    field("log_dir", &S::log_dir, "the directory; runs go to train and validation within it");
    field("histogram_freq", &S::histogram_freq,
          "epochs from one histogram of the weights to the next; "
          "0: none");
    field("write_images", &S::write_images, "kernels as pictures, with the histograms");
    field("update_freq", &S::update_freq, "steps from one loss to the next; 0: once an epoch");
  }
};

/// Writes event files for TensorBoard: epoch_loss and the other figures of each epoch, the learning rate, histograms
/// and pictures of the weights. Throws `io` when they cannot be written.
class TensorBoard : public Callback {
 public:
  /// Throws `invalid_argument` for an empty log_dir and for frequencies below 0.
  explicit TensorBoard(TensorBoardOptions options = {});
  ~TensorBoard() override;
  void on_train_begin(const TrainingState& state) override;
  bool on_batch_end(const TrainingState& state) override;
  bool on_epoch_end(const TrainingState& state, const Logs& logs) override;
  void on_train_end(const TrainingState& state) override;
  [[nodiscard]] CallbackMemory memory() const override;
  void restore(const CallbackMemory& memory) override;

 private:
  struct Files;
  TensorBoardOptions options_;
  std::unique_ptr<Files> files_;
};

}  // namespace gradus
