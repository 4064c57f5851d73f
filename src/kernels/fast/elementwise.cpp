// What is done number by number: softmax, sums of columns, optimizer steps.
#include <algorithm>
#include <limits>

#include "kernels/kernels.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/fast/elementwise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// Exp of Highway: at most 1 unit in the last place from the true value.
#include <hwy/contrib/math/math-inl.h>

#include "kernels/fast/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {

void Softmax(const float* x, std::int64_t n, float* y) {
  const D d;
  V top = hn::Set(d, -std::numeric_limits<float>::infinity());
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto here = [&](std::int64_t left)
                        HWY_ATTR { return hn::FirstN(d, static_cast<std::size_t>(std::min(left, lanes))); };
  for_vectors(n, [&](std::int64_t i, std::int64_t left)
                     HWY_ATTR { top = hn::Max(top, hn::IfThenElse(here(left), load_columns(x + i, left), top)); });
  top = hn::MaxOfLanes(d, top);
  V sum = hn::Zero(d);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V e = hn::IfThenElseZero(here(left), hn::Exp(d, hn::Sub(load_columns(x + i, left), top)));
    sum = hn::Add(sum, e);
    store_columns(e, y + i, left);
  });
  const V factor = hn::Div(hn::Set(d, 1.0f), hn::SumOfLanes(d, sum));
  map(y, n, y, [&](V e) HWY_ATTR { return hn::Mul(e, factor); });
}

void SoftmaxGradient(const float* y, std::int64_t n, float* delta) {
  const D d;
  V dot = hn::Zero(d);
  for_vectors(n, [&](std::int64_t i, std::int64_t left)
                     HWY_ATTR { dot = hn::MulAdd(load_columns(y + i, left), load_columns(delta + i, left), dot); });
  dot = hn::SumOfLanes(d, dot);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    store_columns(hn::Mul(load_columns(y + i, left), hn::Sub(load_columns(delta + i, left), dot)), delta + i, left);
  });
}

void ScaleRow(const Samples& samples, std::int64_t r, std::int64_t width, float offset, float* y) {
  const D d;
  const hn::Rebind<std::int32_t, D> di;
  const hn::Rebind<std::uint8_t, D> d8;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const V factor = hn::Set(d, samples.scale), shift = hn::Set(d, offset);
  if (!samples.bytes) {
    map(samples.real_row(r), width, y, [&](V x) HWY_ATTR { return hn::MulAdd(factor, x, shift); });
    return;
  }
  const std::uint8_t* x = samples.byte_row(r);
  std::int64_t i = 0;
  for (; i + lanes <= width; i += lanes) {
    const V value = hn::ConvertTo(d, hn::PromoteTo(di, hn::LoadU(d8, x + i)));
    hn::StoreU(hn::MulAdd(factor, value, shift), d, y + i);
  }
  for (; i < width; ++i) y[i] = hn::GetLane(hn::MulAdd(factor, hn::Set(d, static_cast<float>(x[i])), shift));
}

template <class T>
HWY_INLINE std::int64_t zeros_of(const T* x, std::int64_t n) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::size_t zeros = 0;
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) zeros += hn::CountTrue(d, hn::Eq(hn::LoadU(d, x + i), hn::Zero(d)));
  return static_cast<std::int64_t>(zeros) + std::count(x + i, x + n, T{0});
}

std::int64_t CountZeros(const Samples& samples, std::int64_t r, std::int64_t width) {
  return samples.bytes ? zeros_of(samples.byte_row(r), width) : zeros_of(samples.real_row(r), width);
}

void ColumnSums(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t n, float* sums, bool add_to) {
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    V sum = add_to ? load_columns(sums + i, left) : hn::Zero(D());
    for (std::int64_t r = 0; r < rows; ++r) sum = hn::Add(sum, load_columns(x + r * stride + i, left));
    store_columns(sum, sums + i, left);
  });
}

float Sum(const float* x, std::int64_t n) {
  const D d;
  V total = hn::Zero(d);
  for_vectors(n,
              [&](std::int64_t i, std::int64_t left) HWY_ATTR { total = hn::Add(total, load_columns(x + i, left)); });
  return hn::GetLane(hn::SumOfLanes(d, total));
}

void AddToRows(float* g, std::int64_t rows, std::int64_t stride, std::int64_t n, float offset, const float* b) {
  const V factor = hn::Set(D(), offset);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V add = hn::Mul(factor, load_columns(b + i, left));
    for (std::int64_t r = 0; r < rows; ++r) {
      float* p = g + r * stride + i;
      store_columns(hn::Add(load_columns(p, left), add), p, left);
    }
  });
}

void Sgd(float* w, const float* g, std::int64_t n, float rate) {
  const V factor = hn::Set(D(), rate);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    store_columns(hn::NegMulAdd(factor, load_columns(g + i, left), load_columns(w + i, left)), w + i, left);
  });
}

void SgdMomentum(float* w, const float* g, float* m, std::int64_t n, float rate, float momentum, bool nesterov) {
  const V factor = hn::Set(D(), rate), mu = hn::Set(D(), momentum);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V gradient = load_columns(g + i, left);
    const V next = hn::NegMulAdd(factor, gradient, hn::Mul(mu, load_columns(m + i, left)));
    store_columns(next, m + i, left);
    const V step = nesterov ? hn::NegMulAdd(factor, gradient, hn::Mul(mu, next)) : next;
    store_columns(hn::Add(load_columns(w + i, left), step), w + i, left);
  });
}

void Rmsprop(float* w, const float* g, float* v, float* m, float* average, std::int64_t n,
             const RmspropNumbers& numbers) {
  const D d;
  const V rate = hn::Set(d, numbers.rate), rho = hn::Set(d, numbers.rho), rest = hn::Set(d, 1.0f - numbers.rho);
  const V mu = hn::Set(d, numbers.momentum), epsilon = hn::Set(d, numbers.epsilon);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V gradient = load_columns(g + i, left);
    const V square = hn::MulAdd(rho, load_columns(v + i, left), hn::Mul(rest, hn::Mul(gradient, gradient)));
    store_columns(square, v + i, left);
    V spread = square;
    if (average != nullptr) {
      const V mean = hn::MulAdd(rho, load_columns(average + i, left), hn::Mul(rest, gradient));
      store_columns(mean, average + i, left);
      spread = hn::NegMulAdd(mean, mean, square);
    }
    V step = hn::Div(hn::Mul(rate, gradient), hn::Sqrt(hn::Add(spread, epsilon)));
    if (m != nullptr) {
      step = hn::MulAdd(mu, load_columns(m + i, left), step);
      store_columns(step, m + i, left);
    }
    store_columns(hn::Sub(load_columns(w + i, left), step), w + i, left);
  });
}

void AdamStep(float* w, const float* g, float* m, float* v, std::int64_t n, const AdamNumbers& numbers) {
  const D d;
  const V rate = hn::Set(d, numbers.rate), epsilon = hn::Set(d, numbers.epsilon);
  const V rest_1 = hn::Set(d, 1.0f - numbers.beta_1), rest_2 = hn::Set(d, 1.0f - numbers.beta_2);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V gradient = load_columns(g + i, left), old_m = load_columns(m + i, left), old_v = load_columns(v + i, left);
    const V mean = hn::MulAdd(hn::Sub(gradient, old_m), rest_1, old_m);
    const V square = hn::MulAdd(hn::Sub(hn::Mul(gradient, gradient), old_v), rest_2, old_v);
    store_columns(mean, m + i, left);
    store_columns(square, v + i, left);
    const V step = hn::Div(hn::Mul(rate, mean), hn::Add(hn::Sqrt(square), epsilon));
    store_columns(hn::Sub(load_columns(w + i, left), step), w + i, left);
  });
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(Softmax);
HWY_EXPORT(SoftmaxGradient);
HWY_EXPORT(ScaleRow);
HWY_EXPORT(CountZeros);
HWY_EXPORT(ColumnSums);
HWY_EXPORT(Sum);
HWY_EXPORT(AddToRows);
HWY_EXPORT(Sgd);
HWY_EXPORT(SgdMomentum);
HWY_EXPORT(Rmsprop);
HWY_EXPORT(AdamStep);

void softmax(const Real* x, std::int64_t n, Real* y) { HWY_DYNAMIC_DISPATCH(Softmax)(x, n, y); }
void softmax_gradient(const Real* y, std::int64_t n, Real* d) { HWY_DYNAMIC_DISPATCH(SoftmaxGradient)(y, n, d); }
void scale_row(const Samples& samples, std::int64_t r, std::int64_t width, Real offset, Real* y) {
  HWY_DYNAMIC_DISPATCH(ScaleRow)(samples, r, width, offset, y);
}
std::int64_t count_zeros(const Samples& samples, std::int64_t r, std::int64_t width) {
  return HWY_DYNAMIC_DISPATCH(CountZeros)(samples, r, width);
}
void column_sums(const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n, Real* sums, bool add_to) {
  HWY_DYNAMIC_DISPATCH(ColumnSums)(x, rows, stride, n, sums, add_to);
}
Real sum(const Real* x, std::int64_t n) { return HWY_DYNAMIC_DISPATCH(Sum)(x, n); }
void add_to_rows(Real* g, std::int64_t rows, std::int64_t stride, std::int64_t n, Real offset, const Real* b) {
  HWY_DYNAMIC_DISPATCH(AddToRows)(g, rows, stride, n, offset, b);
}
void sgd(Real* w, const Real* g, std::int64_t n, Real rate) { HWY_DYNAMIC_DISPATCH(Sgd)(w, g, n, rate); }
void sgd_momentum(Real* w, const Real* g, Real* m, std::int64_t n, Real rate, Real momentum, bool nesterov) {
  HWY_DYNAMIC_DISPATCH(SgdMomentum)(w, g, m, n, rate, momentum, nesterov);
}
void rmsprop(Real* w, const Real* g, Real* v, Real* m, Real* average, std::int64_t n, const RmspropNumbers& numbers) {
  HWY_DYNAMIC_DISPATCH(Rmsprop)(w, g, v, m, average, n, numbers);
}
void adam(Real* w, const Real* g, Real* m, Real* v, std::int64_t n, const AdamNumbers& numbers) {
  HWY_DYNAMIC_DISPATCH(AdamStep)(w, g, m, v, n, numbers);
}
}  // namespace gradus::kernels
#endif
