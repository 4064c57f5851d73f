// The way back through a convolution and the maxima of its outputs. Each number of the gradient that is not 0 stands
// for one output pixel of one filter; all of one filter are listed, and then
//
//   g       += value * window of x     with a stretch of the filter's gradient in registers, window by window
//   dx      += value * the filter      with a stretch of the filter in registers, window by window
//
// where a stretch is some vectors of some of the kernel's rows. Where pixels are whole vectors, dx is written where it
// lies. Else windows that overlap would store to parts of the same vectors one after another, each waiting for the
// last; so each window's rows are first summed in slots of whole vectors, one for each pixel where a window may begin,
// and the slots are added up pixel by pixel.
#include "kernels/pooled.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kernels/grey.hpp"
#include "kernels/kernels.hpp"
#include "kernels/scratch.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/fast/pooled.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/fast/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

// Vectors of a stretch, beside which the registers hold one that is on its way.
#if HWY_TARGET <= HWY_AVX3
constexpr int most_vectors = 20;
#else
constexpr int most_vectors = 12;
#endif
constexpr int most_columns = 6;  // vectors of one row

// Numbers of the gradient: where the window of each begins in x and in dx (or its slots), and the numbers.
struct Entries {
  std::int32_t *x, *dx;
  float* value;
};

struct Stretch {
  Entries entries;
  std::int64_t count;
  const float* x;  // of the stretch's first number, of the window at 0; rows are `line` numbers apart
  float* dx;
  std::int64_t line, dx_line;
  float* g;  // of the stretch's first number; rows are `row` numbers apart, as those of the kernel
  const float* kernel;
  std::int64_t row;
  std::int64_t last;  // numbers of the last vector of a row of x
  bool add_to;
};

// With Cut, the last vector of a row reads no more of x than belongs to the row. Few sums would wait for one another,
// so there every other entry has sums of its own.
template <class T, int Rows, int Vectors, bool Cut>
void collect(const Stretch& s) {
  constexpr int chains = Rows * Vectors <= 6 ? 2 : 1;
  const T d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const FrontOf<T> last(Cut ? s.last : lanes);
  hn::Vec<T> sum[chains][Rows][Vectors];
#pragma GCC unroll 2
  for (int k = 0; k < chains; ++k) {
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) {
        sum[k][r][v] = k == 0 && s.add_to ? hn::LoadU(d, s.g + r * s.row + v * lanes) : hn::Zero(d);
      }
    }
  }
  const std::int64_t line = s.line;
  const Entries entries = s.entries;
  const auto add = [&](std::int64_t e, hn::Vec<T>(&to)[Rows][Vectors]) HWY_ATTR {
    const float* from = s.x + entries.x[e];
    const hn::Vec<T> value = hn::Set(d, entries.value[e]);
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) {
        const float* p = from + r * line + v * lanes;
        to[r][v] = hn::MulAdd(value, Cut && v == Vectors - 1 ? last.load(p) : hn::LoadU(d, p), to[r][v]);
      }
    }
  };
  std::int64_t e = 0;
  for (; s.count - e >= chains; e += chains) {
#pragma GCC unroll 2
    for (int k = 0; k < chains; ++k) add(e + k, sum[k]);
  }
  if (e != s.count) add(e, sum[0]);
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      const hn::Vec<T> total = chains == 1 ? sum[0][r][v] : hn::Add(sum[0][r][v], sum[chains - 1][r][v]);
      hn::StoreU(total, d, s.g + r * s.row + v * lanes);
    }
  }
}

template <class T, int Rows, int Vectors>
void spread(const Stretch& s) {
  const T d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  hn::Vec<T> weight[Rows][Vectors];
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) weight[r][v] = hn::LoadU(d, s.kernel + r * s.row + v * lanes);
  }
  const std::int64_t line = s.dx_line;
  const Entries entries = s.entries;
  for (std::int64_t e = 0; e < s.count; ++e) {
    float* to = s.dx + entries.dx[e];
    const hn::Vec<T> value = hn::Set(d, entries.value[e]);
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) {
        float* p = to + r * line + v * lanes;
        hn::StoreU(hn::MulAdd(value, weight[r][v], hn::LoadU(d, p)), d, p);
      }
    }
  }
}

using StretchFunction = void (*)(const Stretch&);
struct Functions {
  StretchFunction collect, collect_cut, spread;
};
template <class T, int Vectors, int... Rows>
constexpr std::array<Functions, 5> functions_of(std::integer_sequence<int, Rows...>) {
  return {Functions{&collect<T, Rows + 1, Vectors, false>, &collect<T, Rows + 1, Vectors, true>,
                    &spread<T, Rows + 1, Vectors>}...};
}
template <class T, int Vectors>
constexpr auto functions =
    functions_of<T, Vectors>(std::make_integer_sequence<int, std::clamp(most_vectors / Vectors, 1, 5)>());

// What all stretches of a call have in common.
class Cuts {
 public:
  explicit Cuts(const Convolution& c) : length_(c.kernel_width * c.channels) {
    const auto full = static_cast<std::int64_t>(hn::Lanes(D()));
    lanes_ = length_ <= 4 ? std::min<std::int64_t>(full, 4) : length_ <= 8 ? std::min<std::int64_t>(full, 8) : full;
    vectors_ = (length_ + lanes_ - 1) / lanes_;
    pieces_ = (vectors_ + most_columns - 1) / most_columns;
    const std::int64_t widest = (vectors_ + pieces_ - 1) / pieces_;
    const std::int64_t rows = std::clamp<std::int64_t>(most_vectors / widest, 1, 5);
    lines_ = (c.kernel_height + rows - 1) / rows;
    height_ = c.kernel_height;
  }
  // Calls f(first row, first number, functions, whether the last vector is cut and to what) for each stretch.
  template <class F>
  HWY_INLINE void for_each(F&& f) const {
    for (std::int64_t l = 0; l < lines_; ++l) {
      const std::int64_t first_row = height_ * l / lines_, rows = height_ * (l + 1) / lines_ - first_row;
      for (std::int64_t piece = 0; piece < pieces_; ++piece) {
        const std::int64_t first = vectors_ * piece / pieces_, vectors = vectors_ * (piece + 1) / pieces_ - first;
        const std::int64_t last = std::min(lanes_, length_ - (first + vectors - 1) * lanes_);
        f(first_row, first * lanes_, function(rows, vectors), last < lanes_, last);
      }
    }
  }

 private:
  [[nodiscard]] const Functions& function(std::int64_t rows, std::int64_t vectors) const {
    const auto r = static_cast<std::size_t>(rows - 1);
    if (length_ <= 4) return functions<hn::CappedTag<float, 4>, 1>[r];
    if (length_ <= 8) {
      return vectors == 1 ? functions<hn::CappedTag<float, 8>, 1>[r] : functions<hn::CappedTag<float, 8>, 2>[r];
    }
    switch (vectors) {
      case 1:
        return functions<D, 1>[r];
      case 2:
        return functions<D, 2>[r];
      case 3:
        return functions<D, 3>[r];
      case 4:
        return functions<D, 4>[r];
      case 5:
        return functions<D, 5>[r];
      default:
        return functions<D, 6>[r];
    }
  }

  std::int64_t length_, lanes_, vectors_, pieces_, lines_, height_;
};

// Where windows and places in them lie, in x and in dx or its slots.
class Places {
 public:
  // `memory` for size(p) numbers.
  Places(const Convolution& c, const Pooling& p, std::int64_t dx_line, std::int64_t dx_pixel, void* memory)
      : row_(p.pool_width),
        x_{c.stride_y * c.width * c.channels, c.stride_x * c.channels},
        dx_{c.stride_y * dx_line, dx_pixel},
        window_x_(static_cast<std::int32_t*>(memory)),
        window_dx_(window_x_ + padded(p.rows * p.columns)) {
    for (std::int64_t i = 0; i < p.rows; ++i) {
      for (std::int64_t j = 0; j < p.columns; ++j) {
        const std::int64_t row = i * p.stride_y - p.before_y, column = j * p.stride_x - p.before_x;
        window_x_[i * p.columns + j] = static_cast<std::int32_t>(row * x_.row + column * x_.column);
        window_dx_[i * p.columns + j] = static_cast<std::int32_t>(row * dx_.row + column * dx_.column);
      }
    }
  }
  static std::int64_t size(const Pooling& p) { return 2 * padded(p.rows * p.columns); }

  // Those of `windows` numbers that are not 0, in their order; returns how many. Behind the lists' ends a vector more
  // may be written; behind d there are zeros to the end of a vector.
  template <bool WithDx>
  HWY_INLINE std::int64_t list(const float* d, const float* place, std::int64_t windows, const Entries& to) const {
    const hn::RebindToSigned<D> di;
    const hn::Vec<D> half = hn::Set(D(), 0.5f), inverse = hn::Set(D(), 1.0f / static_cast<float>(row_));
    const auto width = hn::Set(di, static_cast<std::int32_t>(row_));
    std::int64_t count = 0;
    for_vectors(windows, [&](std::int64_t w, std::int64_t) HWY_ATTR {
      const V in = hn::LoadU(D(), place + w);
      const auto row = hn::ConvertTo(di, hn::Mul(hn::Add(in, half), inverse));
      const auto column = hn::Sub(hn::ConvertTo(di, in), hn::Mul(row, width));
      const auto at = [&](const std::int32_t* window, const Steps& steps) HWY_ATTR {
        const auto y = hn::Mul(row, hn::Set(di, static_cast<std::int32_t>(steps.row)));
        const auto x = hn::Mul(column, hn::Set(di, static_cast<std::int32_t>(steps.column)));
        return hn::Add(hn::LoadU(di, window + w), hn::Add(y, x));
      };
#if HWY_TARGET <= HWY_AVX3
      const V value = hn::LoadU(D(), d + w);
      const hn::Mask<D> listed = hn::Not(hn::Eq(value, hn::Zero(D())));
      const auto which = hn::RebindMask(di, listed);
      hn::CompressStore(at(window_x_, x_), which, di, to.x + count);
      if constexpr (WithDx) hn::CompressStore(at(window_dx_, dx_), which, di, to.dx + count);
      count += static_cast<std::int64_t>(hn::CompressStore(value, listed, D(), to.value + count));
#else  // where the processor cannot compress a vector, one by one
      HWY_ALIGN std::int32_t x[16], dx[16];
      hn::Store(at(window_x_, x_), di, x);
      if constexpr (WithDx) hn::Store(at(window_dx_, dx_), di, dx);
      for (std::size_t k = 0; k < hn::Lanes(D()); ++k) {
        to.x[count] = x[k], to.value[count] = d[w + static_cast<std::int64_t>(k)];
        if constexpr (WithDx) to.dx[count] = dx[k];
        count += to.value[count] != 0 ? 1 : 0;
      }
#endif
    });
    return count;
  }

 private:
  struct Steps {
    std::int64_t row, column;  // how far the next pixel down and the next to the right are
  };

  std::int64_t row_;
  Steps x_, dx_;
  std::int32_t *window_x_, *window_dx_;
};

// dx of row y and pixel x is the sum of numbers x - j stride_x of all slots (y, j) that reach it: see the top of this
// file. T has vectors of no more channels than there are, or the shortest that hold them.
template <class T>
void fold(const Convolution& c, const float* slots, std::int64_t row, float* dx) {
  const T d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t step = row - c.stride_x * c.channels;
  for (std::int64_t first = 0; first < c.channels; first += lanes) {
    const FrontOf<T> part(std::min(lanes, c.channels - first));
    for (std::int64_t y = 0; y < c.height; ++y) {
      const float* line = slots + y * c.columns * row + first;
      float* to = dx + y * c.width * c.channels + first;
      std::int64_t begin = 0, end = 0;  // of the slots that reach pixel x
      for (std::int64_t x = 0; x < c.width; ++x, line += c.channels, to += c.channels) {
        if (end < c.columns && end * c.stride_x <= x) ++end;
        if (begin < end && begin * c.stride_x + c.kernel_width <= x) ++begin;
        hn::Vec<T> sum = hn::Zero(d);
        for (std::int64_t j = begin; j < end; ++j) sum = hn::Add(sum, hn::LoadU(d, line + j * step));
        part.store(sum, to);
      }
    }
  }
}

void fold_slots(const Convolution& c, const float* slots, std::int64_t row, float* dx) {
  if (c.channels <= 4) return fold<hn::CappedTag<float, 4>>(c, slots, row, dx);
  if (c.channels <= 8) return fold<hn::CappedTag<float, 8>>(c, slots, row, dx);
  fold<D>(c, slots, row, dx);
}

}  // namespace

void TurnKernel(const Convolution& c, std::int64_t first, std::int64_t last, const float* kernel,
                std::int64_t kernel_row, float* turned) {
  const std::int64_t run = c.kernel_width * c.channels, row = turned_row(c);
  for (std::int64_t a = 0; a < last - first; ++a) {
    transpose(kernel + a * run * kernel_row, kernel_row, run, c.filters, row, turned + a * c.filters * row, row);
  }
}

void TurnBack(const Convolution& c, std::int64_t first, std::int64_t last, const float* turned, float* kernel,
              std::int64_t kernel_row) {
  const std::int64_t run = c.kernel_width * c.channels, row = turned_row(c);
  for (std::int64_t a = 0; a < last - first; ++a) {
    transpose(turned + a * c.filters * row, row, c.filters, run, c.filters, kernel + a * run * kernel_row, kernel_row);
  }
}

void PooledGradients(const Convolution& c, const Pooling& p, std::int64_t samples, ConstImages x, ConstImages d,
                     ConstImages place, const float* turned, Images dx, float* g, bool add_to) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  const std::int64_t row = turned_row(c), line = c.width * c.channels;
  // A stretch of dx is written in whole vectors: where a window's row is some of them, and begins with one.
  const bool direct = c.channels % lanes == 0;
  const std::int64_t dx_line = direct ? line : c.columns * row, dx_pixel = direct ? c.stride_x * c.channels : row;
  const std::int64_t slots = direct ? 0 : c.height * dx_line, windows = p.rows * p.columns;
  const std::int64_t plane = padded(windows);  // of one filter
  float* memory =
      scratch(slots + 2 * lane + Places::size(p) + 2 * c.filters * plane + 3 * (plane + lane), ScratchSlot::panel);
  float* places_memory = memory + slots + 2 * lane;
  const Places places(c, p, dx_line, dx_pixel, places_memory);
  float *values = places_memory + Places::size(p), *in_window = values + c.filters * plane;
  auto* lists = reinterpret_cast<std::int32_t*>(in_window + c.filters * plane);
  const Entries entries{lists, lists + plane + lane, reinterpret_cast<float*>(lists + 2 * (plane + lane))};
  const Cuts cuts(c);
  Stretch t{};
  t.entries = entries;
  t.line = c.dilation_y * line, t.dx_line = c.dilation_y * dx_line;
  t.row = c.filters * row;
  for (std::int64_t s = 0; s < samples; ++s, add_to = true) {
    float* to = dx.data == nullptr ? nullptr : direct ? dx.data + s * dx.stride : memory;
    if (to != nullptr) std::fill_n(to, direct ? c.x_size() : slots, 0.0f);
    t.add_to = add_to;
    transpose(d.data + s * d.stride, c.filters, windows, c.filters, plane, values, plane);
    transpose(place.data + s * place.stride, c.filters, windows, c.filters, plane, in_window, plane);
    for (std::int64_t f = 0; f < c.filters; ++f) {
      const float *value = values + f * plane, *in = in_window + f * plane;
      t.count = to == nullptr ? places.list<false>(value, in, windows, entries)
                              : places.list<true>(value, in, windows, entries);
      if (t.count == 0 && add_to) continue;
      cuts.for_each([&](std::int64_t a, std::int64_t n, const Functions& function, bool cut, std::int64_t last) {
        const std::int64_t number = (a * c.filters + f) * row + n;
        t.x = x.data + s * x.stride + a * t.line + n;
        t.g = g + number, t.last = last;
        (cut ? function.collect_cut : function.collect)(t);
        if (to == nullptr) return;
        t.dx = to + a * t.dx_line + n;
        t.kernel = turned + number;
        function.spread(t);
      });
    }
    if (to != nullptr && !direct) fold_slots(c, memory, row, dx.data + s * dx.stride);
  }
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {

void convolve_pooled(const Convolution& c, const Pooling& p, std::int64_t samples, ConstImages x, const Real* kernel,
                     std::int64_t kernel_row, const Real* bias, bool relu, Images y, Images place) {
  if (is_grey(c) && p.halves()) {
    return convolve_grey_pooled(c, p, samples, x, kernel, kernel_row, bias, relu, y, place);
  }
  // As many rows at once as stay in the first-level cache, but no more passes over the kernel than over these.
  const std::int64_t rows = rows_of_part(c, p, std::max<std::int64_t>(4096, c.kernel_rows() * kernel_row));
  for (std::int64_t s = 0; s < samples; ++s) {
    for (std::int64_t first = 0; first < p.rows; first += rows) {
      const PooledPart part = part_of(c, p, first, std::min(p.rows, first + rows));
      Real* outputs = scratch(part.c.y_size(), ScratchSlot::samples);
      convolve(part.c, 1, {x.data + s * x.stride + part.x, 0}, kernel, kernel_row, bias, relu, {outputs, 0});
      max_pool(part.p, outputs, y.data + s * y.stride + part.y,
               place.data == nullptr ? nullptr : place.data + s * place.stride + part.y);
    }
  }
}

HWY_EXPORT(TurnKernel);
HWY_EXPORT(TurnBack);
HWY_EXPORT(PooledGradients);

void turn_kernel(const Convolution& c, std::int64_t first, std::int64_t last, const Real* kernel,
                 std::int64_t kernel_row, Real* turned) {
  HWY_DYNAMIC_DISPATCH(TurnKernel)(c, first, last, kernel, kernel_row, turned);
}
void turn_back(const Convolution& c, std::int64_t first, std::int64_t last, const Real* turned, Real* kernel,
               std::int64_t kernel_row) {
  HWY_DYNAMIC_DISPATCH(TurnBack)(c, first, last, turned, kernel, kernel_row);
}
void pooled_gradients(const Convolution& c, const Pooling& p, std::int64_t samples, ConstImages x, ConstImages d,
                      ConstImages place, const Real* turned, Images dx, Real* g, bool add_to) {
  HWY_DYNAMIC_DISPATCH(PooledGradients)(c, p, samples, x, d, place, turned, dx, g, add_to);
}
}  // namespace gradus::kernels
#endif
