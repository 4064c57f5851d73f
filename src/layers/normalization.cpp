#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <gradus/error.hpp>

#include "kernels/features.hpp"
#include "layers/layer.hpp"

namespace gradus {
namespace {

using kernels::padded;

/// Mean and variance of each feature in double, values in order (Welford 1962).
class FeatureFit final : public LayerFit {
 public:
  FeatureFit(std::vector<Parameter> parameters, std::int64_t size)
      : parameters_(std::move(parameters)),
        size_(size),
        mean_(static_cast<std::size_t>(parameters_[0].shape.elements())),
        squares_(mean_.size()) {}

  void add(const Real* inputs, std::int64_t rows) override {
    const std::size_t features = mean_.size();
    for (std::int64_t i = 0; i < rows * size_; i += static_cast<std::int64_t>(features)) {
      ++count_;
      for (std::size_t f = 0; f < features; ++f) {
        const double x = static_cast<double>(inputs[i + static_cast<std::int64_t>(f)]), off = x - mean_[f];
        mean_[f] += off / static_cast<double>(count_);
        squares_[f] += off * (x - mean_[f]);
      }
    }
  }

  // A feature that varies by no more than the rounding of its values gets variance 1, as in scikit-learn's
  // StandardScaler: divided by its spread, the least step away from it would be huge.
  void finish(Real* block) override {
    constexpr double rounding = 4 * static_cast<double>(std::numeric_limits<Real>::epsilon());
    for (std::size_t f = 0; f < mean_.size(); ++f) {
      const double variance = squares_[f] / static_cast<double>(std::max<std::int64_t>(count_, 1));
      const bool varies = std::sqrt(variance) > rounding * std::abs(mean_[f]);
      block[parameters_[0].offset + static_cast<std::int64_t>(f)] = static_cast<Real>(mean_[f]);
      block[parameters_[1].offset + static_cast<std::int64_t>(f)] = varies ? static_cast<Real>(variance) : Real{1};
    }
    block[parameters_[2].offset] = static_cast<Real>(count_);
  }

 private:
  std::vector<Parameter> parameters_;
  std::int64_t size_, count_ = 0;
  std::vector<double> mean_, squares_;
};

class NormalizationFunction final : public LayerFunction {
 public:
  NormalizationFunction(const Normalization& spec, const Shape& input) : LayerFunction(input, input) {
    const auto refuse = [](const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); };
    if (input.elements() == 0) refuse("needs numbers to normalise, got shape " + input.to_string());
    if (spec.axis &&
        (input.rank() == 0 || (*spec.axis != -1 && *spec.axis != static_cast<std::int64_t>(input.rank())))) {
      refuse("axis must be the last one, -1, of " + input.to_string() + ", or none, got " + std::to_string(*spec.axis) +
             "; a Permute before it brings another axis there");
    }
    const std::int64_t features = spec.axis ? input.back() : 1;
    period_ = input.elements() == features ? features : std::lcm(features, kernels::lane);
    if (spec.mean.has_value() != spec.variance.has_value()) refuse("mean and variance go together; one is missing");
    if (spec.mean) {
      given_mean_ = spread(*spec.mean, features, "mean");
      given_variance_ = spread(*spec.variance, features, "variance");
      return;
    }
    const Shape shape = spec.axis ? Shape{features} : Shape{};
    parameters_.push_back({"mean", shape, Zeros{}, 1, 1, false});
    parameters_.push_back({"variance", shape, Ones{}, 1, 1, false});
    parameters_.push_back({"count", Shape{}, Zeros{}, 1, 1, false, true});
  }

  [[nodiscard]] bool reads_samples() const override { return true; }
  [[nodiscard]] std::int64_t scratch_size(const LayerBuffers&) const override { return 2 * padded(period_); }

  [[nodiscard]] std::unique_ptr<LayerFit> fit_to_data() const override {
    if (parameters_.empty()) return nullptr;
    return std::make_unique<FeatureFit>(parameters_, input_shape().elements());
  }
  // Keras 3 leaves the count at 0.
  [[nodiscard]] bool is_fitted(const Real* block) const override {
    if (parameters_.empty() || block[parameters_[2].offset] != 0) return true;
    const std::int64_t n = parameters_[0].shape.elements();
    const Real *mean = block + parameters_[0].offset, *variance = block + parameters_[1].offset;
    return !std::all_of(mean, mean + n, [](Real x) { return x == 0; }) ||
           !std::all_of(variance, variance + n, [](Real x) { return x == 1; });
  }

  void refresh(const LayerBuffers& b, const Real* block) const override {
    Real *mean = b.scratch, *spread = b.scratch + padded(period_);
    const bool given = parameters_.empty();
    const std::int64_t features =
        given ? static_cast<std::int64_t>(given_mean_.size()) : parameters_[0].shape.elements();
    for (std::int64_t i = 0; i < period_; ++i) {
      const std::int64_t f = i % features;
      mean[i] = given ? given_mean_[static_cast<std::size_t>(f)] : block[parameters_[0].offset + f];
      const Real variance = given ? given_variance_[static_cast<std::size_t>(f)] : block[parameters_[1].offset + f];
      spread[i] = std::max(std::sqrt(variance), static_cast<Real>(1e-7));  // Keras's epsilon
    }
  }

  void forward(const LayerBuffers& b, Steps& steps) const override {
    steps.push_back({true, {}, [this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
                       for (std::int64_t r = begin; r < end; ++r) {
                         const Real* x = b.in + r * stride();
                         Real* y = b.out + r * stride();
                         if (b.first) {
                           kernels::Samples samples = p.samples;
                           samples.scale = b.scale;
                           kernels::scale_row(samples, r, size(), b.offset, y);
                           x = y;
                         }
                         scale(b, x, y, true);
                       }
                     }});
  }

  void backward(const LayerBuffers& b, Steps& steps) const override {
    if (b.d_in == nullptr) return;
    steps.push_back({true, {}, [this, b](const Pass&, std::int64_t begin, std::int64_t end) {
                       for (std::int64_t r = begin; r < end; ++r) {
                         scale(b, b.d_out + r * stride(), b.d_in + r * stride(), false);
                       }
                     }});
  }

 private:
  [[nodiscard]] std::int64_t size() const { return input_shape().elements(); }
  [[nodiscard]] std::int64_t stride() const { return row_stride(size()); }

  // One value for each feature; a single one is for all.
  static std::vector<Real> spread(const std::vector<double>& values, std::int64_t features, const char* name) {
    if (values.size() != 1 && static_cast<std::int64_t>(values.size()) != features) {
      throw Error(ErrorCode::invalid_argument, std::string(name) + " has " + std::to_string(values.size()) +
                                                   " values for " + std::to_string(features) + " features");
    }
    if (values.size() == 1) return std::vector<Real>(static_cast<std::size_t>(features), static_cast<Real>(values[0]));
    return {values.begin(), values.end()};
  }

  // y = (x - mean) / spread, or without the mean, in whole periods and a rest.
  void scale(const LayerBuffers& b, const Real* x, Real* y, bool centred) const {
    const kernels::ColumnScaling scaling{centred ? b.scratch : nullptr, b.scratch + padded(period_), nullptr, true};
    const std::int64_t whole = size() / period_, rest = size() - whole * period_;
    kernels::column_scale(x, whole, period_, period_, scaling, y);
    if (rest > 0) kernels::column_scale(x + whole * period_, 1, period_, rest, scaling, y + whole * period_);
  }

  std::vector<Real> given_mean_, given_variance_;
  std::int64_t period_ = 1;
};

[[maybe_unused]] const bool registered = register_layer<Normalization, NormalizationFunction>(
    {{Normalization{}, {5}},
     {Normalization{.axis = std::nullopt}, {3, 4}},
     {Normalization{.mean = std::vector<double>{1, -2, 3}, .variance = std::vector<double>{4, 1, 0.25}}, {2, 5, 3}},
     {Normalization{}, {9, 6}}},
    __FILE__);

}  // namespace
}  // namespace gradus
