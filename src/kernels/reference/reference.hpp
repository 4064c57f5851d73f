#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/kernels.hpp"
#include "kernels/reference/activations.hpp"

/// The kernels as plainly as they can be written: what the fast ones are tested against, and what gradients are
/// checked with in double.
namespace gradus::kernels::reference {

inline Real value(const Samples& samples, std::int64_t row, std::int64_t column) {
  return samples.scale *
         (samples.bytes ? static_cast<Real>(samples.byte_row(row)[column]) : samples.real_row(row)[column]);
}

inline void softmax(const Real* x, std::int64_t n, Real* y) {
  const Real top = *std::max_element(x, x + n);
  Real sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += y[i] = std::exp(x[i] - top);
  for (std::int64_t i = 0; i < n; ++i) y[i] /= sum;
}

inline void softmax_gradient(const Real* y, std::int64_t n, Real* d) {
  Real dot = 0;
  for (std::int64_t i = 0; i < n; ++i) dot += y[i] * d[i];
  for (std::int64_t i = 0; i < n; ++i) d[i] = y[i] * (d[i] - dot);
}

inline void multiply(const Product& p) {
  for (std::int64_t m = 0; m < p.m; ++m) {
    for (std::int64_t n = 0; n < p.n; ++n) {
      Real& c = p.c[m * p.c_row + n];
      Real sum = p.accumulate ? c : Real{0};
      for (std::int64_t k = 0; k < p.k; ++k) sum += p.a[m * p.a_row + k * p.a_col] * p.b[k * p.b_row + n * p.b_col];
      if (!p.accumulate) {
        if (p.add != nullptr) sum += p.add[n];
        if (p.activation == Activation::relu) activate(Activation::relu, &sum, 1, &sum);
      }
      c = sum;
    }
  }
}

inline void find_nonzero(const Samples& samples, std::int64_t begin, std::int64_t end, const SparseBatch& batch) {
  for (std::int64_t r = begin; r < end; ++r) {
    std::int32_t count = 0;
    std::int32_t* starts = batch.starts + r * (batch.tiles + 1);
    for (std::int64_t k = 0; k < batch.width; ++k) {
      if (k % batch.tile_width == 0) *starts++ = count;
      const Real x = value(samples, r, k);
      if (x == 0) continue;
      batch.columns[r * batch.capacity + count] = static_cast<std::uint16_t>(k);
      batch.values[r * batch.capacity + count++] = x;
    }
    *starts = count;
  }
}

inline void sparse_product(const SparseBatch& batch, std::int64_t begin, std::int64_t end, const Real* b,
                           std::int64_t b_row, std::int64_t n, const Real* add, Activation activation, Real* y,
                           std::int64_t y_row) {
  for (std::int64_t r = begin; r < end; ++r) {
    for (std::int64_t j = 0; j < n; ++j) {
      Real sum = 0;
      for (std::int32_t e = 0; e < batch.count(r); ++e) {
        sum += batch.row_values(r)[e] * b[batch.row_columns(r)[e] * b_row + j];
      }
      y[r * y_row + j] = sum + (add == nullptr ? Real{0} : add[j]);
    }
    activate(activation, y + r * y_row, n, y + r * y_row);
  }
}

inline void join_parts(const Real* part, std::int64_t rows, std::int64_t row, std::int64_t n, const Real* add,
                       Activation activation, Real* y) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t j = 0; j < n; ++j) {
      y[r * row + j] = (y[r * row + j] + part[r * row + j]) + (add == nullptr ? Real{0} : add[j]);
    }
    activate(activation, y + r * row, n, y + r * row);
  }
}

inline void sparse_product_listing(const SparseBatch& batch, const Real* b, std::int64_t b_row, std::int64_t n,
                                   const Real* add, Activation activation, Real* y, const Samples& samples,
                                   std::int64_t source, const SparseBatch& next) {
  reference::sparse_product(batch, 0, 1, b, b_row, n, add, activation, y, padded(n));
  Samples rest = samples;
  const std::uint32_t number =
      static_cast<std::uint32_t>(samples.index == nullptr ? source : static_cast<std::int64_t>(samples.index[source]));
  rest.index = &number;
  reference::find_nonzero(rest, 0, 1, next);
}

inline void sparse_gradient(const SparseBatch& batch, std::int64_t rows, std::int64_t tile, const Real* d,
                            std::int64_t d_row, std::int64_t n, Real* g, std::int64_t g_row) {
  const std::int64_t first = tile * batch.tile_width, last = std::min(batch.width, first + batch.tile_width);
  for (std::int64_t i = first; i < last; ++i) std::fill_n(g + (i - first) * g_row, n, Real{0});
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int32_t e = batch.row_starts(r)[tile]; e < batch.row_starts(r)[tile + 1]; ++e) {
      Real* out = g + (batch.row_columns(r)[e] - first) * g_row;
      for (std::int64_t j = 0; j < n; ++j) out[j] += batch.row_values(r)[e] * d[r * d_row + j];
    }
  }
}

inline void sparse_sgd(const SparseBatch& batch, std::int64_t begin, std::int64_t end, const Real* d, std::int64_t n,
                       Real rate, Real* w, std::int64_t w_row) {
  for (std::int32_t e = batch.row_starts(0)[begin]; e < batch.row_starts(0)[end]; ++e) {
    for (std::int64_t j = 0; j < n; ++j) w[batch.columns[e] * w_row + j] -= rate * (batch.values[e] * d[j]);
  }
}

inline void outer_sgd(const Real* x, std::int64_t rows, const Real* d, std::int64_t n, Real rate, Real* w,
                      std::int64_t w_row) {
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < n; ++j) w[i * w_row + j] -= rate * (x[i] * d[j]);
  }
}

inline void scale_row(const Samples& samples, std::int64_t r, std::int64_t width, Real offset, Real* y) {
  for (std::int64_t i = 0; i < width; ++i) y[i] = value(samples, r, i) + offset;
}

inline void column_sums(const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n, Real* sums,
                        bool add_to) {
  for (std::int64_t j = 0; j < n; ++j) {
    Real sum = add_to ? sums[j] : Real{0};
    for (std::int64_t r = 0; r < rows; ++r) sum += x[r * stride + j];
    sums[j] = sum;
  }
}

inline std::int64_t count_zeros(const Samples& samples, std::int64_t r, std::int64_t width) {
  const auto count = [&](const auto* x) { return static_cast<std::int64_t>(std::count(x, x + width, 0)); };
  return samples.bytes ? count(samples.byte_row(r)) : count(samples.real_row(r));
}

inline Real sum(const Real* x, std::int64_t n) { return std::accumulate(x, x + n, Real{0}); }

inline void add_to_rows(Real* g, std::int64_t rows, std::int64_t stride, std::int64_t n, Real offset, const Real* b) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t j = 0; j < n; ++j) g[r * stride + j] += offset * b[j];
  }
}

inline void sgd(Real* w, const Real* g, std::int64_t n, Real rate) {
  for (std::int64_t i = 0; i < n; ++i) w[i] -= rate * g[i];
}

inline void sgd_momentum(Real* w, const Real* g, Real* m, std::int64_t n, Real rate, Real momentum, bool nesterov) {
  for (std::int64_t i = 0; i < n; ++i) {
    m[i] = momentum * m[i] - rate * g[i];
    w[i] += nesterov ? momentum * m[i] - rate * g[i] : m[i];
  }
}

inline void rmsprop(Real* w, const Real* g, Real* v, Real* m, Real* average, std::int64_t n,
                    const RmspropNumbers& numbers) {
  for (std::int64_t i = 0; i < n; ++i) {
    v[i] = numbers.rho * v[i] + (1 - numbers.rho) * g[i] * g[i];
    Real spread = v[i];
    if (average != nullptr) {
      average[i] = numbers.rho * average[i] + (1 - numbers.rho) * g[i];
      spread -= average[i] * average[i];
    }
    Real step = numbers.rate * g[i] / std::sqrt(spread + numbers.epsilon);
    if (m != nullptr) step = m[i] = numbers.momentum * m[i] + step;
    w[i] -= step;
  }
}

inline void adam(Real* w, const Real* g, Real* m, Real* v, std::int64_t n, const AdamNumbers& numbers) {
  for (std::int64_t i = 0; i < n; ++i) {
    m[i] += (g[i] - m[i]) * (1 - numbers.beta_1);
    v[i] += (g[i] * g[i] - v[i]) * (1 - numbers.beta_2);
    w[i] -= numbers.rate * m[i] / (std::sqrt(v[i]) + numbers.epsilon);
  }
}

}  // namespace gradus::kernels::reference
