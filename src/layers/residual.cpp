#include <algorithm>

#include <gradus/error.hpp>

#include "kernels/features.hpp"
#include "layers/layer.hpp"
#include "layers/stack.hpp"

namespace gradus {
namespace {

/// y = x + stack(x). The stack's layers are functions of their own, whose buffers lie in this layer's scratch; their
/// weights are this layer's weights, under the layers' names.
class ResidualFunction final : public LayerFunction {
 public:
  ResidualFunction(const Residual& spec, const Shape& input) : LayerFunction(input, input) {
    if (spec.layers.empty()) throw Error(ErrorCode::invalid_argument, "needs layers to add to its input");
    Shape shape = input;
    for (const Layer& layer : spec.layers) {
      const std::string name = name_of(layer);
      try {
        stack_.push_back(LayerRegistry::instance().find(layer.class_name()).maker.bind(layer, shape));
        if (stack_.back()->fit_to_data() != nullptr) {
          throw Error(ErrorCode::invalid_argument,
                      "cannot be fitted to data within a Residual; give mean and variance");
        }
        if (stack_.back()->activity_regularizer()) {
          throw Error(ErrorCode::invalid_argument,
                      "activity_regularizer has no effect within a Residual; put the layer outside, or take it out");
        }
      } catch (const Error& error) {
        throw Error(error.code(), name + ": " + error.what());
      }
      shape = stack_.back()->output_shape();
      for (const Parameter& p : stack_.back()->parameters()) {
        parameters_.push_back(p);
        parameters_.back().name = name + "/" + p.name;
      }
    }
    if (!(shape == input)) {
      throw Error(ErrorCode::invalid_argument, "its layers make " + shape.to_string() + " of " + input.to_string() +
                                                   "; both must be the same to be added");
    }
  }

  void on_placed() override {
    std::size_t next = 0;
    for (const auto& layer : stack_) {
      for (Parameter& p : layer->parameters()) p.offset = parameters_[next++].offset;
      layer->on_placed();
    }
    // Made from the layers with their offsets.
    std::vector<const LayerFunction*> layers;
    for (const auto& layer : stack_) layers.push_back(layer.get());
    made_.clear();
    running_ = functions_of(layers, false, made_);
    training_ = functions_of(layers, true, made_);
  }

  [[nodiscard]] std::span<const std::unique_ptr<LayerFunction>> children() const override { return stack_; }
  [[nodiscard]] std::int64_t work() const override {
    std::int64_t work = input_shape().elements();
    for (const auto& layer : stack_) work += layer->work();
    return work;
  }
  [[nodiscard]] std::string why_not_trainable() const override {
    for (const auto& layer : stack_) {
      if (std::string why = layer->why_not_trainable(); !why.empty()) return why;
    }
    return {};
  }

  [[nodiscard]] std::int64_t scratch_size(const LayerBuffers& b) const override {
    return for_parts(b, [](const Part&) {});
  }

  void forward(const LayerBuffers& b, Steps& steps) const override {
    const Layout layout = laid_out(b);
    for (const Part& part : layout.parts) part.function->forward(part.buffers, steps);
    const Real* top = layout.parts.empty() ? b.in : layout.parts.back().buffers.out;
    steps.push_back({true, {}, [this, b, top](const Pass&, std::int64_t begin, std::int64_t end) {
                       for (std::int64_t r = begin; r < end; ++r) {
                         const std::int64_t at = r * stride();
                         kernels::add_scaled(b.in + at, top + at, size(), 1, b.out + at);
                       }
                     }});
  }

  void backward(const LayerBuffers& b, Steps& steps) const override {
    const Layout layout = laid_out(b);
    if (!layout.parts.empty()) {
      // The stack may overwrite its gradient; the sum needs it once more.
      Real* top = layout.parts.back().buffers.d_out;
      steps.push_back({true, {}, [this, b, top](const Pass&, std::int64_t begin, std::int64_t end) {
                         for (std::int64_t r = begin; r < end; ++r) {
                           std::copy_n(b.d_out + r * stride(), size(), top + r * stride());
                         }
                       }});
    }
    for (std::size_t i = layout.parts.size(); i-- > 0;) {
      const Part& part = layout.parts[i];
      part.function->backward(part.buffers, steps);
      const auto below = layout.parts.begin() + static_cast<std::ptrdiff_t>(i);
      const bool wanted = b.d_in != nullptr || std::any_of(layout.parts.begin(), below, [](const Part& p) {
                            return has_trained_weights(*p.function);
                          });
      if (!wanted) return;
    }
    if (b.d_in == nullptr) return;
    const Real* through = layout.parts.empty() ? b.d_out : b.d_in;
    steps.push_back({true, {}, [this, b, through](const Pass&, std::int64_t begin, std::int64_t end) {
                       for (std::int64_t r = begin; r < end; ++r) {
                         const std::int64_t at = r * stride();
                         kernels::add_scaled(through + at, b.d_out + at, size(), 1, b.d_in + at);
                       }
                     }});
  }

  void gradients(const LayerBuffers& b, Steps& steps) const override {
    for (const Part& part : laid_out(b).parts) part.function->gradients(part.buffers, steps);
  }
  void refresh(const LayerBuffers& b, const Real* parameters) const override {
    for_parts(b, [&](const Part& part) { part.function->refresh(part.buffers, parameters); });
  }

 private:
  struct Part {
    const LayerFunction* function;
    LayerBuffers buffers;
  };
  struct Layout {
    std::vector<Part> parts;
    std::int64_t size = 0;
  };

  static std::string name_of(const Layer& layer) {
    for (const auto& [field, value] : layer.fields()) {
      const auto* name = value.get_if<std::string>();
      if (field == "name" && name != nullptr && !name->empty()) return *name;
    }
    return std::string(layer.class_name());
  }

  [[nodiscard]] std::int64_t size() const { return input_shape().elements(); }
  [[nodiscard]] std::int64_t stride() const { return row_stride(size()); }

  [[nodiscard]] Layout laid_out(const LayerBuffers& b) const {
    Layout layout;
    layout.size = for_parts(b, [&](const Part& part) { layout.parts.push_back(part); });
    return layout;
  }

  // Calls f(part) for each part in order, and gives the size of all. Their buffers lie one after another from b.scratch
  // on, or, while that is not known, at any place. Allocates nothing: refresh may come once a step.
  template <class F>
  std::int64_t for_parts(const LayerBuffers& b, F&& f) const {
    static Real nowhere[kernels::lane];
    std::int64_t size = 0;
    const auto take = [&](std::int64_t numbers) {
      Real* place = b.scratch == nullptr ? nowhere : b.scratch + size;
      size += kernels::padded(numbers);
      return place;
    };
    const Real* below = b.in;
    Real* d_below = b.d_in;
    bool wanted = b.d_in != nullptr;
    for (const StackedFunction& each : b.training ? training_ : running_) {
      LayerBuffers own;
      own.training = b.training, own.key = mix_key(b.key, each.layer + 1), own.max_rows = b.max_rows;
      own.in = below;
      const std::int64_t numbers = b.max_rows * row_stride(each.function->output_shape().elements());
      own.out = take(numbers);
      if (b.training) {
        own.d_out = take(numbers);
        own.d_in = wanted ? d_below : nullptr;
      }
      own.scratch = nullptr;
      own.scratch = take(each.function->scratch_size(own));
      f(Part{each.function, own});
      below = own.out, d_below = own.d_out;
      wanted = wanted || has_trained_weights(*each.function);
    }
    return size;
  }

  std::vector<std::unique_ptr<LayerFunction>> stack_, made_;
  std::vector<StackedFunction> running_, training_;
};

[[maybe_unused]] const bool registered = register_layer<Residual, ResidualFunction>(
    {{Residual{.layers = {Dense{.units = 7, .activation = Activation::tanh}, Dense{.units = 5}}}, {5}},
     {Residual{.layers = {Dense{.units = 4, .activation = Activation::silu}, BatchNormalization{}, Dropout{.rate = 0.3},
                          Dense{.units = 3}}},
      {2, 3}},
     {Residual{.layers = {Dense{.units = 6},
                          Residual{.layers = {Dense{.units = 4}, LayerNormalization{}, Dense{.units = 6}}},
                          Reshape{.target_shape = {6}}}},
      {6}},
     // Convolutions under a maximum, which are computed with it, in both ways.
     {Residual{.layers = {Conv2D{.filters = 3, .kernel_size = 3, .padding = Padding::same, .activation = softsign},
                          MaxPooling2D{}, UpSampling2D{}}},
      {4, 6, 3}},
     {Residual{.layers = {ZeroPadding2D{.padding = {{{3, 3}, {3, 3}}}},
                          Conv2D{.filters = 2, .kernel_size = 3, .activation = relu}, MaxPooling2D{}}},
      {4, 4, 2}},
     {Residual{.layers = {ZeroPadding2D{.padding = {{{3, 3}, {3, 3}}}}, Conv2D{.filters = 1, .kernel_size = 3},
                          MaxPooling2D{}}},
      {4, 4, 1}}},
    __FILE__);

}  // namespace
}  // namespace gradus
