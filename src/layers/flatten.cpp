#include "layers/layer.hpp"

namespace gradus {
namespace {

class FlattenFunction final : public LayerFunction {
 public:
  FlattenFunction(const Flatten&, const Shape& input) : LayerFunction(input, Shape{input.elements()}) {}
  [[nodiscard]] bool is_view(bool) const override { return true; }
  void forward(const LayerBuffers&, Steps&) const override {}
  void backward(const LayerBuffers&, Steps&) const override {}
};

[[maybe_unused]] const bool registered =
    register_layer<Flatten, FlattenFunction>({{Flatten{}, {2, 3, 5}}, {Flatten{}, {7}}}, __FILE__);

}  // namespace
}  // namespace gradus
