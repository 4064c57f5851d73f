#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/convolution.hpp"

/// Convolution and pooling as the formulas say them.
namespace gradus::kernels::reference {

/// Calls f(x index, kernel row, filter, y index) for every product that a convolution is made of, those of one y in
/// ascending order of the kernel's rows.
template <class F>
void for_products(const Convolution& c, F&& f) {
  for (std::int64_t i = 0; i < c.rows; ++i) {
    for (std::int64_t j = 0; j < c.columns; ++j) {
      for (std::int64_t n = 0; n < c.filters; ++n) {
        const std::int64_t group = n / c.filters_in_group(), y = (i * c.columns + j) * c.filters + n;
        std::int64_t row = 0;
        for (std::int64_t a = 0; a < c.kernel_height; ++a) {
          for (std::int64_t b = 0; b < c.kernel_width; ++b) {
            const std::int64_t pixel =
                (i * c.stride_y + a * c.dilation_y) * c.width + j * c.stride_x + b * c.dilation_x;
            for (std::int64_t k = 0; k < c.in_group(); ++k, ++row) {
              f(pixel * c.channels + group * c.in_group() + k, row, n, y);
            }
          }
        }
      }
    }
  }
}

inline void convolve(const Convolution& c, std::int64_t samples, ConstImages x, const Real* kernel,
                     std::int64_t kernel_row, const Real* bias, bool relu, Images y) {
  for (std::int64_t s = 0; s < samples; ++s) {
    const Real* in = x.data + s * x.stride;
    Real* out = y.data + s * y.stride;
    std::fill_n(out, c.y_size(), Real{0});
    for_products(c, [&](std::int64_t from, std::int64_t row, std::int64_t n, std::int64_t to) {
      out[to] += in[from] * kernel[row * kernel_row + n];
    });
    for (std::int64_t i = 0; i < c.y_size(); ++i) {
      if (bias != nullptr) out[i] += bias[i % c.filters];
      if (relu && out[i] < 0) out[i] = 0;
    }
  }
}

inline void convolution_input_gradient(const Convolution& c, std::int64_t samples, ConstImages d, const Real* kernel,
                                       std::int64_t kernel_row, Images dx) {
  for (std::int64_t s = 0; s < samples; ++s) {
    Real* out = dx.data + s * dx.stride;
    std::fill_n(out, c.x_size(), Real{0});
    for_products(c, [&](std::int64_t to, std::int64_t row, std::int64_t n, std::int64_t from) {
      out[to] += d.data[s * d.stride + from] * kernel[row * kernel_row + n];
    });
  }
}

inline void convolution_kernel_gradient(const Convolution& c, std::int64_t samples, ConstImages x, ConstImages d,
                                        std::int64_t first, std::int64_t last, Real* g, std::int64_t g_row,
                                        bool add_to) {
  if (!add_to) {
    for (std::int64_t row = first; row < last; ++row) std::fill_n(g + (row - first) * g_row, c.filters, Real{0});
  }
  for (std::int64_t s = 0; s < samples; ++s) {
    for_products(c, [&](std::int64_t from, std::int64_t row, std::int64_t n, std::int64_t to) {
      if (row < first || row >= last) return;
      g[(row - first) * g_row + n] += x.data[s * x.stride + from] * d.data[s * d.stride + to];
    });
  }
}

/// Calls f(x index, place in the window, y index) for every pixel of every window that lies in the image.
template <class F>
void for_windows(const Pooling& p, F&& f) {
  for (std::int64_t i = 0; i < p.rows; ++i) {
    for (std::int64_t j = 0; j < p.columns; ++j) {
      for (std::int64_t k = 0; k < p.channels; ++k) {
        for (std::int64_t a = 0; a < p.pool_height; ++a) {
          for (std::int64_t b = 0; b < p.pool_width; ++b) {
            const std::int64_t row = i * p.stride_y - p.before_y + a, column = j * p.stride_x - p.before_x + b;
            if (row < 0 || row >= p.height || column < 0 || column >= p.width) continue;
            f((row * p.width + column) * p.channels + k, a * p.pool_width + b, (i * p.columns + j) * p.channels + k);
          }
        }
      }
    }
  }
}

inline void max_pool(const Pooling& p, const Real* x, Real* y, Real* place) {
  std::int64_t before = -1;
  for_windows(p, [&](std::int64_t from, std::int64_t at, std::int64_t to) {
    if (to == before && !(x[from] > y[to]) && !std::isnan(x[from])) return;
    before = to;
    y[to] = x[from];
    if (place != nullptr) place[to] = static_cast<Real>(at);
  });
}

inline void max_pool_gradient(const Pooling& p, const Real* d, const Real* place, Real* dx) {
  std::fill_n(dx, p.height * p.width * p.channels, Real{0});
  for_windows(p, [&](std::int64_t to, std::int64_t at, std::int64_t from) {
    if (place[from] == static_cast<Real>(at)) dx[to] += d[from];
  });
}

/// How many pixels of window (i, j) lie in the image.
inline std::int64_t pixels_in_window(const Pooling& p, std::int64_t i, std::int64_t j) {
  const std::int64_t top = i * p.stride_y - p.before_y, left = j * p.stride_x - p.before_x;
  const std::int64_t high = std::min(p.height, top + p.pool_height) - std::max<std::int64_t>(0, top);
  const std::int64_t wide = std::min(p.width, left + p.pool_width) - std::max<std::int64_t>(0, left);
  return high * wide;
}
inline Real share_of_pixel(const Pooling& p, std::int64_t y) {
  const std::int64_t window = y / p.channels;
  return 1 / static_cast<Real>(pixels_in_window(p, window / p.columns, window % p.columns));
}

inline void average_pool(const Pooling& p, const Real* x, Real* y) {
  const std::int64_t size = p.rows * p.columns * p.channels;
  std::fill_n(y, size, Real{0});
  for_windows(p, [&](std::int64_t from, std::int64_t, std::int64_t to) { y[to] += x[from]; });
  for (std::int64_t i = 0; i < size; ++i) y[i] *= share_of_pixel(p, i);
}

inline void average_pool_gradient(const Pooling& p, const Real* d, Real* dx) {
  std::fill_n(dx, p.height * p.width * p.channels, Real{0});
  for_windows(p,
              [&](std::int64_t to, std::int64_t, std::int64_t from) { dx[to] += d[from] * share_of_pixel(p, from); });
}

}  // namespace gradus::kernels::reference
