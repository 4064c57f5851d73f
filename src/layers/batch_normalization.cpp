#include <array>
#include <cmath>
#include <numeric>

#include <gradus/error.hpp>

#include "kernels/features.hpp"
#include "kernels/scratch.hpp"
#include "layers/layer.hpp"

namespace gradus {
namespace {

using kernels::padded;

/// y = gamma (x - mean) / sqrt(variance + epsilon) + beta for each channel.
///
/// A training step takes its sums in two stages, so that the numbers are read while they are in cache and yet each sum
/// has one order: by rows, each sample's own over its positions; by tiles of channels, those of all samples, in double
/// and in order. Where there is one position the tiles read the samples themselves.
///
/// What is done to a sample runs over columns, `period` of them: the channels, repeated until they fill whole vectors.
class BatchNormalizationFunction final : public LayerFunction {
 public:
  BatchNormalizationFunction(const BatchNormalization& spec, const Shape& input)
      : LayerFunction(input, input), spec_(spec) {
    const auto refuse = [](const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); };
    if (input.rank() == 0 || input.elements() == 0) refuse("needs channels, got shape " + input.to_string());
    if (spec.axis != -1 && spec.axis != static_cast<std::int64_t>(input.rank())) {
      refuse("axis must be the last one, -1, of " + input.to_string() + ", got " + std::to_string(spec.axis) +
             "; a Permute before it brings another axis there");
    }
    if (!(spec.epsilon > 0)) refuse("epsilon must be above 0, got " + Value(spec.epsilon).to_string());
    if (!(spec.momentum >= 0 && spec.momentum <= 1)) {
      refuse("momentum must be 0 to 1, got " + Value(spec.momentum).to_string());
    }
    channels_ = input.back();
    positions_ = input.elements() / channels_;
    period_ = positions_ == 1 ? channels_ : std::lcm(channels_, kernels::lane);
    const auto add = [&](const char* name, const Initializer& initializer, bool trainable) {
      parameters_.push_back({name, Shape{channels_}, initializer, channels_, channels_, trainable});
      return static_cast<int>(parameters_.size()) - 1;
    };
    if (spec.scale) gamma_ = add("gamma", spec.gamma_initializer, true);
    if (spec.center) beta_ = add("beta", spec.beta_initializer, true);
    moving_mean_ = add("moving_mean", spec.moving_mean_initializer, false);
    moving_variance_ = add("moving_variance", spec.moving_variance_initializer, false);
  }

  [[nodiscard]] std::int64_t scratch_size(const LayerBuffers& b) const override {
    if (!b.training) return inference_coefficients * padded(period_);
    return coefficients * padded(period_) + 3 * padded(channels_) +
           (positions_ == 1 ? 0 : b.max_rows * 2 * padded(channels_));
  }

  void refresh(const LayerBuffers& b, const Real* parameters) const override {
    if (b.training) return;
    for (std::int64_t c = 0; c < channels_; ++c) {
      const double variance = static_cast<double>(parameters[parameter(moving_variance_).offset + c]);
      set_scaling(b, parameters, c, static_cast<double>(parameters[parameter(moving_mean_).offset + c]),
                  1 / std::sqrt(variance + spec_.epsilon));
    }
  }

  void forward(const LayerBuffers& b, Steps& steps) const override {
    if (b.training) {
      if (positions_ > 1) {
        steps.push_back(by_rows([this, b](const Pass&, std::int64_t begin, std::int64_t end) {
          for (std::int64_t r = begin; r < end; ++r) take_moments(b, r);
        }));
      }
      steps.push_back(by_channels(
          [this, b](const Pass& p, std::int64_t first, std::int64_t last) { join_moments(p, b, first, last); }));
    }
    steps.push_back(by_rows([this, b](const Pass&, std::int64_t begin, std::int64_t end) {
      const kernels::ColumnScaling scaling{coefficient(b, mean), coefficient(b, factor), coefficient(b, shift), false,
                                           b.training ? nullptr : coefficient(b, factor_rest)};
      for (std::int64_t r = begin; r < end; ++r) {
        for_columns(r, [&](std::int64_t at, std::int64_t rows, std::int64_t n) {
          kernels::column_scale(b.in + at, rows, period_, n, scaling, b.out + at);
        });
      }
    }));
  }

  void backward(const LayerBuffers& b, Steps& steps) const override {
    if (positions_ > 1) {
      steps.push_back(by_rows([this, b](const Pass&, std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; ++r) take_products(b, r);
      }));
    }
    steps.push_back(by_channels(
        [this, b](const Pass& p, std::int64_t first, std::int64_t last) { join_products(p, b, first, last); }));
    if (b.d_in == nullptr) return;
    steps.push_back(by_rows([this, b](const Pass&, std::int64_t begin, std::int64_t end) {
      const kernels::ColumnSlopes slopes{coefficient(b, mean), coefficient(b, factor), coefficient(b, mean_delta),
                                         coefficient(b, mean_product)};
      for (std::int64_t r = begin; r < end; ++r) {
        for_columns(r, [&](std::int64_t at, std::int64_t rows, std::int64_t n) {
          kernels::column_scale_gradient(b.d_out + at, b.in + at, rows, period_, n, slopes, b.d_in + at);
        });
      }
    }));
  }

  void gradients(const LayerBuffers& b, Steps& steps) const override {
    if (gamma_ < 0 && beta_ < 0) return;
    steps.push_back({false, [](const Pass&) { return 1; },
                     [this, b](const Pass& p, std::int64_t, std::int64_t) {
                       if (gamma_ >= 0) hand_over(p, parameter(gamma_), total(b, products));
                       if (beta_ >= 0) hand_over(p, parameter(beta_), total(b, sums));
                     }});
  }

 private:
  // Scratch: for each column of the period, the first alone for inference, which rounds but once
  enum Coefficient : std::uint8_t { mean, factor, shift, factor_rest, mean_delta, mean_product };
  static constexpr std::int64_t coefficients = 6, inference_coefficients = 4;
  // then for each channel of the batch
  enum Total : std::uint8_t { sums, products, inverse };
  // then, where there are several positions, two numbers for each channel of each sample.
  static Real* coefficient_at(const LayerBuffers& b, Coefficient which, std::int64_t stride) {
    return b.scratch + which * stride;
  }
  [[nodiscard]] Real* coefficient(const LayerBuffers& b, Coefficient which) const {
    return coefficient_at(b, which, padded(period_));
  }
  [[nodiscard]] Real* total(const LayerBuffers& b, Total which) const {
    return b.scratch + coefficients * padded(period_) + which * padded(channels_);
  }
  [[nodiscard]] Real* of_sample(const LayerBuffers& b, std::int64_t r) const {
    return b.scratch + coefficients * padded(period_) + (3 + 2 * r) * padded(channels_);
  }

  static constexpr std::int64_t tile = 64;  // channels

  [[nodiscard]] const Parameter& parameter(int index) const { return parameters_[static_cast<std::size_t>(index)]; }
  [[nodiscard]] std::int64_t stride() const { return row_stride(input_shape().elements()); }
  static Step by_rows(std::function<void(const Pass&, std::int64_t, std::int64_t)> run) {
    return {true, {}, std::move(run)};
  }
  template <class F>
  Step by_channels(F run) const {
    return {false, [this](const Pass&) { return (channels_ + tile - 1) / tile; },
            [this, run](const Pass& p, std::int64_t begin, std::int64_t end) {
              for (std::int64_t t = begin; t < end; ++t) run(p, t * tile, std::min(channels_, (t + 1) * tile));
            }};
  }

  // f(first number, rows, columns) for the whole periods of sample r, then for the rest.
  template <class F>
  void for_columns(std::int64_t r, F&& f) const {
    const std::int64_t size = input_shape().elements(), whole = size / period_;
    if (whole > 0) f(r * stride(), whole, period_);
    if (size > whole * period_) f(r * stride() + whole * period_, std::int64_t{1}, size - whole * period_);
  }

  // A period's sums become the channels' own.
  void fold(const Real* columns, Real* channels) const {
    std::copy_n(columns, channels_, channels);
    for (std::int64_t i = channels_; i < period_; i += channels_) {
      for (std::int64_t c = 0; c < channels_; ++c) channels[c] += columns[i + c];
    }
  }
  void unfold(const Real* channels, Real* columns) const {
    for (std::int64_t i = 0; i < period_; i += channels_) std::copy_n(channels, channels_, columns + i);
  }

  // The mean of sample r over its positions, and the sum of the squares about it.
  void take_moments(const LayerBuffers& b, std::int64_t r) const {
    Real* columns = kernels::scratch(2 * padded(period_), kernels::ScratchSlot::row);
    Real* middle = columns + padded(period_);
    Real* own = of_sample(b, r);
    std::fill_n(columns, period_, Real{0});
    for_columns(r, [&](std::int64_t at, std::int64_t rows, std::int64_t n) {
      kernels::column_sums(b.in + at, rows, period_, n, columns, true);
    });
    fold(columns, own);
    for (std::int64_t c = 0; c < channels_; ++c) own[c] /= static_cast<Real>(positions_);
    unfold(own, middle);
    std::fill_n(columns, period_, Real{0});
    for_columns(r, [&](std::int64_t at, std::int64_t rows, std::int64_t n) {
      kernels::column_squares(b.in + at, rows, period_, n, middle, columns, true);
    });
    fold(columns, own + padded(channels_));
  }

  void take_products(const LayerBuffers& b, std::int64_t r) const {
    Real* columns = kernels::scratch(2 * padded(period_), kernels::ScratchSlot::row);
    Real* second = columns + padded(period_);
    std::fill_n(columns, 2 * padded(period_), Real{0});
    for_columns(r, [&](std::int64_t at, std::int64_t rows, std::int64_t n) {
      kernels::column_products(b.d_out + at, b.in + at, rows, period_, n, coefficient(b, mean), columns, second, true);
    });
    fold(columns, of_sample(b, r));
    fold(second, of_sample(b, r) + padded(channels_));
  }

  using Sums = std::array<double, tile>;

  // Sums over the batch of what f(first row, rows, room) gives for some rows, blocks in order.
  template <class F>
  static void add_blocks(std::int64_t rows, std::int64_t n, Sums& into, F&& f) {
    constexpr std::int64_t block = 32;
    std::array<Real, tile> part{};
    into.fill(0);
    for (std::int64_t r = 0; r < rows; r += block) {
      f(r, std::min(block, rows - r), part.data());
      for (std::int64_t c = 0; c < n; ++c)
        into[static_cast<std::size_t>(c)] += static_cast<double>(part[static_cast<std::size_t>(c)]);
    }
  }

  // Mean and variance of channels [first, last) over the batch, and what follows from them. The squares about the
  // batch's mean are those about each sample's own and n (its mean - the batch's)² (Chan, Golub, LeVeque 1979).
  void join_moments(const Pass& p, const LayerBuffers& b, std::int64_t first, std::int64_t last) const {
    const std::int64_t n = last - first;
    const auto count = static_cast<double>(p.rows * positions_);
    Sums means, squares;
    if (positions_ == 1) {
      add_blocks(p.rows, n, means, [&](std::int64_t r, std::int64_t rows, Real* part) {
        kernels::column_sums(b.in + r * stride() + first, rows, stride(), n, part, false);
      });
      std::array<Real, tile> middle{};
      for (std::size_t c = 0; c < static_cast<std::size_t>(n); ++c) middle[c] = static_cast<Real>(means[c] / count);
      add_blocks(p.rows, n, squares, [&](std::int64_t r, std::int64_t rows, Real* part) {
        kernels::column_squares(b.in + r * stride() + first, rows, stride(), n, middle.data(), part, false);
      });
      for (std::size_t c = 0; c < static_cast<std::size_t>(n); ++c) {
        const double off = means[c] / count - static_cast<double>(middle[c]);
        means[c] /= count, squares[c] -= count * off * off;
      }
    } else {
      means.fill(0), squares.fill(0);
      for (std::int64_t r = 0; r < p.rows; ++r) add_sample(of_sample(b, r) + first, n, means);
      for (double& each : means) each /= static_cast<double>(p.rows);
      for (std::int64_t r = 0; r < p.rows; ++r) {
        const Real* own = of_sample(b, r) + first;
        add_sample(own + padded(channels_), n, squares);
        for (std::size_t c = 0; c < static_cast<std::size_t>(n); ++c) {
          const double off = static_cast<double>(own[c]) - means[c];
          squares[c] += static_cast<double>(positions_) * off * off;
        }
      }
    }
    for (std::int64_t c = first; c < last; ++c) {
      const auto i = static_cast<std::size_t>(c - first);
      const double variance = std::max(0.0, squares[i]) / count;
      set_scaling(b, p.parameters, c, means[i], 1 / std::sqrt(variance + spec_.epsilon));
      total(b, inverse)[c] = static_cast<Real>(1 / std::sqrt(variance + spec_.epsilon));
      if (p.weights == nullptr) continue;
      move(p.weights[parameter(moving_mean_).offset + c], means[i]);
      move(p.weights[parameter(moving_variance_).offset + c], variance);
    }
  }

  static void add_sample(const Real* numbers, std::int64_t n, Sums& into) {
    for (std::size_t c = 0; c < static_cast<std::size_t>(n); ++c) into[c] += static_cast<double>(numbers[c]);
  }

  void move(Real& average, double now) const {
    average = static_cast<Real>(static_cast<double>(average) * spec_.momentum + now * (1 - spec_.momentum));
  }

  // y = (x - mean) factor + shift in all columns of channel c.
  void set_scaling(const LayerBuffers& b, const Real* parameters, std::int64_t c, double middle, double share) const {
    const double gamma = gamma_ < 0 ? 1 : static_cast<double>(parameters[parameter(gamma_).offset + c]);
    const Real beta = beta_ < 0 ? Real{0} : parameters[parameter(beta_).offset + c];
    const auto rounded = static_cast<Real>(gamma * share);
    for (std::int64_t i = c; i < period_; i += channels_) {
      coefficient(b, mean)[i] = static_cast<Real>(middle);
      coefficient(b, factor)[i] = rounded;
      coefficient(b, factor_rest)[i] = static_cast<Real>(gamma * share - static_cast<double>(rounded));
      coefficient(b, shift)[i] = beta;
    }
  }

  // With the sums over the batch of d and d (x - mean), N numbers each: dL/dbeta and dL/dgamma = the second /
  // sqrt(...), and dL/dx = factor (d - sum d / N - (x - mean) sum d (x - mean) / (N (variance + epsilon))).
  void join_products(const Pass& p, const LayerBuffers& b, std::int64_t first, std::int64_t last) const {
    const std::int64_t n = last - first;
    const auto count = static_cast<double>(p.rows * positions_);
    Sums plain, weighed;
    plain.fill(0), weighed.fill(0);
    if (positions_ == 1) {
      std::array<Real, tile> other{};
      add_blocks(p.rows, n, plain, [&](std::int64_t r, std::int64_t rows, Real* part) {
        const std::int64_t at = r * stride() + first;
        kernels::column_products(b.d_out + at, b.in + at, rows, stride(), n, coefficient(b, mean) + first, part,
                                 other.data(), false);
        add_sample(other.data(), n, weighed);
      });
    } else {
      for (std::int64_t r = 0; r < p.rows; ++r) {
        add_sample(of_sample(b, r) + first, n, plain);
        add_sample(of_sample(b, r) + first + padded(channels_), n, weighed);
      }
    }
    for (std::int64_t c = first; c < last; ++c) {
      const auto at = static_cast<std::size_t>(c - first);
      const auto share = static_cast<double>(total(b, inverse)[c]);
      total(b, sums)[c] = static_cast<Real>(plain[at]);
      total(b, products)[c] = static_cast<Real>(weighed[at] * share);
      for (std::int64_t i = c; i < period_; i += channels_) {
        coefficient(b, mean_delta)[i] = static_cast<Real>(plain[at] / count);
        coefficient(b, mean_product)[i] = static_cast<Real>(weighed[at] * share * share / count);
      }
    }
  }

  void hand_over(const Pass& p, const Parameter& weight, const Real* gradient) const {
    std::copy_n(gradient, channels_, p.gradients + weight.offset);
    if (p.update != nullptr) (*p.update)(weight.offset, weight.offset + weight.size());
  }

  BatchNormalization spec_;
  std::int64_t channels_ = 1, positions_ = 1, period_ = 1;
  int gamma_ = -1, beta_ = -1, moving_mean_ = -1, moving_variance_ = -1;
};

[[maybe_unused]] const bool registered = register_layer<BatchNormalization, BatchNormalizationFunction>(
    {{BatchNormalization{}, {5}},
     {BatchNormalization{.momentum = 0.5, .epsilon = 0.01}, {3, 4, 3}},
     {BatchNormalization{.center = false}, {2, 3, 16}},
     {BatchNormalization{.scale = false}, {70}},
     {BatchNormalization{}, {7, 20}}},
    __FILE__);

}  // namespace
}  // namespace gradus
