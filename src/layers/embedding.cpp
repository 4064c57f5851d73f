#include <algorithm>
#include <cmath>

#include <gradus/error.hpp>

#include "layers/layer.hpp"

namespace gradus {
namespace {

/// Number j of a sample is replaced by row x_j of a table.
class EmbeddingFunction final : public LayerFunction {
 public:
  EmbeddingFunction(const Embedding& spec, const Shape& input)
      : LayerFunction(input, output_shape_of(spec, input)), width_(spec.output_dim) {
    parameters_.push_back({"embeddings", Shape{spec.input_dim, spec.output_dim}, spec.embeddings_initializer,
                           spec.input_dim, spec.output_dim});
  }

  [[nodiscard]] std::int64_t work() const override { return output_shape().elements(); }

  void forward(const LayerBuffers& b, Steps& steps) const override {
    steps.push_back({true, {}, [this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
                       for (std::int64_t r = begin; r < end; ++r) {
                         for (std::int64_t i = 0; i < count(); ++i) {
                           const std::int64_t row = index(b, r, i);
                           std::copy_n(p.parameters + table().offset + row * table().stride(), width_,
                                       b.out + r * row_stride(output_shape().elements()) + i * width_);
                         }
                       }
                     }});
  }

  // No gradient goes through a choice.
  void backward(const LayerBuffers& b, Steps& steps) const override {
    if (b.d_in == nullptr) return;
    steps.push_back({true, {}, [this, b](const Pass&, std::int64_t begin, std::int64_t end) {
                       for (std::int64_t r = begin; r < end; ++r) {
                         std::fill_n(b.d_in + r * row_stride(count()), count(), Real{0});
                       }
                     }});
  }

  void gradients(const LayerBuffers& b, Steps& steps) const override {
    steps.push_back({false, [this](const Pass&) { return (table().rows() + tile() - 1) / tile(); },
                     [this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
                       for (std::int64_t t = begin; t < end; ++t) {
                         gradient(p, b, t * tile(), std::min(table().rows(), (t + 1) * tile()));
                       }
                     }});
  }

 private:
  static Shape output_shape_of(const Embedding& spec, const Shape& input) {
    const auto demand = [](std::int64_t value, const char* name) {
      if (value >= 1) return;
      throw Error(ErrorCode::invalid_argument, std::string(name) + " must be 1 or more, got " + std::to_string(value));
    };
    demand(spec.input_dim, "input_dim");
    demand(spec.output_dim, "output_dim");
    std::vector<std::int64_t> sizes = input.sizes();
    sizes.push_back(spec.output_dim);
    return Shape(std::move(sizes));
  }

  [[nodiscard]] const Parameter& table() const { return parameters_[0]; }
  [[nodiscard]] std::int64_t count() const { return input_shape().elements(); }
  // Rows of the table in a tile of the gradient. Each tile walks through the whole batch, so there are few.
  [[nodiscard]] std::int64_t tile() const { return std::max<std::int64_t>(64, (table().rows() + 15) / 16); }

  [[nodiscard]] std::int64_t index(const LayerBuffers& b, std::int64_t r, std::int64_t i) const {
    const Real x = b.in[r * row_stride(count()) + i];
    if (x >= 0 && x < static_cast<Real>(table().rows()) && std::trunc(x) == x) return static_cast<std::int64_t>(x);
    throw Error(ErrorCode::invalid_argument, "an Embedding takes whole numbers from 0 to " +
                                                 std::to_string(table().rows() - 1) + "; number " + std::to_string(i) +
                                                 " of sample " + std::to_string(r) + " of the batch is " +
                                                 Value(static_cast<double>(x)).to_string());
  }

  // Rows [first, last) of the table: samples and their numbers in order.
  void gradient(const Pass& p, const LayerBuffers& b, std::int64_t first, std::int64_t last) const {
    const std::int64_t begin = table().offset + first * table().stride(),
                       end = table().offset + last * table().stride();
    std::fill(p.gradients + begin, p.gradients + end, Real{0});
    for (std::int64_t r = 0; r < p.rows; ++r) {
      for (std::int64_t i = 0; i < count(); ++i) {
        const std::int64_t row = index(b, r, i);
        if (row < first || row >= last) continue;
        const Real* d = b.d_out + r * row_stride(output_shape().elements()) + i * width_;
        kernels::sgd(p.gradients + table().offset + row * table().stride(), d, width_, Real{-1});  // adds d
      }
    }
    if (p.update != nullptr) (*p.update)(begin, end);
  }

  std::int64_t width_;
};

[[maybe_unused]] const bool registered = register_layer<Embedding, EmbeddingFunction>(
    {{Embedding{.input_dim = 7, .output_dim = 3}, {5}, 7}, {Embedding{.input_dim = 100, .output_dim = 17}, {4}, 100}},
    __FILE__);

}  // namespace
}  // namespace gradus
