#pragma once

#include <algorithm>

#include "kernels/convolution.hpp"
#include "kernels/kernels.hpp"

/// A convolution whose outputs go through a maximum of windows that do not overlap, and the way back. Of each window
/// and filter one output counts, so the gradient by the outputs is a list of few numbers among many zeros, and is never
/// written down: `d` is the gradient by the maxima (p.rows, p.columns, filters), `place` what max_pool kept of them.
/// All numbers of d that are 0 are passed over.
///
/// Here the kernel lies turned, so that what one output meets in a row of the kernel lies together, as in the image:
/// number n = (b, c) of row a, for filter f, at ((a filters + f) turned_row + n), zeros behind a row's end.
namespace gradus::kernels {

/// Such windows over such a convolution are computed here: one group, no gaps within a row of the kernel, and no pixel
/// in two windows.
inline bool is_pooled(const Convolution& c, const Pooling& p) {
  return c.groups == 1 && c.dilation_x == 1 && p.channels == c.filters && p.height == c.rows && p.width == c.columns &&
         (p.rows == 1 || p.stride_y >= p.pool_height) && (p.columns == 1 || p.stride_x >= p.pool_width);
}

inline std::int64_t turned_row(const Convolution& c) { return padded(c.kernel_width * c.channels); }
inline std::int64_t turned_size(const Convolution& c) { return c.kernel_height * c.filters * turned_row(c); }

/// Some rows of windows, and of the convolution no more than these see: all of it as a convolution and windows of its
/// own, whose first input and first window are numbers `x` and `y` of the whole.
struct PooledPart {
  Convolution c;
  Pooling p;
  std::int64_t x, y;
};
/// Rows [first, last) of the windows; all of them where windows begin outside.
inline PooledPart part_of(const Convolution& c, const Pooling& p, std::int64_t first, std::int64_t last) {
  PooledPart part{c, p, first * p.stride_y * c.stride_y * c.width * c.channels, first * p.columns * p.channels};
  part.p.rows = last - first;
  if (p.before_y == 0) {
    const std::int64_t seen = (part.p.rows - 1) * p.stride_y + p.pool_height;
    part.c.rows = part.p.height = std::min(c.rows - first * p.stride_y, seen);
  }
  if (p.before_x == 0) part.c.columns = part.p.width = std::min(c.columns, (p.columns - 1) * p.stride_x + p.pool_width);
  return part;
}
/// How many rows of windows see about so many numbers of the convolution's outputs.
inline std::int64_t rows_of_part(const Convolution& c, const Pooling& p, std::int64_t numbers) {
  if (p.before_y != 0) return p.rows;
  return std::clamp<std::int64_t>(numbers / (p.stride_y * c.columns * c.filters), 1, p.rows);
}

/// The maxima of what `convolve` gives, which is not kept; `place` may hold null. See max_pool.
void convolve_pooled(const Convolution& c, const Pooling& p, std::int64_t samples, ConstImages x, const Real* kernel,
                     std::int64_t kernel_row, const Real* bias, bool relu, Images y, Images place);

/// Turns rows a in [first, last) of the kernel; `kernel` and `turned` are where row a = first begins.
void turn_kernel(const Convolution& c, std::int64_t first, std::int64_t last, const Real* kernel,
                 std::int64_t kernel_row, Real* turned);
/// The other way. Of the kernel's rows only `filters` numbers are written.
void turn_back(const Convolution& c, std::int64_t first, std::int64_t last, const Real* turned, Real* kernel,
               std::int64_t kernel_row);

/// g, turned, receives the kernel's gradient summed over the samples in ascending order; added to what is there with
/// `add_to`. dx.data (may be null) receives the gradient by x, as convolution_input_gradient gives it; its stride is
/// that of x, and `turned` the kernel (may be null where dx.data is). Behind the end of x nothing is read.
void pooled_gradients(const Convolution& c, const Pooling& p, std::int64_t samples, ConstImages x, ConstImages d,
                      ConstImages place, const Real* turned, Images dx, Real* g, bool add_to);

}  // namespace gradus::kernels
