// In the double build the kernels are the reference ones.
#ifdef GRADUS_REAL_DOUBLE

#include "kernels/reference/features.hpp"

namespace gradus::kernels {

void column_squares(const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n, const Real* mean, Real* sums,
                    bool add_to) {
  reference::column_squares(x, rows, stride, n, mean, sums, add_to);
}
void column_products(const Real* d, const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n,
                     const Real* mean, Real* sums, Real* products, bool add_to) {
  reference::column_products(d, x, rows, stride, n, mean, sums, products, add_to);
}
void column_scale(const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n, const ColumnScaling& scaling,
                  Real* y) {
  reference::column_scale(x, rows, stride, n, scaling, y);
}
void column_scale_gradient(const Real* d, const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n,
                           const ColumnSlopes& slopes, Real* d_in) {
  reference::column_scale_gradient(d, x, rows, stride, n, slopes, d_in);
}
void column_ramp(const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n, const Real* slope, Real* y) {
  reference::column_ramp(x, rows, stride, n, slope, y);
}
void column_ramp_gradient(const Real* d, const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n,
                          const Real* slope, Real* d_in) {
  reference::column_ramp_gradient(d, x, rows, stride, n, slope, d_in);
}
void column_ramp_sums(const Real* d, const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n, Real* sums,
                      bool add_to) {
  reference::column_ramp_sums(d, x, rows, stride, n, sums, add_to);
}
void normalize_row(const Real* x, std::int64_t n, Real epsilon, const Real* gamma, const Real* beta, Real* y,
                   RowMoments& moments) {
  reference::normalize_row(x, n, epsilon, gamma, beta, y, moments);
}
void normalize_row_gradient(const Real* d, const Real* x, std::int64_t n, const Real* gamma, const RowMoments& moments,
                            Real* d_in, Real* d_gamma, Real* d_beta) {
  reference::normalize_row_gradient(d, x, n, gamma, moments, d_in, d_gamma, d_beta);
}
void ramp(const Real* x, std::int64_t n, const Ramp& form, Real* y) { reference::ramp(x, n, form, y); }
void ramp_gradient(const Real* x, std::int64_t n, const Ramp& form, Real* d) {
  reference::ramp_gradient(x, n, form, d);
}
void exponential_ramp(const Real* x, std::int64_t n, Real alpha, Real* y) {
  reference::exponential_ramp(x, n, alpha, y);
}
void exponential_ramp_gradient(const Real* y, std::int64_t n, Real alpha, Real* d) {
  reference::exponential_ramp_gradient(y, n, alpha, d);
}
void keep_some(const Real* x, const Real* field, std::int64_t n, Real least, Real factor, Real* y) {
  reference::keep_some(x, field, n, least, factor, y);
}
void add_scaled(const Real* x, const Real* noise, std::int64_t n, Real factor, Real* y) {
  reference::add_scaled(x, noise, n, factor, y);
}

}  // namespace gradus::kernels

#endif
