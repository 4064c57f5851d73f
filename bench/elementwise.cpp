// What is done number by number or row by row, over a batch's outputs.
#include <string>

#include "harness.hpp"

namespace gradus::bench {
namespace {

using kernels::padded;

constexpr std::int64_t real_size = sizeof(Real);

void activation(benchmark::State& state, Activation kind) {
  const std::int64_t n = state.range(0);
  const AlignedBuffer x = random(n);
  AlignedBuffer y(n);
  for (auto _ : state) kernels::activate(kind, x.data(), n, y.data());
  count_bytes(state, static_cast<double>(2 * n * real_size));
}

void activation_gradient(benchmark::State& state, Activation kind) {
  const std::int64_t n = state.range(0);
  AlignedBuffer y = random(n), d = random(n);
  kernels::activate(kind, y.data(), n, y.data());
  const AlignedBuffer fresh = d;
  std::int64_t rounds = 0;
  for (auto _ : state) {
    // Factors below 1 would wear the numbers down to denormal ones, which are slow.
    if (++rounds % 16 == 0) {
      state.PauseTiming();
      d = fresh;
      state.ResumeTiming();
    }
    kernels::activation_gradient(kind, y.data(), n, d.data());
  }
  count_bytes(state, static_cast<double>(3 * n * real_size));
}

void softmax(benchmark::State& state, const LayerShape& s) {
  const std::int64_t stride = padded(s.units);
  const AlignedBuffer x = random(s.batch * stride);
  AlignedBuffer y(s.batch * stride);
  for (auto _ : state) {
    for (std::int64_t r = 0; r < s.batch; ++r) kernels::softmax(x.data() + r * stride, s.units, y.data() + r * stride);
  }
  count_bytes(state, static_cast<double>(2 * s.batch * s.units * real_size));
}

void softmax_gradient(benchmark::State& state, const LayerShape& s) {
  const std::int64_t stride = padded(s.units);
  AlignedBuffer y = random(s.batch * stride), d = random(s.batch * stride);
  for (std::int64_t r = 0; r < s.batch; ++r) kernels::softmax(y.data() + r * stride, s.units, y.data() + r * stride);
  const AlignedBuffer fresh = d;
  std::int64_t rounds = 0;
  for (auto _ : state) {
    if (++rounds % 16 == 0) {
      state.PauseTiming();
      d = fresh;
      state.ResumeTiming();
    }
    for (std::int64_t r = 0; r < s.batch; ++r) {
      kernels::softmax_gradient(y.data() + r * stride, s.units, d.data() + r * stride);
    }
  }
  count_bytes(state, static_cast<double>(3 * s.batch * s.units * real_size));
}

void column_sums(benchmark::State& state, const LayerShape& s) {
  const std::int64_t stride = padded(s.units);
  const AlignedBuffer x = random(s.batch * stride);
  AlignedBuffer sums(stride);
  for (auto _ : state) kernels::column_sums(x.data(), s.batch, stride, s.units, sums.data(), false);
  count_bytes(state, static_cast<double>(s.batch * s.units * real_size));
}

void add_to_rows(benchmark::State& state, const LayerShape& s) {
  const std::int64_t stride = padded(s.units);
  AlignedBuffer g = random(s.inputs * stride);
  const AlignedBuffer b = random(stride);
  for (auto _ : state) kernels::add_to_rows(g.data(), s.inputs, stride, s.units, Real{1e-6F}, b.data());
  count_bytes(state, static_cast<double>(2 * s.inputs * s.units * real_size));
}

// A batch of bytes, in the order of an epoch, to scaled reals.
void read_batch(benchmark::State& state, const LayerShape& s) {
  AlignedBuffer y(s.batch * padded(s.inputs));
  for (auto _ : state) {
    const kernels::Samples samples = images().batch(s.batch);
    for (std::int64_t r = 0; r < s.batch; ++r) {
      kernels::scale_row(samples, r, s.inputs, Real{0.01F}, y.data() + r * padded(s.inputs));
    }
  }
  count_bytes(state, static_cast<double>(s.batch * s.inputs * (1 + real_size)));
}

}  // namespace

void add_elementwise() {
  // The outputs of one sample of sigmoid-sample; of a batch of mid-mlp.
  constexpr std::int64_t sizes[] = {96, 128 * 512};
  for (const Activation kind : {Activation::relu, Activation::sigmoid, Activation::tanh}) {
    const std::string name(activation_name(kind));
    for (const std::int64_t size : sizes) {
      benchmark::RegisterBenchmark(("activate_" + name).c_str(), activation, kind)->Arg(size);
      benchmark::RegisterBenchmark(("activation_gradient_" + name).c_str(), activation_gradient, kind)->Arg(size);
    }
  }
  const std::vector<LayerShape> outputs = {{1, 90, 10}, {200, 90, 10}};
  add_for_each("softmax", outputs, softmax);
  add_for_each("softmax_gradient", outputs, softmax_gradient);
  const std::vector<LayerShape> batches = {{200, 784, 90}, {1000, 784, 30}, {128, 784, 512}, {256, 784, 2048}};
  add_for_each("column_sums", batches, column_sums);
  add_for_each("add_to_rows", {{200, 784, 90}}, add_to_rows);
  add_for_each("read_batch", {{1, 784}, {256, 784}}, read_batch);
}

}  // namespace gradus::bench
