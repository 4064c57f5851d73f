// Convolution as matrix products whose matrices are the image, the kernel and the output where they lie: no copy of the
// image is cut into windows ("im2col"). Each product runs in register tiles of rows times vectors, as in product.cpp;
// its depth is walked in pieces, within which both operands lie at equal steps.
//
//              row of a tile              depth, in pieces                        vectors
//   y          pixels along a row         (b, c) of a kernel row a                filters
//   dx         pixels down a column       filters                                 (b, c) of a kernel row a, added to dx
//   dkernel    (b, c) of a kernel row a   pixels, row by row                      filters
//
// With stride 1 between neighbours and one group, (b, c) are neighbours in the image as in the kernel: a "run" of
// kernel_width * channels numbers. Otherwise a run is the channels of one group at one b.
#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "kernels/convolution.hpp"
#include "kernels/depthwise.hpp"
#include "kernels/grey.hpp"
#include "kernels/kernels.hpp"
#include "kernels/scratch.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/fast/convolution.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/fast/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

// How many rows a register tile of V vectors may have, when its rows are RY lines of so many.
#if HWY_TARGET <= HWY_AVX3
constexpr int most_vectors = 4;
constexpr int most_rows(int lines, int vectors) {
  const int limit = vectors == 4 ? 24 : 28;
  return std::min(14, limit / (lines * vectors));
}
#else
constexpr int most_vectors = 2;
constexpr int most_rows(int lines, int vectors) {
  const int limit = HWY_TARGET <= HWY_AVX2 ? 12 : 10;
  return limit / (lines * vectors);
}
#endif
// Of each operand so much is used again and again that it stays in the first-level cache.
constexpr std::int64_t cached_numbers = 6 * 1024;
constexpr std::int64_t most_pieces = 64;

// So many steps along the depth, from these places of the operands on.
struct Piece {
  std::int64_t a, b, length;
};

// C[l, r][n] (+)= sum over the depth of A[l, r][k] B[k][n], l being the line of a row.
struct Tile {
  const float* a = nullptr;
  std::int64_t a_line = 0, a_row = 0, a_step = 1;
  const float* b = nullptr;
  std::int64_t b_step = 0;
  const Piece* pieces = nullptr;
  std::int64_t count = 0;
  float* c = nullptr;
  std::int64_t c_line = 0, c_row = 0;
  std::int64_t numbers = 0;  // of a row of C; the last vector may be cut
  const float* bias = nullptr;
  bool add_to = false, relu = false;
};

// Stores a tile's sums of one vector of columns: `part` is that vector, Whole or Front.
template <int Count, int Rows, class Part>
HWY_INLINE void finish_rows(const Tile& t, std::int64_t first, const Part& part, const V* sums, int step) {
  const D d;
  float* c = t.c + first;
  if (t.add_to) {
#pragma GCC unroll 32
    for (int r = 0; r < Count; ++r) {
      float* to = c + r / Rows * t.c_line + r % Rows * t.c_row;
      V y = hn::Add(part.load(to), sums[r * step]);
      if (t.bias != nullptr) y = hn::Add(y, part.load(t.bias + first));
      if (t.relu) y = hn::Max(hn::Zero(d), y);
      part.store(y, to);
    }
    return;
  }
  const V bias = t.bias != nullptr ? part.load(t.bias + first) : hn::Zero(d);
  const V least = t.relu ? hn::Zero(d) : hn::Set(d, -std::numeric_limits<float>::infinity());
#pragma GCC unroll 32
  for (int r = 0; r < Count; ++r) {
    part.store(hn::Max(least, hn::Add(sums[r * step], bias)), c + r / Rows * t.c_line + r % Rows * t.c_row);
  }
}

// With Near, the rows of A are neighbours (a_row is 1), and no number behind a row's end is read from B either.
template <int Lines, int Rows, int Vectors, bool Near>
void compute_tile(const Tile& t) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t left = t.numbers - (Vectors - 1) * lanes;
  const Front last(std::min(lanes, left));
  V sum[Lines * Rows][Vectors];
#pragma GCC unroll 32
  for (int r = 0; r < Lines * Rows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::Zero(d);
  }
  const std::int64_t a_line = t.a_line, a_row = Near ? 1 : t.a_row, a_step = t.a_step, b_step = t.b_step;
  for (std::int64_t p = 0; p < t.count; ++p) {
    const float* HWY_RESTRICT a = t.a + t.pieces[p].a;
    const float* HWY_RESTRICT b = t.b + t.pieces[p].b;
    for (std::int64_t k = t.pieces[p].length; k > 0; --k) {
      V row[Vectors];
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        row[v] = Near && v == Vectors - 1 ? last.load(b + v * lanes) : hn::LoadU(d, b + v * lanes);
      }
#pragma GCC unroll 8
      for (int l = 0; l < Lines; ++l) {
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r) {
          const V x = hn::Set(d, a[l * a_line + r * a_row]);
#pragma GCC unroll 4
          for (int v = 0; v < Vectors; ++v) sum[l * Rows + r][v] = hn::MulAdd(x, row[v], sum[l * Rows + r][v]);
        }
      }
      a += a_step;
      b += b_step;
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < Vectors - 1; ++v) finish_rows<Lines * Rows, Rows>(t, v * lanes, Whole(), &sum[0][v], Vectors);
  if (left >= lanes) {
    finish_rows<Lines * Rows, Rows>(t, (Vectors - 1) * lanes, Whole(), &sum[0][Vectors - 1], Vectors);
  } else {
    finish_rows<Lines * Rows, Rows>(t, (Vectors - 1) * lanes, last, &sum[0][Vectors - 1], Vectors);
  }
}

using TileFunction = void (*)(const Tile&);
template <int Lines, int Vectors, bool Near, int... Rows>
constexpr std::array<TileFunction, 15> tile_functions(std::integer_sequence<int, Rows...>) {
  return {nullptr, &compute_tile<Lines, Rows + 1, Vectors, Near>...};
}
template <int Lines, int Vectors, bool Near>
constexpr auto functions_of =
    tile_functions<Lines, Vectors, Near>(std::make_integer_sequence<int, most_rows(Lines, Vectors)>());

// The tile of `rows` rows on each of `lines` lines; null where the registers do not hold it.
template <bool Near>
TileFunction tile_function(std::int64_t lines, std::int64_t rows, std::int64_t vectors) {
  if (rows > 14) return nullptr;
  const auto r = static_cast<std::size_t>(rows);
  if constexpr (Near) {
    if (lines == 3) return vectors == 1 ? functions_of<3, 1, true>[r] : functions_of<3, 2, true>[r];
    if (lines == 5) return vectors == 1 ? functions_of<5, 1, true>[r] : functions_of<5, 2, true>[r];
  }
  if (vectors == 1) return functions_of<1, 1, Near>[r];
  if constexpr (most_vectors >= 4) {
    if (vectors == 4) return functions_of<1, 4, Near>[r];
  }
  return functions_of<1, 2, Near>[r];
}

// Vectors that the next tile takes where so many numbers of a row are left.
std::int64_t vectors_for(std::int64_t numbers) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  const std::int64_t vectors = (numbers + lanes - 1) / lanes;
  return vectors >= most_vectors ? most_vectors : vectors >= 2 ? 2 : 1;
}

// Calls f(first, vectors, numbers) for each tile's share of a row of `numbers` numbers.
template <class F>
HWY_INLINE void for_column_tiles(std::int64_t numbers, F&& f) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  for (std::int64_t first = 0; first < numbers;) {
    const std::int64_t vectors = vectors_for(numbers - first);
    f(first, vectors, std::min(vectors * lanes, numbers - first));
    first += vectors * lanes;
  }
}

// Calls f(first, rows) for `count` rows in as few tiles as can be, all of about the same height.
template <class F>
HWY_INLINE void for_row_tiles(std::int64_t count, std::int64_t most, F&& f) {
  const std::int64_t tiles = (count + most - 1) / most;
  for (std::int64_t i = 0; i < tiles; ++i) {
    const std::int64_t begin = count * i / tiles;
    f(begin, count * (i + 1) / tiles - begin);
  }
}

// Collects pieces, and hands them over when they fill the cache.
template <class F>
class Depth {
 public:
  Depth(std::int64_t numbers_of_step, F& compute)
      : most_(std::max<std::int64_t>(16, cached_numbers / numbers_of_step)), compute_(compute) {}

  void add(std::int64_t a, std::int64_t a_step, std::int64_t b, std::int64_t b_step, std::int64_t length) {
    while (length > 0) {
      if (depth_ == most_ || count_ == most_pieces) flush(false);
      const std::int64_t part = std::min(length, most_ - depth_);
      pieces_[static_cast<std::size_t>(count_++)] = {a, b, part};
      depth_ += part, length -= part;
      a += part * a_step, b += part * b_step;
    }
  }
  void finish() { flush(true); }

 private:
  void flush(bool last) {
    compute_(pieces_.data(), count_, first_, last);
    first_ = false;
    count_ = depth_ = 0;
  }

  std::int64_t most_;
  F& compute_;
  std::array<Piece, most_pieces> pieces_;
  std::int64_t count_ = 0, depth_ = 0;
  bool first_ = true;
};

// What of a convolution lies in one piece; see the top of this file.
struct Runs {
  explicit Runs(const Convolution& c) {
    const bool whole = c.dilation_x == 1 && c.groups == 1;
    count = whole ? 1 : c.kernel_width;
    length = whole ? c.kernel_width * c.channels : c.in_group();
  }
  std::int64_t count;   // runs of a kernel row
  std::int64_t length;  // numbers of a run
};

// A kernel of one pixel sees no difference between rows and columns.
Convolution simplified(const Convolution& c) {
  Convolution s = c;
  if (c.kernel_height == 1 && c.kernel_width == 1 && c.stride_y == 1 && c.stride_x == 1 && c.rows == c.height &&
      c.columns == c.width) {
    s.height = s.rows = 1;
    s.width = s.columns = c.height * c.width;
  }
  return s;
}

void convolve_one(const Convolution& c, const float* x, const float* kernel, std::int64_t kernel_row, const float* bias,
                  bool relu, float* y) {
  const Runs runs(c);
  const std::int64_t line = c.width * c.channels, n_group = c.filters_in_group();
  Tile t;
  t.a_row = c.stride_x * c.channels;
  const bool near = t.a_row == 1;
  t.b_step = kernel_row;
  t.c_row = c.filters;
  for (std::int64_t g = 0; g < c.groups; ++g) {
    for_column_tiles(n_group, [&](std::int64_t first, std::int64_t vectors, std::int64_t numbers) HWY_ATTR {
      const std::int64_t column = g * n_group + first;
      t.b = kernel + column, t.numbers = numbers;
      const auto compute = [&](const Piece* pieces, std::int64_t count, bool begins, bool ends) HWY_ATTR {
        t.pieces = pieces, t.count = count, t.add_to = !begins;
        t.bias = ends && bias != nullptr ? bias + column : nullptr, t.relu = ends && relu;
        for (std::int64_t i = 0; i < c.rows; ++i) {
          for_row_tiles(c.columns, most_rows(1, static_cast<int>(vectors)),
                        [&](std::int64_t j, std::int64_t rows) HWY_ATTR {
                          t.a = x + i * c.stride_y * line + j * t.a_row + g * c.in_group();
                          t.c = y + (i * c.columns + j) * c.filters + column;
                          (near ? tile_function<true>(1, rows, vectors) : tile_function<false>(1, rows, vectors))(t);
                        });
        }
      };
      Depth depth(vectors * static_cast<std::int64_t>(hn::Lanes(D())), compute);
      for (std::int64_t a = 0; a < c.kernel_height; ++a) {
        for (std::int64_t r = 0; r < runs.count; ++r) {
          depth.add(a * c.dilation_y * line + r * c.dilation_x * c.channels, 1,
                    (a * runs.count + r) * runs.length * kernel_row, kernel_row, runs.length);
        }
      }
      depth.finish();
    });
  }
}

// `columns` holds the transposed kernel of each group, kernel row and run, one after another.
void input_gradient_of_one(const Convolution& c, const float* d, const float* columns, std::int64_t width, float* dx) {
  const Runs runs(c);
  const std::int64_t line = c.width * c.channels, n_group = c.filters_in_group();
  std::fill_n(dx, c.x_size(), 0.0f);
  Tile t;
  t.a_row = c.columns * c.filters;
  t.b_step = width;
  t.c_row = c.stride_y * line;
  t.add_to = true;
  for (std::int64_t g = 0; g < c.groups; ++g) {
    for (std::int64_t a = 0; a < c.kernel_height; ++a) {
      for (std::int64_t r = 0; r < runs.count; ++r, columns += n_group * width) {
        float* corner = dx + a * c.dilation_y * line + r * c.dilation_x * c.channels + g * c.in_group();
        for_column_tiles(runs.length, [&](std::int64_t first, std::int64_t vectors, std::int64_t numbers) HWY_ATTR {
          t.b = columns + first, t.numbers = numbers;
          const auto compute = [&](const Piece* pieces, std::int64_t count, bool, bool) HWY_ATTR {
            t.pieces = pieces, t.count = count;
            for_row_tiles(c.rows, most_rows(1, static_cast<int>(vectors)),
                          [&](std::int64_t i, std::int64_t rows) HWY_ATTR {
                            const TileFunction function = tile_function<false>(1, rows, vectors);
                            for (std::int64_t j = 0; j < c.columns; ++j) {
                              t.a = d + (i * c.columns + j) * c.filters + g * n_group;
                              t.c = corner + i * t.c_row + j * c.stride_x * c.channels + first;
                              function(t);
                            }
                          });
          };
          Depth depth(vectors * static_cast<std::int64_t>(hn::Lanes(D())), compute);
          depth.add(0, 1, 0, width, n_group);
          depth.finish();
        });
      }
    }
  }
}

// Rows [first, last) of the kernel as stretches of one run each: f(kernel row a, run, first row, rows).
template <class F>
HWY_INLINE void for_stretches(const Runs& runs, std::int64_t first, std::int64_t last, F&& f) {
  for (std::int64_t row = first; row < last;) {
    const std::int64_t run = row / runs.length, end = std::min(last, (run + 1) * runs.length);
    f(run / runs.count, run % runs.count, row, end - row);
    row = end;
  }
}

// Small kernels: several kernel rows a in one tile, so that enough sums run side by side. How many lines the next tile
// may take where `rows` of the kernel are left.
std::int64_t lines_for(const Convolution& c, const Runs& runs, std::int64_t rows, std::int64_t vectors) {
  if (runs.count > 1 || vectors > 2) return 1;
  for (const std::int64_t lines : {5, 3}) {
    if (lines <= c.kernel_height && lines * runs.length <= rows &&
        tile_function<true>(lines, runs.length, vectors) != nullptr) {
      return lines;
    }
  }
  return 1;
}

void kernel_gradient_of_one(const Convolution& c, const float* x, const float* d, std::int64_t first, std::int64_t last,
                            float* g, std::int64_t g_row, bool add_to) {
  const Runs runs(c);
  const std::int64_t line = c.width * c.channels, n_group = c.filters_in_group();
  Tile t;
  t.a_line = c.dilation_y * line, t.a_row = 1, t.a_step = c.stride_x * c.channels;
  t.b_step = c.filters;
  t.c_line = runs.length * g_row, t.c_row = g_row;
  for (std::int64_t group = 0; group < c.groups; ++group) {
    for_column_tiles(n_group, [&](std::int64_t column, std::int64_t vectors, std::int64_t numbers) HWY_ATTR {
      column += group * n_group;
      t.b = d + column, t.numbers = numbers;
      const auto compute = [&](const Piece* pieces, std::int64_t count, bool begins, bool) HWY_ATTR {
        t.pieces = pieces, t.count = count, t.add_to = add_to || !begins;
        std::int64_t done = first;
        const auto tile = [&](std::int64_t a, std::int64_t run, std::int64_t row, std::int64_t lines,
                              std::int64_t rows) HWY_ATTR {
          t.a = x + a * t.a_line + run * c.dilation_x * c.channels + group * c.in_group() + row % runs.length;
          t.c = g + (row - first) * g_row + column;
          tile_function<true>(lines, rows, vectors)(t);
        };
        for_stretches(runs, first, last,
                      [&](std::int64_t a, std::int64_t run, std::int64_t row, std::int64_t rows) HWY_ATTR {
                        if (row < done) return;
                        const std::int64_t lines =
                            row % runs.length == 0 && rows == runs.length ? lines_for(c, runs, last - row, vectors) : 1;
                        if (lines > 1) {
                          tile(a, run, row, lines, rows);
                          done = row + lines * rows;
                          return;
                        }
                        for_row_tiles(rows, most_rows(1, static_cast<int>(vectors)),
                                      [&](std::int64_t begin, std::int64_t height)
                                          HWY_ATTR { tile(a, run, row + begin, 1, height); });
                      });
      };
      Depth depth(numbers, compute);
      for (std::int64_t i = 0; i < c.rows; ++i) {
        depth.add(i * c.stride_y * line, t.a_step, i * c.columns * c.filters, c.filters, c.columns);
      }
      depth.finish();
    });
  }
}

}  // namespace

void Convolve(const Convolution& given, std::int64_t samples, ConstImages x, const float* kernel,
              std::int64_t kernel_row, const float* bias, bool relu, Images y) {
  const Convolution c = simplified(given);
  for (std::int64_t s = 0; s < samples; ++s) {
    convolve_one(c, x.data + s * x.stride, kernel, kernel_row, bias, relu, y.data + s * y.stride);
  }
}

void ConvolutionInputGradient(const Convolution& c, std::int64_t samples, ConstImages d, const float* kernel,
                              std::int64_t kernel_row, Images dx) {
  const Runs runs(c);
  const std::int64_t width = padded(runs.length), n_group = c.filters_in_group();
  const std::int64_t size = n_group * width, all = c.groups * c.kernel_height * runs.count;
  float* columns = scratch(all * size, ScratchSlot::panel);
  for (std::int64_t i = 0; i < all; ++i) {
    const std::int64_t group = i / (c.kernel_height * runs.count), run = i % (c.kernel_height * runs.count);
    transpose(kernel + run * runs.length * kernel_row + group * n_group, kernel_row, runs.length, n_group, width,
              columns + i * size, width);
  }
  for (std::int64_t s = 0; s < samples; ++s) {
    input_gradient_of_one(c, d.data + s * d.stride, columns, width, dx.data + s * dx.stride);
  }
}

void ConvolutionKernelGradient(const Convolution& given, std::int64_t samples, ConstImages x, ConstImages d,
                               std::int64_t first, std::int64_t last, float* g, std::int64_t g_row, bool add_to) {
  const Convolution c = simplified(given);
  for (std::int64_t s = 0; s < samples; ++s) {
    kernel_gradient_of_one(c, x.data + s * x.stride, d.data + s * d.stride, first, last, g, g_row, add_to || s > 0);
  }
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(Convolve);
HWY_EXPORT(ConvolutionInputGradient);
HWY_EXPORT(ConvolutionKernelGradient);

void convolve(const Convolution& c, std::int64_t samples, ConstImages x, const Real* kernel, std::int64_t kernel_row,
              const Real* bias, bool relu, Images y) {
  if (is_grey(c)) return convolve_grey(c, samples, x, kernel, kernel_row, bias, relu, y);
  if (is_depthwise(c)) return convolve_depthwise(c, samples, x, kernel, kernel_row, bias, relu, y);
  HWY_DYNAMIC_DISPATCH(Convolve)(c, samples, x, kernel, kernel_row, bias, relu, y);
}
void convolution_input_gradient(const Convolution& c, std::int64_t samples, ConstImages d, const Real* kernel,
                                std::int64_t kernel_row, Images dx) {
  if (is_depthwise(c)) return depthwise_input_gradient(c, samples, d, kernel, kernel_row, dx);
  HWY_DYNAMIC_DISPATCH(ConvolutionInputGradient)(c, samples, d, kernel, kernel_row, dx);
}
void convolution_kernel_gradient(const Convolution& c, std::int64_t samples, ConstImages x, ConstImages d,
                                 std::int64_t first, std::int64_t last, Real* g, std::int64_t g_row, bool add_to) {
  if (is_grey(c)) return grey_kernel_gradient(c, samples, x, d, first, last, g, g_row, add_to);
  if (is_depthwise(c)) return depthwise_kernel_gradient(c, samples, x, d, first, last, g, g_row, add_to);
  HWY_DYNAMIC_DISPATCH(ConvolutionKernelGradient)(c, samples, x, d, first, last, g, g_row, add_to);
}
}  // namespace gradus::kernels
#endif
