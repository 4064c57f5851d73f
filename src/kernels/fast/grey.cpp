// Convolution of images of one channel with few filters, which would leave most of a vector of filters empty: here the
// vectors hold pixels. Output (i, j) stands at place i * width + j, so that one vector of outputs needs one vector of x
// for each number of the kernel, across the ends of rows; what falls between the rows is computed for nothing. Each
// filter gets a plane of its own, and planes are turned into pixels, and back, four by four.
#include "kernels/grey.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kernels/kernels.hpp"
#include "kernels/scratch.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/fast/grey.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/fast/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

// Sums that the registers hold beside what they are made of.
#if HWY_TARGET <= HWY_AVX3
constexpr int most_sums = 24;
#else
constexpr int most_sums = 12;
#endif
constexpr int fitting(int filters) { return std::clamp(most_sums / filters, 1, 4); }

struct Planes {
  float* data;
  std::int64_t stride;  // from one filter to the next
  std::int64_t places;  // that are used
};

// `more` numbers lie behind the planes, and are free. From a plane's last row on, two vectors may be read.
Planes planes_of(const Convolution& c, std::int64_t more = 0) {
  const std::int64_t places = (c.rows - 1) * c.width + c.columns, stride = padded(places) + 3 * lane;
  return {scratch(8 * stride + more, ScratchSlot::panel), stride, places};
}

// Where number (a, b) of the kernel looks from a place on.
std::int64_t offset_of(const Convolution& c, std::int64_t number) {
  return number / c.kernel_width * c.dilation_y * c.width + number % c.kernel_width * c.dilation_x;
}

// Places [place, place + Vectors * lanes) of all filters.
template <int Filters, int Vectors>
void compute_places(const Convolution& c, const float* x, const float* kernel, std::int64_t kernel_row,
                    const float* bias, bool relu, const Planes& planes, std::int64_t place) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V sum[Filters][Vectors];
#pragma GCC unroll 8
  for (int f = 0; f < Filters; ++f) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) sum[f][v] = hn::Zero(d);
  }
  for (std::int64_t a = 0; a < c.kernel_height; ++a) {
    const float* from = x + place + a * c.dilation_y * c.width;
    for (std::int64_t b = 0; b < c.kernel_width; ++b, from += c.dilation_x, kernel += kernel_row) {
      V near[Vectors];
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) near[v] = hn::LoadU(d, from + v * lanes);
#pragma GCC unroll 8
      for (int f = 0; f < Filters; ++f) {
        const V weight = hn::Set(d, kernel[f]);
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) sum[f][v] = hn::MulAdd(weight, near[v], sum[f][v]);
      }
    }
  }
#pragma GCC unroll 8
  for (int f = 0; f < Filters; ++f) {
    const V add = hn::Set(d, bias == nullptr ? 0.0f : bias[f]);
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      V y = hn::Add(sum[f][v], add);
      if (relu) y = hn::Max(hn::Zero(d), y);
      hn::StoreU(y, d, planes.data + f * planes.stride + place + v * lanes);
    }
  }
}

template <int Filters>
void compute_planes(const Convolution& c, const float* x, const float* kernel, std::int64_t kernel_row,
                    const float* bias, bool relu, const Planes& planes) {
  constexpr int vectors = fitting(Filters);
  const std::int64_t step = vectors * static_cast<std::int64_t>(hn::Lanes(D()));
  for (std::int64_t place = 0; place < planes.places; place += step) {
    // The last ones are moved back to end where the image does; some places are computed twice, with the same result.
    const std::int64_t here = std::min(place, planes.places - step);
    compute_places<Filters, vectors>(c, x, kernel, kernel_row, bias, relu, planes, here);
  }
}

// out[q * out_stride + 0...3] = in[0...3 * in_stride + q] for q < 4.
HWY_INLINE void turn(const float* in, std::int64_t in_stride, float* out, std::int64_t out_stride) {
  const hn::Full128<float> d4;
  const auto r0 = hn::LoadU(d4, in), r1 = hn::LoadU(d4, in + in_stride);
  const auto r2 = hn::LoadU(d4, in + 2 * in_stride), r3 = hn::LoadU(d4, in + 3 * in_stride);
  const auto t0 = hn::InterleaveLower(d4, r0, r2), t1 = hn::InterleaveLower(d4, r1, r3);
  const auto t2 = hn::InterleaveUpper(d4, r0, r2), t3 = hn::InterleaveUpper(d4, r1, r3);
  hn::StoreU(hn::InterleaveLower(d4, t0, t1), d4, out);
  hn::StoreU(hn::InterleaveUpper(d4, t0, t1), d4, out + out_stride);
  hn::StoreU(hn::InterleaveLower(d4, t2, t3), d4, out + 2 * out_stride);
  hn::StoreU(hn::InterleaveUpper(d4, t2, t3), d4, out + 3 * out_stride);
}

// Calls four(pixel, place) for every four pixels of a row, one(pixel, place) for the others; for the image's last
// pixels, behind which nothing may be touched, always the latter.
template <class Four, class One>
HWY_INLINE void for_pixels(const Convolution& c, Four&& four, One&& one) {
  for (std::int64_t i = 0; i < c.rows; ++i) {
    const std::int64_t whole = (c.columns - (i + 1 == c.rows ? 4 : 0)) / 4 * 4;
    std::int64_t j = 0;
    for (; j < whole; j += 4) four(i * c.columns + j, i * c.width + j);
    for (; j < c.columns; ++j) one(i * c.columns + j, i * c.width + j);
  }
}

// Planes to pixels. A pixel's last four may run into the next pixel, which is written after it.
void to_pixels(const Convolution& c, const Planes& planes, float* y) {
  const float* p = planes.data;
  for_pixels(
      c,
      [&](std::int64_t pixel, std::int64_t place) HWY_ATTR {
        if (c.filters <= 4) {
          turn(p + place, planes.stride, y + pixel * c.filters, c.filters);
          return;
        }
        alignas(16) float block[2][16];
        turn(p + place, planes.stride, block[0], 4);
        turn(p + 4 * planes.stride + place, planes.stride, block[1], 4);
        const hn::Full128<float> d4;
        float* to = y + pixel * c.filters;
        for (int q = 0; q < 4; ++q, to += c.filters) {
          hn::StoreU(hn::Load(d4, block[0] + 4 * q), d4, to);
          hn::StoreU(hn::Load(d4, block[1] + 4 * q), d4, to + 4);
        }
      },
      [&](std::int64_t pixel, std::int64_t place) HWY_ATTR {
        for (std::int64_t f = 0; f < c.filters; ++f) y[pixel * c.filters + f] = p[f * planes.stride + place];
      });
}

// The maxima of 2 x 2 windows of each plane, and where they stood, one after another in planes of their own.
void max_of_planes(const Convolution& c, const Pooling& p, const Planes& planes, const Planes& y, const Planes& place) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t f = 0; f < c.filters; ++f) {
    for (std::int64_t i = 0; i < p.rows; ++i) {
      const float* top = planes.data + f * planes.stride + 2 * i * c.width;
      const std::int64_t to = f * y.stride + i * p.columns;
      for (std::int64_t j = 0; j < p.columns; j += lanes) {
        const float *above = top + 2 * j, *below = above + c.width;
        const V a = hn::LoadU(d, above), b = hn::LoadU(d, above + lanes);
        const V e = hn::LoadU(d, below), g = hn::LoadU(d, below + lanes);
        Best best{hn::ConcatEven(d, b, a), hn::Zero(d)};
        best.see(hn::ConcatOdd(d, b, a), 1);
        best.see(hn::ConcatEven(d, g, e), 2);
        best.see(hn::ConcatOdd(d, g, e), 3);
        hn::StoreU(best.value, d, y.data + to + j);
        hn::StoreU(best.place, d, place.data + to + j);
      }
    }
  }
}

// Pixels to planes, zeros between the rows.
void to_planes(const Convolution& c, const float* y, const Planes& planes) {
  float* p = planes.data;
  for_pixels(
      c,
      [&](std::int64_t pixel, std::int64_t place) HWY_ATTR {
        for (std::int64_t f = 0; f < c.filters; f += 4) {
          turn(y + pixel * c.filters + f, c.filters, p + f * planes.stride + place, planes.stride);
        }
      },
      [&](std::int64_t pixel, std::int64_t place) HWY_ATTR {
        for (std::int64_t f = 0; f < c.filters; ++f) p[f * planes.stride + place] = y[pixel * c.filters + f];
      });
  for (std::int64_t f = 0; f < c.filters; ++f) {
    for (std::int64_t i = 0; i < c.rows; ++i) {
      const std::int64_t end = i + 1 == c.rows ? planes.stride : (i + 1) * c.width;
      std::fill(p + f * planes.stride + i * c.width + c.columns, p + f * planes.stride + end, 0.0f);
    }
  }
}

// Numbers [first, first + Numbers) of the kernel, all filters.
template <int Filters, int Numbers>
void sum_places(const Convolution& c, const float* x, const Planes& planes, std::int64_t first, float* g,
                std::int64_t g_row, bool add_to) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const float* near[Numbers];
  V sum[Numbers][Filters];
#pragma GCC unroll 4
  for (int n = 0; n < Numbers; ++n) {
    near[n] = x + offset_of(c, first + n);
#pragma GCC unroll 8
    for (int f = 0; f < Filters; ++f) sum[n][f] = hn::Zero(d);
  }
  const auto add = [&](std::int64_t place, const auto& part) HWY_ATTR {
    V value[Numbers];
#pragma GCC unroll 4
    for (int n = 0; n < Numbers; ++n) value[n] = part.load(near[n] + place);
#pragma GCC unroll 8
    for (int f = 0; f < Filters; ++f) {
      const V slope = hn::LoadU(d, planes.data + f * planes.stride + place);
#pragma GCC unroll 4
      for (int n = 0; n < Numbers; ++n) sum[n][f] = hn::MulAdd(value[n], slope, sum[n][f]);
    }
  };
  std::int64_t place = 0;
  for (; place + lanes <= planes.places; place += lanes) add(place, Whole());
  if (place < planes.places) add(place, Front(planes.places - place));
  for (int n = 0; n < Numbers; ++n) {
    for (int f = 0; f < Filters; ++f) {
      const float total = hn::GetLane(hn::SumOfLanes(d, sum[n][f]));
      float& to = g[n * g_row + f];
      to = add_to ? to + total : total;
    }
  }
}

template <int Filters>
void sum_planes(const Convolution& c, const float* x, const Planes& planes, std::int64_t first, std::int64_t last,
                float* g, std::int64_t g_row, bool add_to) {
  constexpr int numbers = fitting(Filters);
  std::int64_t n = first;
  for (; n + numbers <= last; n += numbers, g += numbers * g_row) {
    sum_places<Filters, numbers>(c, x, planes, n, g, g_row, add_to);
  }
  for (; n < last; ++n, g += g_row) sum_places<Filters, 1>(c, x, planes, n, g, g_row, add_to);
}

template <int... I>
constexpr auto compute_functions(std::integer_sequence<int, I...>) {
  return std::array{&compute_planes<I + 1>...};
}
template <int... I>
constexpr auto sum_functions(std::integer_sequence<int, I...>) {
  return std::array{&sum_planes<I + 1>...};
}

}  // namespace

void ConvolveGrey(const Convolution& c, std::int64_t samples, ConstImages x, const float* kernel,
                  std::int64_t kernel_row, const float* bias, bool relu, Images y) {
  static constexpr auto functions = compute_functions(std::make_integer_sequence<int, most_grey_filters>());
  const Planes planes = planes_of(c);
  for (std::int64_t s = 0; s < samples; ++s) {
    functions[static_cast<std::size_t>(c.filters - 1)](c, x.data + s * x.stride, kernel, kernel_row, bias, relu,
                                                       planes);
    to_pixels(c, planes, y.data + s * y.stride);
  }
}

void ConvolveGreyPooled(const Convolution& c, const Pooling& p, std::int64_t samples, ConstImages x,
                        const float* kernel, std::int64_t kernel_row, const float* bias, bool relu, Images y,
                        Images place) {
  static constexpr auto functions = compute_functions(std::make_integer_sequence<int, most_grey_filters>());
  const std::int64_t windows = p.rows * p.columns, stride = padded(windows) + lane;
  const Planes planes = planes_of(c, 16 * stride);
  const Planes greatest{planes.data + 8 * planes.stride, stride, windows};
  const Planes stood{greatest.data + 8 * stride, stride, windows};
  Convolution row = c;  // as which the maxima lie
  row.rows = 1, row.columns = row.width = windows;
  for (std::int64_t s = 0; s < samples; ++s) {
    functions[static_cast<std::size_t>(c.filters - 1)](c, x.data + s * x.stride, kernel, kernel_row, bias, relu,
                                                       planes);
    max_of_planes(c, p, planes, greatest, stood);
    to_pixels(row, greatest, y.data + s * y.stride);
    if (place.data != nullptr) to_pixels(row, stood, place.data + s * place.stride);
  }
}

void GreyKernelGradient(const Convolution& c, std::int64_t samples, ConstImages x, ConstImages d, std::int64_t first,
                        std::int64_t last, float* g, std::int64_t g_row, bool add_to) {
  static constexpr auto functions = sum_functions(std::make_integer_sequence<int, most_grey_filters>());
  const Planes planes = planes_of(c);
  for (std::int64_t s = 0; s < samples; ++s) {
    to_planes(c, d.data + s * d.stride, planes);
    functions[static_cast<std::size_t>(c.filters - 1)](c, x.data + s * x.stride, planes, first, last, g, g_row,
                                                       add_to || s > 0);
  }
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(ConvolveGrey);
HWY_EXPORT(ConvolveGreyPooled);
HWY_EXPORT(GreyKernelGradient);

void convolve_grey(const Convolution& c, std::int64_t samples, ConstImages x, const Real* kernel,
                   std::int64_t kernel_row, const Real* bias, bool relu, Images y) {
  HWY_DYNAMIC_DISPATCH(ConvolveGrey)(c, samples, x, kernel, kernel_row, bias, relu, y);
}
void convolve_grey_pooled(const Convolution& c, const Pooling& p, std::int64_t samples, ConstImages x,
                          const Real* kernel, std::int64_t kernel_row, const Real* bias, bool relu, Images y,
                          Images place) {
  HWY_DYNAMIC_DISPATCH(ConvolveGreyPooled)(c, p, samples, x, kernel, kernel_row, bias, relu, y, place);
}
void grey_kernel_gradient(const Convolution& c, std::int64_t samples, ConstImages x, ConstImages d, std::int64_t first,
                          std::int64_t last, Real* g, std::int64_t g_row, bool add_to) {
  HWY_DYNAMIC_DISPATCH(GreyKernelGradient)(c, samples, x, d, first, last, g, g_row, add_to);
}
}  // namespace gradus::kernels
#endif
