#include "layers/pooling.hpp"

namespace gradus {
namespace {

/// One window, as large as the image.
class GlobalAveragePooling2DFunction final : public PoolingFunction {
 public:
  GlobalAveragePooling2DFunction(const GlobalAveragePooling2D& spec, const Shape& input)
      : PoolingFunction({.pool_size = image_of(input), .strides = 1, .max = false}, input,
                        spec.keepdims ? Shape{1, 1, input.back()} : Shape{input.back()}) {}

 private:
  static Size2D image_of(const Shape& input) {
    check_image(input);
    return {input[0], input[1]};
  }
};

[[maybe_unused]] const bool registered = register_layer<GlobalAveragePooling2D, GlobalAveragePooling2DFunction>(
    {{GlobalAveragePooling2D{}, {3, 4, 5}}, {GlobalAveragePooling2D{.keepdims = true}, {5, 2, 17}}}, __FILE__);

}  // namespace
}  // namespace gradus
