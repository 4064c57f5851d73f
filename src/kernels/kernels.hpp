#pragma once

#include <cstdint>

#include <gradus/activations.hpp>
#include <gradus/tensor.hpp>

/// The loops under everything: matrix products and what is done element by element. Each has a plain reference
/// (kernels/reference) and a fast twin (kernels/fast, SIMD chosen at run time); the functions here are the fast ones in
/// the float build and the reference in the double build.
///
/// Every sum runs in one fixed order: each output of a product is one chain of multiply-adds over ascending k. So its
/// bits do not depend on how rows, columns or tiles are shared among threads, nor on whether a row is computed alone;
/// and a zero factor may be skipped, since adding 0 · b changes nothing for finite b.
namespace gradus::kernels {

/// Rows and weights are padded to this many numbers, so that no loop over columns has a rest. Numbers in the padding
/// are 0 for weights and gradients and arbitrary for activations.
inline constexpr std::int64_t lane = 16;
constexpr std::int64_t padded(std::int64_t count) { return (count + lane - 1) / lane * lane; }

/// The samples of a batch where they lie: bytes or reals, row r at (index ? index[r] : r) * stride. What is meant is
/// scale * value + offset.
struct Samples {
  const void* data = nullptr;
  bool bytes = false;
  std::int64_t stride = 0;
  const std::uint32_t* index = nullptr;

  [[nodiscard]] std::int64_t position(std::int64_t row) const {
    return (index == nullptr ? row : static_cast<std::int64_t>(index[row])) * stride;
  }
  [[nodiscard]] const std::uint8_t* byte_row(std::int64_t row) const {
    return static_cast<const std::uint8_t*>(data) + position(row);
  }
  [[nodiscard]] const Real* real_row(std::int64_t row) const { return static_cast<const Real*>(data) + position(row); }
};

/// C[m, n] = act(scale * sum_k A[m, k] B[k, n] + add[n]), or C += the sum when `accumulate` (then no epilogue).
struct Product {
  std::int64_t m = 0, n = 0, k = 0;
  const Real* a = nullptr;  ///< A[m, k] = a[m * a_row + k * a_col]
  std::int64_t a_row = 0, a_col = 1;
  const Real* b = nullptr;  ///< B[k, n] = b[k * b_row + n * b_col]; one of the two is 1
  std::int64_t b_row = 0, b_col = 1;
  Real* c = nullptr;
  std::int64_t c_row = 0;
  Real scale = 1;
  const Real* add = nullptr;
  Activation activation = Activation::linear;  ///< not softmax
  bool accumulate = false;
  /// When set, A is these samples: A[m, k] = sample m's number k, or the transpose of that when `samples_transposed`
  /// (A[m, k] = sample k's number first_sample_column + m).
  const Samples* samples = nullptr;
  bool samples_transposed = false;
  std::int64_t first_sample_column = 0;
};
void product(const Product& p);

/// The numbers of one row that are not zero, in ascending order of their columns.
struct SparseRow {
  std::uint16_t* columns;
  Real* values;
  std::int32_t count;
};
/// Room that the lists of a row of `width` numbers may take.
constexpr std::int64_t sparse_capacity(std::int64_t width) { return padded(width) + 2 * lane; }
/// Fills `row` (whose memory holds sparse_capacity(width)) from row `r` of `samples`. `starts[t]`, t in [0, tiles],
/// receives how many entries lie before column t * tile_width (a multiple of `lane`).
void find_nonzero(const Samples& samples, std::int64_t r, std::int64_t width, std::int64_t tile_width, SparseRow& row,
                  std::int32_t* starts);
/// y[n] = act(scale * sum_k row[k] B[k, n] + add[n]); b's rows are padded, y holds padded(n) numbers.
void sparse_row_product(const SparseRow& row, const Real* b, std::int64_t b_row, std::int64_t n, Real scale,
                        const Real* add, Activation activation, Real* y);
/// For each entry e in [begin, end) of `row`: g[(column_e - first) * g_row + n] += value_e * d[n].
void sparse_add_outer(const SparseRow& row, std::int32_t begin, std::int32_t end, std::int64_t first, const Real* d,
                      std::int64_t n, Real* g, std::int64_t g_row);
/// One step of plain gradient descent from a single sample, for rows [row_begin, row_end) of w:
/// w[i, n] -= rate * (x_i * d[n]) with x_i = scale * row[i] + offset. Rows whose x is 0 are not touched.
/// `column_sums` (may be null; padded(n)) receives the sums of these rows of w after the step.
void sparse_sgd_outer(const SparseRow& row, std::int32_t begin, std::int32_t end, Real scale, Real offset,
                      std::int64_t row_begin, std::int64_t row_end, const Real* d, std::int64_t n, Real rate, Real* w,
                      std::int64_t w_row, Real* column_sums);

/// y[i] = x[i] * w_scale + w_offset for samples' row r.
void scale_row(const Samples& samples, std::int64_t r, std::int64_t width, Real scale, Real offset, Real* y);
/// sums[n] (+)= sum over rows of x[r * stride + n], rows ascending.
void column_sums(const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n, Real* sums, bool add_to);
/// g[r * stride + n] = scale * g[r * stride + n] + offset * b[n].
void scale_add_rows(Real* g, std::int64_t rows, std::int64_t stride, std::int64_t n, Real scale, Real offset,
                    const Real* b);
/// y[i] = scale * x[i] + add[i].
void scale_add(const Real* x, Real scale, const Real* add, std::int64_t n, Real* y);

/// y = act(x), element by element; x may be y. Not for softmax.
void activate(Activation activation, const Real* x, std::int64_t n, Real* y);
/// d[i] *= act'(z_i), given y = act(z): every activation here has a derivative that can be told from y.
void activation_gradient(Activation activation, const Real* y, std::int64_t n, Real* d);
/// y = softmax(x) over n numbers; x may be y. Subtracts the maximum first, so nothing overflows.
void softmax(const Real* x, std::int64_t n, Real* y);
/// d = y ⊙ (d - d·y): the gradient through softmax.
void softmax_gradient(const Real* y, std::int64_t n, Real* d);

/// w -= rate * g.
void sgd(Real* w, const Real* g, std::int64_t n, Real rate);
/// m = momentum m - rate g; w += m, or with nesterov w += momentum m - rate g.
void sgd_momentum(Real* w, const Real* g, Real* m, std::int64_t n, Real rate, Real momentum, bool nesterov);
struct RmspropNumbers {
  Real rate, rho, momentum, epsilon;
};
/// See RMSprop in optimizers.hpp; `average` (centered) and `m` (momentum) may be null.
void rmsprop(Real* w, const Real* g, Real* v, Real* m, Real* average, std::int64_t n, const RmspropNumbers& numbers);
struct AdamNumbers {
  Real rate;  ///< with the bias corrections: learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t)
  Real beta_1, beta_2, epsilon;
};
void adam(Real* w, const Real* g, Real* m, Real* v, std::int64_t n, const AdamNumbers& numbers);

/// What the fast kernels run on: "AVX3", "AVX2", "SSE4", ...; "reference" in the double build.
const char* target_name();
/// Makes the fast kernels use the named target from now on; "" undoes it. False when this machine does not have it.
bool force_target(const char* name);

}  // namespace gradus::kernels
