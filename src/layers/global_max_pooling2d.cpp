#include "layers/pooling.hpp"

namespace gradus {
namespace {

/// One window, as large as the image.
class GlobalMaxPooling2DFunction final : public PoolingFunction {
 public:
  GlobalMaxPooling2DFunction(const GlobalMaxPooling2D& spec, const Shape& input)
      : PoolingFunction({.pool_size = image_of(input), .strides = 1, .max = true}, input,
                        spec.keepdims ? Shape{1, 1, input.back()} : Shape{input.back()}) {}

 private:
  static Size2D image_of(const Shape& input) {
    check_image(input);
    return {input[0], input[1]};
  }
};

[[maybe_unused]] const bool registered = register_layer<GlobalMaxPooling2D, GlobalMaxPooling2DFunction>(
    {{GlobalMaxPooling2D{}, {3, 4, 5}}, {GlobalMaxPooling2D{.keepdims = true}, {5, 2, 17}}}, __FILE__);

}  // namespace
}  // namespace gradus
