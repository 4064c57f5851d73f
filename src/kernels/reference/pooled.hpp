#pragma once

#include "kernels/pooled.hpp"
#include "kernels/reference/convolution.hpp"
#include "kernels/scratch.hpp"

/// See kernels/pooled.hpp.
namespace gradus::kernels::reference {

inline void convolve_pooled(const Convolution& c, const Pooling& p, std::int64_t samples, ConstImages x,
                            const Real* kernel, std::int64_t kernel_row, const Real* bias, bool relu, Images y,
                            Images place) {
  Real* outputs = scratch(c.y_size(), ScratchSlot::samples);
  for (std::int64_t s = 0; s < samples; ++s) {
    reference::convolve(c, 1, {x.data + s * x.stride, 0}, kernel, kernel_row, bias, relu, {outputs, 0});
    reference::max_pool(p, outputs, y.data + s * y.stride,
                        place.data == nullptr ? nullptr : place.data + s * place.stride);
  }
}

/// Calls f(number of the turned kernel, kernel row, filter) for each number of kernel rows a in [first, last), both
/// counted from row a = first on.
template <class F>
void for_turned(const Convolution& c, std::int64_t first, std::int64_t last, F&& f) {
  const std::int64_t run = c.kernel_width * c.channels;
  for (std::int64_t a = 0; a < last - first; ++a) {
    for (std::int64_t filter = 0; filter < c.filters; ++filter) {
      for (std::int64_t n = 0; n < run; ++n) f((a * c.filters + filter) * turned_row(c) + n, a * run + n, filter);
    }
  }
}

inline void turn_kernel(const Convolution& c, std::int64_t first, std::int64_t last, const Real* kernel,
                        std::int64_t kernel_row, Real* turned) {
  std::fill_n(turned, (last - first) * c.filters * turned_row(c), Real{0});
  for_turned(c, first, last, [&](std::int64_t to, std::int64_t row, std::int64_t filter) {
    turned[to] = kernel[row * kernel_row + filter];
  });
}

inline void turn_back(const Convolution& c, std::int64_t first, std::int64_t last, const Real* turned, Real* kernel,
                      std::int64_t kernel_row) {
  for_turned(c, first, last, [&](std::int64_t from, std::int64_t row, std::int64_t filter) {
    kernel[row * kernel_row + filter] = turned[from];
  });
}

inline void pooled_gradients(const Convolution& c, const Pooling& p, std::int64_t samples, ConstImages x, ConstImages d,
                             ConstImages place, const Real* turned, Images dx, Real* g, bool add_to) {
  const std::int64_t run = c.kernel_width * c.channels;
  if (!add_to) std::fill_n(g, turned_size(c), Real{0});
  for (std::int64_t s = 0; s < samples; ++s) {
    if (dx.data != nullptr) std::fill_n(dx.data + s * dx.stride, c.x_size(), Real{0});
    for_windows(p, [&](std::int64_t output, std::int64_t at, std::int64_t from) {
      if (place.data[s * place.stride + from] != static_cast<Real>(at)) return;
      const std::int64_t filter = output % c.filters, pixel = output / c.filters;
      const std::int64_t i = pixel / c.columns, j = pixel % c.columns;
      const Real value = d.data[s * d.stride + from];
      if (value == 0) return;
      for (std::int64_t a = 0; a < c.kernel_height; ++a) {
        const std::int64_t in = ((i * c.stride_y + a * c.dilation_y) * c.width + j * c.stride_x) * c.channels;
        const std::int64_t number = (a * c.filters + filter) * turned_row(c);
        for (std::int64_t n = 0; n < run; ++n) {
          g[number + n] += value * x.data[s * x.stride + in + n];
          if (dx.data != nullptr) dx.data[s * dx.stride + in + n] += value * turned[number + n];
        }
      }
    });
  }
}

}  // namespace gradus::kernels::reference
