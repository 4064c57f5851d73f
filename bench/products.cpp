// Dense products: forward y = relu(x W + b), backward dx = dz W^T, gradient dW = x^T dz.
#include <algorithm>

#include "harness.hpp"

namespace gradus::bench {
namespace {

using kernels::padded;
using kernels::Product;

/// The matrices of one layer and one batch, as a model lays them out.
struct Operands {
  explicit Operands(const LayerShape& s)
      : x_row(padded(s.inputs)),
        y_row(padded(s.units)),
        x(random(s.batch * x_row)),
        y(random(s.batch * y_row)),
        w(random(s.inputs * y_row)),
        result(std::max(s.batch * std::max(x_row, y_row), s.inputs * y_row)),
        bias(random(y_row)) {}

  std::int64_t x_row, y_row;
  AlignedBuffer x, y, w, result, bias;
};

double operations(const LayerShape& s) { return 2.0 * static_cast<double>(s.batch * s.inputs * s.units); }

Product forward_product(Operands& o, const LayerShape& s) {
  Product p{.m = s.batch, .n = s.units, .k = s.inputs, .a = o.x.data(), .a_row = o.x_row};
  p.b = o.w.data(), p.b_row = o.y_row, p.b_padded = true;
  p.c = o.result.data(), p.c_row = o.y_row, p.c_padded = true;
  p.add = o.bias.data(), p.activation = Activation::relu;
  return p;
}

void time_product(benchmark::State& state, const LayerShape& s, const Product& p) {
  for (auto _ : state) kernels::product(p);
  count_operations(state, operations(s));
}

/// The product in pieces: `cut(piece, first, count)` makes that of `count` rows or columns from `first` on.
template <class Cut>
void time_in_tiles(benchmark::State& state, const LayerShape& s, const Product& whole, std::int64_t size,
                   std::int64_t tile, Cut cut) {
  for (auto _ : state) {
    for (std::int64_t first = 0; first < size; first += tile) {
      Product piece = whole;
      cut(piece, first, std::min(tile, size - first));
      kernels::product(piece);
    }
  }
  count_operations(state, operations(s));
}

void forward(benchmark::State& state, const LayerShape& s) {
  Operands o(s);
  time_product(state, s, forward_product(o, s));
}

// Columns by 128, as the threads share a large layer.
void forward_in_tiles(benchmark::State& state, const LayerShape& s) {
  Operands o(s);
  time_in_tiles(state, s, forward_product(o, s), s.units, 128, [](Product& p, std::int64_t first, std::int64_t count) {
    p.n = count;
    p.b += first, p.c += first, p.add += first;
  });
}

void backward(benchmark::State& state, const LayerShape& s) {
  Operands o(s);
  Product p{.m = s.batch, .n = s.inputs, .k = s.units, .a = o.y.data(), .a_row = o.y_row};
  p.b = o.w.data(), p.b_row = 1, p.b_col = o.y_row;
  p.c = o.result.data(), p.c_row = o.x_row, p.c_padded = true;
  time_product(state, s, p);
}

Product gradient_product(Operands& o, const LayerShape& s) {
  Product p{.m = s.inputs, .n = s.units, .k = s.batch, .a = o.x.data(), .a_row = 1, .a_col = o.x_row};
  p.b = o.y.data(), p.b_row = o.y_row, p.b_padded = true;
  p.c = o.result.data(), p.c_row = o.y_row, p.c_padded = true;
  return p;
}

void gradient(benchmark::State& state, const LayerShape& s) {
  Operands o(s);
  time_product(state, s, gradient_product(o, s));
}

// Rows of W by 64, each of which the optimizer then steps while they are in cache.
void gradient_in_tiles(benchmark::State& state, const LayerShape& s) {
  Operands o(s);
  time_in_tiles(state, s, gradient_product(o, s), s.inputs, 64, [](Product& p, std::int64_t first, std::int64_t count) {
    p.m = count;
    p.a += first, p.c += first * p.c_row;
  });
}

// The first layer where it does not skip zeros: from bytes, in the order of an epoch.
void forward_of_bytes(benchmark::State& state, const LayerShape& s) {
  Operands o(s);
  Product p = forward_product(o, s);
  for (auto _ : state) {
    const kernels::Samples samples = images().batch(s.batch);
    p.samples = &samples;
    kernels::product(p);
  }
  count_operations(state, operations(s));
}

void gradient_of_bytes(benchmark::State& state, const LayerShape& s) {
  Operands o(s);
  Product p = gradient_product(o, s);
  const kernels::Samples samples = images().batch(s.batch);
  p.samples = &samples, p.samples_transposed = true;
  for (auto _ : state) kernels::product(p);
  count_operations(state, operations(s));
}

std::vector<LayerShape> large(const std::vector<LayerShape>& shapes) {
  std::vector<LayerShape> found;
  std::copy_if(shapes.begin(), shapes.end(), std::back_inserter(found),
               [](const LayerShape& s) { return s.batch > 1 && s.units >= 512; });
  return found;
}

}  // namespace

void add_products() {
  add_for_each("product_forward", first_layers(), forward);
  add_for_each("product_forward", later_layers(), forward);
  add_for_each("product_forward_tiles", large(first_layers()), forward_in_tiles);
  add_for_each("product_forward_tiles", large(later_layers()), forward_in_tiles);
  add_for_each("product_forward_bytes", first_layers(), forward_of_bytes);
  add_for_each("product_backward", later_layers(), backward);
  add_for_each("product_gradient", first_layers(), gradient);
  add_for_each("product_gradient", later_layers(), gradient);
  add_for_each("product_gradient_tiles", large(first_layers()), gradient_in_tiles);
  add_for_each("product_gradient_tiles", large(later_layers()), gradient_in_tiles);
  add_for_each("product_gradient_bytes", first_layers(), gradient_of_bytes);
}

}  // namespace gradus::bench
