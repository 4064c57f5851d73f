// Vector helpers shared by the fast kernels; compiled once for each target, hence no ordinary include guard.
// Max(a, b) gives b when one of them is not a number: the value that may be such stands second, so that it is seen.
#if defined(GRADUS_KERNELS_FAST_SIMD_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_KERNELS_FAST_SIMD_INL_HPP
#undef GRADUS_KERNELS_FAST_SIMD_INL_HPP
#else
#define GRADUS_KERNELS_FAST_SIMD_INL_HPP
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// At most 16 numbers a vector: rows are padded to that.
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

// The first `count` numbers at p, zeros behind them; all of a vector when count is enough.
HWY_INLINE V load_columns(const float* p, std::int64_t count) {
  const D d;
  if (count >= static_cast<std::int64_t>(hn::Lanes(d))) return hn::LoadU(d, p);
  if (count <= 0) return hn::Zero(d);
  return hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count)), d, p);
}

HWY_INLINE void store_columns(V v, float* p, std::int64_t count) {
  const D d;
  if (count >= static_cast<std::int64_t>(hn::Lanes(d))) {
    hn::StoreU(v, d, p);
  } else if (count > 0) {
    hn::BlendedStore(v, hn::FirstN(d, static_cast<std::size_t>(count)), d, p);
  }
}

// Calls f(first column, how many are left) for each vector of n numbers.
template <class F>
HWY_INLINE void for_vectors(std::int64_t n, F&& f) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  for (std::int64_t i = 0; i < n; i += lanes) f(i, n - i);
}

template <class F>
HWY_INLINE void map(const float* x, std::int64_t n, float* y, F&& f) {
  for_vectors(
      n, [&](std::int64_t i, std::int64_t left) HWY_ATTR { store_columns(f(load_columns(x + i, left)), y + i, left); });
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
