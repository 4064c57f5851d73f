#pragma once

#include "kernels/convolution.hpp"

namespace gradus::kernels {

/// Of images with one channel and at most so many filters, `convolve`, `convolve_pooled` and
/// `convolution_kernel_gradient` hand their work to the functions below.
inline constexpr std::int64_t most_grey_filters = 8;

inline bool is_grey(const Convolution& c) {
  return c.channels == 1 && c.filters <= most_grey_filters && c.stride_y == 1 && c.stride_x == 1 && c.columns >= 4 &&
         (c.rows - 1) * c.width + c.columns >= 64;
}
void convolve_grey(const Convolution& c, std::int64_t samples, ConstImages x, const Real* kernel,
                   std::int64_t kernel_row, const Real* bias, bool relu, Images y);
/// The maxima of 2 x 2 windows (Pooling::halves) of what convolve_grey gives; `place` may hold null.
void convolve_grey_pooled(const Convolution& c, const Pooling& p, std::int64_t samples, ConstImages x,
                          const Real* kernel, std::int64_t kernel_row, const Real* bias, bool relu, Images y,
                          Images place);
void grey_kernel_gradient(const Convolution& c, std::int64_t samples, ConstImages x, ConstImages d, std::int64_t first,
                          std::int64_t last, Real* g, std::int64_t g_row, bool add_to);

}  // namespace gradus::kernels
