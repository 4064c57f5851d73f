// In the double build the kernels are the reference ones.
#ifdef GRADUS_REAL_DOUBLE

#include "kernels/reference/updates.hpp"

namespace gradus::kernels {

void amsgrad(Real* w, const Real* g, Real* m, Real* v, Real* h, std::int64_t n, const AdamNumbers& numbers) {
  reference::amsgrad(w, g, m, v, h, n, numbers);
}
void adamax(Real* w, const Real* g, Real* m, Real* u, std::int64_t n, const AdamNumbers& numbers) {
  reference::adamax(w, g, m, u, n, numbers);
}
void nadam(Real* w, const Real* g, Real* m, Real* v, std::int64_t n, const NadamNumbers& numbers) {
  reference::nadam(w, g, m, v, n, numbers);
}
void adagrad(Real* w, const Real* g, Real* a, std::int64_t n, Real rate, Real epsilon) {
  reference::adagrad(w, g, a, n, rate, epsilon);
}
void adadelta(Real* w, const Real* g, Real* a, Real* d, std::int64_t n, Real rate, Real rho, Real epsilon) {
  reference::adadelta(w, g, a, d, n, rate, rho, epsilon);
}
void lion(Real* w, const Real* g, Real* m, std::int64_t n, Real rate, Real beta_1, Real beta_2) {
  reference::lion(w, g, m, n, rate, beta_1, beta_2);
}
void scale(Real* x, std::int64_t n, Real factor) { reference::scale(x, n, factor); }
void clip(Real* x, std::int64_t n, Real limit) { reference::clip(x, n, limit); }
void decay(Real* w, std::int64_t n, Real share) { reference::decay(w, n, share); }
void average(Real* a, const Real* w, std::int64_t n, Real momentum) { reference::average(a, w, n, momentum); }

}  // namespace gradus::kernels

#endif
