#include "harness.hpp"

#include <algorithm>
#include <numeric>

#include "base/philox.hpp"
#include "performance/workloads.hpp"

namespace gradus::bench {

const std::vector<LayerShape>& first_layers() {
  static const std::vector<LayerShape> shapes = {{1, 784, 32},    {1, 784, 90},    {200, 784, 90},
                                                 {1000, 784, 30}, {128, 784, 512}, {256, 784, 2048}};
  return shapes;
}

const std::vector<LayerShape>& later_layers() {
  static const std::vector<LayerShape> shapes = {{1, 32, 16},     {1, 90, 10},    {200, 90, 10},     {1000, 30, 10},
                                                 {128, 512, 512}, {128, 512, 10}, {256, 2048, 2048}, {256, 2048, 10}};
  return shapes;
}

const kernels::Limits& limits() {
  static const kernels::Limits best = [] {
    kernels::Limits measured;
    constexpr int attempts = 6;  // against other work on the machine
    for (int i = 0; i < attempts; ++i) {
      const kernels::Limits once = kernels::measure_limits(1);
      measured.gflops = std::max(measured.gflops, once.gflops);
      measured.bandwidth_gbytes = std::max(measured.bandwidth_gbytes, once.bandwidth_gbytes);
    }
    return measured;
  }();
  return best;
}

AlignedBuffer random(std::int64_t count) {
  AlignedBuffer buffer(count);
  Philox numbers(7, 0);
  for (std::int64_t i = 0; i < count; ++i) buffer.data()[i] = static_cast<Real>(2 * numbers.uniform() - 1);
  return buffer;
}

Images& images() {
  static Images all = [] {
    Images made;
    made.pixels = test::ink(Images::count);
    made.order.resize(static_cast<std::size_t>(Images::count));
    std::iota(made.order.begin(), made.order.end(), 0U);
    Philox numbers(7, 1);
    for (std::size_t i = made.order.size(); i > 1; --i) std::swap(made.order[i - 1], made.order[numbers.below(i)]);
    return made;
  }();
  return all;
}

kernels::Samples Images::batch(std::int64_t rows) {
  if (next_ + rows > count) next_ = 0;
  const std::uint32_t* index = order.data() + next_;
  const std::int64_t known = count - next_;
  next_ += rows;
  return {pixels.data(), true, width, index, Real{1} / 255, known};
}

PixelLists::PixelLists(std::int64_t rows)
    : rows_(rows),
      columns_(static_cast<std::size_t>(rows * kernels::sparse_capacity(Images::width))),
      values_(rows * kernels::sparse_capacity(Images::width)) {
  constexpr std::int64_t tile = 64, tiles = (Images::width + tile - 1) / tile;
  starts_.resize(static_cast<std::size_t>(rows * (tiles + 1)));
  batch_ = {columns_.data(), values_.data(), starts_.data(), kernels::sparse_capacity(Images::width),
            Images::width,   tile,           tiles};
  find(images().batch(rows));
}

std::int64_t PixelLists::entries() const {
  std::int64_t sum = 0;
  for (std::int64_t r = 0; r < rows_; ++r) sum += batch_.count(r);
  return sum;
}

void count_operations(benchmark::State& state, double operations) {
  using benchmark::Counter;
  state.counters["GFLOP/s"] = Counter(operations * 1e-9, Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] = Counter(operations * 1e-9 / limits().gflops, Counter::kIsIterationInvariantRate);
}

void count_bytes(benchmark::State& state, double bytes) {
  using benchmark::Counter;
  state.counters["GB/s"] = Counter(bytes * 1e-9, Counter::kIsIterationInvariantRate);
  state.counters["of_memory"] = Counter(bytes * 1e-9 / limits().bandwidth_gbytes, Counter::kIsIterationInvariantRate);
}

void add_for_each(const std::string& name, const std::vector<LayerShape>& shapes, Body body) {
  for (const LayerShape& shape : shapes) {
    benchmark::RegisterBenchmark((name + "/" + shape.text()).c_str(),
                                 [body, shape](benchmark::State& state) { body(state, shape); });
  }
}

}  // namespace gradus::bench
