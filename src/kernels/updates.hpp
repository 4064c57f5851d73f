#pragma once

#include <cstdint>

#include <gradus/tensor.hpp>

#include "kernels/kernels.hpp"

/// The steps of further optimizers, and what is done to gradients and weights beside them, number by number. The
/// formulas stand in optimizers.hpp. As in kernels.hpp, each has a plain reference and a fast twin.
namespace gradus::kernels {

/// Adam with the greatest v so far, h, under the root.
void amsgrad(Real* w, const Real* g, Real* m, Real* v, Real* h, std::int64_t n, const AdamNumbers& numbers);
/// `numbers.rate` is learning_rate / (1 - beta_1^t).
void adamax(Real* w, const Real* g, Real* m, Real* u, std::int64_t n, const AdamNumbers& numbers);
struct NadamNumbers {
  Real rate, beta_1, beta_2, epsilon;
  Real of_m;  ///< u_{t+1} / (1 - U_{t+1})
  Real of_g;  ///< (1 - u_t) / (1 - U_t)
  Real of_v;  ///< 1 / (1 - beta_2^t)
};
void nadam(Real* w, const Real* g, Real* m, Real* v, std::int64_t n, const NadamNumbers& numbers);
void adagrad(Real* w, const Real* g, Real* a, std::int64_t n, Real rate, Real epsilon);
void adadelta(Real* w, const Real* g, Real* a, Real* d, std::int64_t n, Real rate, Real rho, Real epsilon);
void lion(Real* w, const Real* g, Real* m, std::int64_t n, Real rate, Real beta_1, Real beta_2);

/// x *= factor.
void scale(Real* x, std::int64_t n, Real factor);
/// x = min(max(x, -limit), limit); NaN stays NaN.
void clip(Real* x, std::int64_t n, Real limit);
/// w -= share w.
void decay(Real* w, std::int64_t n, Real share);
/// a = momentum a + (1 - momentum) w.
void average(Real* a, const Real* w, std::int64_t n, Real momentum);
/// The sum of x[i]^2 in double, in an order that depends on n alone: number i goes to partial sum i mod 16.
double sum_of_squares(const Real* x, std::int64_t n);

}  // namespace gradus::kernels
