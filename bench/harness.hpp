#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/aligned.hpp"
#include "kernels/kernels.hpp"
#include "kernels/peak.hpp"

/// What the micro-benchmarks share: operands, and figures held against the machine's limits.
namespace gradus::bench {

/// A dense layer of a workload and the batch it is given.
struct LayerShape {
  std::int64_t batch, inputs, units = 0;
  [[nodiscard]] std::string text() const {
    const std::string outputs = units == 0 ? "" : "x" + std::to_string(units);
    return "b" + std::to_string(batch) + "_" + std::to_string(inputs) + outputs;
  }
};
/// The layers that read the images: sample-sgd, sigmoid-sample, keras-mlp, minibatch, mid-mlp, wide-mlp.
const std::vector<LayerShape>& first_layers();
/// All layers behind them.
const std::vector<LayerShape>& later_layers();

/// What one thread reaches at best with the chosen target; measured once, in about a second.
const kernels::Limits& limits();

/// Uniform in [-1, 1).
AlignedBuffer random(std::int64_t count);
/// Images as empty as MNIST's, and an order to read them in that is as random as an epoch's.
struct Images {
  static constexpr std::int64_t count = 20'000, width = 784;
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint32_t> order;
  /// `rows` of them; another part of the order at each call.
  [[nodiscard]] kernels::Samples batch(std::int64_t rows);

 private:
  std::int64_t next_ = 0;
};
Images& images();

/// The nonzero pixels of `rows` images.
class PixelLists {
 public:
  explicit PixelLists(std::int64_t rows);
  [[nodiscard]] const kernels::SparseBatch& batch() const { return batch_; }
  void find(const kernels::Samples& samples) const { kernels::find_nonzero(samples, 0, rows_, batch_); }
  [[nodiscard]] std::int64_t entries() const;

 private:
  std::int64_t rows_;
  std::vector<std::uint16_t> columns_;
  AlignedBuffer values_;
  std::vector<std::int32_t> starts_;
  kernels::SparseBatch batch_;
};

/// Adds GFLOP/s and their share of the multiply-add peak, given the operations of one round.
void count_operations(benchmark::State& state, double operations);
/// Adds GB/s and their share of the memory's bandwidth, given the bytes that one round reads and writes. What stays in
/// the caches exceeds 1.
void count_bytes(benchmark::State& state, double bytes);

using Body = void (*)(benchmark::State&, const LayerShape&);
void add_for_each(const std::string& name, const std::vector<LayerShape>& shapes, Body body);

void add_convolutions();
void add_products();
void add_sparse();
void add_elementwise();
void add_optimizers();

}  // namespace gradus::bench
