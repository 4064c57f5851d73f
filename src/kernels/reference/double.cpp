// In the double build the kernels are the reference ones.
#ifdef GRADUS_REAL_DOUBLE

#include "kernels/multiply.hpp"
#include "kernels/reference/convolution.hpp"
#include "kernels/reference/pooled.hpp"
#include "kernels/reference/reference.hpp"

namespace gradus::kernels {

void multiply(const Product& p) { reference::multiply(p); }
void activate(Activation activation, const Real* x, std::int64_t n, Real* y) {
  reference::activate(activation, x, n, y);
}
void activation_gradient(Activation activation, const Real* y, std::int64_t n, Real* d) {
  reference::activation_gradient(activation, y, n, d);
}
void softmax(const Real* x, std::int64_t n, Real* y) { reference::softmax(x, n, y); }
void softmax_gradient(const Real* y, std::int64_t n, Real* d) { reference::softmax_gradient(y, n, d); }
void find_nonzero(const Samples& samples, std::int64_t begin, std::int64_t end, const SparseBatch& batch) {
  reference::find_nonzero(samples, begin, end, batch);
}
void sparse_product(const SparseBatch& batch, std::int64_t begin, std::int64_t end, const Real* b, std::int64_t b_row,
                    std::int64_t n, const Real* add, Activation activation, Real* y, std::int64_t y_row) {
  reference::sparse_product(batch, begin, end, b, b_row, n, add, activation, y, y_row);
}
void join_parts(const Real* part, std::int64_t rows, std::int64_t row, std::int64_t n, const Real* add,
                Activation activation, Real* y) {
  reference::join_parts(part, rows, row, n, add, activation, y);
}
void sparse_product_listing(const SparseBatch& batch, const Real* b, std::int64_t b_row, std::int64_t n,
                            const Real* add, Activation activation, Real* y, const Samples& samples,
                            std::int64_t source, const SparseBatch& next) {
  reference::sparse_product_listing(batch, b, b_row, n, add, activation, y, samples, source, next);
}
void sparse_gradient(const SparseBatch& batch, std::int64_t rows, std::int64_t tile, const Real* d, std::int64_t d_row,
                     std::int64_t n, Real* g, std::int64_t g_row) {
  reference::sparse_gradient(batch, rows, tile, d, d_row, n, g, g_row);
}
void sparse_sgd(const SparseBatch& batch, std::int64_t begin, std::int64_t end, const Real* d, std::int64_t n,
                Real rate, Real* w, std::int64_t w_row) {
  reference::sparse_sgd(batch, begin, end, d, n, rate, w, w_row);
}
void outer_sgd(const Real* x, std::int64_t rows, const Real* d, std::int64_t n, Real rate, Real* w,
               std::int64_t w_row) {
  reference::outer_sgd(x, rows, d, n, rate, w, w_row);
}
void scale_row(const Samples& samples, std::int64_t r, std::int64_t width, Real offset, Real* y) {
  reference::scale_row(samples, r, width, offset, y);
}
std::int64_t count_zeros(const Samples& samples, std::int64_t r, std::int64_t width) {
  return reference::count_zeros(samples, r, width);
}
void column_sums(const Real* x, std::int64_t rows, std::int64_t stride, std::int64_t n, Real* sums, bool add_to) {
  reference::column_sums(x, rows, stride, n, sums, add_to);
}
Real sum(const Real* x, std::int64_t n) { return reference::sum(x, n); }
void add_to_rows(Real* g, std::int64_t rows, std::int64_t stride, std::int64_t n, Real offset, const Real* b) {
  reference::add_to_rows(g, rows, stride, n, offset, b);
}
void sgd(Real* w, const Real* g, std::int64_t n, Real rate) { reference::sgd(w, g, n, rate); }
void sgd_momentum(Real* w, const Real* g, Real* m, std::int64_t n, Real rate, Real momentum, bool nesterov) {
  reference::sgd_momentum(w, g, m, n, rate, momentum, nesterov);
}
void rmsprop(Real* w, const Real* g, Real* v, Real* m, Real* average, std::int64_t n, const RmspropNumbers& numbers) {
  reference::rmsprop(w, g, v, m, average, n, numbers);
}
void adam(Real* w, const Real* g, Real* m, Real* v, std::int64_t n, const AdamNumbers& numbers) {
  reference::adam(w, g, m, v, n, numbers);
}
void convolve(const Convolution& c, std::int64_t samples, ConstImages x, const Real* kernel, std::int64_t kernel_row,
              const Real* bias, bool relu, Images y) {
  reference::convolve(c, samples, x, kernel, kernel_row, bias, relu, y);
}
void convolution_input_gradient(const Convolution& c, std::int64_t samples, ConstImages d, const Real* kernel,
                                std::int64_t kernel_row, Images dx) {
  reference::convolution_input_gradient(c, samples, d, kernel, kernel_row, dx);
}
void convolution_kernel_gradient(const Convolution& c, std::int64_t samples, ConstImages x, ConstImages d,
                                 std::int64_t first, std::int64_t last, Real* g, std::int64_t g_row, bool add_to) {
  reference::convolution_kernel_gradient(c, samples, x, d, first, last, g, g_row, add_to);
}
void max_pool(const Pooling& p, const Real* x, Real* y, Real* place) { reference::max_pool(p, x, y, place); }
void max_pool_gradient(const Pooling& p, const Real* d, const Real* place, Real* dx) {
  reference::max_pool_gradient(p, d, place, dx);
}
void average_pool(const Pooling& p, const Real* x, Real* y) { reference::average_pool(p, x, y); }
void average_pool_gradient(const Pooling& p, const Real* d, Real* dx) { reference::average_pool_gradient(p, d, dx); }
void convolve_pooled(const Convolution& c, const Pooling& p, std::int64_t samples, ConstImages x, const Real* kernel,
                     std::int64_t kernel_row, const Real* bias, bool relu, Images y, Images place) {
  reference::convolve_pooled(c, p, samples, x, kernel, kernel_row, bias, relu, y, place);
}
void turn_kernel(const Convolution& c, std::int64_t first, std::int64_t last, const Real* kernel,
                 std::int64_t kernel_row, Real* turned) {
  reference::turn_kernel(c, first, last, kernel, kernel_row, turned);
}
void turn_back(const Convolution& c, std::int64_t first, std::int64_t last, const Real* turned, Real* kernel,
               std::int64_t kernel_row) {
  reference::turn_back(c, first, last, turned, kernel, kernel_row);
}
void pooled_gradients(const Convolution& c, const Pooling& p, std::int64_t samples, ConstImages x, ConstImages d,
                      ConstImages place, const Real* turned, Images dx, Real* g, bool add_to) {
  reference::pooled_gradients(c, p, samples, x, d, place, turned, dx, g, add_to);
}
std::vector<const char*> targets() { return {"reference"}; }
bool force_target(const char* name) { return *name == 0; }

}  // namespace gradus::kernels

#endif
