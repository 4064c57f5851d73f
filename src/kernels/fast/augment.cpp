// Random fields, smoothing and moving pixels, for augmentation.
#include <algorithm>
#include <cstring>

#include "kernels/augment.hpp"
#include "kernels/kernels.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/fast/augment.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// Log, Sin and Cos of Highway: at most 4 units in the last place from the true value.
#include <hwy/contrib/math/math-inl.h>

#include "kernels/fast/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

using DI = hn::Rebind<std::int32_t, D>;
using DU = hn::Rebind<std::uint32_t, D>;
using VU = hn::Vec<DU>;

HWY_INLINE std::int64_t lanes_of() { return static_cast<std::int64_t>(hn::Lanes(D())); }

// The upper 32 bits of a * b in each lane.
HWY_INLINE VU multiply_high(VU a, VU b) {
  const DU d;
  const hn::Repartition<std::uint64_t, DU> d64;
  const auto even = hn::MulEven(a, b);
  const auto odd = hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(d64, a))), b);
  return hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, hn::ShiftRight<32>(even)));
}

struct Block {
  VU w0, w1, w2, w3;
};

// As base/philox.cpp, one block a lane: numbers first, first + 1, ... below 2^32.
HWY_INLINE Block philox(std::uint64_t key, std::uint64_t stream, std::int64_t first) {
  const DU d;
  const VU m0 = hn::Set(d, 0xD2511F53U), m1 = hn::Set(d, 0xCD9E8D57U);
  auto k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  Block c{hn::Iota(d, static_cast<std::uint32_t>(first)), hn::Zero(d), hn::Set(d, static_cast<std::uint32_t>(stream)),
          hn::Set(d, static_cast<std::uint32_t>(stream >> 32))};
  for (int round = 0; round < 10; ++round) {
    const VU high0 = multiply_high(c.w0, m0), low0 = hn::Mul(c.w0, m0);
    const VU high1 = multiply_high(c.w2, m1), low1 = hn::Mul(c.w2, m1);
    c = {hn::Xor(hn::Xor(high1, c.w1), hn::Set(d, k0)), low1, hn::Xor(hn::Xor(high0, c.w3), hn::Set(d, k1)), low0};
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  return c;
}

// Half of a word as a number within (-1, 1).
HWY_INLINE V centred(VU half) {
  const D d;
  const V value = hn::ConvertTo(d, hn::BitCast(DI(), half));
  return hn::Sub(hn::Mul(hn::Add(value, hn::Set(d, 0.5f)), hn::Set(d, 0x1p-15f)), hn::Set(d, 1.0f));
}

// (word + 1/2) / 2^32, within (0, 1]; converted in two halves, since a word need not fit a signed number.
HWY_INLINE V unit(VU word) {
  const D d;
  const VU low_bits = hn::Set(DU(), 0xFFFFU);
  const V high = hn::ConvertTo(d, hn::BitCast(DI(), hn::ShiftRight<16>(word)));
  const V low = hn::ConvertTo(d, hn::BitCast(DI(), hn::And(word, low_bits)));
  return hn::MulAdd(high, hn::Set(d, 0x1p-16f), hn::Mul(hn::Add(low, hn::Set(d, 0.5f)), hn::Set(d, 0x1p-32f)));
}

// Stores what belongs at x[at ...], as far as the block's part and the field reach.
HWY_INLINE void put(V v, Real* x, std::int64_t at, std::int64_t part_left, std::int64_t count) {
  store_columns(v, x + at, std::min(part_left, count - at));
}

}  // namespace

void UniformField(std::uint64_t key, std::uint64_t stream, std::int64_t count, float* x) {
  const std::int64_t blocks = (count + 7) / 8;
  const VU low_bits = hn::Set(DU(), 0xFFFFU);
  for (std::int64_t b = 0; b < blocks; b += lanes_of()) {
    const Block c = philox(key, stream, b);
    std::int64_t at = b;
    for (const VU* word : {&c.w0, &c.w1, &c.w2, &c.w3}) {
      put(centred(hn::And(*word, low_bits)), x, at, blocks - b, count);
      put(centred(hn::ShiftRight<16>(*word)), x, at + blocks, blocks - b, count);
      at += 2 * blocks;
    }
  }
}

void NormalField(std::uint64_t key, std::uint64_t stream, std::int64_t count, float* x) {
  const D d;
  const V turn = hn::Set(d, 6.28318530717958647692f);
  const std::int64_t blocks = (count + 3) / 4;
  for (std::int64_t b = 0; b < blocks; b += lanes_of()) {
    const Block c = philox(key, stream, b);
    const auto pair = [&](VU u, VU v, std::int64_t at) HWY_ATTR {
      const V radius = hn::Sqrt(hn::Max(hn::Zero(d), hn::Mul(hn::Set(d, -2.0f), hn::Log(d, unit(u)))));
      const V angle = hn::Mul(turn, unit(v));
      put(hn::Mul(radius, hn::Cos(d, angle)), x, at, blocks - b, count);
      put(hn::Mul(radius, hn::Sin(d, angle)), x, at + blocks, blocks - b, count);
    };
    pair(c.w0, c.w1, b);
    pair(c.w2, c.w3, b + 2 * blocks);
  }
}

// Along a row: the row lies in `line` between zeros, its first number at line[radius].
HWY_INLINE void smooth_row(const Smoothing& s, const float* line, float* out) {
  const D d;
  for (std::int64_t c = 0; c < s.width; c += lanes_of()) {
    const float* middle = line + s.radius + c;
    V sum = hn::Mul(hn::Set(d, s.taps[0]), hn::LoadU(d, middle));
    for (std::int64_t k = 1; k <= s.radius; ++k) {
      sum = hn::MulAdd(hn::Set(d, s.taps[k]), hn::Add(hn::LoadU(d, middle - k), hn::LoadU(d, middle + k)), sum);
    }
    hn::StoreU(sum, d, out + c);
  }
}

// Across rows, which lie `row` apart.
HWY_INLINE void smooth_column(const Smoothing& s, const float* rows, std::int64_t row, std::int64_t r) {
  const D d;
  for (std::int64_t c = 0; c < s.width; c += lanes_of()) {
    const float* middle = rows + r * row + c;
    V sum = hn::Mul(hn::Set(d, s.taps[0]), hn::LoadU(d, middle));
    const std::int64_t up = std::min(s.radius, r), down = std::min(s.radius, s.height - 1 - r);
    const std::int64_t both = std::min(up, down);
    for (std::int64_t k = 1; k <= both; ++k) {
      const V pair = hn::Add(hn::LoadU(d, middle - k * row), hn::LoadU(d, middle + k * row));
      sum = hn::MulAdd(hn::Set(d, s.taps[k]), pair, sum);
    }
    for (std::int64_t k = both + 1; k <= up; ++k) {
      sum = hn::MulAdd(hn::Set(d, s.taps[k]), hn::LoadU(d, middle - k * row), sum);
    }
    for (std::int64_t k = both + 1; k <= down; ++k) {
      sum = hn::MulAdd(hn::Set(d, s.taps[k]), hn::LoadU(d, middle + k * row), sum);
    }
    hn::StoreU(sum, d, s.y + r * s.y_row + c);
  }
}

void Smooth(const Smoothing& s) {
  const std::int64_t row = padded(s.width);
  float* line = s.scratch;  // a row between `radius` zeros on its left, and on its right as many and a vector's rest
  float* rows = line + padded(s.width + 2 * s.radius) + 2 * lane;
  std::memset(line, 0, sizeof(float) * static_cast<std::size_t>(rows - line));
  for (std::int64_t r = 0; r < s.height; ++r) {
    std::memcpy(line + s.radius, s.x + r * s.width, sizeof(float) * static_cast<std::size_t>(s.width));
    smooth_row(s, line, rows + r * row);
  }
  for (std::int64_t r = 0; r < s.height; ++r) smooth_column(s, rows, row, r);
}

void WarpImage(const Warp& w) {
  const D d;
  const DI di;
  const std::int64_t stride = warp_row(w.width), plane = stride * warp_rows(w.height);
  const V most_x = hn::Set(d, static_cast<float>(w.width - 1) + w.reach);
  const V most_y = hn::Set(d, static_cast<float>(w.height - 1) + w.reach);
  const V least = hn::Set(d, -w.reach), one = hn::Set(d, 1.0f);
  const auto row_numbers = hn::Set(di, static_cast<std::int32_t>(stride));
  for (std::int64_t y = 0; y < w.height; ++y) {
    const float fy = static_cast<float>(y);
    const V base_x = hn::Set(d, w.xy * fy + w.x0), base_y = hn::Set(d, w.yy * fy + w.y0);
    for (std::int64_t x = 0; x < w.width; x += lanes_of()) {
      const V fx = hn::Iota(d, static_cast<float>(x));
      V sx = hn::Add(hn::Mul(hn::Set(d, w.xx), fx), base_x), sy = hn::Add(hn::Mul(hn::Set(d, w.yx), fx), base_y);
      if (w.dx != nullptr) {
        sx = hn::Add(sx, hn::LoadU(d, w.dx + y * w.row + x));
        sy = hn::Add(sy, hn::LoadU(d, w.dy + y * w.row + x));
      }
      sx = hn::Min(hn::Max(sx, least), most_x);
      sy = hn::Min(hn::Max(sy, least), most_y);
      const V left = hn::Floor(sx), top = hn::Floor(sy), u = hn::Sub(sx, left), v = hn::Sub(sy, top);
      const auto column = hn::ConvertTo(di, hn::Add(left, one)), line = hn::ConvertTo(di, hn::Add(top, one));
      const auto index = hn::Add(hn::Mul(line, row_numbers), column);
      for (std::int64_t c = 0; c < w.channels; ++c) {
        const float* in = w.in + c * plane;
        const V p00 = hn::GatherIndex(d, in, index), p01 = hn::GatherIndex(d, in + 1, index);
        const V p10 = hn::GatherIndex(d, in + stride, index), p11 = hn::GatherIndex(d, in + stride + 1, index);
        const V above = hn::MulAdd(u, hn::Sub(p01, p00), p00), below = hn::MulAdd(u, hn::Sub(p11, p10), p10);
        hn::StoreU(hn::MulAdd(v, hn::Sub(below, above), above), d, w.out + (c * w.height + y) * w.row + x);
      }
    }
  }
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(UniformField);
HWY_EXPORT(NormalField);
HWY_EXPORT(Smooth);
HWY_EXPORT(WarpImage);

void uniform_field(std::uint64_t key, std::uint64_t stream, std::int64_t count, Real* x) {
  HWY_DYNAMIC_DISPATCH(UniformField)(key, stream, count, x);
}
void normal_field(std::uint64_t key, std::uint64_t stream, std::int64_t count, Real* x) {
  HWY_DYNAMIC_DISPATCH(NormalField)(key, stream, count, x);
}
std::int64_t smoothing_scratch(std::int64_t height, std::int64_t width, std::int64_t radius) {
  return padded(width + 2 * radius) + 2 * lane + height * padded(width) + lane;
}
void smooth(const Smoothing& s) { HWY_DYNAMIC_DISPATCH(Smooth)(s); }
void warp(const Warp& w) { HWY_DYNAMIC_DISPATCH(WarpImage)(w); }
}  // namespace gradus::kernels
#endif
