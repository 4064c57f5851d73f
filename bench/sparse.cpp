// The first layer where it skips zeros. Operations are those that are done: two for each entry and column.
#include "harness.hpp"

namespace gradus::bench {
namespace {

using kernels::padded;

double operations(const PixelLists& lists, const LayerShape& s) {
  return 2.0 * static_cast<double>(lists.entries() * s.units);
}

void find(benchmark::State& state, const LayerShape& s) {
  const PixelLists lists(s.batch);
  for (auto _ : state) lists.find(images().batch(s.batch));
  count_bytes(state, static_cast<double>(s.batch * Images::width));
}

void forward(benchmark::State& state, const LayerShape& s) {
  const PixelLists lists(s.batch);
  const std::int64_t stride = padded(s.units);
  const AlignedBuffer w = random(Images::width * stride), bias = random(stride);
  AlignedBuffer y(s.batch * stride);
  for (auto _ : state) {
    kernels::sparse_product(lists.batch(), 0, s.batch, w.data(), stride, s.units, bias.data(), Activation::relu,
                            y.data(), stride);
  }
  count_operations(state, operations(lists, s));
}

void gradient(benchmark::State& state, const LayerShape& s) {
  const PixelLists lists(s.batch);
  const std::int64_t stride = padded(s.units);
  const AlignedBuffer d = random(s.batch * stride);
  AlignedBuffer g(padded(Images::width + lists.batch().tile_width) * stride);
  for (auto _ : state) {
    for (std::int64_t tile = 0; tile < lists.batch().tiles; ++tile) {
      kernels::sparse_gradient(lists.batch(), s.batch, tile, d.data(), stride, s.units,
                               g.data() + tile * lists.batch().tile_width * stride, stride);
    }
  }
  count_operations(state, operations(lists, s));
}

void sgd_of_pixels(benchmark::State& state, const LayerShape& s) {
  const PixelLists lists(1);
  const std::int64_t stride = padded(s.units);
  const AlignedBuffer d = random(stride);
  AlignedBuffer w = random(Images::width * stride);
  for (auto _ : state) {
    kernels::sparse_sgd(lists.batch(), 0, lists.batch().tiles, d.data(), s.units, Real{1e-6F}, w.data(), stride);
  }
  count_operations(state, 2.0 * static_cast<double>(lists.entries() * s.units));
}

void sgd_of_reals(benchmark::State& state, const LayerShape& s) {
  const std::int64_t stride = padded(s.units);
  const AlignedBuffer x = random(s.inputs), d = random(stride);
  AlignedBuffer w = random(s.inputs * stride);
  for (auto _ : state) kernels::outer_sgd(x.data(), s.inputs, d.data(), s.units, Real{1e-6F}, w.data(), stride);
  count_operations(state, 2.0 * static_cast<double>(s.inputs * s.units));
}

std::vector<LayerShape> single_rows(const std::vector<LayerShape>& shapes) {
  std::vector<LayerShape> found;
  for (const LayerShape& s : shapes) {
    if (s.batch == 1) found.push_back(s);
  }
  return found;
}

}  // namespace

void add_sparse() {
  add_for_each("find_nonzero", {{1, 784}, {256, 784}}, find);
  add_for_each("sparse_forward", first_layers(), forward);
  add_for_each("sparse_gradient", first_layers(), gradient);
  add_for_each("sparse_sgd", single_rows(first_layers()), sgd_of_pixels);
  add_for_each("outer_sgd", single_rows(later_layers()), sgd_of_reals);
}

}  // namespace gradus::bench
