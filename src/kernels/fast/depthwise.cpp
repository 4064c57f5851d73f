// Depthwise convolution: nothing is summed over channels, so they stand in the vectors; several pixels, or several
// places of the kernel, side by side have sums that do not wait for one another.
#include "kernels/depthwise.hpp"

#include <algorithm>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/fast/depthwise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/fast/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

// Where number (i, j) of the kernel's windows begins in the image, and how far place (a, b) of the kernel is from
// there.
std::int64_t window_at(const Convolution& c, std::int64_t i, std::int64_t j) {
  return (i * c.stride_y * c.width + j * c.stride_x) * c.channels;
}
std::int64_t place_at(const Convolution& c, std::int64_t place) {
  const std::int64_t a = place / c.kernel_width, b = place % c.kernel_width;
  return (a * c.dilation_y * c.width + b * c.dilation_x) * c.channels;
}

// Calls f(Count<N>(), begin) for [0, count) in parts of N = 8 and, at the end, 4, 2 and 1.
template <int N>
using Count = std::integral_constant<int, N>;
template <class F>
HWY_INLINE void for_parts(std::int64_t count, F&& f) {
  std::int64_t begin = 0;
  for (; count - begin >= 8; begin += 8) f(Count<8>(), begin);
  if (count - begin >= 4) f(Count<4>(), begin), begin += 4;
  if (count - begin >= 2) f(Count<2>(), begin), begin += 2;
  if (count > begin) f(Count<1>(), begin);
}

struct Kernel {
  const float* data;
  std::int64_t row;
};

// Outputs of `Pixels` neighbours in a row.
template <int Pixels, class Part>
HWY_INLINE void outputs(const Convolution& c, const Part& part, const float* x, Kernel kernel, V bias, bool relu,
                        float* y) {
  const std::int64_t step = c.stride_x * c.channels;
  V sum[Pixels];
#pragma GCC unroll 8
  for (int p = 0; p < Pixels; ++p) sum[p] = bias;
  for (std::int64_t a = 0; a < c.kernel_height; ++a) {
    const float* from = x + a * c.dilation_y * c.width * c.channels;
    for (std::int64_t b = 0; b < c.kernel_width; ++b, from += c.dilation_x * c.channels, kernel.data += kernel.row) {
      const V weight = part.load(kernel.data);
#pragma GCC unroll 8
      for (int p = 0; p < Pixels; ++p) sum[p] = hn::MulAdd(part.load(from + p * step), weight, sum[p]);
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < Pixels; ++p) {
    part.store(relu ? hn::Max(hn::Zero(D()), sum[p]) : sum[p], y + p * c.filters);
  }
}

// Sums of `Places` neighbours in the kernel over all pixels of a sample.
template <int Places, class Part>
HWY_INLINE void gradients(const Convolution& c, const Part& part, const float* x, const float* d, std::int64_t first,
                          float* g, std::int64_t g_row, bool add_to) {
  std::int64_t at[Places];
  V sum[Places];
#pragma GCC unroll 8
  for (int k = 0; k < Places; ++k) {
    at[k] = place_at(c, first + k);
    sum[k] = add_to ? part.load(g + k * g_row) : hn::Zero(D());
  }
  for (std::int64_t i = 0; i < c.rows; ++i) {
    for (std::int64_t j = 0; j < c.columns; ++j, d += c.filters) {
      const float* from = x + window_at(c, i, j);
      const V slope = part.load(d);
#pragma GCC unroll 8
      for (int k = 0; k < Places; ++k) sum[k] = hn::MulAdd(part.load(from + at[k]), slope, sum[k]);
    }
  }
#pragma GCC unroll 8
  for (int k = 0; k < Places; ++k) part.store(sum[k], g + k * g_row);
}

}  // namespace

void ConvolveDepthwise(const Convolution& c, std::int64_t samples, ConstImages x, const float* kernel,
                       std::int64_t kernel_row, const float* bias, bool relu, Images y) {
  for (std::int64_t s = 0; s < samples; ++s) {
    for_channels(c.channels, [&](std::int64_t first, auto part) HWY_ATTR {
      const V start = bias == nullptr ? hn::Zero(D()) : part.load(bias + first);
      for (std::int64_t i = 0; i < c.rows; ++i) {
        for_parts(c.columns, [&]<int N>(Count<N>, std::int64_t j) HWY_ATTR {
          outputs<N>(c, part, x.data + s * x.stride + window_at(c, i, j) + first, {kernel + first, kernel_row}, start,
                     relu, y.data + s * y.stride + (i * c.columns + j) * c.filters + first);
        });
      }
    });
  }
}

void DepthwiseInputGradient(const Convolution& c, std::int64_t samples, ConstImages d, const float* kernel,
                            std::int64_t kernel_row, Images dx) {
  for (std::int64_t s = 0; s < samples; ++s) {
    std::fill_n(dx.data + s * dx.stride, c.x_size(), 0.0f);
    for_channels(c.channels, [&](std::int64_t first, auto part) HWY_ATTR {
      for (std::int64_t k = 0; k < c.kernel_rows(); ++k) {
        const V weight = part.load(kernel + k * kernel_row + first);
        const float* slope = d.data + s * d.stride + first;
        for (std::int64_t i = 0; i < c.rows; ++i) {
          float* to = dx.data + s * dx.stride + window_at(c, i, 0) + place_at(c, k) + first;
          for (std::int64_t j = 0; j < c.columns; ++j, slope += c.filters, to += c.stride_x * c.channels) {
            part.store(hn::MulAdd(part.load(slope), weight, part.load(to)), to);
          }
        }
      }
    });
  }
}

void DepthwiseKernelGradient(const Convolution& c, std::int64_t samples, ConstImages x, ConstImages d,
                             std::int64_t first, std::int64_t last, float* g, std::int64_t g_row, bool add_to) {
  for (std::int64_t s = 0; s < samples; ++s) {
    for_channels(c.channels, [&](std::int64_t channel, auto part) HWY_ATTR {
      for_parts(last - first, [&]<int N>(Count<N>, std::int64_t k) HWY_ATTR {
        gradients<N>(c, part, x.data + s * x.stride + channel, d.data + s * d.stride + channel, first + k,
                     g + k * g_row + channel, g_row, add_to || s > 0);
      });
    });
  }
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(ConvolveDepthwise);
HWY_EXPORT(DepthwiseInputGradient);
HWY_EXPORT(DepthwiseKernelGradient);

void convolve_depthwise(const Convolution& c, std::int64_t samples, ConstImages x, const Real* kernel,
                        std::int64_t kernel_row, const Real* bias, bool relu, Images y) {
  HWY_DYNAMIC_DISPATCH(ConvolveDepthwise)(c, samples, x, kernel, kernel_row, bias, relu, y);
}
void depthwise_input_gradient(const Convolution& c, std::int64_t samples, ConstImages d, const Real* kernel,
                              std::int64_t kernel_row, Images dx) {
  HWY_DYNAMIC_DISPATCH(DepthwiseInputGradient)(c, samples, d, kernel, kernel_row, dx);
}
void depthwise_kernel_gradient(const Convolution& c, std::int64_t samples, ConstImages x, ConstImages d,
                               std::int64_t first, std::int64_t last, Real* g, std::int64_t g_row, bool add_to) {
  HWY_DYNAMIC_DISPATCH(DepthwiseKernelGradient)(c, samples, x, d, first, last, g, g_row, add_to);
}
}  // namespace gradus::kernels
#endif
