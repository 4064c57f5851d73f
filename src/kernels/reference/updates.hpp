#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/updates.hpp"

/// The plain forms of kernels/updates.hpp.
namespace gradus::kernels::reference {

inline void amsgrad(Real* w, const Real* g, Real* m, Real* v, Real* h, std::int64_t n, const AdamNumbers& numbers) {
  for (std::int64_t i = 0; i < n; ++i) {
    m[i] += (g[i] - m[i]) * (1 - numbers.beta_1);
    v[i] += (g[i] * g[i] - v[i]) * (1 - numbers.beta_2);
    h[i] = std::max(h[i], v[i]);
    w[i] -= numbers.rate * m[i] / (std::sqrt(h[i]) + numbers.epsilon);
  }
}

inline void adamax(Real* w, const Real* g, Real* m, Real* u, std::int64_t n, const AdamNumbers& numbers) {
  for (std::int64_t i = 0; i < n; ++i) {
    m[i] += (g[i] - m[i]) * (1 - numbers.beta_1);
    u[i] = std::max(numbers.beta_2 * u[i], std::abs(g[i]));
    w[i] -= numbers.rate * m[i] / (u[i] + numbers.epsilon);
  }
}

inline void nadam(Real* w, const Real* g, Real* m, Real* v, std::int64_t n, const NadamNumbers& numbers) {
  for (std::int64_t i = 0; i < n; ++i) {
    m[i] += (g[i] - m[i]) * (1 - numbers.beta_1);
    v[i] += (g[i] * g[i] - v[i]) * (1 - numbers.beta_2);
    const Real ahead = numbers.of_m * m[i] + numbers.of_g * g[i];
    w[i] -= numbers.rate * ahead / (std::sqrt(numbers.of_v * v[i]) + numbers.epsilon);
  }
}

inline void adagrad(Real* w, const Real* g, Real* a, std::int64_t n, Real rate, Real epsilon) {
  for (std::int64_t i = 0; i < n; ++i) {
    a[i] += g[i] * g[i];
    w[i] -= rate * g[i] / std::sqrt(a[i] + epsilon);
  }
}

inline void adadelta(Real* w, const Real* g, Real* a, Real* d, std::int64_t n, Real rate, Real rho, Real epsilon) {
  for (std::int64_t i = 0; i < n; ++i) {
    a[i] = rho * a[i] + (1 - rho) * g[i] * g[i];
    const Real step = std::sqrt(d[i] + epsilon) * g[i] / std::sqrt(a[i] + epsilon);
    d[i] = rho * d[i] + (1 - rho) * step * step;
    w[i] -= rate * step;
  }
}

inline void lion(Real* w, const Real* g, Real* m, std::int64_t n, Real rate, Real beta_1, Real beta_2) {
  for (std::int64_t i = 0; i < n; ++i) {
    const Real direction = beta_1 * m[i] + (1 - beta_1) * g[i];
    w[i] -= direction > 0 ? rate : direction < 0 ? -rate : direction;
    m[i] = beta_2 * m[i] + (1 - beta_2) * g[i];
  }
}

inline void scale(Real* x, std::int64_t n, Real factor) {
  for (std::int64_t i = 0; i < n; ++i) x[i] *= factor;
}

inline void clip(Real* x, std::int64_t n, Real limit) {
  for (std::int64_t i = 0; i < n; ++i) x[i] = x[i] > limit ? limit : x[i] < -limit ? -limit : x[i];
}

inline void decay(Real* w, std::int64_t n, Real share) {
  for (std::int64_t i = 0; i < n; ++i) w[i] -= share * w[i];
}

inline void average(Real* a, const Real* w, std::int64_t n, Real momentum) {
  for (std::int64_t i = 0; i < n; ++i) a[i] = momentum * a[i] + (1 - momentum) * w[i];
}

}  // namespace gradus::kernels::reference
