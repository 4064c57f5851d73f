#pragma once

#include <cstdint>

#include "kernels/kernels.hpp"

/// The loops of normalisation, learned slopes and noise. As in kernels.hpp, each has a plain reference and a fast twin.
namespace gradus::kernels {

/// The column_ functions run over matrices whose columns are features: row r of x, d and y begins r * stride behind the
/// first number, and the others hold n numbers. With `add_to`, sums go on from what they hold; rows ascending.
///
/// sums[n] (+)= sum over rows of (x[r, n] - mean[n])².
void column_squares(const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n, const Real* mean, Real* sums,
                    bool add_to);
/// sums[n] (+)= sum over rows of d[r, n]; products[n] (+)= sum over rows of d[r, n] (x[r, n] - mean[n]).
void column_products(const Real* d, const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n,
                     const Real* mean, Real* sums, Real* products, bool add_to);
struct ColumnScaling {
  const Real* mean = nullptr;  ///< null: 0
  const Real* factor = nullptr;
  const Real* add = nullptr;  ///< null: 0
  bool divide = false;        ///< by the factor
  /// When set, each y is as if computed in double and then rounded, once, by the factor `factor` + `factor_rest`;
  /// `mean` and `add` must be set, `divide` not.
  const Real* factor_rest = nullptr;
};
/// y[r, n] = (x[r, n] - mean[n]) factor[n] + add[n].
void column_scale(const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n, const ColumnScaling& scaling,
                  Real* y);
struct ColumnSlopes {
  const Real *mean, *factor, *mean_delta, *mean_product;
};
/// d_in[r, n] = factor[n] (d[r, n] - mean_delta[n] - (x[r, n] - mean[n]) mean_product[n]).
void column_scale_gradient(const Real* d, const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n,
                           const ColumnSlopes& slopes, Real* d_in);
/// y = x where x > 0, else slope[n] x; its gradient, and sums[n] (+)= sum over rows of d min(x, 0).
void column_ramp(const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n, const Real* slope, Real* y);
void column_ramp_gradient(const Real* d, const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n,
                          const Real* slope, Real* d_in);
void column_ramp_sums(const Real* d, const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n, Real* sums,
                      bool add_to);

/// The mean of some numbers, and 1 / sqrt(their variance + epsilon).
struct RowMoments {
  Real mean, inverse;
};
/// y = (x - mean) inverse gamma + beta over n numbers; gamma and beta may be null.
void normalize_row(const Real* x, std::int64_t n, Real epsilon, const Real* gamma, const Real* beta, Real* y,
                   RowMoments& moments);
/// With x^ = (x - mean) inverse and g = d gamma: d_in = inverse (g - mean of g - x^ mean of g x^); d_in may be null.
/// Adds d x^ to d_gamma and d to d_beta.
void normalize_row_gradient(const Real* d, const Real* x, std::int64_t n, const Real* gamma, const RowMoments& moments,
                            Real* d_in, Real* d_gamma, Real* d_beta);

/// y = min(x, top) where x > threshold, else slope (x - threshold).
struct Ramp {
  Real slope = 0, threshold = 0, top = 0;
};
void ramp(const Real* x, std::int64_t n, const Ramp& form, Real* y);
/// d[i] *= the slope at x[i]; at a kink the slope of the left, and 0 from `top` on.
void ramp_gradient(const Real* x, std::int64_t n, const Ramp& form, Real* d);
/// y = x where x > 0, else alpha (e^x - 1); and its gradient, told from y.
void exponential_ramp(const Real* x, std::int64_t n, Real alpha, Real* y);
void exponential_ramp_gradient(const Real* y, std::int64_t n, Real alpha, Real* d);

/// y[i] = factor x[i] where field[i] is `least` or more, else 0.
void keep_some(const Real* x, const Real* field, std::int64_t n, Real least, Real factor, Real* y);
/// y = x + factor noise.
void add_scaled(const Real* x, const Real* noise, std::int64_t n, Real factor, Real* y);

}  // namespace gradus::kernels
