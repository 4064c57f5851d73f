#pragma once

#include <cstdint>
#include <vector>

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

/// The samples of a batch where they lie: bytes or reals, row r at (index ? index[r] : r) * stride. Products read them
/// as scale * value.
struct Samples {
  const void* data = nullptr;
  bool bytes = false;
  std::int64_t stride = 0;
  const std::uint32_t* index = nullptr;
  Real scale = 1;
  std::int64_t known = 0;  ///< `index` holds this many rows: those past the batch come next and may be fetched early

  [[nodiscard]] std::int64_t position(std::int64_t row) const {
    return (index == nullptr ? row : static_cast<std::int64_t>(index[row])) * stride;
  }
  [[nodiscard]] const std::uint8_t* byte_row(std::int64_t row) const {
    return static_cast<const std::uint8_t*>(data) + position(row);
  }
  [[nodiscard]] const Real* real_row(std::int64_t row) const { return static_cast<const Real*>(data) + position(row); }
  /// The same rows, from this column on.
  [[nodiscard]] Samples from_column(std::int64_t column) const {
    Samples rest = *this;
    rest.data = bytes ? static_cast<const void*>(static_cast<const std::uint8_t*>(data) + column)
                      : static_cast<const Real*>(data) + column;
    return rest;
  }
};

/// Whether more than 3 of 5 numbers of the first `rows` rows are 0, so that looking for the others pays.
bool mostly_zero(const Samples& samples, std::int64_t rows, std::int64_t width);

/// C[m, n] = act(sum_k A[m, k] B[k, n] + add[n]), or C += the sum when `accumulate` (then no epilogue).
struct Product {
  std::int64_t m = 0, n = 0, k = 0;
  const Real* a = nullptr;  ///< A[m, k] = a[m * a_row + k * a_col]
  std::int64_t a_row = 0, a_col = 1;
  const Real* b = nullptr;  ///< B[k, n] = b[k * b_row + n * b_col]; one of the two is 1
  std::int64_t b_row = 0, b_col = 1;
  Real* c = nullptr;
  std::int64_t c_row = 0;
  const Real* add = nullptr;
  Activation activation = Activation::linear;  ///< none where is_over_axis
  bool accumulate = false;
  /// With a single row, each sum may be several chains of additions, for none of which the others wait: another
  /// rounding than the same row has among others.
  bool in_chains = false;
  bool b_padded = false;  ///< B's rows (b_col == 1), and `add`, may be read up to padded(n)
  bool c_padded = false;  ///< C's rows may be written up to padded(n); zeros land there when B's padding is zero
  /// When set, A is these samples: A[m, k] = number k of sample first_sample_row + m, or, when `samples_transposed`,
  /// number first_sample_column + m of sample k.
  const Samples* samples = nullptr;
  bool samples_transposed = false;
  std::int64_t first_sample_row = 0;
  std::int64_t first_sample_column = 0;
};
void product(const Product& p);

/// For each row of a batch, the numbers that are not zero in ascending order of their columns. Row r's entries lie at
/// r * capacity; `starts[r * (tiles + 1) + t]` counts those before column t * tile_width.
struct SparseBatch {
  std::uint16_t* columns = nullptr;
  Real* values = nullptr;
  std::int32_t* starts = nullptr;
  std::int64_t capacity = 0;    ///< sparse_capacity(width)
  std::int64_t width = 0;       ///< numbers of a row, at most 65,535
  std::int64_t tile_width = 0;  ///< a multiple of `lane`
  std::int64_t tiles = 0;       ///< ceil(width / tile_width)

  [[nodiscard]] const std::uint16_t* row_columns(std::int64_t r) const { return columns + r * capacity; }
  [[nodiscard]] const Real* row_values(std::int64_t r) const { return values + r * capacity; }
  [[nodiscard]] const std::int32_t* row_starts(std::int64_t r) const { return starts + r * (tiles + 1); }
  [[nodiscard]] std::int32_t count(std::int64_t r) const { return row_starts(r)[tiles]; }
};
/// Room for the entries of one row; whole vectors are stored at its end.
constexpr std::int64_t sparse_capacity(std::int64_t width) { return padded(width) + 2 * lane; }
/// Lists rows [begin, end) of `samples`, scaled.
void find_nonzero(const Samples& samples, std::int64_t begin, std::int64_t end, const SparseBatch& batch);
/// For rows [begin, end): y_r[n] = act(sum_k x_r[k] B[k, n] + add[n]). The rows of B and y, and `add`, are padded;
/// none where is_over_axis.
void sparse_product(const SparseBatch& batch, std::int64_t begin, std::int64_t end, const Real* b, std::int64_t b_row,
                    std::int64_t n, const Real* add, Activation activation, Real* y, std::int64_t y_row);
/// Two parts of a product become the whole: for rows r < rows, `row` numbers apart and padded,
/// y_r[n] = act((y_r[n] + part_r[n]) + add[n]); not where is_over_axis.
void join_parts(const Real* part, std::int64_t rows, std::int64_t row, std::int64_t n, const Real* add,
                Activation activation, Real* y);
/// sparse_product of row 0, its sums formed in another order, while row `source` of `samples` is listed as row 0 of
/// `next`: costs hardly more than either.
void sparse_product_listing(const SparseBatch& batch, const Real* b, std::int64_t b_row, std::int64_t n,
                            const Real* add, Activation activation, Real* y, const Samples& samples,
                            std::int64_t source, const SparseBatch& next);
/// g[i - first, n] = sum over the batch's rows r < rows of x_r[i] d_r[n], for the columns i of tile `tile`, first being
/// the tile's first column. The rows of d and g are padded.
void sparse_gradient(const SparseBatch& batch, std::int64_t rows, std::int64_t tile, const Real* d, std::int64_t d_row,
                     std::int64_t n, Real* g, std::int64_t g_row);
/// One step of plain gradient descent from a single sample, for the rows i of w that belong to tiles [begin, end):
/// w[i, n] -= x_i * (rate * d[n]). Where x is 0 nothing is touched.
void sparse_sgd(const SparseBatch& batch, std::int64_t begin, std::int64_t end, const Real* d, std::int64_t n,
                Real rate, Real* w, std::int64_t w_row);
/// The same for a sample that is not a list: w[i, n] -= rate * (x[i] * d[n]) for i < rows; x and d may change places,
/// to the same bits.
void outer_sgd(const Real* x, std::int64_t rows, const Real* d, std::int64_t n, Real rate, Real* w, std::int64_t w_row);

/// y[i] = samples.scale * x[i] + offset for the samples' row r.
void scale_row(const Samples& samples, std::int64_t r, std::int64_t width, Real offset, Real* y);
/// How many of the first `width` numbers of the samples' row r are 0.
std::int64_t count_zeros(const Samples& samples, std::int64_t r, std::int64_t width);
/// sums[n] (+)= sum over rows of x[r * stride + n], rows ascending.
void column_sums(const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n, Real* sums, bool add_to);
/// The sum of x[0, n), in an order that n alone gives.
Real sum(const Real* x, std::int64_t n);
/// g[r * stride + n] += offset * b[n].
void add_to_rows(Real* g, std::int64_t rows, std::int64_t stride, std::int64_t n, Real offset, const Real* b);

/// y = act(x), element by element; x may be y. Not where is_over_axis.
void activate(Activation activation, const Real* x, std::int64_t n, Real* y);
/// Whether act'(z) cannot be told from act(z), since two z may give the same.
constexpr bool slope_needs_sum(Activation activation) {
  return activation == Activation::gelu || activation == Activation::silu || activation == Activation::mish ||
         activation == Activation::hard_silu || activation == Activation::gelu_tanh;
}
/// d[i] *= act'(z_i), given y = act(z), or given z itself where slope_needs_sum. At a kink the slope of the left.
void activation_gradient(Activation activation, const Real* y, std::int64_t n, Real* d);
/// Whether an activation looks at all numbers of the last axis at once, and not at each by itself.
constexpr bool is_over_axis(Activation activation) {
  return activation == Activation::softmax || activation == Activation::log_softmax;
}
/// y = act(x) over the n numbers of an axis, for an activation where is_over_axis; x may be y.
void activate_axis(Activation activation, const Real* x, std::int64_t n, Real* y);
/// d becomes the gradient through it, given y = act(x).
void activation_axis_gradient(Activation activation, const Real* y, std::int64_t n, Real* d);
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

/// The instruction sets that the fast kernels can run on here, best first: "AVX3", "AVX2", "SSE4", ...; the first is
/// used. "reference" alone in the double build.
std::vector<const char*> targets();
/// Makes the fast kernels use the named target from now on; "" undoes it. False when this machine does not have it.
bool force_target(const char* name);

}  // namespace gradus::kernels
