#pragma once

#include <cstdint>

#include <gradus/tensor.hpp>

/// The loops under augmentation: random fields, smoothing, moving pixels. As in kernels.hpp, each has a plain reference
/// and a fast twin.
namespace gradus::kernels {

/// How many numbers a field of `count` needs room for: whole blocks.
constexpr std::int64_t field_capacity(std::int64_t count) { return (count + 7) / 8 * 8; }
/// `count` uniform numbers within (-1, 1) from the halves h of Philox's words under (key, stream): (h + 1/2) / 2^15
/// - 1. With B = ceil(count / 8) blocks, x[i] is made of block i mod B: of the lower half of word i / B / 2 where i / B
/// is even, else of its upper half.
void uniform_field(std::uint64_t key, std::uint64_t stream, std::int64_t count, Real* x);
/// Normal numbers of standard deviation 1 from Philox's words under (key, stream) by Box and Muller. With B =
/// ceil(count / 4) blocks and words w0 ... w3 of block b, u = (w + 1/2) / 2^32: x[b] and x[B + b] are sqrt(-2 ln u0)
/// times the cosine and the sine of 2 pi u1, x[2 B + b] and x[3 B + b] the same of u2 and u3.
void normal_field(std::uint64_t key, std::uint64_t stream, std::int64_t count, Real* x);

/// y = x, height x width, smoothed along rows, then along columns: sum over k of taps[|k|] x[i + k], |k| <= radius; x
/// is 0 outside. Rows of x lie close together, those of y `y_row` apart, a multiple of `lane` and at least width; what
/// is in y's padding is anything.
struct Smoothing {
  std::int64_t height = 0, width = 0;
  const Real* taps = nullptr;  ///< radius + 1
  std::int64_t radius = 0;
  const Real* x = nullptr;
  Real* y = nullptr;
  std::int64_t y_row = 0;
  Real* scratch = nullptr;  ///< smoothing_scratch(...) numbers
};
std::int64_t smoothing_scratch(std::int64_t height, std::int64_t width, std::int64_t radius);
void smooth(const Smoothing& s);

/// Moves the pixels of an image: out(x, y) = in at (xx x + xy y + x0 + dx(x, y), yx x + yy y + y0 + dy(x, y)), between
/// its four neighbours. Points beyond the limits are taken at the limits.
struct Warp {
  std::int64_t height = 0, width = 0, channels = 1;
  Real xx = 1, xy = 0, x0 = 0, yx = 0, yy = 1, y0 = 0;
  /// How far points may lie outside: 1 reaches the frame, which is 0; with 0 the edge's pixels go on for ever.
  Real reach = 1;
  const Real* dx = nullptr;  ///< null: no displacements; else rows of `row` numbers
  const Real* dy = nullptr;
  std::int64_t row = 0;      ///< of dx, dy and out: a multiple of `lane`
  const Real* in = nullptr;  ///< a plane for each channel: warp_rows x warp_row numbers, pixel (x, y) at (x + 1, y + 1)
  Real* out = nullptr;       ///< a plane for each channel: height x row; padding is written with anything
};
constexpr std::int64_t warp_row(std::int64_t width) { return width + 3; }
constexpr std::int64_t warp_rows(std::int64_t height) { return height + 3; }
void warp(const Warp& w);

}  // namespace gradus::kernels
