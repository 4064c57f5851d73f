// Activations over an axis: softmax has kernels of its own, log_softmax is seldom trained through.
#include <algorithm>
#include <cmath>

#include "kernels/kernels.hpp"

namespace gradus::kernels {
namespace {

// y = x - max - ln sum e^(x - max), so nothing overflows.
void log_softmax(const Real* x, std::int64_t n, Real* y) {
  const Real top = *std::max_element(x, x + n);
  Real sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += std::exp(x[i] - top);
  const Real log_sum = std::log(sum);
  for (std::int64_t i = 0; i < n; ++i) y[i] = x[i] - top - log_sum;
}

// d - e^y sum d
void log_softmax_gradient(const Real* y, std::int64_t n, Real* d) {
  Real sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += d[i];
  for (std::int64_t i = 0; i < n; ++i) d[i] -= std::exp(y[i]) * sum;
}

}  // namespace

void activate_axis(Activation activation, const Real* x, std::int64_t n, Real* y) {
  if (activation == Activation::softmax) return softmax(x, n, y);
  log_softmax(x, n, y);
}

void activation_axis_gradient(Activation activation, const Real* y, std::int64_t n, Real* d) {
  if (activation == Activation::softmax) return softmax_gradient(y, n, d);
  log_softmax_gradient(y, n, d);
}

}  // namespace gradus::kernels
