#pragma once

#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "base/aligned.hpp"
#include "base/philox.hpp"
#include "layers/layer.hpp"

namespace gradus::test {

/// One registered configuration of a layer.
struct LayerCase {
  Layer spec;
  Shape input;
  std::int64_t indices = 0;  ///< as in Maker::Example
  std::string name;
};

inline std::vector<LayerCase> registered_layers() {
  std::vector<LayerCase> cases;
  for (const auto& [name, entry] : LayerRegistry::instance().entries()) {
    for (const auto& example : entry.maker.examples) {
      cases.push_back({example.spec, example.input, example.indices, name + std::to_string(cases.size())});
    }
  }
  return cases;
}

/// A layer alone, with buffers of its own that are full of NaN wherever a pass must write.
class LayerHarness {
 public:
  LayerHarness(const LayerCase& layer, std::int64_t rows, bool training = true)
      : LayerHarness(layer.spec, layer.input, rows, training, layer.indices) {}
  LayerHarness(const Layer& spec, const Shape& input, std::int64_t rows, bool training = true, std::int64_t indices = 0)
      : rows_(rows),
        indices_(indices),
        function_(LayerRegistry::instance().find(spec.class_name()).maker.bind(spec, input)) {
    std::int64_t end = 0;
    for (Parameter& p : function_->parameters()) {
      p.offset = end;
      end += p.size();
    }
    function_->on_placed();
    weights = AlignedBuffer(end);
    gradients = AlignedBuffer(end);
    inputs = AlignedBuffer(rows * in_stride());
    outputs = AlignedBuffer(rows * out_stride());
    d_outputs = AlignedBuffer(rows * out_stride());
    d_inputs = AlignedBuffer(rows * in_stride());
    buffers_.in = inputs.data(), buffers_.out = outputs.data();
    buffers_.d_out = d_outputs.data(), buffers_.d_in = indices > 0 ? nullptr : d_inputs.data();
    buffers_.max_rows = rows, buffers_.training = training;
    scratch_ = AlignedBuffer(function_->scratch_size(buffers_));
    buffers_.scratch = scratch_.data();
    function_->forward(buffers_, forward_);
    function_->backward(buffers_, backward_);
    function_->gradients(buffers_, gradient_);
    pass_.rows = rows, pass_.seed = 3, pass_.step = 4;
    pass_.parameters = weights.data(), pass_.weights = weights.data(), pass_.gradients = gradients.data();
  }

  [[nodiscard]] const LayerFunction& function() const { return *function_; }
  [[nodiscard]] std::int64_t rows() const { return rows_; }
  [[nodiscard]] std::int64_t in_size() const { return function_->input_shape().elements(); }
  [[nodiscard]] std::int64_t out_size() const { return function_->output_shape().elements(); }
  [[nodiscard]] std::int64_t in_stride() const { return row_stride(in_size()); }
  [[nodiscard]] std::int64_t out_stride() const { return row_stride(out_size()); }
  Real& in(std::int64_t row, std::int64_t i) { return inputs.data()[row * in_stride() + i]; }
  Real& out(std::int64_t row, std::int64_t i) { return outputs.data()[row * out_stride() + i]; }
  Real& d_out(std::int64_t row, std::int64_t i) { return d_outputs.data()[row * out_stride() + i]; }
  Real& d_in(std::int64_t row, std::int64_t i) { return d_inputs.data()[row * in_stride() + i]; }

  /// Trained weights and inputs of both signs, none near 0 where some activations have a kink.
  void randomize(std::uint64_t seed) {
    Philox random(seed, 0);
    const auto draw = [&] {
      const double x = random.uniform() + 0.1;
      return static_cast<Real>(random.uniform() < 0.5 ? -x : x);
    };
    for (const Parameter& p : function_->parameters()) {
      for (std::int64_t r = 0; r < p.rows(); ++r) {
        for (std::int64_t c = 0; c < p.columns(); ++c) {
          Real& w = weights.data()[p.offset + r * p.stride() + c];
          w = p.trainable ? draw() : std::abs(draw());  // variances among them
        }
      }
    }
    for (std::int64_t r = 0; r < rows_; ++r) {
      for (std::int64_t i = 0; i < in_size(); ++i) {
        in(r, i) = indices_ > 0 ? static_cast<Real>(random.below(static_cast<std::uint64_t>(indices_))) : draw();
      }
    }
    function_->refresh(buffers_, weights.data());
  }

  void forward(const std::vector<std::int64_t>& cuts = {}) {
    for (std::int64_t r = 0; r < rows_; ++r) poison(&out(r, 0), out_size());
    if (function_->is_view(buffers_.training)) return forward(0, rows_);
    run(forward_, 0, rows_, cuts);
  }
  /// Samples [begin, end) alone.
  void forward(std::int64_t begin, std::int64_t end) {
    if (function_->is_view(buffers_.training)) {
      for (std::int64_t r = begin; r < end; ++r) std::copy_n(&in(r, 0), in_size(), &out(r, 0));
      return;
    }
    for (std::int64_t r = begin; r < end; ++r) poison(&out(r, 0), out_size());
    run(forward_, begin, end);
  }

  /// d_in and gradients from d_out, which the layer may overwrite. Rows are computed in pieces that end at `cuts`.
  void backward(const std::vector<std::int64_t>& cuts = {}) {
    if (function_->is_view(buffers_.training)) {
      for (std::int64_t r = 0; r < rows_; ++r) std::copy_n(&d_out(r, 0), in_size(), &d_in(r, 0));
      return;
    }
    for (std::int64_t r = 0; r < rows_; ++r) poison(&d_in(r, 0), in_size());
    for (const Parameter& p : function_->parameters()) poison(gradients.data() + p.offset, p.size());
    run(backward_, 0, rows_, cuts);
    run(gradient_, 0, rows_);
  }

  AlignedBuffer weights, gradients, inputs, outputs, d_outputs, d_inputs;

 private:
  static void poison(Real* x, std::int64_t n) { std::fill_n(x, n, std::numeric_limits<Real>::quiet_NaN()); }

  void run(const Steps& steps, std::int64_t begin, std::int64_t end, const std::vector<std::int64_t>& cuts = {}) {
    for (const Step& step : steps) {
      if (step.by_rows) {
        std::int64_t from = begin;
        for (const std::int64_t cut : cuts) step.run(pass_, std::exchange(from, cut), cut);
        step.run(pass_, from, end);
      } else {
        const std::int64_t tiles = step.tiles(pass_);
        for (std::int64_t tile = 0; tile < tiles; ++tile) step.run(pass_, tile, tile + 1);
      }
    }
  }

  std::int64_t rows_;
  std::int64_t indices_;
  std::unique_ptr<LayerFunction> function_;
  LayerBuffers buffers_;
  AlignedBuffer scratch_;
  Steps forward_, backward_, gradient_;
  Pass pass_;
};

}  // namespace gradus::test
