// Activations and their gradients. The slopes follow from y where they can be told from it, else from z.
#include "kernels/kernels.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/fast/activations.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// Exp, Expm1 and Log1p of Highway: at most 1, 4 and 2 units in the last place from the true value.
#include <hwy/contrib/math/math-inl.h>

#include "kernels/fast/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {
namespace {

HWY_INLINE V number(float x) { return hn::Set(D(), x); }

// Exp and its kin take NaN for a very small number: this puts it back.
HWY_INLINE V seen(V z, V y) { return hn::IfThenElse(hn::Eq(z, z), y, z); }

HWY_INLINE V sigmoid(V z) {
  const V one = number(1.0f);
  const V y = hn::Div(one, hn::Add(one, hn::Exp(D(), hn::Neg(hn::Max(number(-88.0f), z)))));
  return seen(z, y);
}

// z p(z²) / q(z²), which is tanh to 2.3e-8, relatively, for |z| up to 9.1 (fitted here by least squares, reweighted
// towards the smallest greatest error); from 9.02 on tanh rounds to 1. Rounding makes
// that 13 units in the last place at most, where it is nearly 1. The chain is short, since single samples wait for it.
HWY_INLINE V hyperbolic_tangent(V z) {
  constexpr float p[] = {0.9999999774f, 0.1337449715f, 3.487836163e-3f, 2.048156202e-5f, 1.317796635e-8f};
  constexpr float q[] = {1.0f, 0.4670781101f, 2.584748658e-2f, 3.272962960e-4f, 7.704244239e-7f};
  const V x = hn::Min(number(9.1f), hn::Max(number(-9.1f), z)), t = hn::Mul(x, x);
  V above = number(p[4]), below = number(q[4]);
  for (int i = 3; i >= 0; --i) {
    above = hn::MulAdd(above, t, number(p[i]));
    below = hn::MulAdd(below, t, number(q[i]));
  }
  return hn::Min(number(1.0f), hn::Max(number(-1.0f), hn::Div(hn::Mul(x, above), below)));
}

// e^z; infinite from 88.8 on.
HWY_INLINE V exponential(V z) { return seen(z, hn::Exp(D(), hn::Min(number(100.0f), z))); }

// e^-z²/2. The rounding of the square is made good, or it would count z² times over.
HWY_INLINE V bell(V z) {
  const V square = hn::Mul(z, z);
#if HWY_NATIVE_FMA
  const V rest = hn::MulSub(z, z, square);
#else
  // z = high + low with a high half whose square is exact (Dekker 1971).
  const hn::Rebind<std::uint32_t, D> bits;
  const V high = hn::And(z, hn::BitCast(D(), hn::Set(bits, 0xFFFFF000U))), low = hn::Sub(z, high);
  const V rest = hn::Add(hn::Sub(hn::Mul(high, high), square), hn::Mul(low, hn::Add(z, high)));
#endif
  const V e = hn::Exp(D(), hn::Mul(number(-0.5f), square));
  return hn::NegMulAdd(hn::Mul(number(0.5f), rest), e, e);
}

// The share of a standard normal below z, and its tail below -|z|, given e^-z²/2. With x = |z| / sqrt 2 and
// t = 1 / (1 + 0.44 x), erfc(x) e^x² / t is a polynomial in t to 2.1e-8, relatively, for x up to 48 (fitted here by
// least squares, reweighted towards the smallest greatest error).
HWY_INLINE V normal_share(V z, V bell_of_z) {
  constexpr float p[] = {0.2482437757f,   0.2482244685f, 0.224601149f,   0.1720589689f, 0.1361275016f,
                         -0.05138792381f, 0.2092032512f, -0.3448595611f, 0.1979738371f, -0.04018544627f};
  const V x = hn::Mul(hn::Abs(z), number(0.70710678118654752f));
  const V t = hn::Div(number(1.0f), hn::MulAdd(number(0.44f), x, number(1.0f)));
  V sum = number(p[9]);
  for (int i = 8; i >= 0; --i) sum = hn::MulAdd(sum, t, number(p[i]));
  const V tail = hn::Mul(hn::Mul(number(0.5f), bell_of_z), hn::Mul(t, sum));
  return hn::IfThenElse(hn::Gt(z, hn::Zero(D())), hn::Sub(number(1.0f), tail), tail);
}

HWY_INLINE V gelu(V z) { return seen(z, hn::Mul(z, normal_share(z, bell(z)))); }

HWY_INLINE V gelu_slope(V z) {
  const V e = bell(z);
  return hn::MulAdd(hn::Mul(z, number(0.3989422804014327f)), e, normal_share(z, e));
}

HWY_INLINE V silu_slope(V z) {
  const V s = sigmoid(z), one = number(1.0f);
  return hn::Mul(s, hn::MulAdd(z, hn::Sub(one, s), one));
}

HWY_INLINE V hard_sigmoid(V z) {
  const V line = hn::MulAdd(z, number(1.0f / 6), number(0.5f));
  return hn::Min(number(1.0f), hn::Max(hn::Zero(D()), line));
}

// sqrt(2/pi) (z + 0.044715 z^3), of which gelu's approximation takes the tanh (Hendrycks, Gimpel 2016).
constexpr float gelu_scale = 0.7978845608f, gelu_cubic = 0.044715f;
HWY_INLINE V gelu_bend(V z) {
  return hn::Mul(hn::Mul(number(gelu_scale), z), hn::MulAdd(hn::Mul(number(gelu_cubic), z), z, number(1.0f)));
}

// (1 + tanh u) / 2, as the sigmoid of 2 u: next to -1 the tanh would keep no digits.
HWY_INLINE V gelu_share(V z) {
  const V u = gelu_bend(z);
  return sigmoid(hn::Add(u, u));
}

HWY_INLINE V gelu_tanh_slope(V z) {
  const V one = number(1.0f), s = gelu_share(z);
  const V bend = hn::Mul(number(2 * gelu_scale), hn::MulAdd(hn::Mul(number(3 * gelu_cubic), z), z, one));
  const V inner = hn::Mul(hn::Mul(z, bend), hn::Mul(s, hn::Sub(one, s)));
  // Far out the share is 0 or 1 and its slope 0, while the bend may overflow.
  return hn::Add(s, hn::IfThenElseZero(hn::Lt(hn::Abs(z), number(20.0f)), inner));
}

// tanh(ln(1 + w)) = n / (n + 2) with n = w (w + 2). From z = 20 on it is 1.
HWY_INLINE V mish_power(V z) { return hn::Exp(D(), hn::Min(number(20.0f), z)); }

HWY_INLINE V mish(V z) {
  const V w = mish_power(z), two = number(2.0f), n = hn::Mul(w, hn::Add(w, two));
  return seen(z, hn::Mul(z, hn::Div(n, hn::Add(n, two))));
}

// n / (n + 2) + 4 z w (1 + w) / (n + 2)²
HWY_INLINE V mish_slope(V z) {
  const V w = mish_power(z), two = number(2.0f), n = hn::Mul(w, hn::Add(w, two));
  const V share = hn::Div(number(1.0f), hn::Add(n, two));
  const V bend = hn::Mul(hn::Mul(hn::Mul(number(4.0f), z), hn::MulAdd(w, w, w)), hn::Mul(share, share));
  return hn::MulAdd(n, share, bend);
}

HWY_INLINE V softplus(V z) {
  const V small = hn::Log1p(D(), hn::Exp(D(), hn::Neg(hn::Abs(z))));
  return seen(z, hn::Add(hn::Max(hn::Zero(D()), z), small));
}

constexpr float selu_scale = 1.0507009873554805f, selu_alpha = 1.6732632423543772f;

// y = above z where z > 0, else below (e^z - 1)
HWY_INLINE V exponential_linear(V z, float above, float below) {
  const V curve = hn::Mul(number(below), hn::Expm1(D(), hn::Min(hn::Zero(D()), z)));
  return seen(z, hn::IfThenElse(hn::Gt(z, hn::Zero(D())), hn::Mul(number(above), z), curve));
}

}  // namespace

void Activate(Activation activation, const float* x, std::int64_t n, float* y) {
  const V zero = hn::Zero(D()), one = number(1.0f);
  switch (activation) {
    case Activation::linear:
    case Activation::softmax:
    case Activation::log_softmax:
      return map(x, n, y, [](V z) HWY_ATTR { return z; });
    case Activation::relu:
      return map(x, n, y, [&](V z) HWY_ATTR { return hn::Max(zero, z); });
    case Activation::sigmoid:
      return map(x, n, y, [&](V z) HWY_ATTR { return sigmoid(z); });
    case Activation::tanh:
      return map(x, n, y, [&](V z) HWY_ATTR { return hyperbolic_tangent(z); });
    case Activation::step:
      return map(x, n, y, [&](V z) HWY_ATTR { return hn::IfThenElseZero(hn::Gt(z, zero), one); });
    case Activation::elu:
      return map(x, n, y, [&](V z) HWY_ATTR { return exponential_linear(z, 1.0f, 1.0f); });
    case Activation::selu:
      return map(x, n, y, [&](V z) HWY_ATTR { return exponential_linear(z, selu_scale, selu_scale * selu_alpha); });
    case Activation::leaky_relu:
      return map(x, n, y, [&](V z) HWY_ATTR { return hn::Max(hn::Mul(number(0.2f), z), z); });
    case Activation::relu6:
      return map(x, n, y, [&](V z) HWY_ATTR { return hn::Min(number(6.0f), hn::Max(zero, z)); });
    case Activation::gelu:
      return map(x, n, y, [&](V z) HWY_ATTR { return gelu(z); });
    case Activation::silu:
      return map(x, n, y, [&](V z) HWY_ATTR { return hn::Mul(z, sigmoid(z)); });
    case Activation::mish:
      return map(x, n, y, [&](V z) HWY_ATTR { return mish(z); });
    case Activation::softplus:
      return map(x, n, y, [&](V z) HWY_ATTR { return softplus(z); });
    case Activation::softsign:
      return map(x, n, y, [&](V z) HWY_ATTR { return hn::Div(z, hn::Add(one, hn::Abs(z))); });
    case Activation::hard_sigmoid:
      return map(x, n, y, [&](V z) HWY_ATTR { return hard_sigmoid(z); });
    case Activation::exponential:
      return map(x, n, y, [&](V z) HWY_ATTR { return exponential(z); });
    case Activation::hard_silu:
      return map(x, n, y, [&](V z) HWY_ATTR { return hn::Mul(z, hard_sigmoid(z)); });
    case Activation::gelu_tanh:
      return map(x, n, y, [&](V z) HWY_ATTR { return hn::Mul(z, gelu_share(z)); });
  }
}

void ActivationGradient(Activation activation, const float* y, std::int64_t n, float* delta) {
  const V zero = hn::Zero(D()), one = number(1.0f);
  // delta = f(y, delta)
  const auto change = [&](auto&& f) HWY_ATTR {
    for_vectors(n, [&](std::int64_t i, std::int64_t left) HWY_ATTR {
      store_columns(f(load_columns(y + i, left), load_columns(delta + i, left)), delta + i, left);
    });
  };
  switch (activation) {
    case Activation::linear:
    case Activation::softmax:
    case Activation::log_softmax:
    case Activation::step:
      return;
    case Activation::relu:
      return change([&](V a, V g) HWY_ATTR { return hn::IfThenElseZero(hn::Gt(a, zero), g); });
    case Activation::sigmoid:
      return change([&](V a, V g) HWY_ATTR { return hn::Mul(g, hn::Mul(a, hn::Sub(one, a))); });
    case Activation::tanh:
      return change([&](V a, V g) HWY_ATTR { return hn::Mul(g, hn::NegMulAdd(a, a, one)); });
    case Activation::elu:
      return change([&](V a, V g) HWY_ATTR { return hn::Mul(g, hn::Add(one, hn::Min(zero, a))); });
    case Activation::selu:
      return change([&](V a, V g) HWY_ATTR {
        const V below = hn::Add(a, number(selu_scale * selu_alpha));
        return hn::Mul(g, hn::IfThenElse(hn::Gt(a, zero), number(selu_scale), below));
      });
    case Activation::leaky_relu:
      return change([&](V a, V g) HWY_ATTR { return hn::IfThenElse(hn::Gt(a, zero), g, hn::Mul(number(0.2f), g)); });
    case Activation::relu6:
      return change([&](V a, V g)
                        HWY_ATTR { return hn::IfThenElseZero(hn::And(hn::Gt(a, zero), hn::Lt(a, number(6.0f))), g); });
    case Activation::gelu:
      return change([&](V z, V g) HWY_ATTR { return hn::Mul(g, gelu_slope(z)); });
    case Activation::silu:
      return change([&](V z, V g) HWY_ATTR { return hn::Mul(g, silu_slope(z)); });
    case Activation::mish:
      return change([&](V z, V g) HWY_ATTR { return hn::Mul(g, mish_slope(z)); });
    case Activation::softplus:
      return change([&](V a, V g) HWY_ATTR { return hn::Neg(hn::Mul(g, hn::Expm1(D(), hn::Neg(a)))); });
    case Activation::softsign:
      return change([&](V a, V g) HWY_ATTR {
        const V rest = hn::Sub(one, hn::Abs(a));
        return hn::Mul(g, hn::Mul(rest, rest));
      });
    case Activation::hard_sigmoid:
      return change([&](V a, V g) HWY_ATTR {
        const V slope = hn::IfThenElseZero(hn::Lt(a, one), number(1.0f / 6));
        return hn::IfThenElseZero(hn::Gt(a, zero), hn::Mul(g, slope));
      });
    case Activation::exponential:
      return change([&](V a, V g) HWY_ATTR { return hn::Mul(g, a); });
    case Activation::hard_silu:
      return change([&](V z, V g) HWY_ATTR {
        const V inner = hn::MulAdd(z, number(1.0f / 3), number(0.5f));
        const V slope = hn::IfThenElse(hn::Ge(z, number(3.0f)), one, inner);
        return hn::IfThenZeroElse(hn::Le(z, number(-3.0f)), hn::Mul(g, slope));
      });
    case Activation::gelu_tanh:
      return change([&](V z, V g) HWY_ATTR { return hn::Mul(g, gelu_tanh_slope(z)); });
  }
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(Activate);
HWY_EXPORT(ActivationGradient);

void activate(Activation activation, const Real* x, std::int64_t n, Real* y) {
  HWY_DYNAMIC_DISPATCH(Activate)(activation, x, n, y);
}
void activation_gradient(Activation activation, const Real* y, std::int64_t n, Real* d) {
  HWY_DYNAMIC_DISPATCH(ActivationGradient)(activation, y, n, d);
}
}  // namespace gradus::kernels
#endif
