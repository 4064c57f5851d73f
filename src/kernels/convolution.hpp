#pragma once

#include <cstdint>

#include <gradus/tensor.hpp>

/// Convolution and pooling of images in the layout (height, width, channels), one after another without gaps. As all
/// kernels, each is there twice: plain in kernels/reference, and with SIMD in kernels/fast.
///
/// Every output is summed in an order that depends on the sizes alone, so its bits do not depend on how many samples a
/// call has. No input is read outside its sizes; of the outputs, only what is said is written.
namespace gradus::kernels {

/// y[i, j, f] = sum over a, b, c of
///              x[i stride_y + a dilation_y, j stride_x + b dilation_x, g in_group + c] kernel[a, b, c, f]
/// for f in the g-th of `groups` equal parts of the filters, in_group being channels / groups. Zeros around an image
/// belong to it here: whoever wants them lays the image into a larger one first.
struct Convolution {
  std::int64_t height = 0, width = 0, channels = 0;  ///< of x
  std::int64_t rows = 0, columns = 0, filters = 0;   ///< of y
  std::int64_t kernel_height = 1, kernel_width = 1;
  std::int64_t stride_y = 1, stride_x = 1;
  std::int64_t dilation_y = 1, dilation_x = 1;
  std::int64_t groups = 1;

  [[nodiscard]] std::int64_t in_group() const { return channels / groups; }
  [[nodiscard]] std::int64_t filters_in_group() const { return filters / groups; }
  /// The kernel is a matrix of so many rows, (a, b, c) in ascending order, and of `filters` columns.
  [[nodiscard]] std::int64_t kernel_rows() const { return kernel_height * kernel_width * in_group(); }
  [[nodiscard]] std::int64_t x_size() const { return height * width * channels; }
  [[nodiscard]] std::int64_t y_size() const { return rows * columns * filters; }
};

/// Images, one every `stride` numbers.
struct ConstImages {
  const Real* data = nullptr;
  std::int64_t stride = 0;
};
struct Images {
  Real* data = nullptr;
  std::int64_t stride = 0;
};

/// y = x * kernel + bias, then max(0, y) with `relu`; `bias` may be null. The kernel's rows are `kernel_row` numbers
/// apart, and they and the bias may be read up to padded(filters).
void convolve(const Convolution& c, std::int64_t samples, ConstImages x, const Real* kernel, std::int64_t kernel_row,
              const Real* bias, bool relu, Images y);
/// dx[...] = sum of d[i, j, f] kernel[a, b, c, f] over all (i, j, a, b, f) that meet there; 0 where none do.
void convolution_input_gradient(const Convolution& c, std::int64_t samples, ConstImages d, const Real* kernel,
                                std::int64_t kernel_row, Images dx);
/// Rows [first, last) of the kernel's gradient, summed over the samples in ascending order; `g` is where row `first`
/// lies, and its rows are g_row numbers apart. Added to what is there with `add_to`; of g's rows only `filters` numbers
/// are written.
void convolution_kernel_gradient(const Convolution& c, std::int64_t samples, ConstImages x, ConstImages d,
                                 std::int64_t first, std::int64_t last, Real* g, std::int64_t g_row, bool add_to);

/// Windows over an image, channel by channel. Window (i, j) begins at pixel (i stride_y - before_y, j stride_x -
/// before_x); what of it lies outside the image does not count. Each window has at least one pixel.
struct Pooling {
  std::int64_t height = 0, width = 0, channels = 0;  ///< of x
  std::int64_t rows = 0, columns = 0;                ///< of y
  std::int64_t pool_height = 1, pool_width = 1;
  std::int64_t stride_y = 1, stride_x = 1;
  std::int64_t before_y = 0, before_x = 0;

  /// Windows of 2 x 2 that touch one another and stay inside: what most networks have.
  [[nodiscard]] bool halves() const {
    return pool_height == 2 && pool_width == 2 && stride_y == 2 && stride_x == 2 && before_y == 0 && before_x == 0 &&
           2 * rows <= height && 2 * columns <= width;
  }
};

/// One sample. `place` (may be null) receives where in its window each greatest number stood, counted row by row over
/// the whole window, the first of equals. NaN counts as the greatest.
void max_pool(const Pooling& p, const Real* x, Real* y, Real* place);
void max_pool_gradient(const Pooling& p, const Real* d, const Real* place, Real* dx);
void average_pool(const Pooling& p, const Real* x, Real* y);
void average_pool_gradient(const Pooling& p, const Real* d, Real* dx);

}  // namespace gradus::kernels
