#include "layers/layer.hpp"

#include <gradus/error.hpp>

namespace gradus {
namespace {

class ActivationFunction : public LayerFunction {
 public:
  ActivationFunction(const ActivationLayer& spec, const Shape& input)
      : LayerFunction(input, input), activation_(spec.activation) {
    if (kernels::is_over_axis(activation_) && input.rank() == 0) {
      throw Error(ErrorCode::invalid_argument, std::string(activation_name(activation_)) + " needs at least one axis");
    }
  }

  [[nodiscard]] std::string why_not_trainable() const override {
    return activation_ == Activation::step ? "the step activation has no useful gradient" : "";
  }
  [[nodiscard]] Activation final_activation() const override { return activation_; }
  [[nodiscard]] bool keeps_sum() const override { return true; }
  [[nodiscard]] std::unique_ptr<LayerFunction> without_activation() const override {
    return std::make_unique<ActivationFunction>(ActivationLayer{}, input_shape());
  }
  [[nodiscard]] bool is_view(bool) const override { return activation_ == Activation::linear; }

  void forward(const LayerBuffers& b, Steps& steps) const override {
    steps.push_back({.by_rows = true, .tiles = {}, .run = [this, b](const Pass&, std::int64_t begin, std::int64_t end) {
                       for (std::int64_t r = begin; r < end; ++r) {
                         apply(b.in + r * stride(), b.out + r * stride());
                       }
                     }});
  }

  void backward(const LayerBuffers& b, Steps& steps) const override {
    if (b.d_in == nullptr) return;
    const Real* known = kernels::slope_needs_sum(activation_) ? b.in : b.out;
    const auto run = [this, b, known](const Pass&, std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        Real* d = b.d_in + r * stride();
        std::copy_n(b.d_out + r * stride(), size(), d);
        apply_gradient(known + r * stride(), d);
      }
    };
    steps.push_back({.by_rows = true, .tiles = {}, .run = run});
  }

 private:
  [[nodiscard]] std::int64_t size() const { return input_shape().elements(); }
  [[nodiscard]] std::int64_t stride() const { return row_stride(size()); }

  void apply(const Real* x, Real* y) const {
    if (!kernels::is_over_axis(activation_)) {
      kernels::activate(activation_, x, size(), y);
      return;
    }
    const std::int64_t n = input_shape().back();
    for (std::int64_t i = 0; i < size(); i += n) kernels::activate_axis(activation_, x + i, n, y + i);
  }

  void apply_gradient(const Real* y, Real* d) const {
    if (!kernels::is_over_axis(activation_)) {
      kernels::activation_gradient(activation_, y, size(), d);
      return;
    }
    const std::int64_t n = input_shape().back();
    for (std::int64_t i = 0; i < size(); i += n) kernels::activation_axis_gradient(activation_, y + i, n, d + i);
  }

  Activation activation_;
};

class SoftmaxFunction final : public ActivationFunction {
 public:
  SoftmaxFunction(const Softmax& spec, const Shape& input)
      : ActivationFunction(ActivationLayer{.activation = Activation::softmax}, input) {
    if (spec.axis == -1 || spec.axis == static_cast<std::int64_t>(input.rank())) return;
    throw Error(ErrorCode::invalid_argument,
                "axis must be the last one, -1, of " + input.to_string() + ", got " + std::to_string(spec.axis));
  }
};

[[maybe_unused]] const bool softmax_registered =
    register_layer<Softmax, SoftmaxFunction>({{Softmax{}, {5}}, {Softmax{.axis = 2}, {3, 4}}}, __FILE__);

[[maybe_unused]] const bool registered = register_layer<ActivationLayer, ActivationFunction>(
    {{ActivationLayer{.activation = Activation::relu}, {7}},
     {ActivationLayer{.activation = Activation::sigmoid}, {3, 5}},
     {ActivationLayer{.activation = Activation::tanh}, {33}},
     {ActivationLayer{.activation = Activation::softmax}, {2, 3, 5}},
     {ActivationLayer{.activation = Activation::elu}, {9}},
     {ActivationLayer{.activation = Activation::selu}, {9}},
     {ActivationLayer{.activation = Activation::leaky_relu}, {9}},
     {ActivationLayer{.activation = Activation::relu6}, {9}},
     {ActivationLayer{.activation = Activation::gelu}, {9}},
     {ActivationLayer{.activation = Activation::silu}, {9}},
     {ActivationLayer{.activation = Activation::mish}, {9}},
     {ActivationLayer{.activation = Activation::softplus}, {9}},
     {ActivationLayer{.activation = Activation::softsign}, {9}},
     {ActivationLayer{.activation = Activation::hard_sigmoid}, {9}},
     {ActivationLayer{.activation = Activation::exponential}, {9}},
     {ActivationLayer{.activation = Activation::log_softmax}, {2, 5}},
     {ActivationLayer{.activation = Activation::hard_silu}, {9}},
     {ActivationLayer{.activation = Activation::gelu_tanh}, {9}},
     {ActivationLayer{}, {4}}},
    __FILE__);

}  // namespace
}  // namespace gradus
