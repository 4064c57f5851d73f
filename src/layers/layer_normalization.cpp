#include <gradus/error.hpp>

#include "kernels/features.hpp"
#include "layers/layer.hpp"

namespace gradus {
namespace {

using kernels::padded;

/// Each sample's groups of n numbers, the last axis, are made mean 0 and variance 1. Going back, each sample adds up
/// its own share of dL/dgamma and dL/dbeta; the gradients are the sums of these over the samples, in order.
class LayerNormalizationFunction final : public LayerFunction {
 public:
  LayerNormalizationFunction(const LayerNormalization& spec, const Shape& input)
      : LayerFunction(input, input), epsilon_(static_cast<Real>(spec.epsilon)) {
    const auto refuse = [](const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); };
    if (input.rank() == 0 || input.elements() == 0)
      refuse("needs numbers to normalise, got shape " + input.to_string());
    if (spec.axis != -1 && spec.axis != static_cast<std::int64_t>(input.rank())) {
      refuse("axis must be the last one, -1, of " + input.to_string() + ", got " + std::to_string(spec.axis) +
             "; a Permute before it brings another axis there");
    }
    if (!(spec.epsilon > 0)) refuse("epsilon must be above 0, got " + Value(spec.epsilon).to_string());
    n_ = input.back();
    groups_ = input.elements() / n_;
    if (spec.scale) parameters_.push_back({"gamma", Shape{n_}, spec.gamma_initializer, n_, n_});
    if (spec.center) parameters_.push_back({"beta", Shape{n_}, spec.beta_initializer, n_, n_});
    scale_ = spec.scale, center_ = spec.center;
  }

  [[nodiscard]] std::int64_t scratch_size(const LayerBuffers& b) const override {
    return b.max_rows * (b.training ? own_size() : padded(2 * groups_));
  }

  void forward(const LayerBuffers& b, Steps& steps) const override {
    steps.push_back({true, {}, [this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
                       const Real *gamma = scale_ ? p.parameters + parameters_.front().offset : nullptr,
                                  *beta = center_ ? p.parameters + parameters_.back().offset : nullptr;
                       for (std::int64_t r = begin; r < end; ++r) {
                         for (std::int64_t g = 0; g < groups_; ++g) {
                           const std::int64_t at = r * stride() + g * n_;
                           kernels::RowMoments moments{};
                           kernels::normalize_row(b.in + at, n_, epsilon_, gamma, beta, b.out + at, moments);
                           Real* kept = moments_of(b, r) + 2 * g;
                           kept[0] = moments.mean, kept[1] = moments.inverse;
                         }
                       }
                     }});
  }

  void backward(const LayerBuffers& b, Steps& steps) const override {
    steps.push_back({true, {}, [this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
                       const Real* gamma = scale_ ? p.parameters + parameters_.front().offset : nullptr;
                       for (std::int64_t r = begin; r < end; ++r) {
                         std::fill_n(shares_of(b, r), 2 * padded(n_), Real{0});
                         for (std::int64_t g = 0; g < groups_; ++g) {
                           const std::int64_t at = r * stride() + g * n_;
                           const Real* kept = moments_of(b, r) + 2 * g;
                           kernels::normalize_row_gradient(b.d_out + at, b.in + at, n_, gamma, {kept[0], kept[1]},
                                                           b.d_in == nullptr ? nullptr : b.d_in + at, shares_of(b, r),
                                                           shares_of(b, r) + padded(n_));
                         }
                       }
                     }});
  }

  void gradients(const LayerBuffers& b, Steps& steps) const override {
    const auto count = static_cast<std::int64_t>(parameters_.size());
    steps.push_back({false, [count](const Pass&) { return count; },
                     [this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
                       for (std::int64_t i = begin; i < end; ++i) {
                         const Parameter& weight = parameters_[static_cast<std::size_t>(i)];
                         const Real* shares = shares_of(b, 0) + (i == 0 && scale_ ? 0 : padded(n_));
                         kernels::column_sums(shares, p.rows, own_size(), n_, p.gradients + weight.offset, false);
                         if (p.update != nullptr) (*p.update)(weight.offset, weight.offset + weight.size());
                       }
                     }});
  }

 private:
  // Scratch of a sample: mean and 1 / sqrt(...) of each group, then its shares of the two gradients.
  [[nodiscard]] std::int64_t own_size() const { return padded(2 * groups_) + 2 * padded(n_); }
  [[nodiscard]] Real* moments_of(const LayerBuffers& b, std::int64_t r) const {
    return b.scratch + r * (b.training ? own_size() : padded(2 * groups_));
  }
  [[nodiscard]] Real* shares_of(const LayerBuffers& b, std::int64_t r) const {
    return moments_of(b, r) + padded(2 * groups_);
  }
  [[nodiscard]] std::int64_t stride() const { return row_stride(input_shape().elements()); }

  Real epsilon_;
  std::int64_t n_ = 1, groups_ = 1;
  bool scale_ = true, center_ = true;
};

[[maybe_unused]] const bool registered = register_layer<LayerNormalization, LayerNormalizationFunction>(
    {{LayerNormalization{}, {7}},
     {LayerNormalization{.epsilon = 0.1, .center = false}, {3, 17}},
     {LayerNormalization{.scale = false}, {2, 2, 33}},
     {LayerNormalization{.center = false, .scale = false}, {20}}},
    __FILE__);

}  // namespace
}  // namespace gradus
