#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/kernels.hpp"

/// Activations by their formulas.
namespace gradus::kernels::reference {

inline constexpr double selu_scale = 1.0507009873554804934, selu_alpha = 1.6732632423543772848;

/// The share of a standard normal below z.
inline Real normal_share(Real z) { return std::erfc(-z / std::numbers::sqrt2_v<Real>) / 2; }
/// sqrt(2/pi) (z + 0.044715 z^3), of which gelu's approximation takes the tanh (Hendrycks, Gimpel 2016).
inline constexpr double gelu_scale = 0.79788456080286535588, gelu_cubic = 0.044715;
inline Real gelu_bend(Real z) {
  return static_cast<Real>(gelu_scale) * (z + static_cast<Real>(gelu_cubic) * z * z * z);
}
inline Real sigmoid(Real z) { return 1 / (1 + std::exp(-z)); }
inline Real softplus(Real z) { return std::max(z, Real{0}) + std::log1p(std::exp(-std::abs(z))); }

inline Real activated(Activation activation, Real z) {
  switch (activation) {
    case Activation::linear:
    case Activation::softmax:
    case Activation::log_softmax:
      return z;
    case Activation::relu:
      return z < 0 ? Real{0} : z;
    case Activation::sigmoid:
      return sigmoid(z);
    case Activation::tanh:
      return std::tanh(z);
    case Activation::step:
      return z > 0 ? Real{1} : Real{0};
    case Activation::elu:
      return z > 0 ? z : std::expm1(z);
    case Activation::selu:
      return static_cast<Real>(selu_scale) * (z > 0 ? z : static_cast<Real>(selu_alpha) * std::expm1(z));
    case Activation::leaky_relu:
      return z > 0 ? z : static_cast<Real>(0.2) * z;
    case Activation::relu6:
      return std::min(std::max(z, Real{0}), Real{6});
    case Activation::gelu:
      return z * normal_share(z);
    case Activation::silu:
      return z * sigmoid(z);
    case Activation::mish:
      return z * std::tanh(softplus(z));
    case Activation::softplus:
      return softplus(z);
    case Activation::softsign:
      return z / (1 + std::abs(z));
    case Activation::hard_sigmoid:
      return std::min(std::max(z / 6 + Real{0.5}, Real{0}), Real{1});
    case Activation::exponential:
      return std::exp(z);
    case Activation::hard_silu:
      return z * std::min(std::max(z / 6 + Real{0.5}, Real{0}), Real{1});
    case Activation::gelu_tanh:
      return z / 2 * (1 + std::tanh(gelu_bend(z)));
  }
  return z;
}

/// act'(z), given y = act(z), or z where slope_needs_sum.
inline Real slope(Activation activation, Real y) {
  switch (activation) {
    case Activation::linear:
    case Activation::softmax:
    case Activation::log_softmax:
    case Activation::step:
      return 1;
    case Activation::relu:
      return y > 0 ? Real{1} : Real{0};
    case Activation::sigmoid:
      return y * (1 - y);
    case Activation::tanh:
      return 1 - y * y;
    case Activation::elu:
      return y > 0 ? Real{1} : y + 1;
    case Activation::selu:
      return y > 0 ? static_cast<Real>(selu_scale) : y + static_cast<Real>(selu_scale * selu_alpha);
    case Activation::leaky_relu:
      return y > 0 ? Real{1} : static_cast<Real>(0.2);
    case Activation::relu6:
      return y > 0 && y < 6 ? Real{1} : Real{0};
    case Activation::gelu:
      return normal_share(y) +
             y * std::exp(-y * y / 2) * static_cast<Real>(std::numbers::inv_sqrtpi / std::numbers::sqrt2);
    case Activation::silu:
      return sigmoid(y) * (1 + y * (1 - sigmoid(y)));
    case Activation::mish: {
      const Real t = std::tanh(softplus(y));
      return t + y * (1 - t * t) * sigmoid(y);
    }
    case Activation::softplus:
      return -std::expm1(-y);
    case Activation::softsign:
      return (1 - std::abs(y)) * (1 - std::abs(y));
    case Activation::hard_sigmoid:
      return y > 0 && y < 1 ? Real{1} / 6 : Real{0};
    case Activation::exponential:
      return y;
    case Activation::hard_silu:
      return y <= -3 ? Real{0} : y >= 3 ? Real{1} : y / 3 + Real{0.5};
    case Activation::gelu_tanh: {
      const Real t = std::tanh(gelu_bend(y));
      const Real bend = static_cast<Real>(gelu_scale) * (1 + static_cast<Real>(3 * gelu_cubic) * y * y);
      return (1 + t) / 2 + y / 2 * (1 - t * t) * bend;
    }
  }
  return 1;
}

inline void activate(Activation activation, const Real* x, std::int64_t n, Real* y) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = activated(activation, x[i]);
}

inline void activation_gradient(Activation activation, const Real* y, std::int64_t n, Real* d) {
  for (std::int64_t i = 0; i < n; ++i) d[i] *= slope(activation, y[i]);
}

}  // namespace gradus::kernels::reference
