#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <gradus/layers.hpp>

#include "base/philox.hpp"
#include "base/spec_registry.hpp"
#include "kernels/kernels.hpp"
#include "layers/constraint.hpp"
#include "layers/initializer.hpp"
#include "layers/regularizer.hpp"

namespace gradus {

/// Numbers from one row of weights or activations to the next. Large powers of two are avoided: rows that far apart
/// would fall on the same few lines of the cache.
constexpr std::int64_t row_stride(std::int64_t elements) {
  const std::int64_t whole = kernels::padded(elements);
  return whole % 256 == 0 ? whole + kernels::lane : whole;
}

/// One weight of a layer and where it lies in the model's flat block: a matrix whose columns are the last axis, a row
/// every stride() numbers with zeros between.
struct Parameter {
  std::string name;
  Shape shape;
  Initializer initializer;
  std::int64_t fan_in = 1, fan_out = 1;
  bool trainable = true;     ///< false: no gradient; the layer itself may write it in a training pass (moving averages)
  bool whole = false;        ///< holds whole numbers: files keep it as int64
  std::int64_t offset = -1;  ///< of the first number in the flat block; set by the model
  /// What the weight's size costs, and what it is brought back to after each step. The model and its workspaces see to
  /// both; a layer only says them. They play a part where the weight is trained.
  std::optional<Regularizer> regularizer{};
  std::optional<Constraint> constraint{};

  [[nodiscard]] std::int64_t columns() const { return shape.rank() == 0 ? 1 : shape.back(); }
  [[nodiscard]] std::int64_t rows() const { return columns() == 0 ? 0 : shape.elements() / columns(); }
  [[nodiscard]] std::int64_t stride() const { return row_stride(columns()); }
  [[nodiscard]] std::int64_t size() const { return rows() * stride(); }
};

/// What changes from one pass to the next. A pass computes one batch.
struct Pass {
  std::int64_t rows = 0;             ///< samples in this batch
  kernels::Samples samples;          ///< the batch as the data set holds it
  bool sparse = false;               ///< many of the samples' numbers are 0
  std::uint64_t seed = 0;            ///< of the run: what layers draw in training follows from it (random_key)
  std::int64_t step = 0;             ///< optimizer steps before this one
  const Real* parameters = nullptr;  ///< the model's flat block
  /// The same block where this pass may change it, else null: in forward and backward the weights that are not
  /// trained, in the gradients all of them.
  Real* weights = nullptr;
  Real* gradients = nullptr;  ///< laid out as the block
  /// Applies the optimizer to [begin, end) of the block once its gradient is complete; null: gradients only.
  const std::function<void(std::int64_t begin, std::int64_t end)>* update = nullptr;
  /// The learning rate where the update is w -= rate * g and nothing else, so that a layer may do it on its own
  /// without writing the gradient down; 0 otherwise.
  Real plain_rate = 0;
};

/// A piece of a pass. `run(pass, begin, end)` computes samples, or tiles, [begin, end) and allocates nothing.
struct Step {
  bool by_rows = true;
  /// For a step by tiles: how many there are.
  std::function<std::int64_t(const Pass&)> tiles;
  std::function<void(const Pass&, std::int64_t begin, std::int64_t end)> run;
  /// For a step by rows: how many samples it wants to be given at once, in ascending order, because they fill the
  /// cache; neighbours of such a kind are walked through together. Then, too, all samples of a group (row_group) come
  /// from one thread. 0: as many as there are, cut anywhere.
  std::int64_t rows_at_once = 0;
};
/// Samples [g * row_group, (g + 1) * row_group) of a batch are group g: what is summed over each group by itself, and
/// then over the groups in order, has the same bits for every number of threads.
inline constexpr std::int64_t row_group = 16;
/// Calls f(first, last, group, add_to) for the samples of each group in [begin, end); with `add_to` the group has
/// others before them.
template <class F>
void for_row_groups(std::int64_t begin, std::int64_t end, F&& f) {
  while (begin < end) {
    const std::int64_t group = begin / row_group, last = std::min(end, (group + 1) * row_group);
    f(begin, last, group, begin % row_group != 0);
    begin = last;
  }
}
using Steps = std::vector<Step>;

/// Where one layer's numbers lie in a workspace. Row r of a buffer starts at r * row_stride(elements of a row). What
/// lies behind a row's elements is arbitrary for activations and 0 for gradients.
struct LayerBuffers {
  /// The steps are those of training passes: dropout drops, batch statistics are taken. Backward follows.
  bool training = false;
  std::uint64_t key = 0;  ///< the layer's place in the model, for random_key
  bool first = false;     ///< the input is the batch itself: Pass::samples, scaled by the two numbers below
  Real scale = 1;
  Real offset = 0;
  const Real* in = nullptr;
  Real* out = nullptr;
  Real* d_out = nullptr;    ///< gradient by the outputs; the layer may overwrite it
  Real* d_in = nullptr;     ///< gradient by the inputs; null when nobody needs it
  Real* scratch = nullptr;  ///< scratch_size() numbers, 0 at first
  std::int64_t max_rows = 0;
};

/// The key of the random numbers that a layer draws in one training step: Philox(random_key(...), r) is for row r of
/// the batch. So they depend on the seed, the layer's place and the step, and on no thread. `own_seed` is the layer's
/// field, in place of the seed of the run.
inline std::uint64_t random_key(const Pass& pass, const LayerBuffers& buffers,
                                const std::optional<std::int64_t>& own_seed = {}) {
  const std::uint64_t seed = own_seed ? static_cast<std::uint64_t>(*own_seed) : pass.seed;
  const std::uint64_t layer = mix_key(mix_key(seed, static_cast<std::uint64_t>(RandomPurpose::layers)), buffers.key);
  return mix_key(layer, static_cast<std::uint64_t>(pass.step));
}

/// Fits a layer to the data that it will be trained on, before training.
class LayerFit {
 public:
  virtual ~LayerFit() = default;
  /// The layer's inputs in order, `rows` at a time, without padding.
  virtual void add(const Real* inputs, std::int64_t rows) = 0;
  /// Writes the layer's weights in the model's block.
  virtual void finish(Real* block) = 0;
};

/// A layer bound to its shapes. Const once built: all that a pass writes lies in the workspace.
class LayerFunction {
 public:
  explicit LayerFunction(Shape input, Shape output) : input_(std::move(input)), output_(std::move(output)) {}
  virtual ~LayerFunction() = default;

  [[nodiscard]] const Shape& input_shape() const { return input_; }
  [[nodiscard]] const Shape& output_shape() const { return output_; }
  [[nodiscard]] std::vector<Parameter>& parameters() { return parameters_; }
  [[nodiscard]] const std::vector<Parameter>& parameters() const { return parameters_; }

  /// Called by the model when the offsets of parameters() are set.
  virtual void on_placed() {}
  /// The layers inside, for layers that hold a stack; their weights are among parameters() as "name/weight".
  [[nodiscard]] virtual std::span<const std::unique_ptr<LayerFunction>> children() const { return {}; }
  /// For layers that are fitted to data before training: who does it, and whether it has been done.
  [[nodiscard]] virtual std::unique_ptr<LayerFit> fit_to_data() const { return nullptr; }
  [[nodiscard]] virtual bool is_fitted(const Real* parameters) const {
    (void)parameters;
    return true;
  }

  /// Multiply-adds a sample, roughly: whether a batch is worth sharing out among threads.
  [[nodiscard]] virtual std::int64_t work() const;
  /// Numbers of scratch that these buffers ask for; everything but `scratch` is set.
  [[nodiscard]] virtual std::int64_t scratch_size(const LayerBuffers& buffers) const {
    (void)buffers;
    return 0;
  }
  /// The output is the input under another shape: the layer gets no steps and no buffer of its own. `training` as in
  /// LayerBuffers.
  [[nodiscard]] virtual bool is_view(bool training) const {
    (void)training;
    return false;
  }
  /// y = x * scale + offset and nothing else: a layer above that can, takes it into its own input.
  [[nodiscard]] virtual bool is_scaling(Real& scale, Real& offset) const {
    (void)scale, (void)offset;
    return false;
  }
  /// The layer can read the batch itself as its input, scaling included. Every layer of whole rows should.
  [[nodiscard]] virtual bool reads_samples() const { return false; }
  /// Why there is no way to train through this layer; empty when there is.
  [[nodiscard]] virtual std::string why_not_trainable() const { return {}; }

  /// The activation at the end of this layer, and the same layer without it: for losses that take it over, and for
  /// activations whose slope needs the sum z (kernels::slope_needs_sum). With such a one a layer is trained as two, and
  /// need not know; `keeps_sum` says of the second that its input is z.
  [[nodiscard]] virtual Activation final_activation() const { return Activation::linear; }
  [[nodiscard]] virtual std::unique_ptr<LayerFunction> without_activation() const { return nullptr; }
  [[nodiscard]] virtual bool keeps_sum() const { return false; }

  /// What the size of the outputs costs, if anything. The workspace sees to it.
  [[nodiscard]] const std::optional<Regularizer>& activity_regularizer() const { return activity_regularizer_; }

  virtual void forward(const LayerBuffers& buffers, Steps& steps) const = 0;
  /// From d_out to d_in (when wanted), and whatever the gradient steps need. Comes after forward of the same batch.
  virtual void backward(const LayerBuffers& buffers, Steps& steps) const = 0;
  /// The gradients of this layer's weights, by tiles; each tile calls Pass::update for its part of the block.
  virtual void gradients(const LayerBuffers& buffers, Steps& steps) const { (void)buffers, (void)steps; }
  /// Whatever the layer keeps in scratch beside the weights is made anew: weights have changed outside a pass.
  virtual void refresh(const LayerBuffers& buffers, const Real* parameters) const { (void)buffers, (void)parameters; }
  /// A layer may defer a part of Pass::plain_rate's steps, as long as its own forward takes account of it. Whether it
  /// has, and adding that part to `weights`, laid out as the block: to a copy of the block for a reader, or to the
  /// block itself, where refresh follows.
  [[nodiscard]] virtual bool has_deferred(const LayerBuffers& buffers) const {
    (void)buffers;
    return false;
  }
  virtual void add_deferred(const LayerBuffers& buffers, Real* weights) const { (void)buffers, (void)weights; }

 protected:
  std::vector<Parameter> parameters_;
  std::optional<Regularizer> activity_regularizer_{};

 private:
  Shape input_, output_;
};

template <>
struct Maker<LayerKind> {
  /// Throws `invalid_argument`, without the layer's name, when the spec or the shape is wrong.
  std::function<std::unique_ptr<LayerFunction>(const Layer& spec, const Shape& input)> bind;
  /// Configurations that the generic tests run, each with an input shape.
  struct Example {
    Layer spec;
    Shape input;
    /// The inputs are whole numbers below this, through which no gradient goes; 0: any numbers.
    std::int64_t indices = 0;
  };
  std::vector<Example> examples;
};

using LayerRegistry = SpecRegistry<LayerKind>;

/// For the registration line at the end of a layer's file: binds spec S to function F, which is built from
/// (const S&, const Shape&).
template <class S, class F>
bool register_layer(std::vector<Maker<LayerKind>::Example> examples, std::string_view file) {
  return LayerRegistry::instance().add(S{},
                                       {[](const Layer& spec, const Shape& input) -> std::unique_ptr<LayerFunction> {
                                          return std::make_unique<F>(*spec.get_if<S>(), input);
                                        },
                                        std::move(examples)},
                                       file);
}

}  // namespace gradus
