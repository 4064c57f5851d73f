// Products with rows that are mostly zeros, and the outer products that go with them.
#include <algorithm>
#include <type_traits>

#include "kernels/kernels.hpp"

#define HWY_WANT_AVX3_DL  // which can compress vectors of bytes: of all loops only the lists are faster for it
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/fast/sparse.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/fast/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

using DI = hn::RebindToSigned<D>;
using VI = hn::Vec<DI>;

// Makes the list of one row, a vector of numbers at a time. Stores whole vectors: the list has room for that.
class Lister {
 public:
  Lister(const SparseBatch& batch, std::int64_t r, const Samples& samples, std::int64_t source)
      : columns_(batch.columns + r * batch.capacity),
        values_(batch.values + r * batch.capacity),
        starts_(batch.starts + r * (batch.tiles + 1)),
        width_(batch.width),
        tile_width_(batch.tile_width),
        bytes_(samples.bytes ? samples.byte_row(source) : nullptr),
        reals_(samples.bytes ? nullptr : samples.real_row(source)),
        scale_(samples.scale) {}

  [[nodiscard]] HWY_INLINE bool done() const { return k_ >= width_; }
  /// How often, roughly, to advance until it is done.
  [[nodiscard]] HWY_INLINE std::int64_t pieces() const {
    const std::int64_t piece =
        bytes_ != nullptr && byte_piece > 0 ? byte_piece : static_cast<std::int64_t>(hn::Lanes(D()));
    return (width_ + piece - 1) / piece;
  }
  HWY_INLINE void advance() {
    const D d;
    const DI di;
    const hn::Rebind<std::uint16_t, DI> d16;
    if (k_ == next_tile_) {
      *starts_++ = count_;
      next_tile_ += tile_width_;
    }
    if (byte_piece > 0 && bytes_ != nullptr && piece_end() - k_ >= byte_piece) {
      advance_bytes();
      return;
    }
    const V x = hn::Mul(hn::Set(d, scale_), load());
    const auto keep = hn::Not(hn::Eq(x, hn::Zero(d)));  // NaN is listed too, unlike with Ne
    const VI column = hn::Iota(di, static_cast<std::int32_t>(k_));
    hn::StoreU(hn::Compress(x, keep), d, values_ + count_);
    hn::StoreU(hn::DemoteTo(d16, hn::Compress(column, hn::RebindMask(di, keep))), d16, columns_ + count_);
    count_ += static_cast<std::int32_t>(hn::CountTrue(d, keep));
    k_ += static_cast<std::int64_t>(hn::Lanes(d));
  }
  HWY_INLINE void finish() {
    while (!done()) advance();
    *starts_ = count_;
  }

 private:
  // Tiles end on multiples of `lane`: only longer pieces must look out for them.
  [[nodiscard]] HWY_INLINE std::int64_t piece_end() const {
    return byte_piece > lane ? std::min(width_, next_tile_) : width_;
  }
#if HWY_TARGET <= HWY_AVX3_DL
  using Bytes = hn::Full512<std::uint8_t>;
  static constexpr std::int64_t byte_piece = 64;
  HWY_INLINE void advance_bytes() {
    const Bytes d8;
    const hn::Full512<std::uint16_t> d16;
    const auto pixels = hn::LoadU(d8, bytes_ + k_);
    const auto keep = hn::Ne(pixels, hn::Zero(d8));
    const auto found = hn::Compress(pixels, keep), columns = hn::Compress(hn::Iota(d8, 0), keep);
    const auto first = hn::Set(d16, static_cast<std::uint16_t>(k_));
    const auto count = static_cast<std::int32_t>(hn::CountTrue(d8, keep));
    store_values<0>(found), store_values<1>(found);
    const hn::Half<Bytes> half;
    hn::StoreU(hn::Add(first, hn::PromoteTo(d16, hn::LowerHalf(half, columns))), d16, columns_ + count_);
    if (count > 32) {
      store_values<2>(found), store_values<3>(found);
      hn::StoreU(hn::Add(first, hn::PromoteTo(d16, hn::UpperHalf(half, columns))), d16, columns_ + count_ + 32);
    }
    count_ += count;
    k_ += byte_piece;
  }
  template <int Quarter>
  HWY_INLINE void store_values(hn::Vec<Bytes> found) {
    const D d;
    const hn::Half<Bytes> half;
    const hn::Half<decltype(half)> quarter;
    const auto two = Quarter < 2 ? hn::LowerHalf(half, found) : hn::UpperHalf(half, found);
    const auto one = Quarter % 2 == 0 ? hn::LowerHalf(quarter, two) : hn::UpperHalf(quarter, two);
    const V x = hn::Mul(hn::Set(d, scale_), hn::ConvertTo(d, hn::PromoteTo(DI(), one)));
    hn::StoreU(x, d, values_ + count_ + Quarter * 16);
  }
#elif HWY_TARGET <= HWY_AVX3
  static constexpr std::int64_t byte_piece = 0;  // bytes are no faster than what they are promoted to
  void advance_bytes() {}
#else  // the processor cannot compress a vector: the bits of a mask one by one
  static constexpr std::int64_t byte_piece = 16;
  HWY_INLINE void advance_bytes() {
    const hn::Full128<std::uint8_t> d8;
    std::uint8_t mask[8] = {};
    hn::StoreMaskBits(d8, hn::Ne(hn::LoadU(d8, bytes_ + k_), hn::Zero(d8)), mask);
    for (unsigned bits = mask[0] | static_cast<unsigned>(mask[1]) << 8; bits != 0; bits &= bits - 1) {
      const std::int64_t column = k_ + __builtin_ctz(bits);
      columns_[count_] = static_cast<std::uint16_t>(column);
      values_[count_++] = scale_ * static_cast<float>(bytes_[column]);
    }
    k_ += byte_piece;
  }
#endif
  [[nodiscard]] HWY_INLINE V load() const {
    const D d;
    const DI di;
    const hn::Rebind<std::uint8_t, DI> d8;
    const std::int64_t left = width_ - k_;
    if (bytes_ == nullptr) return load_columns(reals_ + k_, left);
    if (left >= static_cast<std::int64_t>(hn::Lanes(d))) {
      return hn::ConvertTo(d, hn::PromoteTo(di, hn::LoadU(d8, bytes_ + k_)));
    }
    HWY_ALIGN float rest[16] = {};
    for (std::int64_t j = 0; j < left; ++j) rest[j] = static_cast<float>(bytes_[k_ + j]);
    return hn::Load(d, rest);
  }

  std::uint16_t* HWY_RESTRICT columns_;
  float* HWY_RESTRICT values_;
  std::int32_t* HWY_RESTRICT starts_;
  std::int64_t width_, tile_width_;
  const std::uint8_t* bytes_;
  const float* reals_;
  float scale_;
  std::int64_t k_ = 0, next_tile_ = 0;
  std::int32_t count_ = 0;
};

struct Right {
  const float* b;
  std::int64_t b_row;
  const float* add;
  bool relu;
};

template <int Vectors>
HWY_INLINE void add_entry(const std::uint16_t* HWY_RESTRICT columns, const float* HWY_RESTRICT values, std::int64_t e,
                          const Right& right, V (&sum)[Vectors]) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const V x = hn::Set(d, values[e]);
  const float* w = right.b + columns[e] * right.b_row;
#pragma GCC unroll 8
  for (int v = 0; v < Vectors; ++v) sum[v] = hn::MulAdd(x, hn::LoadU(d, w + v * lanes), sum[v]);
}

template <int Vectors>
HWY_INLINE void store_sums(const Right& right, bool complete, V (&sum)[Vectors], float* y) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
#pragma GCC unroll 8
  for (int v = 0; v < Vectors; ++v) {
    if (complete && right.add != nullptr) sum[v] = hn::Add(sum[v], hn::LoadU(d, right.add + v * lanes));
    if (complete && right.relu) sum[v] = hn::Max(hn::Zero(d), sum[v]);
    hn::StoreU(sum[v], d, y + v * lanes);
  }
}

// y_r += x_r B over the entries of tiles [first, last) of row r; the first of all starts from 0, the last of all adds
// `add` and applies relu.
template <int Vectors>
HWY_INLINE void row_product(const SparseBatch& batch, std::int64_t r, std::int64_t first, std::int64_t last,
                            const Right& right, float* y) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V sum[Vectors];
#pragma GCC unroll 8
  for (int v = 0; v < Vectors; ++v) sum[v] = first == 0 ? hn::Zero(d) : hn::LoadU(d, y + v * lanes);
  const std::uint16_t* HWY_RESTRICT columns = batch.row_columns(r);
  const float* HWY_RESTRICT values = batch.row_values(r);
  const std::int32_t end = batch.row_starts(r)[last];
  for (std::int32_t e = batch.row_starts(r)[first]; e < end; ++e) add_entry(columns, values, e, right, sum);
  store_sums(right, last == batch.tiles, sum, y);
}

// The product of a single row. Its sums are chains of additions, between which a core has time to spare: there are up
// to four of each, as many as the registers hold, and meanwhile another row is listed.
template <int Vectors>
HWY_INLINE void row_product_listing(const SparseBatch& batch, const Right& right, float* y, Lister& lister,
                                    std::int64_t entries_a_piece) {
  constexpr int registers = HWY_TARGET <= HWY_AVX3 ? 16 : 8, chains = std::clamp(registers / Vectors, 1, 4);
  V sum[chains][Vectors];
#pragma GCC unroll 4
  for (int c = 0; c < chains; ++c) {
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) sum[c][v] = hn::Zero(D());
  }
  const std::uint16_t* HWY_RESTRICT columns = batch.columns;
  const float* HWY_RESTRICT values = batch.values;
  const std::int64_t end = batch.count(0);
  std::int64_t e = 0;
  const auto add_round = [&]() HWY_ATTR {
#pragma GCC unroll 4
    for (int c = 0; c < chains; ++c) add_entry(columns, values, e + c, right, sum[c]);
    e += chains;
  };
  while (!lister.done()) {
    lister.advance();
    if (e + entries_a_piece + chains > end) continue;
    for (const std::int64_t last = e + entries_a_piece; e < last;) add_round();
  }
  while (e + chains <= end) add_round();
  for (; e < end; ++e) add_entry(columns, values, e, right, sum[0]);
#pragma GCC unroll 4
  for (int c = 1; c < chains; ++c) {
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) sum[0][v] = hn::Add(sum[0][v], sum[c][v]);
  }
  store_sums(right, true, sum[0], y);
}

template <int Vectors>
HWY_INLINE void load_right(const float* delta, V (&right)[Vectors]) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
#pragma GCC unroll 8
  for (int v = 0; v < Vectors; ++v) right[v] = hn::LoadU(d, delta + v * lanes);
}

template <int Vectors>
HWY_INLINE void add_outer(const SparseBatch& batch, std::int64_t r, std::int64_t tile, const float* delta, float* g,
                          std::int64_t g_row) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V right[Vectors];
  load_right(delta, right);
  const std::uint16_t* HWY_RESTRICT columns = batch.row_columns(r);
  const float* HWY_RESTRICT values = batch.row_values(r);
  const std::int32_t end = batch.row_starts(r)[tile + 1];
  for (std::int32_t e = batch.row_starts(r)[tile]; e < end; ++e) {
    const V x = hn::Set(d, values[e]);
    float* out = g + columns[e] * g_row;
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      hn::StoreU(hn::MulAdd(x, right[v], hn::LoadU(d, out + v * lanes)), d, out + v * lanes);
    }
  }
}

// Only the listed rows change, whichever tile they are in.
template <int Vectors>
void sgd_listed(const SparseBatch& batch, std::int64_t begin, std::int64_t end, const float* delta, float rate,
                float* w, std::int64_t w_row) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V step[Vectors];
  load_right(delta, step);
#pragma GCC unroll 8
  for (int v = 0; v < Vectors; ++v) step[v] = hn::Mul(hn::Set(d, rate), step[v]);
  const std::uint16_t* HWY_RESTRICT columns = batch.columns;
  const float* HWY_RESTRICT values = batch.values;
  const std::int32_t last = batch.row_starts(0)[end];
  for (std::int32_t e = batch.row_starts(0)[begin]; e < last; ++e) {
    const V x = hn::Set(d, values[e]);
    float* row = w + columns[e] * w_row;
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      hn::StoreU(hn::NegMulAdd(x, step[v], hn::LoadU(d, row + v * lanes)), d, row + v * lanes);
    }
  }
}

template <int Vectors>
void sgd_dense(const float* x, std::int64_t rows, const float* delta, float rate, float* w, std::int64_t w_row) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V right[Vectors];
  load_right(delta, right);
  const V factor = hn::Set(d, rate);
  for (std::int64_t i = 0; i < rows; ++i) {
    const V left = hn::Set(d, x[i]);
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      float* p = w + i * w_row + v * lanes;
      hn::StoreU(hn::NegMulAdd(factor, hn::Mul(left, right[v]), hn::LoadU(d, p)), d, p);
    }
  }
}

// Calls f with the greatest number of vectors, up to 8, that the rest of the columns fills, until none are left.
template <class F>
HWY_INLINE void for_column_groups(std::int64_t n, F&& f) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  const std::int64_t end = padded(n);
  for (std::int64_t first = 0; first < end;) {
    const std::int64_t vectors = std::min<std::int64_t>(8, (end - first) / lanes);
    switch (vectors) {
      case 1:
        f(std::integral_constant<int, 1>(), first);
        break;
      case 2:
        f(std::integral_constant<int, 2>(), first);
        break;
      case 3:
        f(std::integral_constant<int, 3>(), first);
        break;
      case 4:
        f(std::integral_constant<int, 4>(), first);
        break;
      case 5:
        f(std::integral_constant<int, 5>(), first);
        break;
      case 6:
        f(std::integral_constant<int, 6>(), first);
        break;
      case 7:
        f(std::integral_constant<int, 7>(), first);
        break;
      default:
        f(std::integral_constant<int, 8>(), first);
        break;
    }
    first += vectors * lanes;
  }
}

}  // namespace

// Shuffled rows lie anywhere in memory: their lines are asked for some rows before they are needed, short ones earlier.
constexpr std::int64_t rows_ahead = 3, short_rows_ahead = 6, short_row = 512, entries_ahead = 4;
HWY_INLINE void fetch_early(const Samples& samples, std::int64_t r, std::int64_t bytes) {
  if (r >= samples.known) return;
  const char* row = samples.bytes ? reinterpret_cast<const char*>(samples.byte_row(r))
                                  : reinterpret_cast<const char*>(samples.real_row(r));
  for (std::int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(row + i);
}

void FindNonzero(const Samples& samples, std::int64_t begin, std::int64_t end, const SparseBatch& batch) {
  const std::int64_t row_bytes = batch.width * (samples.bytes ? 1 : static_cast<std::int64_t>(sizeof(float)));
  const std::int64_t ahead = row_bytes < short_row ? short_rows_ahead : rows_ahead;
  for (std::int64_t r = begin; r < end; ++r) {
    fetch_early(samples, r + ahead, row_bytes);
    Lister(batch, r, samples, r).finish();
  }
}

void SparseMultiply(const SparseBatch& batch, std::int64_t begin, std::int64_t end, const float* b, std::int64_t b_row,
                    std::int64_t n, const float* add, bool relu, float* y, std::int64_t y_row) {
  for_column_groups(n, [&](auto vectors, std::int64_t first) HWY_ATTR {
    const Right right{b + first, b_row, add == nullptr ? nullptr : add + first, relu};
    // Two tiles after two, so that the rows of B in use stay in the first-level cache; a few samples alone walk
    // straight through.
    const std::int64_t step = end - begin < 4 ? batch.tiles : 2;
    for (std::int64_t tile = 0; tile < batch.tiles; tile += step) {
      const std::int64_t last = std::min(batch.tiles, tile + step);
      for (std::int64_t r = begin; r < end; ++r) {
        row_product<decltype(vectors)::value>(batch, r, tile, last, right, y + r * y_row + first);
      }
    }
  });
}

void SparseMultiplyListing(const SparseBatch& batch, const float* b, std::int64_t b_row, std::int64_t n,
                           const float* add, bool relu, float* y, const Samples& samples, std::int64_t source,
                           const SparseBatch& next) {
  fetch_early(samples, source + rows_ahead,
              next.width * (samples.bytes ? 1 : static_cast<std::int64_t>(sizeof(float))));
  Lister lister(next, 0, samples, source);
  const std::int64_t entries_a_piece = 2 + batch.count(0) / lister.pieces() / 2 * 2;
  for_column_groups(n, [&](auto vectors, std::int64_t first) HWY_ATTR {
    const Right right{b + first, b_row, add == nullptr ? nullptr : add + first, relu};
    row_product_listing<decltype(vectors)::value>(batch, right, y + first, lister, entries_a_piece);
  });
  lister.finish();
}

// The entries of a row in a tile: another core may have made the list, and hold it.
HWY_INLINE void fetch_entries(const SparseBatch& batch, std::int64_t r, std::int64_t tile) {
  const std::int32_t first = batch.row_starts(r)[tile];
  __builtin_prefetch(batch.row_values(r) + first);
  __builtin_prefetch(batch.row_columns(r) + first);
}

void SparseGradient(const SparseBatch& batch, std::int64_t rows, std::int64_t tile, const float* delta,
                    std::int64_t d_row, std::int64_t n, float* g, std::int64_t g_row) {
  const std::int64_t first = tile * batch.tile_width, last = std::min(batch.width, first + batch.tile_width);
  std::fill_n(g, (last - first) * g_row, 0.0f);
  float* origin = g - first * g_row;
  for_column_groups(n, [&](auto vectors, std::int64_t column) HWY_ATTR {
    for (std::int64_t r = 0; r < rows; ++r) {
      if (column == 0 && r + entries_ahead < rows) fetch_entries(batch, r + entries_ahead, tile);
      add_outer<decltype(vectors)::value>(batch, r, tile, delta + r * d_row + column, origin + column, g_row);
    }
  });
}

void SparseSgd(const SparseBatch& batch, std::int64_t begin, std::int64_t end, const float* delta, std::int64_t n,
               float rate, float* w, std::int64_t w_row) {
  for_column_groups(n, [&](auto vectors, std::int64_t column) HWY_ATTR {
    sgd_listed<decltype(vectors)::value>(batch, begin, end, delta + column, rate, w + column, w_row);
  });
}

void OuterSgd(const float* x, std::int64_t rows, const float* delta, std::int64_t n, float rate, float* w,
              std::int64_t w_row) {
  for_column_groups(n, [&](auto vectors, std::int64_t column) HWY_ATTR {
    sgd_dense<decltype(vectors)::value>(x, rows, delta + column, rate, w + column, w_row);
  });
}

void JoinParts(const float* part, std::int64_t rows, std::int64_t row, std::int64_t n, const float* add, bool relu,
               float* y) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t i = 0; i < padded(n); i += lanes) {
      V sum = hn::Add(hn::LoadU(d, y + r * row + i), hn::LoadU(d, part + r * row + i));
      if (add != nullptr) sum = hn::Add(sum, hn::LoadU(d, add + i));
      if (relu) sum = hn::Max(hn::Zero(d), sum);
      hn::StoreU(sum, d, y + r * row + i);
    }
  }
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(FindNonzero);
HWY_EXPORT(SparseMultiply);
HWY_EXPORT(JoinParts);
HWY_EXPORT(SparseMultiplyListing);
HWY_EXPORT(SparseGradient);
HWY_EXPORT(SparseSgd);
HWY_EXPORT(OuterSgd);

void find_nonzero(const Samples& samples, std::int64_t begin, std::int64_t end, const SparseBatch& batch) {
  HWY_DYNAMIC_DISPATCH(FindNonzero)(samples, begin, end, batch);
}

void sparse_product(const SparseBatch& batch, std::int64_t begin, std::int64_t end, const Real* b, std::int64_t b_row,
                    std::int64_t n, const Real* add, Activation activation, Real* y, std::int64_t y_row) {
  const bool relu = activation == Activation::relu;
  HWY_DYNAMIC_DISPATCH(SparseMultiply)(batch, begin, end, b, b_row, n, add, relu, y, y_row);
  if (relu || activation == Activation::linear) return;
  for (std::int64_t r = begin; r < end; ++r) activate(activation, y + r * y_row, padded(n), y + r * y_row);
}

void join_parts(const Real* part, std::int64_t rows, std::int64_t row, std::int64_t n, const Real* add,
                Activation activation, Real* y) {
  const bool relu = activation == Activation::relu;
  HWY_DYNAMIC_DISPATCH(JoinParts)(part, rows, row, n, add, relu, y);
  if (relu || activation == Activation::linear) return;
  for (std::int64_t r = 0; r < rows; ++r) activate(activation, y + r * row, padded(n), y + r * row);
}

void sparse_product_listing(const SparseBatch& batch, const Real* b, std::int64_t b_row, std::int64_t n,
                            const Real* add, Activation activation, Real* y, const Samples& samples,
                            std::int64_t source, const SparseBatch& next) {
  const bool relu = activation == Activation::relu;
  HWY_DYNAMIC_DISPATCH(SparseMultiplyListing)(batch, b, b_row, n, add, relu, y, samples, source, next);
  if (!relu && activation != Activation::linear) activate(activation, y, padded(n), y);
}

void sparse_gradient(const SparseBatch& batch, std::int64_t rows, std::int64_t tile, const Real* d, std::int64_t d_row,
                     std::int64_t n, Real* g, std::int64_t g_row) {
  HWY_DYNAMIC_DISPATCH(SparseGradient)(batch, rows, tile, d, d_row, n, g, g_row);
}

void sparse_sgd(const SparseBatch& batch, std::int64_t begin, std::int64_t end, const Real* d, std::int64_t n,
                Real rate, Real* w, std::int64_t w_row) {
  HWY_DYNAMIC_DISPATCH(SparseSgd)(batch, begin, end, d, n, rate, w, w_row);
}

void outer_sgd(const Real* x, std::int64_t rows, const Real* d, std::int64_t n, Real rate, Real* w,
               std::int64_t w_row) {
  HWY_DYNAMIC_DISPATCH(OuterSgd)(x, rows, d, n, rate, w, w_row);
}
}  // namespace gradus::kernels
#endif
