#include <algorithm>
#include <utility>

#include <gradus/error.hpp>

#include "kernels/scratch.hpp"
#include "layers/layer.hpp"
#include "layers/listed_rows.hpp"

namespace gradus {
namespace {

using kernels::padded;
using kernels::Product;

/// y = act(x W + b).
///
/// As a model's first layer it reads the batch where the data set holds it, x = s p + o for pixels p: it multiplies
/// s p alone, skipping zeros where there are many, and puts o in by (s p + o) W = (s p) W + o (sums of W's columns).
/// The column sums are kept tile by tile, and renewed by the gradient tile that changes these rows of W.
class DenseFunction final : public LayerFunction {
 public:
  DenseFunction(const Dense& spec, const Shape& input)
      : LayerFunction(input, output_shape_of(spec, input)),
        spec_(spec),
        inputs_(input.back()),
        units_(spec.units),
        positions_(input.back() == 0 ? 0 : input.elements() / input.back()) {
    parameters_.push_back({"kernel", {inputs_, units_}, spec.kernel_initializer, inputs_, units_});
    // Keras takes both fans of a vector to be its length.
    if (spec.use_bias) parameters_.push_back({"bias", {units_}, spec.bias_initializer, units_, units_});
    parameters_[0].regularizer = spec.kernel_regularizer, parameters_[0].constraint = spec.kernel_constraint;
    if (spec.use_bias) {
      parameters_[1].regularizer = spec.bias_regularizer, parameters_[1].constraint = spec.bias_constraint;
    }
    activity_regularizer_ = spec.activity_regularizer;
    stride_ = kernel().stride(), in_stride_ = row_stride(input.elements());
    out_stride_ = row_stride(output_shape().elements());
    const std::int64_t rows = first_tile_numbers / stride_ / kernels::lane * kernels::lane;
    first_row_tile_ = std::clamp<std::int64_t>(rows, 64, 256);
    first_row_tiles_ = tiles_of(inputs_, first_row_tile_);
    upper_row_tile_ = inputs_ >= 1024 ? 128 : 64;
    upper_row_tiles_ = tiles_of(inputs_, upper_row_tile_);
  }

  [[nodiscard]] bool reads_samples() const override { return positions_ == 1; }
  [[nodiscard]] std::string why_not_trainable() const override {
    if (spec_.passes_error && kernels::slope_needs_sum(spec_.activation)) {
      return "passes_error does not go with " + std::string(activation_name(spec_.activation));
    }
    return spec_.activation == Activation::step ? "the step activation has no useful gradient" : "";
  }
  [[nodiscard]] Activation final_activation() const override { return spec_.activation; }
  [[nodiscard]] std::unique_ptr<LayerFunction> without_activation() const override {
    Dense plain = spec_;
    plain.activation = Activation::linear;
    auto function = std::make_unique<DenseFunction>(plain, input_shape());
    for (std::size_t i = 0; i < parameters_.size(); ++i) function->parameters_[i].offset = parameters_[i].offset;
    return function;
  }

  [[nodiscard]] std::int64_t scratch_size(const LayerBuffers& b) const override {
    if (b.first) return part_sums_at(b) + (in_parts(b) ? b.max_rows * out_stride_ : 0);
    return turned(b) ? units_ * row_stride(inputs_) : 0;
  }

  void forward(const LayerBuffers& b, Steps& steps) const override {
    if (in_parts(b)) {
      plan_parts(b, steps);
    } else if (!tiled()) {
      steps.push_back(rows_step([this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
        if (sparse(p, b)) list(p, b, begin, end);
        compute(p, b, begin, end, 0, units_);
      }));
    } else {
      if (b.first && sparse_possible()) {
        steps.push_back(rows_step([this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
          if (sparse(p, b)) list(p, b, begin, end);
        }));
      }
      steps.push_back({false, [this](const Pass&) { return tiles_of(units_, column_tile); },
                       [this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
                         compute(p, b, 0, p.rows, begin * column_tile, std::min(units_, end * column_tile));
                       }});
    }
    if (kernels::is_over_axis(spec_.activation)) {
      steps.push_back(rows_step([this, b](const Pass&, std::int64_t begin, std::int64_t end) {
        for_positions(b.out, begin, end, [&](Real* y) { kernels::activate_axis(spec_.activation, y, units_, y); });
      }));
    }
  }

  void backward(const LayerBuffers& b, Steps& steps) const override {
    if (spec_.passes_error) plan_pull_back(b, steps);
    if (spec_.activation != Activation::linear) {
      steps.push_back(
          rows_step([this, b](const Pass&, std::int64_t begin, std::int64_t end) { to_delta(b, begin, end); }));
    }
    if (!spec_.passes_error) plan_pull_back(b, steps);
    if (deltas_summed(b)) {
      Step sum = rows_step([this, b](const Pass&, std::int64_t begin, std::int64_t end) {
        for_row_groups(begin, end, [&](std::int64_t first, std::int64_t last, std::int64_t group, bool add_to) {
          kernels::column_sums(b.d_out + first * out_stride_, last - first, out_stride_, padded(units_),
                               b.scratch + delta_sums_at(b) + group * padded(units_), add_to);
        });
      });
      sum.rows_at_once = row_group;
      steps.push_back(std::move(sum));
    }
  }

  // The bias is the first tile, so that the middle of all tiles is the kernel's middle.
  void gradients(const LayerBuffers& b, Steps& steps) const override {
    const std::int64_t first = spec_.use_bias ? 1 : 0;
    steps.push_back({false, [this, b, first](const Pass&) { return first + row_tiles(b); },
                     [this, b, first](const Pass& p, std::int64_t begin, std::int64_t end) {
                       const std::int64_t from = std::max(begin, first) - first, to = end - first;
                       if (from < to && !step_at_once(p, b, from, to)) {
                         for (std::int64_t tile = from; tile < to; ++tile) kernel_gradient(p, b, tile);
                       }
                       if (begin < first) bias_gradient(p, b);
                     }});
  }

  void refresh(const LayerBuffers& b, const Real* parameters) const override {
    if (turned(b)) turn(b, parameters, 0, inputs_);
    if (!b.first || b.offset == 0) return;
    for (std::int64_t tile = 0; tile < row_tiles(b); ++tile) renew_sums(b, parameters, tile);
    if (b.max_rows > 1) return;
    std::fill_n(put_off(b), padded(units_), Real{0});
    one_by_one(b).lags = false;
  }

  bool has_deferred(const LayerBuffers& b) const override { return b.first && b.max_rows == 1 && one_by_one(b).lags; }
  void add_deferred(const LayerBuffers& b, Real* weights) const override {
    if (!has_deferred(b)) return;
    kernels::add_to_rows(weights + kernel().offset, inputs_, stride_, units_, 1, put_off(b));
  }

 private:
  // Columns of an output, and rows of the kernel, that one tile computes. They change the speed, not the result. The
  // rows of a first layer's tile, and their gradients, fit the first-level cache, which sparse inputs ask for, and are
  // as many as that allows; in a large layer further up, a tile reads all of dL/dz and so should be tall.
  static constexpr std::int64_t column_tile = 128;
  static constexpr std::int64_t first_tile_numbers = 6 * 1024;
  [[nodiscard]] std::int64_t row_tile(const LayerBuffers& b) const {
    return b.first ? first_row_tile_ : upper_row_tile_;
  }
  [[nodiscard]] std::int64_t row_tiles(const LayerBuffers& b) const {
    return b.first ? first_row_tiles_ : upper_row_tiles_;
  }
  // From this many weights on, one thread's rows would each walk through more weights than its cache holds: then the
  // threads share the columns.
  static constexpr std::int64_t tiled_weights = 128 * 1024;

  static Shape output_shape_of(const Dense& spec, const Shape& input) {
    if (spec.units < 1) {
      throw Error(ErrorCode::invalid_argument, "units must be 1 or more, got " + std::to_string(spec.units));
    }
    if (input.rank() == 0 || input.back() == 0) {
      throw Error(ErrorCode::invalid_argument, "needs at least one input, got shape " + input.to_string());
    }
    std::vector<std::int64_t> sizes = input.sizes();
    sizes.back() = spec.units;
    return Shape(std::move(sizes));
  }

  static std::int64_t tiles_of(std::int64_t count, std::int64_t tile) { return (count + tile - 1) / tile; }
  static Step rows_step(std::function<void(const Pass&, std::int64_t, std::int64_t)> run) {
    return {true, {}, std::move(run)};
  }

  [[nodiscard]] bool tiled() const { return positions_ == 1 && inputs_ * units_ >= tiled_weights; }
  [[nodiscard]] const Parameter& kernel() const { return parameters_[0]; }
  [[nodiscard]] const Real* bias(const Pass& p) const {
    return spec_.use_bias ? p.parameters + parameters_[1].offset : nullptr;
  }

  [[nodiscard]] bool sparse_possible() const { return inputs_ <= 65535; }
  [[nodiscard]] bool sparse(const Pass& p, const LayerBuffers& b) const {
    return b.first && p.sparse && sparse_possible();
  }
  static kernels::Samples samples(const Pass& p, const LayerBuffers& b) {
    kernels::Samples scaled = p.samples;
    scaled.scale = b.scale;
    return scaled;
  }

  // Where the samples of a training step come many at a time, a first layer's sparse product is made in two parts, of
  // the upper and the lower half of the kernel's rows, and then joined: the core that learned a half last, and will
  // learn it next, reads it and makes its lists, so that little has to come from another core's cache.
  static constexpr std::int64_t part_rows = 50;  // samples that one core multiplies at a time
  [[nodiscard]] bool in_parts(const LayerBuffers& b) const {
    return b.max_rows > 1 && b.first && b.training && sparse_possible() && !tiled() && row_tiles(b) > 1;
  }
  // Every tile of a scaled input's kernel needs the sum of all dL/dz, which is made by groups of samples before.
  [[nodiscard]] bool deltas_summed(const LayerBuffers& b) const {
    return b.max_rows > 1 && b.first && b.training && b.offset != 0 && positions_ == 1;
  }

  // The scratch of a first layer, by and by: where the input has an offset, the column sums of each row tile and what
  // is put off; a lane for samples that come one by one; the lists; the sums of dL/dz of each group of samples; the
  // outputs of the second part.
  [[nodiscard]] std::int64_t lane_at(const LayerBuffers& b) const {
    return b.offset == 0 ? 0 : (row_tiles(b) + 1) * padded(units_);
  }
  [[nodiscard]] std::int64_t delta_sums_at(const LayerBuffers& b) const {
    return lane_at(b) + kernels::lane + (sparse_possible() ? listed(b).size() : 0);
  }
  [[nodiscard]] std::int64_t part_sums_at(const LayerBuffers& b) const {
    return delta_sums_at(b) + (deltas_summed(b) ? groups_of(b.max_rows) * padded(units_) : 0);
  }
  static std::int64_t groups_of(std::int64_t rows) { return tiles_of(rows, row_group); }
  // One row more than a batch has: a single sample's list, and the next one's. A single sample takes so little time
  // that a call would show in it, hence always inline.
  [[nodiscard, gnu::always_inline]] ListedRows listed(const LayerBuffers& b) const {
    return {inputs_, row_tile(b), row_tiles(b), b.max_rows + 1, in_parts(b)};
  }
  [[nodiscard, gnu::always_inline]] kernels::SparseBatch lists(const LayerBuffers& b, std::int64_t part,
                                                               std::int64_t first) const {
    return listed(b).lists(b.scratch + lane_at(b) + kernels::lane, part, first);
  }

  static bool one_at_a_time(const LayerBuffers& b) { return b.max_rows == 1 && b.training; }

  // Where samples come one by one, each is listed while the one before is multiplied, into the other of two lists.
  struct OneByOne {
    const void* sample = nullptr;  ///< what the list in use was made from, or will have been when its turn comes
    std::int32_t list = 0;         ///< the one in use
    bool lags = false;             ///< something is put off
  };
  static_assert(sizeof(OneByOne) <= kernels::lane * sizeof(Real));
  [[nodiscard]] OneByOne& one_by_one(const LayerBuffers& b) const {
    return *reinterpret_cast<OneByOne*>(b.scratch + lane_at(b));
  }
  // An offset o moves every row of the kernel in each step, by the same vector: x = s + o, so dL/dW is s dL/dz^T, of
  // which most rows are 0, and o dL/dz^T in every row. Where samples come one by one the second part is put off: the
  // kernel is W + 1 a^T, with a kept here, and x^T (W + 1 a^T) = s^T W + o 1^T W + (sum of s + inputs o) a^T.
  [[nodiscard]] Real* put_off(const LayerBuffers& b) const { return b.scratch + row_tiles(b) * padded(units_); }
  [[nodiscard]] bool may_put_off(const Pass& p, const LayerBuffers& b) const {
    return b.max_rows == 1 && b.offset != 0 && sparse(p, b);
  }
  // The sum of the listed numbers of tiles [begin, end).
  [[nodiscard]] Real listed_sum(const LayerBuffers& b, std::int64_t begin, std::int64_t end) const {
    const kernels::SparseBatch list = batch(b);
    const std::int32_t* starts = list.row_starts(0);
    return kernels::sum(list.values + starts[begin], starts[end] - starts[begin]);
  }
  [[nodiscard, gnu::always_inline]] kernels::SparseBatch batch(const LayerBuffers& b, std::int64_t part = 0) const {
    return lists(b, part, b.max_rows == 1 ? one_by_one(b).list : 0);
  }
  static const void* address(const kernels::Samples& samples, std::int64_t r) {
    return samples.bytes ? static_cast<const void*>(samples.byte_row(r)) : samples.real_row(r);
  }
  void list(const Pass& p, const LayerBuffers& b, std::int64_t begin, std::int64_t end) const {
    if (b.max_rows == 1 && begin < end) {
      const void* sample = std::exchange(one_by_one(b).sample, nullptr);
      if (sample == address(p.samples, begin)) {
        one_by_one(b).list = 1 - one_by_one(b).list;
        return;
      }
    }
    kernels::find_nonzero(samples(p, b), begin, end, batch(b));
  }
  void plan_parts(const LayerBuffers& b, Steps& steps) const {
    steps.push_back({false, [this, b](const Pass& p) { return sparse(p, b) ? 2 * tiles_of(p.rows, part_rows) : 0; },
                     [this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
                       const std::int64_t blocks = tiles_of(p.rows, part_rows);
                       if (begin < blocks) multiply_part(p, b, 0, begin, std::min(end, blocks));
                       if (end > blocks) multiply_part(p, b, 1, std::max(begin, blocks) - blocks, end - blocks);
                     }});
    steps.push_back(rows_step([this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
      if (!sparse(p, b)) {
        compute(p, b, begin, end, 0, units_);
        return;
      }
      kernels::join_parts(b.scratch + part_sums_at(b) + begin * out_stride_, end - begin, out_stride_, units_,
                          shift(p, b, 0, units_), product_activation(), b.out + begin * out_stride_);
    }));
  }
  // Lists a part of the samples' columns and multiplies it with its rows of the kernel; blocks [begin, end) of samples.
  void multiply_part(const Pass& p, const LayerBuffers& b, std::int64_t part, std::int64_t begin,
                     std::int64_t end) const {
    const std::int64_t blocks = tiles_of(p.rows, part_rows), first = p.rows * begin / blocks,
                       last = p.rows * end / blocks, column = listed(b).first_column(part);
    const kernels::SparseBatch list = batch(b, part);
    kernels::find_nonzero(samples(p, b).from_column(column), first, last, list);
    kernels::sparse_product(list, first, last, p.parameters + kernel().offset + column * stride_, stride_, units_,
                            nullptr, Activation::linear, part == 0 ? b.out : b.scratch + part_sums_at(b), out_stride_);
  }
  void multiply_listing(const Pass& p, const LayerBuffers& b, const Real* add, Activation activation) const {
    OneByOne& now = one_by_one(b);
    kernels::sparse_product_listing(batch(b), p.parameters + kernel().offset, stride_, units_, add, activation, b.out,
                                    samples(p, b), 1, lists(b, 0, 1 - now.list));
    now.sample = address(p.samples, 1);
  }

  void renew_sums(const LayerBuffers& b, const Real* parameters, std::int64_t tile) const {
    const std::int64_t begin = tile * row_tile(b), end = std::min(inputs_, begin + row_tile(b));
    kernels::column_sums(parameters + kernel().offset + begin * stride_, end - begin, stride_, padded(units_),
                         b.scratch + tile * padded(units_), false);
  }

  void plan_pull_back(const LayerBuffers& b, Steps& steps) const {
    if (b.d_in == nullptr) return;
    if (tiled()) {
      steps.push_back({false, [this](const Pass&) { return tiles_of(inputs_, column_tile); },
                       [this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
                         pull_back(p, b, 0, p.rows, begin * column_tile, std::min(inputs_, end * column_tile));
                       }});
    } else {
      steps.push_back(rows_step(
          [this, b](const Pass& p, std::int64_t begin, std::int64_t end) { pull_back(p, b, begin, end, 0, inputs_); }));
    }
  }

  // Where samples come one by one, the kernel is kept a second time with its axes swapped, in scratch: dL/dz W^T then
  // walks memory in order, as dL/dz (W^T) with a row of it for each unit.
  [[nodiscard]] bool turned(const LayerBuffers& b) const {
    return one_at_a_time(b) && b.d_in != nullptr && positions_ == 1 && !tiled();
  }
  // Rows [first, last) of the kernel into the columns of its swapped twin.
  void turn(const LayerBuffers& b, const Real* parameters, std::int64_t first, std::int64_t last) const {
    const Real* w = parameters + kernel().offset;
    for (std::int64_t i = first; i < last; ++i) {
      for (std::int64_t j = 0; j < units_; ++j) b.scratch[j * row_stride(inputs_) + i] = w[i * stride_ + j];
    }
  }

  // What is added to each sum: the bias, and the offset's share of a scaled input. Columns [first, last).
  [[nodiscard]] const Real* shift(const Pass& p, const LayerBuffers& b, std::int64_t first, std::int64_t last) const {
    const Real* constant = bias(p);
    if (!b.first || b.offset == 0) return constant == nullptr ? nullptr : constant + first;
    const std::int64_t n = padded(last - first);
    Real* sums = kernels::scratch(2 * n, kernels::ScratchSlot::row);
    Real* total = sums + n;
    kernels::column_sums(b.scratch + first, row_tiles(b), padded(units_), n, sums, false);
    if (constant == nullptr) {
      std::fill_n(total, n, Real{0});
    } else {
      std::copy_n(constant + first, n, total);
    }
    kernels::add_to_rows(total, 1, n, n, b.offset, sums);
    if (may_put_off(p, b)) {
      const Real factor = listed_sum(b, 0, row_tiles(b)) + static_cast<Real>(inputs_) * b.offset;
      kernels::add_to_rows(total, 1, n, n, factor, put_off(b) + first);
    }
    return total;
  }

  // The activation as far as a product applies it.
  [[nodiscard]] Activation product_activation() const {
    return kernels::is_over_axis(spec_.activation) ? Activation::linear : spec_.activation;
  }

  // Outputs of samples [begin, end), columns [first, last).
  void compute(const Pass& p, const LayerBuffers& b, std::int64_t begin, std::int64_t end, std::int64_t first,
               std::int64_t last) const {
    const Activation activation = product_activation();
    const Real* weights = p.parameters + kernel().offset + first;
    const Real* add = shift(p, b, first, last);
    Real* out = b.out + first;
    if (sparse(p, b)) {
      if (b.max_rows == 1 && p.samples.known > 1 && !tiled()) {
        multiply_listing(p, b, add, activation);
        return;
      }
      kernels::sparse_product(batch(b), begin, end, weights, stride_, last - first, add, activation, out, out_stride_);
      return;
    }
    Product product{.n = last - first, .k = inputs_};
    product.b = weights, product.b_row = stride_, product.b_padded = true;
    product.add = add, product.activation = activation, product.in_chains = one_at_a_time(b);
    if (b.first) {
      const kernels::Samples input = samples(p, b);
      product.m = end - begin;
      product.samples = &input, product.first_sample_row = begin;
      product.c = out + begin * out_stride_, product.c_row = out_stride_, product.c_padded = true;
      kernels::product(product);
      return;
    }
    for_blocks(begin, end, [&](std::int64_t row, std::int64_t m, std::int64_t in_row, std::int64_t out_row) {
      product.m = m;
      product.a = b.in + row * in_stride_, product.a_row = in_row;
      product.c = out + row * out_stride_, product.c_row = out_row, product.c_padded = positions_ == 1;
      kernels::product(product);
    });
  }

  // Samples [begin, end) as matrices whose rows are the positions of the leading axes: one for all samples where there
  // is a single position, else one a sample. f(first sample, rows, input row stride, output row stride).
  template <class F>
  void for_blocks(std::int64_t begin, std::int64_t end, F&& f) const {
    if (positions_ == 1) {
      f(begin, end - begin, in_stride_, out_stride_);
      return;
    }
    for (std::int64_t r = begin; r < end; ++r) f(r, positions_, inputs_, units_);
  }

  template <class F>
  void for_positions(Real* y, std::int64_t begin, std::int64_t end, F&& f) const {
    for (std::int64_t r = begin; r < end; ++r) {
      for (std::int64_t i = 0; i < positions_; ++i) f(y + r * out_stride_ + i * units_);
    }
  }

  // dL/dy becomes dL/dz, in place.
  void to_delta(const LayerBuffers& b, std::int64_t begin, std::int64_t end) const {
    if (kernels::is_over_axis(spec_.activation)) {
      for_positions(b.d_out, begin, end, [&](Real* d) {
        kernels::activation_axis_gradient(spec_.activation, b.out + (d - b.d_out), units_, d);
      });
      return;
    }
    for (std::int64_t r = begin; r < end; ++r) {
      kernels::activation_gradient(spec_.activation, b.out + r * out_stride_, output_shape().elements(),
                                   b.d_out + r * out_stride_);
    }
  }

  // dL/dx = dL/dz W^T for samples [begin, end), inputs [first, last).
  void pull_back(const Pass& p, const LayerBuffers& b, std::int64_t begin, std::int64_t end, std::int64_t first,
                 std::int64_t last) const {
    for_blocks(begin, end, [&](std::int64_t row, std::int64_t m, std::int64_t in_row, std::int64_t out_row) {
      Product product{.m = m, .n = last - first, .k = units_, .in_chains = one_at_a_time(b)};
      product.a = b.d_out + row * out_stride_, product.a_row = out_row;
      if (turned(b)) {
        product.b = b.scratch + first, product.b_row = row_stride(inputs_), product.b_padded = true;
      } else {
        product.b = p.parameters + kernel().offset + first * stride_;
        product.b_row = 1, product.b_col = stride_;
      }
      // The twin's padding is arbitrary: the inputs' padding goes into it.
      product.c = b.d_in + row * in_stride_ + first, product.c_row = in_row;
      product.c_padded = positions_ == 1 && !turned(b);
      kernels::product(product);
    });
  }

  // Plain gradient descent from a single sample: the outer product goes into tiles [begin, end) of the kernel without
  // ever being written down. False when this is another case.
  [[nodiscard]] bool step_at_once(const Pass& p, const LayerBuffers& b, std::int64_t begin, std::int64_t end) const {
    if (p.plain_rate == 0 || p.rows != 1 || positions_ != 1 || in_parts(b)) return false;
    const std::int64_t stride = stride_;
    Real* w = p.weights + kernel().offset;
    if (sparse(p, b)) {
      if (b.offset != 0 && !may_put_off(p, b)) return false;
      kernels::sparse_sgd(batch(b), begin, end, b.d_out, units_, p.plain_rate, w, stride);
      if (may_put_off(p, b)) put_off_step(p, b, begin, end);
      return true;
    }
    if (b.first) return false;
    const std::int64_t first = begin * row_tile(b), rows = std::min(inputs_, end * row_tile(b)) - first;
    kernels::outer_sgd(b.in + first, rows, b.d_out, units_, p.plain_rate, w + first * stride, stride);
    if (turned(b)) {
      const std::int64_t length = row_stride(inputs_);
      kernels::outer_sgd(b.d_out, units_, b.in + first, rows, p.plain_rate, b.scratch + first, length);
    }
    return true;
  }

  // What tiles [begin, end) do of a step beside their listed rows: their column sums, and what is put off.
  void put_off_step(const Pass& p, const LayerBuffers& b, std::int64_t begin, std::int64_t end) const {
    Real* sums = b.scratch + begin * padded(units_);
    kernels::sgd(sums, b.d_out, units_, p.plain_rate * listed_sum(b, begin, end));
    if (begin > 0) return;
    kernels::sgd(put_off(b), b.d_out, units_, p.plain_rate * b.offset);
    one_by_one(b).lags = true;
  }

  void kernel_gradient(const Pass& p, const LayerBuffers& b, std::int64_t tile) const {
    const std::int64_t begin = tile * row_tile(b), end = std::min(inputs_, begin + row_tile(b));
    const std::int64_t stride = stride_, from = kernel().offset + begin * stride;
    const bool sums = b.first && b.offset != 0;
    Real* g = p.gradients + from;
    if (sparse(p, b)) {
      const ListedRows rows = listed(b);
      const std::int64_t part = rows.part_of(tile);
      kernels::sparse_gradient(batch(b, part), p.rows, tile - rows.first_tile(part), b.d_out, out_stride_, units_, g,
                               stride);
    } else {
      multiply_gradient(p, b, begin, end, g);
    }
    if (sums) {
      Real* deltas = kernels::scratch(padded(units_), kernels::ScratchSlot::row);
      sum_deltas(p, b, padded(units_), deltas);
      kernels::add_to_rows(g, end - begin, stride, padded(units_), b.offset, deltas);
    }
    if (p.update == nullptr) return;
    (*p.update)(from, from + (end - begin) * stride);
    if (turned(b)) turn(b, p.parameters, begin, end);
    if (sums) renew_sums(b, p.parameters, tile);
  }

  // The sums of dL/dz over the batch, where each sample has one position.
  void sum_deltas(const Pass& p, const LayerBuffers& b, std::int64_t n, Real* sums) const {
    if (deltas_summed(b)) {
      kernels::column_sums(b.scratch + delta_sums_at(b), groups_of(p.rows), padded(units_), n, sums, false);
    } else {
      kernels::column_sums(b.d_out, p.rows, out_stride_, n, sums, false);
    }
  }

  // Rows [begin, end) of dL/dW = x^T dL/dz into g.
  void multiply_gradient(const Pass& p, const LayerBuffers& b, std::int64_t begin, std::int64_t end, Real* g) const {
    Product product{.m = end - begin, .n = units_};
    product.c = g, product.c_row = stride_, product.c_padded = positions_ == 1;
    if (b.first) {
      const kernels::Samples input = samples(p, b);
      product.k = p.rows;
      product.samples = &input, product.samples_transposed = true, product.first_sample_column = begin;
      product.b = b.d_out, product.b_row = out_stride_, product.b_padded = true;
      kernels::product(product);
      return;
    }
    for_blocks(0, p.rows, [&](std::int64_t row, std::int64_t k, std::int64_t in_row, std::int64_t out_row) {
      product.k = k;
      product.a = b.in + row * in_stride_ + begin, product.a_row = 1, product.a_col = in_row;
      product.b = b.d_out + row * out_stride_, product.b_row = out_row, product.b_padded = positions_ == 1;
      product.accumulate = row > 0;
      kernels::product(product);
    });
  }

  void bias_gradient(const Pass& p, const LayerBuffers& b) const {
    const Parameter& parameter = parameters_[1];
    if (p.plain_rate != 0 && p.rows == 1 && positions_ == 1) {
      kernels::sgd(p.weights + parameter.offset, b.d_out, units_, p.plain_rate);
      return;
    }
    Real* g = p.gradients + parameter.offset;
    if (positions_ == 1) {
      sum_deltas(p, b, units_, g);
    } else {
      for (std::int64_t r = 0; r < p.rows; ++r) {
        kernels::column_sums(b.d_out + r * out_stride_, positions_, units_, units_, g, r > 0);
      }
    }
    if (p.update != nullptr) (*p.update)(parameter.offset, parameter.offset + parameter.size());
  }

  Dense spec_;
  std::int64_t inputs_, units_, positions_;
  std::int64_t stride_, in_stride_, out_stride_;
  std::int64_t first_row_tile_, first_row_tiles_, upper_row_tile_, upper_row_tiles_;  // as first layer, and further up
};

[[maybe_unused]] const bool registered = register_layer<Dense, DenseFunction>(
    {{Dense{.units = 5, .activation = Activation::tanh}, {3}},
     {Dense{.units = 17, .activation = Activation::relu}, {19}},
     {Dense{.units = 3, .activation = Activation::sigmoid, .use_bias = false}, {2, 4}},
     {Dense{.units = 4, .activation = Activation::softmax}, {3, 2, 5}},
     {Dense{.units = 4, .activation = Activation::log_softmax}, {3, 5}},
     {Dense{.units = 4, .activation = Activation::elu}, {3}},
     {Dense{.units = 33}, {65}}},
    __FILE__);

}  // namespace
}  // namespace gradus
