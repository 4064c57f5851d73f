// ReLU, LeakyReLU, ELU and Softmax as layers of their own; PReLU with a learned slope.
#include <algorithm>
#include <limits>

#include <gradus/error.hpp>

#include "kernels/features.hpp"
#include "layers/layer.hpp"

namespace gradus {
namespace {

/// Element by element: y = f(x), and the gradient from x and y.
class Elementwise : public LayerFunction {
 public:
  explicit Elementwise(const Shape& input) : LayerFunction(input, input) {}

  void forward(const LayerBuffers& b, Steps& steps) const override {
    steps.push_back({true, {}, [this, b](const Pass&, std::int64_t begin, std::int64_t end) {
                       for (std::int64_t r = begin; r < end; ++r) apply(b.in + r * stride(), b.out + r * stride());
                     }});
  }
  void backward(const LayerBuffers& b, Steps& steps) const override {
    if (b.d_in == nullptr) return;
    steps.push_back({true, {}, [this, b](const Pass&, std::int64_t begin, std::int64_t end) {
                       for (std::int64_t r = begin; r < end; ++r) {
                         const std::int64_t at = r * stride();
                         std::copy_n(b.d_out + at, size(), b.d_in + at);
                         apply_gradient(b.in + at, b.out + at, b.d_in + at);
                       }
                     }});
  }

 protected:
  virtual void apply(const Real* x, Real* y) const = 0;
  virtual void apply_gradient(const Real* x, const Real* y, Real* d) const = 0;
  [[nodiscard]] std::int64_t size() const { return input_shape().elements(); }

 private:
  [[nodiscard]] std::int64_t stride() const { return row_stride(size()); }
};

void demand_not_negative(double value, const char* name) {
  if (value >= 0) return;
  throw Error(ErrorCode::invalid_argument, std::string(name) + " must be 0 or more, got " + Value(value).to_string());
}

class RampFunction final : public Elementwise {
 public:
  RampFunction(const ReLU& spec, const Shape& input) : Elementwise(input) {
    if (spec.max_value) demand_not_negative(*spec.max_value, "max_value");
    demand_not_negative(spec.negative_slope, "negative_slope");
    demand_not_negative(spec.threshold, "threshold");
    form_ = {static_cast<Real>(spec.negative_slope), static_cast<Real>(spec.threshold),
             spec.max_value ? static_cast<Real>(*spec.max_value) : std::numeric_limits<Real>::infinity()};
  }
  RampFunction(const LeakyReLU& spec, const Shape& input)
      : RampFunction(ReLU{.negative_slope = spec.negative_slope}, input) {}

 private:
  void apply(const Real* x, Real* y) const override { kernels::ramp(x, size(), form_, y); }
  void apply_gradient(const Real* x, const Real*, Real* d) const override {
    kernels::ramp_gradient(x, size(), form_, d);
  }
  kernels::Ramp form_;
};

class EluFunction final : public Elementwise {
 public:
  EluFunction(const ELU& spec, const Shape& input) : Elementwise(input), alpha_(static_cast<Real>(spec.alpha)) {
    demand_not_negative(spec.alpha, "alpha");  // or the slope could not be told from y
  }

 private:
  void apply(const Real* x, Real* y) const override { kernels::exponential_ramp(x, size(), alpha_, y); }
  void apply_gradient(const Real*, const Real* y, Real* d) const override {
    kernels::exponential_ramp_gradient(y, size(), alpha_, d);
  }
  Real alpha_;
};

/// alpha is kept as a weight of the input's last axes that are not shared: the shared axes must come first.
class PreluFunction final : public LayerFunction {
 public:
  PreluFunction(const PReLU& spec, const Shape& input) : LayerFunction(input, input) {
    std::vector<std::int64_t> sizes = input.sizes();
    for (const std::int64_t axis : spec.shared_axes.value_or(std::vector<std::int64_t>{})) {
      if (axis < 1 || axis > static_cast<std::int64_t>(sizes.size())) {
        throw Error(ErrorCode::invalid_argument, "shared_axes are 1 to " + std::to_string(sizes.size()) +
                                                     " for an input of shape " + input.to_string() + ", got " +
                                                     std::to_string(axis));
      }
      sizes[static_cast<std::size_t>(axis - 1)] = 1;
    }
    const Shape shape(sizes);
    period_ = shape.elements();
    const auto first_kept = std::find_if(sizes.begin(), sizes.end(), [](std::int64_t n) { return n != 1; });
    if (!std::equal(first_kept, sizes.end(), input.sizes().end() - (sizes.end() - first_kept))) {
      throw Error(ErrorCode::unsupported,
                  "shared_axes must be the first axes of " + input.to_string() + ", such as [1, 2] for images");
    }
    parameters_.push_back({"alpha", shape, spec.alpha_initializer, 1, 1});
  }

  void forward(const LayerBuffers& b, Steps& steps) const override {
    steps.push_back({true, {}, [this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
                       each_row(p, begin, end,
                                [&](std::int64_t at, const Real* alpha, std::int64_t rows, std::int64_t n) {
                                  kernels::column_ramp(b.in + at, rows, n, n, alpha, b.out + at);
                                });
                     }});
  }
  void backward(const LayerBuffers& b, Steps& steps) const override {
    if (b.d_in == nullptr) return;
    steps.push_back({true, {}, [this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
                       each_row(
                           p, begin, end, [&](std::int64_t at, const Real* alpha, std::int64_t rows, std::int64_t n) {
                             kernels::column_ramp_gradient(b.d_out + at, b.in + at, rows, n, n, alpha, b.d_in + at);
                           });
                     }});
  }

  void gradients(const LayerBuffers& b, Steps& steps) const override {
    steps.push_back({false, [this](const Pass&) { return alpha().rows(); },
                     [this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
                       for (std::int64_t row = begin; row < end; ++row) gradient(p, b, row);
                     }});
  }

 private:
  [[nodiscard]] const Parameter& alpha() const { return parameters_[0]; }
  [[nodiscard]] std::int64_t size() const { return input_shape().elements(); }

  // f(first number, alpha's row, rows, columns): the numbers of a sample that one row of alpha is for. Where alpha has
  // a single row, one call covers all positions.
  template <class F>
  void each_row(const Pass& p, std::int64_t begin, std::int64_t end, F&& f) const {
    const std::int64_t n = alpha().columns(), count = alpha().rows();
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t first = r * row_stride(size());
      if (count == 1) {
        f(first, p.parameters + alpha().offset, size() / n, n);
        continue;
      }
      for (std::int64_t i = 0; i < size() / n; ++i) {
        f(first + i * n, p.parameters + alpha().offset + i % count * alpha().stride(), std::int64_t{1}, n);
      }
    }
  }

  // Samples in order, and the positions of each.
  void gradient(const Pass& p, const LayerBuffers& b, std::int64_t row) const {
    const std::int64_t n = alpha().columns(), repeats = size() / period_;
    const std::int64_t begin = alpha().offset + row * alpha().stride();
    for (std::int64_t r = 0; r < p.rows; ++r) {
      const std::int64_t at = r * row_stride(size()) + row * n;
      kernels::column_ramp_sums(b.d_out + at, b.in + at, repeats, period_, n, p.gradients + begin, r > 0);
    }
    if (p.update != nullptr) (*p.update)(begin, begin + alpha().stride());
  }

  std::int64_t period_ = 1;  ///< how many numbers alpha has
};

[[maybe_unused]] const bool registered[] = {
    register_layer<ReLU, RampFunction>(
        {{ReLU{}, {9}}, {ReLU{.max_value = 0.8, .negative_slope = 0.1, .threshold = 0.5}, {3, 5}}}, __FILE__),
    register_layer<LeakyReLU, RampFunction>({{LeakyReLU{}, {7}}, {LeakyReLU{.negative_slope = 0}, {3, 5}}}, __FILE__),
    register_layer<ELU, EluFunction>({{ELU{}, {7}}, {ELU{.alpha = 0.5}, {3, 7}}}, __FILE__),
    register_layer<PReLU, PreluFunction>({{PReLU{}, {19}},
                                          {PReLU{.shared_axes = std::vector<std::int64_t>{1, 2}}, {2, 3, 5}},
                                          {PReLU{}, {2, 3, 2}},
                                          {PReLU{.shared_axes = std::vector<std::int64_t>{1}}, {4, 2, 3}}},
                                         __FILE__)};

}  // namespace
}  // namespace gradus
