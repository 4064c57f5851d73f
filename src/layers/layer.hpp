#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gradus/layers.hpp>

#include "base/spec_registry.hpp"
#include "kernels/kernels.hpp"
#include "layers/initializer.hpp"

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
  bool trainable = true;
  std::int64_t offset = -1;  ///< of the first number in the flat block; set by the model

  [[nodiscard]] std::int64_t columns() const { return shape.rank() == 0 ? 1 : shape.back(); }
  [[nodiscard]] std::int64_t rows() const { return columns() == 0 ? 0 : shape.elements() / columns(); }
  [[nodiscard]] std::int64_t stride() const { return row_stride(columns()); }
  [[nodiscard]] std::int64_t size() const { return rows() * stride(); }
};

/// What changes from one pass to the next. A pass computes one batch.
struct Pass {
  std::int64_t rows = 0;     ///< samples in this batch
  kernels::Samples samples;  ///< the batch as the data set holds it
  bool sparse = false;       ///< many of the samples' numbers are 0
  bool training = false;
  const Real* parameters = nullptr;  ///< the model's flat block
  Real* weights = nullptr;           ///< the same block where this pass may change it, else null
  Real* gradients = nullptr;         ///< laid out as the block
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
};
using Steps = std::vector<Step>;

/// Where one layer's numbers lie in a workspace. Row r of a buffer starts at r * row_stride(elements of a row). What
/// lies behind a row's elements is arbitrary for activations and 0 for gradients.
struct LayerBuffers {
  bool first = false;  ///< the input is the batch itself: Pass::samples, scaled by the two numbers below
  Real scale = 1;
  Real offset = 0;
  const Real* in = nullptr;
  Real* out = nullptr;
  Real* d_out = nullptr;    ///< gradient by the outputs; the layer may overwrite it
  Real* d_in = nullptr;     ///< gradient by the inputs; null when nobody needs it
  Real* scratch = nullptr;  ///< scratch_size() numbers
  std::int64_t max_rows = 0;
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

  /// Numbers of scratch that these buffers ask for; everything but `scratch` is set.
  [[nodiscard]] virtual std::int64_t scratch_size(const LayerBuffers& buffers) const {
    (void)buffers;
    return 0;
  }
  /// The output is the input under another shape: the layer gets no steps and no buffer of its own.
  [[nodiscard]] virtual bool is_view() const { return false; }
  /// y = x * scale + offset and nothing else: a layer above that can, takes it into its own input.
  [[nodiscard]] virtual bool is_scaling(Real& scale, Real& offset) const {
    (void)scale, (void)offset;
    return false;
  }
  /// The layer can read the batch itself as its input, scaling included. Every layer of whole rows should.
  [[nodiscard]] virtual bool reads_samples() const { return false; }
  /// Why there is no way to train through this layer; empty when there is.
  [[nodiscard]] virtual std::string why_not_trainable() const { return {}; }

  /// The activation at the end of this layer, and the same layer without it: for losses that take it over.
  [[nodiscard]] virtual Activation final_activation() const { return Activation::linear; }
  [[nodiscard]] virtual std::unique_ptr<LayerFunction> without_activation() const { return nullptr; }

  virtual void forward(const LayerBuffers& buffers, Steps& steps) const = 0;
  /// From d_out to d_in (when wanted), and whatever the gradient steps need. Comes after forward of the same batch.
  virtual void backward(const LayerBuffers& buffers, Steps& steps) const = 0;
  /// The gradients of this layer's weights, by tiles; each tile calls Pass::update for its part of the block.
  virtual void gradients(const LayerBuffers& buffers, Steps& steps) const { (void)buffers, (void)steps; }
  /// Whatever the layer keeps in scratch beside the weights is made anew: weights have changed outside a pass.
  virtual void refresh(const LayerBuffers& buffers, const Real* parameters) const { (void)buffers, (void)parameters; }

 protected:
  std::vector<Parameter> parameters_;

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
