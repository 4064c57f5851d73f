// Vector helpers shared by the fast kernels; compiled once for each target, hence no ordinary include guard.
// Max(a, b) gives b when one of them is not a number: the value that may be such stands second, so that it is seen.
#if defined(GRADUS_KERNELS_FAST_SIMD_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_KERNELS_FAST_SIMD_INL_HPP
#undef GRADUS_KERNELS_FAST_SIMD_INL_HPP
#else
#define GRADUS_KERNELS_FAST_SIMD_INL_HPP
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// At most 16 numbers a vector: rows are padded to that.
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

// The first numbers of a vector alone: what lies behind them is neither read nor written.
template <class T>
class FrontOf {
 public:
#if HWY_TARGET <= HWY_AVX2
  explicit HWY_INLINE FrontOf(std::int64_t count) : mask_(hn::FirstN(T(), static_cast<std::size_t>(count))) {}
  [[nodiscard]] HWY_INLINE hn::Vec<T> load(const float* p) const { return hn::MaskedLoad(mask_, T(), p); }
  HWY_INLINE void store(hn::Vec<T> v, float* p) const { hn::BlendedStore(v, mask_, T(), p); }

 private:
  hn::Mask<T> mask_;
#else  // without masks in the processor, MaskedLoad and BlendedStore touch whole vectors, and may ask for aligned ones
  explicit HWY_INLINE FrontOf(std::int64_t count) : count_(static_cast<std::size_t>(count) * sizeof(float)) {}
  [[nodiscard]] HWY_INLINE hn::Vec<T> load(const float* p) const {
    alignas(64) float copy[16] = {};
    std::memcpy(copy, p, count_);
    return hn::Load(T(), copy);
  }
  HWY_INLINE void store(hn::Vec<T> v, float* p) const {
    alignas(64) float copy[16];
    hn::Store(v, T(), copy);
    std::memcpy(p, copy, count_);
  }

 private:
  std::size_t count_;
#endif
};
using Front = FrontOf<D>;

// A vector of which everything counts; Front is one of which only the first numbers do.
struct Whole {
  [[nodiscard]] HWY_INLINE V load(const float* p) const { return hn::LoadU(D(), p); }
  HWY_INLINE void store(V v, float* p) const { hn::StoreU(v, D(), p); }
};

// The first `count` numbers at p, zeros behind them; all of a vector when count is enough.
HWY_INLINE V load_columns(const float* p, std::int64_t count) {
  const D d;
  if (count >= static_cast<std::int64_t>(hn::Lanes(d))) return hn::LoadU(d, p);
  if (count <= 0) return hn::Zero(d);
  return Front(count).load(p);
}

HWY_INLINE void store_columns(V v, float* p, std::int64_t count) {
  const D d;
  if (count >= static_cast<std::int64_t>(hn::Lanes(d))) {
    hn::StoreU(v, d, p);
  } else if (count > 0) {
    Front(count).store(v, p);
  }
}

// Calls f(first column, how many are left) for each vector of n numbers.
template <class F>
HWY_INLINE void for_vectors(std::int64_t n, F&& f) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  for (std::int64_t i = 0; i < n; i += lanes) f(i, n - i);
}

// Calls f(first channel, Whole or Front) for each vector of channels.
template <class F>
HWY_INLINE void for_channels(std::int64_t channels, F&& f) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  std::int64_t first = 0;
  for (; first + lanes <= channels; first += lanes) f(first, Whole());
  if (first < channels) f(first, Front(channels - first));
}

template <class F>
HWY_INLINE void map(const float* x, std::int64_t n, float* y, F&& f) {
  for_vectors(
      n, [&](std::int64_t i, std::int64_t left) HWY_ATTR { store_columns(f(load_columns(x + i, left)), y + i, left); });
}

// The greatest number so far, and where it stood.
struct Best {
  V value, place;

  HWY_INLINE void see(V other, std::int64_t at) {
    const auto better = hn::Or(hn::Gt(other, value), hn::Not(hn::Eq(other, other)));
    value = hn::IfThenElse(better, other, value);
    place = hn::IfThenElse(better, hn::Set(D(), static_cast<float>(at)), place);
  }
};

// out[c * out_row + r] = in[r * in_row + c] for r < rows and c < columns, and zeros for r in [rows, width): four by
// four.
HWY_INLINE void transpose(const float* HWY_RESTRICT in, std::int64_t in_row, std::int64_t rows, std::int64_t columns,
                          std::int64_t width, float* HWY_RESTRICT out, std::int64_t out_row) {
  const hn::Full128<float> d4;
  const std::int64_t whole_rows = rows / 4 * 4;
  for (std::int64_t c = 0; c < columns; c += 4) {
    const std::int64_t left = columns - c;
    const FrontOf<hn::Full128<float>> part(std::min<std::int64_t>(left, 4));
    const auto load = [&](const float* p) HWY_ATTR { return left < 4 ? part.load(p) : hn::LoadU(d4, p); };
    for (std::int64_t r = 0; r < whole_rows; r += 4) {
      const float* from = in + r * in_row + c;
      const auto r0 = load(from), r1 = load(from + in_row), r2 = load(from + 2 * in_row), r3 = load(from + 3 * in_row);
      const auto t0 = hn::InterleaveLower(d4, r0, r2), t1 = hn::InterleaveLower(d4, r1, r3);
      const auto t2 = hn::InterleaveUpper(d4, r0, r2), t3 = hn::InterleaveUpper(d4, r1, r3);
      float* to = out + c * out_row + r;
      hn::StoreU(hn::InterleaveLower(d4, t0, t1), d4, to);
      if (left > 1) hn::StoreU(hn::InterleaveUpper(d4, t0, t1), d4, to + out_row);
      if (left > 2) hn::StoreU(hn::InterleaveLower(d4, t2, t3), d4, to + 2 * out_row);
      if (left > 3) hn::StoreU(hn::InterleaveUpper(d4, t2, t3), d4, to + 3 * out_row);
    }
  }
  for (std::int64_t c = 0; c < columns; ++c) {
    for (std::int64_t r = whole_rows; r < width; ++r) out[c * out_row + r] = r < rows ? in[r * in_row + c] : 0.0f;
  }
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
