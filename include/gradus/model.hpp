#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gradus/augmentation.hpp>
#include <gradus/callbacks.hpp>
#include <gradus/dataset.hpp>
#include <gradus/held_out.hpp>
#include <gradus/layers.hpp>
#include <gradus/losses.hpp>
#include <gradus/metrics.hpp>
#include <gradus/optimizers.hpp>
#include <gradus/tensor.hpp>

namespace gradus {

class RunKeeper;

struct BuildOptions {
  std::uint64_t seed = 0;  ///< of the initial weights: the same seed gives the same weights
  std::string name = "sequential";
};

struct CompileOptions {
  Optimizer optimizer = RMSprop{};
  Loss loss = CategoricalCrossentropy{};
  std::vector<Metric> metrics;
  /// Measured with the samples' weights. One whose name is taken is called "weighted_NAME".
  std::vector<Metric> weighted_metrics{};
};

/// How much the samples of each class count while the model is trained. Classes go by name, `{{"no", 1.0}, {"yes",
/// 5.0}}`, or by label as Dataset::labels has it, `{{0, 1.0}, {1, 5.0}}`; or "balanced" for samples / (classes *
/// samples of the class), classes being those that the data have, so that all count alike. A class that is not named
/// counts 1. A sample's own weight is multiplied by that of its class. Validation and evaluate take no notice, as in
/// Keras.
class ClassWeights {
 public:
  /// The weight of a class by its name, as Dataset::class_names has it: {"yes", 5.0}.
  struct Named {
    template <class Name>
    requires std::convertible_to<Name, std::string_view> Named(const Name& name_of_class, double weight_of_class)
        : name(std::string_view(name_of_class)), weight(weight_of_class) {}
    std::string name;
    double weight;
  };

  ClassWeights() = default;
  ClassWeights(std::initializer_list<std::pair<const std::int32_t, double>> weights) : weights_(weights) {}  // NOLINT
  ClassWeights(std::map<std::int32_t, double> weights) : weights_(std::move(weights)) {}                     // NOLINT
  ClassWeights(std::initializer_list<Named> weights) {                                                       // NOLINT
    for (const Named& each : weights) named_[each.name] = each.weight;
  }
  ClassWeights(std::map<std::string, double> weights) : named_(std::move(weights)) {}  // NOLINT
  /// "balanced"; throws `invalid_argument` for another word.
  ClassWeights(std::string_view word);                                      // NOLINT
  ClassWeights(const char* word) : ClassWeights(std::string_view(word)) {}  // NOLINT

  [[nodiscard]] bool empty() const { return !balanced_ && weights_.empty() && named_.empty(); }
  [[nodiscard]] bool balanced() const { return balanced_; }
  /// Those given by label, and those given by name.
  [[nodiscard]] const std::map<std::int32_t, double>& weights() const { return weights_; }
  [[nodiscard]] const std::map<std::string, double>& named() const { return named_; }
  /// The weight of each class of `data`. Throws `invalid_argument` when its targets are numbers, for a class that it
  /// does not have (naming those that it has), or for a weight that is not a number of 0 or more.
  [[nodiscard]] std::vector<Real> of(const Dataset& data) const;
  friend bool operator==(const ClassWeights&, const ClassWeights&) = default;

 private:
  std::map<std::int32_t, double> weights_;
  std::map<std::string, double> named_;
  bool balanced_ = false;
};

struct FitOptions {
  std::int64_t epochs = 1;
  std::int64_t batch_size = 32;        ///< samples a step; the last batch of an epoch may be smaller
  bool shuffle = true;                 ///< a new order every epoch, given by (seed, epoch)
  std::uint64_t seed = 0;              ///< of the shuffling and of layers that draw, such as Dropout
  Augmentation augmentation{};         ///< how samples are varied; by (seed, epoch, sample), in every epoch anew
  ClassWeights class_weight{};         ///< for classes that are rare or matter more; default: all count alike
  Dataset validation_data{};           ///< measured after each epoch when not empty
  std::int64_t threads = 0;            ///< 0: all cores; 4096 at most. The weights do not depend on it.
  std::vector<Callback*> callbacks{};  ///< not owned
  RunKeeper* keeper = nullptr;         ///< keeps the run so that it can be resumed: checkpoints.hpp; not owned
};

struct EvaluateOptions {
  std::int64_t batch_size = 256;
  std::int64_t threads = 0;  ///< 0: all cores; 4096 at most. The result does not depend on it.
};

/// The figures of a run, one value an epoch under each name.
class History {
 public:
  /// Throws `invalid_argument` when no figure has this name.
  [[nodiscard]] const std::vector<double>& at(const std::string& name) const;
  [[nodiscard]] bool contains(const std::string& name) const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::vector<double>>>& entries() const { return entries_; }
  void append(const Logs& logs);

  double seconds = 0;          ///< the whole run, validation included
  bool stopped_early = false;  ///< a callback ended it

 private:
  std::vector<std::pair<std::string, std::vector<double>>> entries_;
};

/// One weight of a model, by name.
struct WeightInfo {
  std::string layer;  ///< "dense_1"
  std::string name;   ///< "kernel", "bias"
  Shape shape;
  bool trainable = true;
};

/// Layers one after another.
///
/// `predict` and `evaluate` are const and may be called from any number of threads at a time; nothing else may run
/// beside them. Copies share nothing.
class Sequential {
 public:
  /// Builds the layers for samples of `input_shape` and draws the initial weights. Throws `invalid_argument` naming
  /// the layer when a layer does not fit the shape it gets.
  Sequential(Shape input_shape, std::vector<Layer> layers, const BuildOptions& options = {});
  Sequential(const Sequential& other);
  Sequential(Sequential&&) noexcept;
  Sequential& operator=(const Sequential& other);
  Sequential& operator=(Sequential&&) noexcept;
  ~Sequential();

  /// Chooses optimizer, loss and metrics; a fresh optimizer state. Throws `invalid_argument` when an option is out of
  /// its range or the loss does not fit the outputs.
  void compile(CompileOptions options);
  /// Fits the layers that learn from the data alone, such as Normalization, to `data`, from the lowest up, each to what
  /// the layers below it give. `fit` does so by itself, with its training data, for those that have not been fitted yet
  /// (Keras trains with mean 0 and variance 1 then). Throws `invalid_argument` when the data do not fit the model.
  void adapt(const Dataset& data);
  /// Trains. Throws `invalid_argument` before the first step when the model is not compiled, the data do not fit the
  /// model, or a layer cannot be trained through; `not_finite` naming layer, epoch and step when a number stops being
  /// finite, with weights and optimizer as they were after the last good epoch. May be called again to go on.
  History fit(const Dataset& data, const FitOptions& options = {});
  /// Mean loss, penalties of weights and outputs included, and metrics over `data`. Throws `invalid_argument` when not
  /// compiled, the data do not fit, or an option is out of its range.
  [[nodiscard]] Logs evaluate(const Dataset& data, const EvaluateOptions& options = {}) const;
  /// Outputs for each row of `inputs`, (rows, ...output_shape). Bytes and reals mean the same numbers. A row's result
  /// does not depend on the other rows, to the bit. Throws `invalid_argument` when the rows do not fit.
  [[nodiscard]] Tensor predict(const TensorView& inputs) const;
  /// The same into memory of the caller: rows * output_shape().elements() numbers. Allocates nothing after the first
  /// call of this size. Throws `invalid_argument` when the rows do not fit, or `outputs` has another size.
  void predict_into(const TensorView& inputs, std::span<Real> outputs) const;
  /// How often each class of `data` was taken for which. Throws `invalid_argument` when the data have no class labels,
  /// or more classes than the model tells apart, or samples of another shape.
  [[nodiscard]] ConfusionMatrix confusion(const Dataset& data) const;

  /// Writes a file of the format that goes with the name's ending (docs/formats.md: `.keras`, `.h5`, `.onnx`, ...), in
  /// one step: the old file stays whole until the new one is. `.keras` keeps everything. Throws `unsupported` for
  /// another ending, and for what the format cannot say.
  void save(const std::string& path) const;
  /// Reads such a file. Throws `bad_data` for a broken file, `unsupported` naming what Gradus does not have.
  static Sequential load(const std::string& path);
  /// Takes the weights alone from a file of any of these formats. Throws `bad_data` naming the first that does not fit.
  void load_weights(const std::string& path);

  /// The table that Keras prints.
  [[nodiscard]] std::string summary() const;
  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] const Shape& input_shape() const;
  [[nodiscard]] const Shape& output_shape() const;
  /// The layers with their names filled in.
  [[nodiscard]] const std::vector<Layer>& layers() const;
  /// The shape that layer `index` gives. Throws `invalid_argument` when there is no such layer.
  [[nodiscard]] const Shape& layer_output_shape(std::size_t index) const;
  [[nodiscard]] const std::optional<CompileOptions>& compiled() const;
  /// The rate of the next step. Throws `invalid_argument` when not compiled.
  [[nodiscard]] double learning_rate() const;
  /// Throws `invalid_argument` when not compiled, when the rate follows a schedule, or for a rate that is not above 0.
  void set_learning_rate(double rate);

  [[nodiscard]] std::int64_t parameters() const;
  /// The weights in order: layer by layer, kernel before bias.
  [[nodiscard]] const std::vector<WeightInfo>& weights() const;
  /// In a callback, also in the middle of an epoch: the weights as they are after the last step. Reading them changes
  /// nothing. Throws `invalid_argument` when there is no such weight.
  [[nodiscard]] Tensor weight(std::size_t index) const;
  /// Throws `invalid_argument` when there is no such weight or the shape differs.
  void set_weight(std::size_t index, const TensorView& values);
  /// SHA-256 in hex over all weights, in order, as little-endian float32: equal weights, equal text.
  [[nodiscard]] std::string weights_sha256() const;

  /// Names of the output classes; empty when unknown. `fit` takes them from the data.
  [[nodiscard]] const std::vector<std::string>& class_names() const;
  void set_class_names(std::vector<std::string> names);
  /// How rows of the table that was trained on become the model's inputs; null for all other models. `fit` takes it
  /// from the data, and it is kept in the model file, so that rows can be read by their columns' names later.
  [[nodiscard]] std::shared_ptr<const TableSchema> table() const;
  /// How images were prepared, as Dataset::preparation; likewise.
  [[nodiscard]] const std::string& preparation() const;
  void set_preparation(std::string preparation);
  /// How a part of the data was kept from training; nothing where none was split off. Kept in the model file. `fit`
  /// with more samples than the other part has takes the record away, since they cannot all be of that part.
  [[nodiscard]] const std::optional<HeldOut>& held_out() const;
  /// Throws `invalid_argument` where the record cannot be one: a share outside 0 to 1, a fingerprint of another length.
  void set_held_out(std::optional<HeldOut> kept);
  /// How many samples of `data` are among those that `fit` trained on, in all its calls together, or that
  /// `count_as_learnt` named. The model file keeps the 8 characters a sample that this takes, 80 kB at most; see
  /// LearntFrom for sets of more than 10,000 samples. Nothing is recorded in models that were trained elsewhere.
  [[nodiscard]] LearntFrom learnt_from(const Dataset& data) const;
  /// Counts further samples as learnt from: validation samples by which epochs, rates or options were chosen. What
  /// `fit` gets as validation_data does not count by itself, since it may well be the test part, measured as it goes.
  void count_as_learnt(const Dataset& data);
  /// The figures of all runs so far, over all epochs. Kept in the model file.
  [[nodiscard]] const History& history() const;

  /// For the library's own rooms.
  struct State;
  [[nodiscard]] const State& state() const;
  [[nodiscard]] State& state();

 private:
  std::unique_ptr<State> state_;
};

}  // namespace gradus
