#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "base/philox.hpp"
#include "kernels/augment.hpp"

namespace gradus::kernels::reference {

inline void uniform_field(std::uint64_t key, std::uint64_t stream, std::int64_t count, Real* x) {
  const std::int64_t blocks = (count + 7) / 8;
  Philox random(key, stream);
  for (std::int64_t b = 0; b < blocks; ++b) {
    for (std::int64_t w = 0; w < 4; ++w) {
      const std::uint32_t word = random.next();
      for (std::int64_t half = 0; half < 2; ++half) {
        const std::int64_t i = (2 * w + half) * blocks + b;
        const auto h = static_cast<Real>((word >> (16 * half)) & 0xFFFF);
        if (i < count) x[i] = (h + Real{0.5}) / 32768 - 1;
      }
    }
  }
}

inline void normal_field(std::uint64_t key, std::uint64_t stream, std::int64_t count, Real* x) {
  const std::int64_t blocks = (count + 3) / 4;
  Philox random(key, stream);
  for (std::int64_t b = 0; b < blocks; ++b) {
    for (std::int64_t pair = 0; pair < 2; ++pair) {
      const double u = (random.next() + 0.5) * 0x1p-32, v = (random.next() + 0.5) * 0x1p-32;
      const double radius = std::sqrt(-2 * std::log(u)), angle = 2 * std::numbers::pi * v;
      const std::int64_t i = 2 * pair * blocks + b;
      if (i < count) x[i] = static_cast<Real>(radius * std::cos(angle));
      if (i + blocks < count) x[i + blocks] = static_cast<Real>(radius * std::sin(angle));
    }
  }
}

inline void smooth(const Smoothing& s) {
  const auto sum = [&](std::int64_t at, std::int64_t size, auto&& value) {
    Real total = s.taps[0] * value(at);
    for (std::int64_t k = 1; k <= s.radius; ++k) {
      const Real before = at - k >= 0 ? value(at - k) : Real{0}, after = at + k < size ? value(at + k) : Real{0};
      total += s.taps[k] * (before + after);
    }
    return total;
  };
  std::vector<Real> rows(static_cast<std::size_t>(s.height * s.width));
  for (std::int64_t r = 0; r < s.height; ++r) {
    for (std::int64_t c = 0; c < s.width; ++c) {
      rows[static_cast<std::size_t>(r * s.width + c)] =
          sum(c, s.width, [&](std::int64_t i) { return s.x[r * s.width + i]; });
    }
  }
  for (std::int64_t r = 0; r < s.height; ++r) {
    for (std::int64_t c = 0; c < s.width; ++c) {
      s.y[r * s.y_row + c] =
          sum(r, s.height, [&](std::int64_t i) { return rows[static_cast<std::size_t>(i * s.width + c)]; });
    }
  }
}

inline void warp(const Warp& w) {
  const std::int64_t stride = warp_row(w.width), plane = stride * warp_rows(w.height);
  for (std::int64_t c = 0; c < w.channels; ++c) {
    for (std::int64_t y = 0; y < w.height; ++y) {
      for (std::int64_t x = 0; x < w.width; ++x) {
        const Real fx = static_cast<Real>(x), fy = static_cast<Real>(y);
        Real sx = w.xx * fx + (w.xy * fy + w.x0), sy = w.yx * fx + (w.yy * fy + w.y0);
        if (w.dx != nullptr) sx += w.dx[y * w.row + x], sy += w.dy[y * w.row + x];
        sx = std::clamp(sx, -w.reach, static_cast<Real>(w.width - 1) + w.reach);
        sy = std::clamp(sy, -w.reach, static_cast<Real>(w.height - 1) + w.reach);
        const Real left = std::floor(sx), top = std::floor(sy), u = sx - left, v = sy - top;
        const Real* p =
            w.in + c * plane + (static_cast<std::int64_t>(top) + 1) * stride + static_cast<std::int64_t>(left) + 1;
        const Real above = p[0] + u * (p[1] - p[0]), below = p[stride] + u * (p[stride + 1] - p[stride]);
        w.out[(c * w.height + y) * w.row + x] = above + v * (below - above);
      }
    }
  }
}

}  // namespace gradus::kernels::reference
