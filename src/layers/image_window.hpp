#pragma once

#include <string>

#include <gradus/error.hpp>
#include <gradus/tensor.hpp>
#include <gradus/window.hpp>

namespace gradus {

/// A window along one axis of an image: how many there are, and how much padding they ask for.
struct WindowAxis {
  std::int64_t count = 0;
  std::int64_t before = 0, after = 0;  ///< padding
};

inline void check_sizes(const char* field, const Size2D& size) {
  if (size.height >= 1 && size.width >= 1) return;
  throw Error(ErrorCode::invalid_argument, std::string(field) + " must be 1 or more, got " + size.to_string());
}

/// Throws unless the shape is that of an image with pixels: (height, width, channels).
inline void check_image(const Shape& input) {
  if (input.rank() == 3 && input.elements() > 0) return;
  throw Error(ErrorCode::invalid_argument,
              "needs images of shape (height, width, channels), got shape " + input.to_string());
}

inline WindowAxis window_axis(std::int64_t size, std::int64_t window, std::int64_t stride, std::int64_t dilation,
                              Padding padding) {
  const std::int64_t extent = (window - 1) * dilation + 1;
  if (padding == Padding::valid) return {size < extent ? 0 : (size - extent) / stride + 1, 0, 0};
  const std::int64_t count = (size + stride - 1) / stride;
  const std::int64_t total = std::max<std::int64_t>(0, (count - 1) * stride + extent - size);
  return {count, total / 2, total - total / 2};
}

/// Where windows of an image lie, along both axes. Throws when none fits.
struct Windows {
  Windows(const Shape& input, const Size2D& size, const Size2D& strides, const Size2D& dilation, Padding padding,
          const char* what)
      : y(window_axis(input[0], size.height, strides.height, dilation.height, padding)),
        x(window_axis(input[1], size.width, strides.width, dilation.width, padding)) {
    if (y.count > 0 && x.count > 0) return;
    const Size2D extent{(size.height - 1) * dilation.height + 1, (size.width - 1) * dilation.width + 1};
    throw Error(ErrorCode::invalid_argument, std::string(what) + " of " + extent.to_string() +
                                                 " pixels does not fit into images of shape " + input.to_string() +
                                                 "; make it smaller, or use padding 'same'");
  }
  WindowAxis y, x;
};

}  // namespace gradus
