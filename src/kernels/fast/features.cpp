// Normalisation, learned slopes and noise: loops over matrices whose columns are features, and over single rows.
#include "kernels/features.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/fast/features.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// Expm1 of Highway: at most 4 units in the last place from the true value.
#include <hwy/contrib/math/math-inl.h>

#include "kernels/fast/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

HWY_INLINE V start(const float* sums, std::int64_t left, bool add_to) {
  return add_to ? load_columns(sums, left) : hn::Zero(D());
}

// f(row, column, numbers left in the row) for whole rows, one after another.
template <class F>
HWY_INLINE void for_rows(std::int64_t rows, std::int64_t n, F&& f) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR { f(r, i, left); });
  }
}

using Half = hn::Half<D>;
using Doubles = hn::Rebind<double, Half>;

// (x - mean) (factor + rest) + add in double, of half a vector.
HWY_INLINE hn::Vec<Half> scale_in_double(hn::Vec<Half> x, hn::Vec<Half> mean, hn::Vec<Half> factor, hn::Vec<Half> rest,
                                         hn::Vec<Half> add) {
  const Doubles d;
  const auto off = hn::Sub(hn::PromoteTo(d, x), hn::PromoteTo(d, mean));
  const auto whole = hn::Add(hn::PromoteTo(d, factor), hn::PromoteTo(d, rest));
  return hn::DemoteTo(Half(), hn::MulAdd(off, whole, hn::PromoteTo(d, add)));
}

void column_scale_in_double(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t n,
                            const ColumnScaling& s, float* y) {
  const Half half;
  for_rows(rows, n, [&](std::int64_t r, std::int64_t i, std::int64_t left) HWY_ATTR {
    const V value = load_columns(x + r * stride + i, left), mean = load_columns(s.mean + i, left);
    const V factor = load_columns(s.factor + i, left), rest = load_columns(s.factor_rest + i, left);
    const V add = load_columns(s.add + i, left);
    const auto lower =
        scale_in_double(hn::LowerHalf(half, value), hn::LowerHalf(half, mean), hn::LowerHalf(half, factor),
                        hn::LowerHalf(half, rest), hn::LowerHalf(half, add));
    const auto upper =
        scale_in_double(hn::UpperHalf(half, value), hn::UpperHalf(half, mean), hn::UpperHalf(half, factor),
                        hn::UpperHalf(half, rest), hn::UpperHalf(half, add));
    store_columns(hn::Combine(D(), upper, lower), y + r * stride + i, left);
  });
}

}  // namespace

void ColumnSquares(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t n, const float* mean,
                   float* sums, bool add_to) {
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V middle = load_columns(mean + i, left);
    V sum = start(sums + i, left, add_to);
    for (std::int64_t r = 0; r < rows; ++r) {
      const V off = hn::Sub(load_columns(x + r * stride + i, left), middle);
      sum = hn::MulAdd(off, off, sum);
    }
    store_columns(sum, sums + i, left);
  });
}

void ColumnProducts(const float* delta, const float* x, std::int64_t rows, std::int64_t stride, std::int64_t n,
                    const float* mean, float* sums, float* products, bool add_to) {
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V middle = load_columns(mean + i, left);
    V sum = start(sums + i, left, add_to), product = start(products + i, left, add_to);
    for (std::int64_t r = 0; r < rows; ++r) {
      const V d = load_columns(delta + r * stride + i, left);
      sum = hn::Add(sum, d);
      product = hn::MulAdd(d, hn::Sub(load_columns(x + r * stride + i, left), middle), product);
    }
    store_columns(sum, sums + i, left);
    store_columns(product, products + i, left);
  });
}

void ColumnScale(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t n, const ColumnScaling& s,
                 float* y) {
  if (s.factor_rest != nullptr) {
    column_scale_in_double(x, rows, stride, n, s, y);
    return;
  }
  for_rows(rows, n, [&](std::int64_t r, std::int64_t i, std::int64_t left) HWY_ATTR {
    V value = load_columns(x + r * stride + i, left);
    if (s.mean != nullptr) value = hn::Sub(value, load_columns(s.mean + i, left));
    const V factor = load_columns(s.factor + i, left);
    value = s.divide ? hn::Div(value, factor) : hn::Mul(value, factor);
    if (s.add != nullptr) value = hn::Add(value, load_columns(s.add + i, left));
    store_columns(value, y + r * stride + i, left);
  });
}

void ColumnScaleGradient(const float* delta, const float* x, std::int64_t rows, std::int64_t stride, std::int64_t n,
                         const ColumnSlopes& s, float* d_in) {
  for_rows(rows, n, [&](std::int64_t r, std::int64_t i, std::int64_t left) HWY_ATTR {
    const V off = hn::Sub(load_columns(x + r * stride + i, left), load_columns(s.mean + i, left));
    const V d = hn::Sub(load_columns(delta + r * stride + i, left), load_columns(s.mean_delta + i, left));
    const V rest = hn::NegMulAdd(off, load_columns(s.mean_product + i, left), d);
    store_columns(hn::Mul(load_columns(s.factor + i, left), rest), d_in + r * stride + i, left);
  });
}

void ColumnRamp(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t n, const float* slope, float* y) {
  for_rows(rows, n, [&](std::int64_t r, std::int64_t i, std::int64_t left) HWY_ATTR {
    const V z = load_columns(x + r * stride + i, left);
    const V below = hn::Mul(z, load_columns(slope + i, left));
    store_columns(hn::IfThenElse(hn::Gt(z, hn::Zero(D())), z, below), y + r * stride + i, left);
  });
}

void ColumnRampGradient(const float* delta, const float* x, std::int64_t rows, std::int64_t stride, std::int64_t n,
                        const float* slope, float* d_in) {
  for_rows(rows, n, [&](std::int64_t r, std::int64_t i, std::int64_t left) HWY_ATTR {
    const V z = load_columns(x + r * stride + i, left), d = load_columns(delta + r * stride + i, left);
    const V below = hn::Mul(d, load_columns(slope + i, left));
    store_columns(hn::IfThenElse(hn::Gt(z, hn::Zero(D())), d, below), d_in + r * stride + i, left);
  });
}

void ColumnRampSums(const float* delta, const float* x, std::int64_t rows, std::int64_t stride, std::int64_t n,
                    float* sums, bool add_to) {
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    V sum = start(sums + i, left, add_to);
    for (std::int64_t r = 0; r < rows; ++r) {
      const V below = hn::Min(hn::Zero(D()), load_columns(x + r * stride + i, left));
      sum = hn::MulAdd(load_columns(delta + r * stride + i, left), below, sum);
    }
    store_columns(sum, sums + i, left);
  });
}

namespace {

// The numbers behind the first `left` are made 0.
HWY_INLINE V first_of(V v, std::int64_t left) {
  const D d;
  if (left >= static_cast<std::int64_t>(hn::Lanes(d))) return v;
  return hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(left)), v);
}

HWY_INLINE V load_or(const float* p, std::int64_t left, float other) {
  return p == nullptr ? hn::Set(D(), other) : load_columns(p, left);
}

}  // namespace

void NormalizeRow(const float* x, std::int64_t n, float epsilon, const float* gamma, const float* beta, float* y,
                  RowMoments& moments) {
  const D d;
  const float share = 1.0f / static_cast<float>(n);
  V sum = hn::Zero(d);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR { sum = hn::Add(sum, load_columns(x + i, left)); });
  const V mean = hn::Mul(hn::SumOfLanes(d, sum), hn::Set(d, share));
  V square = hn::Zero(d);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V off = first_of(hn::Sub(load_columns(x + i, left), mean), left);
    square = hn::MulAdd(off, off, square);
  });
  const V variance = hn::MulAdd(hn::SumOfLanes(d, square), hn::Set(d, share), hn::Set(d, epsilon));
  const V inverse = hn::Div(hn::Set(d, 1.0f), hn::Sqrt(variance));
  moments.mean = hn::GetLane(mean), moments.inverse = hn::GetLane(inverse);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V normal = hn::Mul(hn::Sub(load_columns(x + i, left), mean), inverse);
    store_columns(hn::MulAdd(normal, load_or(gamma == nullptr ? gamma : gamma + i, left, 1.0f),
                             load_or(beta == nullptr ? beta : beta + i, left, 0.0f)),
                  y + i, left);
  });
}

void NormalizeRowGradient(const float* delta, const float* x, std::int64_t n, const float* gamma,
                          const RowMoments& moments, float* d_in, float* d_gamma, float* d_beta) {
  const D d;
  const V mean = hn::Set(d, moments.mean), inverse = hn::Set(d, moments.inverse);
  const float share = 1.0f / static_cast<float>(n);
  V sum = hn::Zero(d), product = hn::Zero(d);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V g = load_columns(delta + i, left);
    const V normal = first_of(hn::Mul(hn::Sub(load_columns(x + i, left), mean), inverse), left);
    store_columns(hn::MulAdd(g, normal, load_columns(d_gamma + i, left)), d_gamma + i, left);
    store_columns(hn::Add(g, load_columns(d_beta + i, left)), d_beta + i, left);
    const V weighed = hn::Mul(g, load_or(gamma == nullptr ? gamma : gamma + i, left, 1.0f));
    sum = hn::Add(sum, weighed);
    product = hn::MulAdd(weighed, normal, product);
  });
  if (d_in == nullptr) return;
  const V mean_delta = hn::Mul(hn::SumOfLanes(d, sum), hn::Set(d, share));
  const V mean_product = hn::Mul(hn::SumOfLanes(d, product), hn::Set(d, share));
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V normal = hn::Mul(hn::Sub(load_columns(x + i, left), mean), inverse);
    const V weighed = hn::Mul(load_columns(delta + i, left), load_or(gamma == nullptr ? gamma : gamma + i, left, 1.0f));
    const V rest = hn::NegMulAdd(normal, mean_product, hn::Sub(weighed, mean_delta));
    store_columns(hn::Mul(rest, inverse), d_in + i, left);
  });
}

void RampRow(const float* x, std::int64_t n, const Ramp& form, float* y) {
  const D d;
  const V slope = hn::Set(d, form.slope), threshold = hn::Set(d, form.threshold), top = hn::Set(d, form.top);
  map(x, n, y, [&](V z) HWY_ATTR {
    const V below = hn::Mul(slope, hn::Sub(z, threshold));
    return hn::IfThenElse(hn::Gt(z, threshold), hn::Min(top, z), below);
  });
}

void RampRowGradient(const float* x, std::int64_t n, const Ramp& form, float* delta) {
  const D d;
  const V slope = hn::Set(d, form.slope), threshold = hn::Set(d, form.threshold), top = hn::Set(d, form.top);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V z = load_columns(x + i, left), g = load_columns(delta + i, left);
    const V above = hn::IfThenElseZero(hn::Lt(z, top), g);
    store_columns(hn::IfThenElse(hn::Gt(z, threshold), above, hn::Mul(slope, g)), delta + i, left);
  });
}

void ExponentialRamp(const float* x, std::int64_t n, float alpha, float* y) {
  const D d;
  map(x, n, y, [&](V z) HWY_ATTR {
    const V below = hn::Mul(hn::Set(d, alpha), hn::Expm1(d, hn::Min(hn::Zero(d), z)));
    return hn::IfThenElse(hn::Le(z, hn::Zero(d)), below, z);
  });
}

void ExponentialRampGradient(const float* y, std::int64_t n, float alpha, float* delta) {
  const D d;
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V a = load_columns(y + i, left), g = load_columns(delta + i, left);
    const V below = hn::Mul(g, hn::Add(a, hn::Set(d, alpha)));
    store_columns(hn::IfThenElse(hn::Gt(a, hn::Zero(d)), g, below), delta + i, left);
  });
}

void KeepSome(const float* x, const float* field, std::int64_t n, float least, float factor, float* y) {
  const D d;
  const V limit = hn::Set(d, least), scale = hn::Set(d, factor);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V kept = hn::IfThenElseZero(hn::Ge(load_columns(field + i, left), limit), scale);
    store_columns(hn::Mul(kept, load_columns(x + i, left)), y + i, left);
  });
}

void AddScaled(const float* x, const float* noise, std::int64_t n, float factor, float* y) {
  const V scale = hn::Set(D(), factor);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    store_columns(hn::MulAdd(scale, load_columns(noise + i, left), load_columns(x + i, left)), y + i, left);
  });
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(ColumnSquares);
HWY_EXPORT(ColumnProducts);
HWY_EXPORT(ColumnScale);
HWY_EXPORT(ColumnScaleGradient);
HWY_EXPORT(ColumnRamp);
HWY_EXPORT(ColumnRampGradient);
HWY_EXPORT(ColumnRampSums);
HWY_EXPORT(NormalizeRow);
HWY_EXPORT(NormalizeRowGradient);
HWY_EXPORT(RampRow);
HWY_EXPORT(RampRowGradient);
HWY_EXPORT(ExponentialRamp);
HWY_EXPORT(ExponentialRampGradient);
HWY_EXPORT(KeepSome);
HWY_EXPORT(AddScaled);

void column_squares(const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n, const Real* mean, Real* sums,
                    bool add_to) {
  HWY_DYNAMIC_DISPATCH(ColumnSquares)(x, rows, stride, n, mean, sums, add_to);
}
void column_products(const Real* d, const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n,
                     const Real* mean, Real* sums, Real* products, bool add_to) {
  HWY_DYNAMIC_DISPATCH(ColumnProducts)(d, x, rows, stride, n, mean, sums, products, add_to);
}
void column_scale(const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n, const ColumnScaling& scaling,
                  Real* y) {
  HWY_DYNAMIC_DISPATCH(ColumnScale)(x, rows, stride, n, scaling, y);
}
void column_scale_gradient(const Real* d, const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n,
                           const ColumnSlopes& slopes, Real* d_in) {
  HWY_DYNAMIC_DISPATCH(ColumnScaleGradient)(d, x, rows, stride, n, slopes, d_in);
}
void column_ramp(const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n, const Real* slope, Real* y) {
  HWY_DYNAMIC_DISPATCH(ColumnRamp)(x, rows, stride, n, slope, y);
}
void column_ramp_gradient(const Real* d, const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n,
                          const Real* slope, Real* d_in) {
  HWY_DYNAMIC_DISPATCH(ColumnRampGradient)(d, x, rows, stride, n, slope, d_in);
}
void column_ramp_sums(const Real* d, const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n, Real* sums,
                      bool add_to) {
  HWY_DYNAMIC_DISPATCH(ColumnRampSums)(d, x, rows, stride, n, sums, add_to);
}
void normalize_row(const Real* x, std::int64_t n, Real epsilon, const Real* gamma, const Real* beta, Real* y,
                   RowMoments& moments) {
  HWY_DYNAMIC_DISPATCH(NormalizeRow)(x, n, epsilon, gamma, beta, y, moments);
}
void normalize_row_gradient(const Real* d, const Real* x, std::int64_t n, const Real* gamma, const RowMoments& moments,
                            Real* d_in, Real* d_gamma, Real* d_beta) {
  HWY_DYNAMIC_DISPATCH(NormalizeRowGradient)(d, x, n, gamma, moments, d_in, d_gamma, d_beta);
}
void ramp(const Real* x, std::int64_t n, const Ramp& form, Real* y) { HWY_DYNAMIC_DISPATCH(RampRow)(x, n, form, y); }
void ramp_gradient(const Real* x, std::int64_t n, const Ramp& form, Real* d) {
  HWY_DYNAMIC_DISPATCH(RampRowGradient)(x, n, form, d);
}
void exponential_ramp(const Real* x, std::int64_t n, Real alpha, Real* y) {
  HWY_DYNAMIC_DISPATCH(ExponentialRamp)(x, n, alpha, y);
}
void exponential_ramp_gradient(const Real* y, std::int64_t n, Real alpha, Real* d) {
  HWY_DYNAMIC_DISPATCH(ExponentialRampGradient)(y, n, alpha, d);
}
void keep_some(const Real* x, const Real* field, std::int64_t n, Real least, Real factor, Real* y) {
  HWY_DYNAMIC_DISPATCH(KeepSome)(x, field, n, least, factor, y);
}
void add_scaled(const Real* x, const Real* noise, std::int64_t n, Real factor, Real* y) {
  HWY_DYNAMIC_DISPATCH(AddScaled)(x, noise, n, factor, y);
}
}  // namespace gradus::kernels
#endif
