#include "layers/layer.hpp"

namespace gradus {
namespace {

class RescalingFunction final : public LayerFunction {
 public:
  RescalingFunction(const Rescaling& spec, const Shape& input)
      : LayerFunction(input, input), scale_(static_cast<Real>(spec.scale)), offset_(static_cast<Real>(spec.offset)) {}

  [[nodiscard]] bool is_scaling(Real& scale, Real& offset) const override {
    scale = scale_, offset = offset_;
    return true;
  }
  [[nodiscard]] bool reads_samples() const override { return true; }

  void forward(const LayerBuffers& b, Steps& steps) const override {
    steps.push_back(
        {.by_rows = true, .tiles = {}, .run = [this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
           kernels::Samples samples{b.in, false, stride(), nullptr, scale_};
           if (b.first) {
             samples = p.samples;
             // Two scalings in a row: scale (b.scale x + b.offset) + offset.
             samples.scale = scale_ * b.scale;
           }
           for (std::int64_t r = begin; r < end; ++r) {
             kernels::scale_row(samples, r, size(), scale_ * b.offset + offset_, b.out + r * stride());
           }
         }});
  }

  void backward(const LayerBuffers& b, Steps& steps) const override {
    if (b.d_in == nullptr) return;
    steps.push_back({.by_rows = true, .tiles = {}, .run = [this, b](const Pass&, std::int64_t begin, std::int64_t end) {
                       const kernels::Samples gradient{b.d_out, false, stride(), nullptr, scale_};
                       for (std::int64_t r = begin; r < end; ++r) {
                         kernels::scale_row(gradient, r, size(), 0, b.d_in + r * stride());
                       }
                     }});
  }

 private:
  [[nodiscard]] std::int64_t size() const { return input_shape().elements(); }
  [[nodiscard]] std::int64_t stride() const { return row_stride(size()); }

  Real scale_, offset_;
};

[[maybe_unused]] const bool registered = register_layer<Rescaling, RescalingFunction>(
    {{Rescaling{.scale = 1.0 / 255, .offset = 0.01}, {3, 5}}, {Rescaling{.scale = -2.0}, {17}}}, __FILE__);

}  // namespace
}  // namespace gradus
