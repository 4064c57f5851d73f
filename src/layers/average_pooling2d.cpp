#include "layers/pooling.hpp"

namespace gradus {
namespace {

class AveragePooling2DFunction final : public PoolingFunction {
 public:
  AveragePooling2DFunction(const AveragePooling2D& spec, const Shape& input)
      : PoolingFunction({.pool_size = spec.pool_size,
                         .strides = spec.strides.value_or(spec.pool_size),
                         .padding = spec.padding,
                         .max = false},
                        input) {}
};

[[maybe_unused]] const bool registered = register_layer<AveragePooling2D, AveragePooling2DFunction>(
    {{AveragePooling2D{}, {4, 6, 3}},
     {AveragePooling2D{.pool_size = {2, 3}}, {5, 7, 17}},
     {AveragePooling2D{.pool_size = 3, .strides = 2, .padding = Padding::same}, {6, 5, 2}},
     {AveragePooling2D{.pool_size = {1, 2}, .strides = Size2D{3, 1}}, {4, 4, 1}}},
    __FILE__);

}  // namespace
}  // namespace gradus
