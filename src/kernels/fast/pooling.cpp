// Pooling: windows pixel by pixel, channels in vectors.
#include <algorithm>

#include "kernels/convolution.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/fast/pooling.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/fast/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

// What of a window lies in the image: rows [top, bottom), columns [left, right).
struct Window {
  Window(const Pooling& p, std::int64_t i, std::int64_t j) : y(i * p.stride_y - p.before_y) {
    x = j * p.stride_x - p.before_x;
    top = std::max<std::int64_t>(0, y), bottom = std::min(p.height, y + p.pool_height);
    left = std::max<std::int64_t>(0, x), right = std::min(p.width, x + p.pool_width);
  }
  std::int64_t y, x;  // where it begins, perhaps outside
  std::int64_t top, bottom, left, right;
  [[nodiscard]] float share() const { return 1.0f / static_cast<float>((bottom - top) * (right - left)); }
};

// Calls f(window, number of its first output) for every window.
template <class F>
HWY_INLINE void for_windows(const Pooling& p, F&& f) {
  for (std::int64_t i = 0; i < p.rows; ++i) {
    for (std::int64_t j = 0; j < p.columns; ++j) f(Window(p, i, j), (i * p.columns + j) * p.channels);
  }
}

// Calls f(place in the window, offset in the image) for every pixel of a window, channels from `first` on.
template <class F>
HWY_INLINE void for_pixels(const Pooling& p, const Window& w, std::int64_t first, F&& f) {
  for (std::int64_t i = w.top; i < w.bottom; ++i) {
    for (std::int64_t j = w.left; j < w.right; ++j) {
      f((i - w.y) * p.pool_width + j - w.x, (i * p.width + j) * p.channels + first);
    }
  }
}

template <class F>
HWY_INLINE void for_vectors(std::int64_t n, F&& f) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  for (std::int64_t i = 0; i < n; i += lanes) f(i, n - i);
}

}  // namespace

void MaxPool(const Pooling& p, const float* x, float* y, float* place) {
  const D d;
  for_windows(p, [&](const Window& w, std::int64_t out) HWY_ATTR {
    for_vectors(p.channels, [&](std::int64_t first, std::int64_t left) HWY_ATTR {
      V best = load_columns(x + (w.top * p.width + w.left) * p.channels + first, left);
      V at = hn::Set(d, static_cast<float>((w.top - w.y) * p.pool_width + w.left - w.x));
      for_pixels(p, w, first, [&](std::int64_t k, std::int64_t from) HWY_ATTR {
        const V value = load_columns(x + from, left);
        const auto better = hn::Or(hn::Gt(value, best), hn::Ne(value, value));
        best = hn::IfThenElse(better, value, best);
        at = hn::IfThenElse(better, hn::Set(d, static_cast<float>(k)), at);
      });
      store_columns(best, y + out + first, left);
      if (place != nullptr) store_columns(at, place + out + first, left);
    });
  });
}

void MaxPoolGradient(const Pooling& p, const float* delta, const float* place, float* dx) {
  const D d;
  std::fill_n(dx, p.height * p.width * p.channels, 0.0f);
  for_windows(p, [&](const Window& w, std::int64_t out) HWY_ATTR {
    for_vectors(p.channels, [&](std::int64_t first, std::int64_t left) HWY_ATTR {
      const V gradient = load_columns(delta + out + first, left), at = load_columns(place + out + first, left);
      for_pixels(p, w, first, [&](std::int64_t k, std::int64_t to) HWY_ATTR {
        const V part = hn::IfThenElseZero(hn::Eq(at, hn::Set(d, static_cast<float>(k))), gradient);
        store_columns(hn::Add(load_columns(dx + to, left), part), dx + to, left);
      });
    });
  });
}

void AveragePool(const Pooling& p, const float* x, float* y) {
  const D d;
  for_windows(p, [&](const Window& w, std::int64_t out) HWY_ATTR {
    const V share = hn::Set(d, w.share());
    for_vectors(p.channels, [&](std::int64_t first, std::int64_t left) HWY_ATTR {
      V sum = hn::Zero(d);
      for_pixels(p, w, first,
                 [&](std::int64_t, std::int64_t from) HWY_ATTR { sum = hn::Add(sum, load_columns(x + from, left)); });
      store_columns(hn::Mul(sum, share), y + out + first, left);
    });
  });
}

void AveragePoolGradient(const Pooling& p, const float* delta, float* dx) {
  const D d;
  std::fill_n(dx, p.height * p.width * p.channels, 0.0f);
  for_windows(p, [&](const Window& w, std::int64_t out) HWY_ATTR {
    const V share = hn::Set(d, w.share());
    for_vectors(p.channels, [&](std::int64_t first, std::int64_t left) HWY_ATTR {
      const V part = hn::Mul(load_columns(delta + out + first, left), share);
      for_pixels(p, w, first, [&](std::int64_t, std::int64_t to) HWY_ATTR {
        store_columns(hn::Add(load_columns(dx + to, left), part), dx + to, left);
      });
    });
  });
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(MaxPool);
HWY_EXPORT(MaxPoolGradient);
HWY_EXPORT(AveragePool);
HWY_EXPORT(AveragePoolGradient);

void max_pool(const Pooling& p, const Real* x, Real* y, Real* place) { HWY_DYNAMIC_DISPATCH(MaxPool)(p, x, y, place); }
void max_pool_gradient(const Pooling& p, const Real* d, const Real* place, Real* dx) {
  HWY_DYNAMIC_DISPATCH(MaxPoolGradient)(p, d, place, dx);
}
void average_pool(const Pooling& p, const Real* x, Real* y) { HWY_DYNAMIC_DISPATCH(AveragePool)(p, x, y); }
void average_pool_gradient(const Pooling& p, const Real* d, Real* dx) {
  HWY_DYNAMIC_DISPATCH(AveragePoolGradient)(p, d, dx);
}
}  // namespace gradus::kernels
#endif
