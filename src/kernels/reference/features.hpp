#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/features.hpp"

/// The kernels of features.hpp as plainly as they can be written.
namespace gradus::kernels::reference {

inline void column_squares(const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n, const Real* mean,
                           Real* sums, bool add_to) {
  for (std::int64_t j = 0; j < n; ++j) {
    Real sum = add_to ? sums[j] : Real{0};
    for (std::int64_t r = 0; r < rows; ++r) {
      const Real off = x[r * stride + j] - mean[j];
      sum += off * off;
    }
    sums[j] = sum;
  }
}

inline void column_products(const Real* d, const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n,
                            const Real* mean, Real* sums, Real* products, bool add_to) {
  for (std::int64_t j = 0; j < n; ++j) {
    Real sum = add_to ? sums[j] : Real{0}, product = add_to ? products[j] : Real{0};
    for (std::int64_t r = 0; r < rows; ++r) {
      sum += d[r * stride + j];
      product += d[r * stride + j] * (x[r * stride + j] - mean[j]);
    }
    sums[j] = sum, products[j] = product;
  }
}

inline void column_scale(const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n, const ColumnScaling& s,
                         Real* y) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t j = 0; j < n; ++j) {
      if (s.factor_rest != nullptr) {
        const double off = static_cast<double>(x[r * stride + j]) - static_cast<double>(s.mean[j]);
        const double factor = static_cast<double>(s.factor[j]) + static_cast<double>(s.factor_rest[j]);
        y[r * stride + j] = static_cast<Real>(off * factor + static_cast<double>(s.add[j]));
        continue;
      }
      const Real off = x[r * stride + j] - (s.mean == nullptr ? Real{0} : s.mean[j]);
      y[r * stride + j] = (s.divide ? off / s.factor[j] : off * s.factor[j]) + (s.add == nullptr ? Real{0} : s.add[j]);
    }
  }
}

inline void column_scale_gradient(const Real* d, const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n,
                                  const ColumnSlopes& s, Real* d_in) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t j = 0; j < n; ++j) {
      const std::int64_t at = r * stride + j;
      d_in[at] = s.factor[j] * (d[at] - s.mean_delta[j] - (x[at] - s.mean[j]) * s.mean_product[j]);
    }
  }
}

inline void column_ramp(const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n, const Real* slope,
                        Real* y) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t j = 0; j < n; ++j) {
      const Real z = x[r * stride + j];
      y[r * stride + j] = z > 0 ? z : slope[j] * z;
    }
  }
}

inline void column_ramp_gradient(const Real* d, const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n,
                                 const Real* slope, Real* d_in) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t j = 0; j < n; ++j) {
      const std::int64_t at = r * stride + j;
      d_in[at] = d[at] * (x[at] > 0 ? Real{1} : slope[j]);
    }
  }
}

inline void column_ramp_sums(const Real* d, const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n,
                             Real* sums, bool add_to) {
  for (std::int64_t j = 0; j < n; ++j) {
    Real sum = add_to ? sums[j] : Real{0};
    for (std::int64_t r = 0; r < rows; ++r) sum += d[r * stride + j] * std::min(x[r * stride + j], Real{0});
    sums[j] = sum;
  }
}

inline void normalize_row(const Real* x, std::int64_t n, Real epsilon, const Real* gamma, const Real* beta, Real* y,
                          RowMoments& moments) {
  Real mean = 0, variance = 0;
  for (std::int64_t i = 0; i < n; ++i) mean += x[i] / static_cast<Real>(n);
  for (std::int64_t i = 0; i < n; ++i) variance += (x[i] - mean) * (x[i] - mean) / static_cast<Real>(n);
  moments = {mean, 1 / std::sqrt(variance + epsilon)};
  for (std::int64_t i = 0; i < n; ++i) {
    y[i] = (x[i] - mean) * moments.inverse * (gamma == nullptr ? Real{1} : gamma[i]) +
           (beta == nullptr ? Real{0} : beta[i]);
  }
}

inline void normalize_row_gradient(const Real* d, const Real* x, std::int64_t n, const Real* gamma,
                                   const RowMoments& moments, Real* d_in, Real* d_gamma, Real* d_beta) {
  const auto normal = [&](std::int64_t i) { return (x[i] - moments.mean) * moments.inverse; };
  const auto weighed = [&](std::int64_t i) { return d[i] * (gamma == nullptr ? Real{1} : gamma[i]); };
  Real sum = 0, product = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    d_gamma[i] += d[i] * normal(i);
    d_beta[i] += d[i];
    sum += weighed(i) / static_cast<Real>(n);
    product += weighed(i) * normal(i) / static_cast<Real>(n);
  }
  for (std::int64_t i = 0; i < n && d_in != nullptr; ++i) {
    d_in[i] = moments.inverse * (weighed(i) - sum - normal(i) * product);
  }
}

inline void ramp(const Real* x, std::int64_t n, const Ramp& form, Real* y) {
  for (std::int64_t i = 0; i < n; ++i) {
    y[i] = x[i] > form.threshold ? std::min(x[i], form.top) : form.slope * (x[i] - form.threshold);
  }
}

inline void ramp_gradient(const Real* x, std::int64_t n, const Ramp& form, Real* d) {
  for (std::int64_t i = 0; i < n; ++i) {
    d[i] *= x[i] <= form.threshold ? form.slope : x[i] < form.top ? Real{1} : Real{0};
  }
}

inline void exponential_ramp(const Real* x, std::int64_t n, Real alpha, Real* y) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = x[i] > 0 ? x[i] : alpha * std::expm1(x[i]);
}

inline void exponential_ramp_gradient(const Real* y, std::int64_t n, Real alpha, Real* d) {
  for (std::int64_t i = 0; i < n; ++i) d[i] *= y[i] > 0 ? Real{1} : y[i] + alpha;
}

inline void keep_some(const Real* x, const Real* field, std::int64_t n, Real least, Real factor, Real* y) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = field[i] >= least ? factor * x[i] : Real{0};
}

inline void add_scaled(const Real* x, const Real* noise, std::int64_t n, Real factor, Real* y) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = x[i] + factor * noise[i];
}

}  // namespace gradus::kernels::reference
