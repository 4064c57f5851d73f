// Optimizer steps beside those of elementwise.cpp, and what is done to gradients and weights around them.
#include "kernels/updates.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/fast/updates.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/fast/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

/// What Adam and its relatives share: m and v of one vector, moved on and stored.
struct Means {
  V m, v;
};
HWY_INLINE Means next_means(V gradient, float* m, float* v, std::int64_t left, V rest_1, V rest_2) {
  const V old_m = load_columns(m, left), old_v = load_columns(v, left);
  const Means next{hn::MulAdd(hn::Sub(gradient, old_m), rest_1, old_m),
                   hn::MulAdd(hn::Sub(hn::Mul(gradient, gradient), old_v), rest_2, old_v)};
  store_columns(next.m, m, left);
  store_columns(next.v, v, left);
  return next;
}

HWY_INLINE void take_off(V step, float* w, std::int64_t left) {
  store_columns(hn::Sub(load_columns(w, left), step), w, left);
}

}  // namespace

void Amsgrad(float* w, const float* g, float* m, float* v, float* h, std::int64_t n, const AdamNumbers& numbers) {
  const D d;
  const V rate = hn::Set(d, numbers.rate), epsilon = hn::Set(d, numbers.epsilon);
  const V rest_1 = hn::Set(d, 1.0f - numbers.beta_1), rest_2 = hn::Set(d, 1.0f - numbers.beta_2);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const Means next = next_means(load_columns(g + i, left), m + i, v + i, left, rest_1, rest_2);
    const V highest = hn::Max(load_columns(h + i, left), next.v);
    store_columns(highest, h + i, left);
    take_off(hn::Div(hn::Mul(rate, next.m), hn::Add(hn::Sqrt(highest), epsilon)), w + i, left);
  });
}

void Adamax(float* w, const float* g, float* m, float* u, std::int64_t n, const AdamNumbers& numbers) {
  const D d;
  const V rate = hn::Set(d, numbers.rate), epsilon = hn::Set(d, numbers.epsilon);
  const V rest_1 = hn::Set(d, 1.0f - numbers.beta_1), beta_2 = hn::Set(d, numbers.beta_2);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V gradient = load_columns(g + i, left), old_m = load_columns(m + i, left);
    const V mean = hn::MulAdd(hn::Sub(gradient, old_m), rest_1, old_m);
    const V highest = hn::Max(hn::Mul(beta_2, load_columns(u + i, left)), hn::Abs(gradient));
    store_columns(mean, m + i, left);
    store_columns(highest, u + i, left);
    take_off(hn::Div(hn::Mul(rate, mean), hn::Add(highest, epsilon)), w + i, left);
  });
}

void Nadam(float* w, const float* g, float* m, float* v, std::int64_t n, const NadamNumbers& numbers) {
  const D d;
  const V rate = hn::Set(d, numbers.rate), epsilon = hn::Set(d, numbers.epsilon);
  const V rest_1 = hn::Set(d, 1.0f - numbers.beta_1), rest_2 = hn::Set(d, 1.0f - numbers.beta_2);
  const V of_m = hn::Set(d, numbers.of_m), of_g = hn::Set(d, numbers.of_g), of_v = hn::Set(d, numbers.of_v);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V gradient = load_columns(g + i, left);
    const Means next = next_means(gradient, m + i, v + i, left, rest_1, rest_2);
    const V ahead = hn::MulAdd(of_m, next.m, hn::Mul(of_g, gradient));
    take_off(hn::Div(hn::Mul(rate, ahead), hn::Add(hn::Sqrt(hn::Mul(of_v, next.v)), epsilon)), w + i, left);
  });
}

void Adagrad(float* w, const float* g, float* a, std::int64_t n, float rate, float epsilon) {
  const D d;
  const V factor = hn::Set(d, rate), least = hn::Set(d, epsilon);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V gradient = load_columns(g + i, left);
    const V sum = hn::MulAdd(gradient, gradient, load_columns(a + i, left));
    store_columns(sum, a + i, left);
    take_off(hn::Div(hn::Mul(factor, gradient), hn::Sqrt(hn::Add(sum, least))), w + i, left);
  });
}

void Adadelta(float* w, const float* g, float* a, float* steps, std::int64_t n, float rate, float rho, float epsilon) {
  const D d;
  const V factor = hn::Set(d, rate), keep = hn::Set(d, rho), rest = hn::Set(d, 1.0f - rho);
  const V least = hn::Set(d, epsilon);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V gradient = load_columns(g + i, left), before = load_columns(steps + i, left);
    const V square = hn::MulAdd(keep, load_columns(a + i, left), hn::Mul(rest, hn::Mul(gradient, gradient)));
    const V step = hn::Div(hn::Mul(hn::Sqrt(hn::Add(before, least)), gradient), hn::Sqrt(hn::Add(square, least)));
    store_columns(square, a + i, left);
    store_columns(hn::MulAdd(keep, before, hn::Mul(rest, hn::Mul(step, step))), steps + i, left);
    take_off(hn::Mul(factor, step), w + i, left);
  });
}

void Lion(float* w, const float* g, float* m, std::int64_t n, float rate, float beta_1, float beta_2) {
  const D d;
  const V size = hn::Set(d, rate), zero = hn::Zero(d);
  const V keep_1 = hn::Set(d, beta_1), rest_1 = hn::Set(d, 1.0f - beta_1);
  const V keep_2 = hn::Set(d, beta_2), rest_2 = hn::Set(d, 1.0f - beta_2);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V gradient = load_columns(g + i, left), mean = load_columns(m + i, left);
    const V direction = hn::MulAdd(keep_1, mean, hn::Mul(rest_1, gradient));
    // What is neither above nor below 0 is the step itself: 0, or no number.
    V step = hn::IfThenElse(hn::Gt(direction, zero), size, direction);
    step = hn::IfThenElse(hn::Lt(direction, zero), hn::Neg(size), step);
    store_columns(hn::MulAdd(keep_2, mean, hn::Mul(rest_2, gradient)), m + i, left);
    take_off(step, w + i, left);
  });
}

void Scale(float* x, std::int64_t n, float factor) {
  const V f = hn::Set(D(), factor);
  for_vectors(n, [&](std::int64_t i, std::int64_t left)
                     HWY_ATTR { store_columns(hn::Mul(f, load_columns(x + i, left)), x + i, left); });
}

void Clip(float* x, std::int64_t n, float limit) {
  const V high = hn::Set(D(), limit), low = hn::Set(D(), -limit);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V value = load_columns(x + i, left);
    V cut = hn::IfThenElse(hn::Gt(value, high), high, value);
    cut = hn::IfThenElse(hn::Lt(value, low), low, cut);
    store_columns(cut, x + i, left);
  });
}

void Decay(float* w, std::int64_t n, float share) {
  const V f = hn::Set(D(), share);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V value = load_columns(w + i, left);
    store_columns(hn::NegMulAdd(f, value, value), w + i, left);
  });
}

void Average(float* a, const float* w, std::int64_t n, float momentum) {
  const V keep = hn::Set(D(), momentum), rest = hn::Set(D(), 1.0f - momentum);
  for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
    const V value = hn::MulAdd(keep, load_columns(a + i, left), hn::Mul(rest, load_columns(w + i, left)));
    store_columns(value, a + i, left);
  });
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(Amsgrad);
HWY_EXPORT(Adamax);
HWY_EXPORT(Nadam);
HWY_EXPORT(Adagrad);
HWY_EXPORT(Adadelta);
HWY_EXPORT(Lion);
HWY_EXPORT(Scale);
HWY_EXPORT(Clip);
HWY_EXPORT(Decay);
HWY_EXPORT(Average);

void amsgrad(Real* w, const Real* g, Real* m, Real* v, Real* h, std::int64_t n, const AdamNumbers& numbers) {
  HWY_DYNAMIC_DISPATCH(Amsgrad)(w, g, m, v, h, n, numbers);
}
void adamax(Real* w, const Real* g, Real* m, Real* u, std::int64_t n, const AdamNumbers& numbers) {
  HWY_DYNAMIC_DISPATCH(Adamax)(w, g, m, u, n, numbers);
}
void nadam(Real* w, const Real* g, Real* m, Real* v, std::int64_t n, const NadamNumbers& numbers) {
  HWY_DYNAMIC_DISPATCH(Nadam)(w, g, m, v, n, numbers);
}
void adagrad(Real* w, const Real* g, Real* a, std::int64_t n, Real rate, Real epsilon) {
  HWY_DYNAMIC_DISPATCH(Adagrad)(w, g, a, n, rate, epsilon);
}
void adadelta(Real* w, const Real* g, Real* a, Real* d, std::int64_t n, Real rate, Real rho, Real epsilon) {
  HWY_DYNAMIC_DISPATCH(Adadelta)(w, g, a, d, n, rate, rho, epsilon);
}
void lion(Real* w, const Real* g, Real* m, std::int64_t n, Real rate, Real beta_1, Real beta_2) {
  HWY_DYNAMIC_DISPATCH(Lion)(w, g, m, n, rate, beta_1, beta_2);
}
void scale(Real* x, std::int64_t n, Real factor) { HWY_DYNAMIC_DISPATCH(Scale)(x, n, factor); }
void clip(Real* x, std::int64_t n, Real limit) { HWY_DYNAMIC_DISPATCH(Clip)(x, n, limit); }
void decay(Real* w, std::int64_t n, Real share) { HWY_DYNAMIC_DISPATCH(Decay)(w, n, share); }
void average(Real* a, const Real* w, std::int64_t n, Real momentum) {
  HWY_DYNAMIC_DISPATCH(Average)(a, w, n, momentum);
}
}  // namespace gradus::kernels
#endif
