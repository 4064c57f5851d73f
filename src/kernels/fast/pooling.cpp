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

// The part of the gradient that belongs to one place of the window.
HWY_INLINE V part_at(std::int64_t at, V place, V gradient) {
  return hn::IfThenElseZero(hn::Eq(place, hn::Set(D(), static_cast<float>(at))), gradient);
}

void max_of_four(const Pooling& p, const float* HWY_RESTRICT x, float* HWY_RESTRICT y, float* HWY_RESTRICT place) {
  const std::int64_t line = p.width * p.channels;
  for (std::int64_t i = 0; i < p.rows; ++i) {
    for (std::int64_t j = 0; j < p.columns; ++j) {
      const float* from = x + 2 * i * line + 2 * j * p.channels;
      const std::int64_t out = (i * p.columns + j) * p.channels;
      for_channels(p.channels, [&](std::int64_t first, const auto& part) HWY_ATTR {
        Best best{part.load(from + first), hn::Zero(D())};
        best.see(part.load(from + p.channels + first), 1);
        best.see(part.load(from + line + first), 2);
        best.see(part.load(from + line + p.channels + first), 3);
        part.store(best.value, y + out + first);
        if (place != nullptr) part.store(best.place, place + out + first);
      });
    }
  }
}

void max_of_four_gradient(const Pooling& p, const float* HWY_RESTRICT d, const float* HWY_RESTRICT place,
                          float* HWY_RESTRICT dx) {
  const std::int64_t line = p.width * p.channels, covered = 2 * p.columns * p.channels;
  for (std::int64_t i = 0; i < p.rows; ++i) {
    for (std::int64_t j = 0; j < p.columns; ++j) {
      float* to = dx + 2 * i * line + 2 * j * p.channels;
      const std::int64_t out = (i * p.columns + j) * p.channels;
      for_channels(p.channels, [&](std::int64_t first, const auto& part) HWY_ATTR {
        const V gradient = part.load(d + out + first), at = part.load(place + out + first);
        part.store(part_at(0, at, gradient), to + first);
        part.store(part_at(1, at, gradient), to + p.channels + first);
        part.store(part_at(2, at, gradient), to + line + first);
        part.store(part_at(3, at, gradient), to + line + p.channels + first);
      });
    }
    if (covered == line) continue;
    for (std::int64_t k = 0; k < 2; ++k)
      std::fill(dx + (2 * i + k) * line + covered, dx + (2 * i + k + 1) * line, 0.0f);
  }
  std::fill(dx + 2 * p.rows * line, dx + p.height * line, 0.0f);
}

}  // namespace

void MaxPool(const Pooling& p, const float* x, float* y, float* place) {
  if (p.halves()) return max_of_four(p, x, y, place);
  for_windows(p, [&](const Window& w, std::int64_t out) HWY_ATTR {
    for_channels(p.channels, [&](std::int64_t first, const auto& part) HWY_ATTR {
      Best best{part.load(x + (w.top * p.width + w.left) * p.channels + first),
                hn::Set(D(), static_cast<float>((w.top - w.y) * p.pool_width + w.left - w.x))};
      for_pixels(p, w, first, [&](std::int64_t at, std::int64_t from) HWY_ATTR { best.see(part.load(x + from), at); });
      part.store(best.value, y + out + first);
      if (place != nullptr) part.store(best.place, place + out + first);
    });
  });
}

void MaxPoolGradient(const Pooling& p, const float* delta, const float* place, float* dx) {
  if (p.halves()) return max_of_four_gradient(p, delta, place, dx);
  std::fill_n(dx, p.height * p.width * p.channels, 0.0f);
  for_windows(p, [&](const Window& w, std::int64_t out) HWY_ATTR {
    for_channels(p.channels, [&](std::int64_t first, const auto& part) HWY_ATTR {
      const V gradient = part.load(delta + out + first), at = part.load(place + out + first);
      for_pixels(p, w, first, [&](std::int64_t k, std::int64_t to) HWY_ATTR {
        part.store(hn::Add(part.load(dx + to), part_at(k, at, gradient)), dx + to);
      });
    });
  });
}

void AveragePool(const Pooling& p, const float* x, float* y) {
  for_windows(p, [&](const Window& w, std::int64_t out) HWY_ATTR {
    const V share = hn::Set(D(), w.share());
    for_channels(p.channels, [&](std::int64_t first, const auto& part) HWY_ATTR {
      V sum = hn::Zero(D());
      for_pixels(p, w, first,
                 [&](std::int64_t, std::int64_t from) HWY_ATTR { sum = hn::Add(sum, part.load(x + from)); });
      part.store(hn::Mul(sum, share), y + out + first);
    });
  });
}

void AveragePoolGradient(const Pooling& p, const float* delta, float* dx) {
  std::fill_n(dx, p.height * p.width * p.channels, 0.0f);
  for_windows(p, [&](const Window& w, std::int64_t out) HWY_ATTR {
    const V share = hn::Set(D(), w.share());
    for_channels(p.channels, [&](std::int64_t first, const auto& part) HWY_ATTR {
      const V gradient = hn::Mul(part.load(delta + out + first), share);
      for_pixels(p, w, first, [&](std::int64_t, std::int64_t to) HWY_ATTR {
        part.store(hn::Add(part.load(dx + to), gradient), dx + to);
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
