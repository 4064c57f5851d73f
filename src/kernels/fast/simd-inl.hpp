// Vector helpers shared by the fast kernels; compiled once for each target, hence no ordinary include guard.
// Max(a, b) gives b when one of them is not a number: the value that may be such stands second, so that it is seen.
#if defined(GRADUS_KERNELS_FAST_SIMD_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_KERNELS_FAST_SIMD_INL_HPP
#undef GRADUS_KERNELS_FAST_SIMD_INL_HPP
#else
#define GRADUS_KERNELS_FAST_SIMD_INL_HPP
#endif

#include <hwy/highway.h>

#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// At most 16 numbers a vector: rows are padded to that.
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

// The first numbers of a vector alone: what lies behind them is neither read nor written.
class Front {
 public:
#if HWY_TARGET <= HWY_AVX2
  explicit HWY_INLINE Front(std::int64_t count) : mask_(hn::FirstN(D(), static_cast<std::size_t>(count))) {}
  [[nodiscard]] HWY_INLINE V load(const float* p) const { return hn::MaskedLoad(mask_, D(), p); }
  HWY_INLINE void store(V v, float* p) const { hn::BlendedStore(v, mask_, D(), p); }

 private:
  hn::Mask<D> mask_;
#else  // without masks in the processor, MaskedLoad and BlendedStore touch whole vectors, and may ask for aligned ones
  explicit HWY_INLINE Front(std::int64_t count) : count_(static_cast<std::size_t>(count) * sizeof(float)) {}
  [[nodiscard]] HWY_INLINE V load(const float* p) const {
    alignas(64) float copy[16] = {};
    std::memcpy(copy, p, count_);
    return hn::Load(D(), copy);
  }
  HWY_INLINE void store(V v, float* p) const {
    alignas(64) float copy[16];
    hn::Store(v, D(), copy);
    std::memcpy(p, copy, count_);
  }

 private:
  std::size_t count_;
#endif
};

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

template <class F>
HWY_INLINE void map(const float* x, std::int64_t n, float* y, F&& f) {
  for_vectors(
      n, [&](std::int64_t i, std::int64_t left) HWY_ATTR { store_columns(f(load_columns(x + i, left)), y + i, left); });
}

}  // namespace
}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
