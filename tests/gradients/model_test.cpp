// Whole models as training computes them: the first layer reads the batch itself, the loss takes over the last
// activation. Gradients of all weights against central differences of the mean loss.
#include <gtest/gtest.h>

#include <cmath>

#include "base/philox.hpp"
#include "model/workspace.hpp"

namespace gradus::test {
namespace {

struct ModelCase {
  std::string name;
  std::vector<Layer> layers;
  Loss loss;
  std::int64_t rows;
  bool bytes;
  bool sparse;
  bool weighted = false;
  Shape input{5, 6, 1};
};

Initializer wide() { return RandomNormal{.stddev = 0.4}; }

Layer dense(std::int64_t units, Activation activation) {
  return Dense{.units = units, .activation = activation, .kernel_initializer = wide(), .bias_initializer = wide()};
}

std::vector<ModelCase> cases() {
  const Layer scaled = Rescaling{.scale = 1.0 / 255, .offset = 0.01}, plain = Rescaling{.scale = 1.0 / 255};
  std::vector<ModelCase> all;
  for (const bool bytes : {true, false}) {
    for (const bool sparse : {true, false}) {
      const std::string kind = std::string(bytes ? "Bytes" : "Reals") + (sparse ? "Sparse" : "Dense");
      all.push_back({"Offset" + kind,
                     {scaled, Flatten{}, dense(7, Activation::tanh), dense(4, softmax)},
                     CategoricalCrossentropy{},
                     6,
                     bytes,
                     sparse});
      all.push_back(
          {"Plain" + kind, {plain, Flatten{}, dense(5, sigmoid), dense(4, sigmoid)}, Quadratic{}, 6, bytes, sparse});
    }
  }
  all.push_back({"TwoScalings",
                 {scaled, Rescaling{.scale = 2, .offset = -1}, Flatten{}, dense(4, softmax)},
                 SparseCategoricalCrossentropy{},
                 3,
                 true,
                 true});
  all.push_back(
      {"RowsOfAnImage",
       {plain, dense(3, Activation::tanh), Flatten{}, dense(4, linear), ActivationLayer{.activation = softmax}},
       CategoricalCrossentropy{},
       4,
       true,
       false});
  all.push_back({"SigmoidLoss", {plain, Flatten{}, dense(4, sigmoid)}, BinaryCrossentropy{}, 5, false, true});
  all.push_back({"SoftmaxWithSquares", {plain, Flatten{}, dense(4, softmax)}, MeanSquaredError{}, 5, false, false});
  // A first layer in two parts, each of several tiles.
  all.push_back({"InParts",
                 {scaled, Flatten{}, dense(97, Activation::tanh), dense(4, softmax)},
                 CategoricalCrossentropy{},
                 6,
                 true,
                 true,
                 false,
                 {15, 20, 1}});
  const auto convolution = [](std::int64_t filters, std::int64_t size, Activation activation) {
    return Layer(Conv2D{.filters = filters,
                        .kernel_size = size,
                        .activation = activation,
                        .kernel_initializer = wide(),
                        .bias_initializer = wide(),
                        .kernel_regularizer = L2{.l2 = 0.1}});
  };
  all.push_back({"Pooled",
                 {scaled, convolution(5, 2, relu), MaxPooling2D{.pool_size = {2, 1}}, convolution(3, 2, linear),
                  GlobalMaxPooling2D{}, dense(4, softmax)},
                 CategoricalCrossentropy{},
                 6,
                 true,
                 true});
  all.push_back({"PooledOfManyFilters",
                 {plain, convolution(16, 2, Activation::tanh), MaxPooling2D{}, Flatten{}, dense(4, softmax)},
                 CategoricalCrossentropy{},
                 4,
                 false,
                 false});
  // Penalties of weights and of outputs, under a loss that takes over the last activation and where it may not.
  Dense penalized{.units = 6,
                  .activation = Activation::tanh,
                  .kernel_initializer = wide(),
                  .bias_initializer = wide(),
                  .kernel_regularizer = L1L2{.l1 = 0.03, .l2 = 0.2},
                  .bias_regularizer = L2{.l2 = 0.4},
                  .activity_regularizer = L1L2{.l1 = 0.1, .l2 = 0.3}};
  Dense last = penalized;
  last.units = 4, last.activation = softmax;
  const Layer top = dense(4, softmax);
  all.push_back({"Penalties", {scaled, Flatten{}, penalized, top}, CategoricalCrossentropy{}, 6, true, true});
  all.push_back({"PenaltiesAtTheEnd", {plain, Flatten{}, penalized, last}, CategoricalCrossentropy{}, 5, false, false});
  all.push_back({"Weighted", {scaled, Flatten{}, penalized, top}, CategoricalCrossentropy{}, 6, true, false, true});
  all.push_back({"Smoothed", {plain, Flatten{}, top}, CategoricalCrossentropy{.label_smoothing = 0.2}, 6, true, false});
  all.push_back({"SmoothedSigmoid",
                 {plain, Flatten{}, dense(4, sigmoid)},
                 BinaryCrossentropy{.label_smoothing = 0.2},
                 6,
                 true,
                 false});
  return all;
}

class ModelGradients : public testing::TestWithParam<ModelCase> {};

TEST_P(ModelGradients, AgreeWithCentralDifferences) {
  const ModelCase& c = GetParam();
  Sequential model{c.input, c.layers};
  model.compile({.optimizer = SGD{}, .loss = c.loss, .metrics = {}});
  Sequential::State& s = model.state();
  Philox random(3, 0);
  const std::int64_t width = c.input.elements();
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(c.rows * width));
  for (auto& x : bytes) x = random.uniform() < 0.6 ? 0 : static_cast<std::uint8_t>(random.below(256));
  const std::vector<Real> reals(bytes.begin(), bytes.end());
  const std::vector<std::int32_t> labels{0, 3, 1, 2, 2, 0};
  const void* data = c.bytes ? static_cast<const void*>(bytes.data()) : reals.data();
  BatchTargets targets;
  targets.labels = labels.data(), targets.width = 4;
  const std::vector<Real> sample_weights{1, 0.25, 3, 0, 2, 0.5}, class_weights{0.5, 2, 1, 4};
  if (c.weighted) targets.weights = sample_weights.data(), targets.class_weights = class_weights.data();

  Workspace workspace(s, c.rows, Workspace::Purpose::train);
  const auto mean_loss = [&] {
    workspace.set_batch({data, c.bytes, width, nullptr, 1}, c.rows, c.sparse);
    workspace.forward_backward(targets, nullptr);
    return workspace.loss_sum() / static_cast<double>(c.rows) + s.rules.penalty(s.block.data());
  };
  mean_loss();
  workspace.gradients(nullptr, nullptr, 0, nullptr);
  EXPECT_NEAR(workspace.penalty(), s.rules.penalty(s.block.data()), 1e-12);
  const std::vector<Real> computed(workspace.gradient_block(), workspace.gradient_block() + s.trainable_size);
  for (const PlacedParameter& placed : s.parameters) {
    const Parameter& p = *placed.parameter;
    for (std::int64_t i = 0; i < p.shape.elements(); ++i) {
      const std::int64_t at = p.offset + i / p.columns() * p.stride() + i % p.columns();
      Real& w = s.block.data()[at];
      const Real before = w, step = 1e-5;
      w = before + step, s.touch();
      const double above = mean_loss();
      w = before - step, s.touch();
      const double below = mean_loss();
      w = before, s.touch();
      const double expected = (above - below) / (2 * step);
      EXPECT_LE(std::abs(computed[static_cast<std::size_t>(at)] - expected), 1e-6 * std::max(1.0, std::abs(expected)))
          << p.name << "[" << i << "] of layer " << placed.layer;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, ModelGradients, testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

struct BatchCase {
  std::string name;
  Shape input;
  std::vector<Layer> layers;
};

std::vector<BatchCase> batch_cases() {
  const Layer scaled = Rescaling{.scale = 1.0 / 255, .offset = 0.1};
  return {{"FewSamplesAtOnce",
           {4, 5, 1},
           {scaled, Flatten{}, dense(144, linear), Reshape{.target_shape = {12, 12, 1}},
            Conv2D{.filters = 8, .kernel_size = 3, .activation = Activation::tanh}, GlobalAveragePooling2D{},
            dense(4, softmax)}},
          {"InParts", {15, 20, 1}, {scaled, Flatten{}, dense(97, Activation::tanh), dense(4, softmax)}}};
}

class BatchGradients : public testing::TestWithParam<BatchCase> {};

// Single samples take another way through a first layer, and none needs the sums over groups.
TEST_P(BatchGradients, AreTheMeanOfTheirSamples) {
  constexpr std::int64_t rows = 37;
  const std::int64_t width = GetParam().input.elements();
  Sequential model{GetParam().input, GetParam().layers};
  model.compile({.optimizer = SGD{}, .loss = CategoricalCrossentropy{}, .metrics = {}});
  Sequential::State& s = model.state();
  Philox random(4, 0);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(rows * width));
  for (auto& x : bytes) x = random.uniform() < 0.6 ? 0 : static_cast<std::uint8_t>(random.below(256));
  std::vector<std::int32_t> labels(rows);
  for (auto& label : labels) label = static_cast<std::int32_t>(random.below(4));
  const auto gradients = [&](Workspace& workspace, std::int64_t first, std::int64_t count, bool sparse) {
    BatchTargets targets;
    targets.labels = labels.data() + first, targets.width = 4;
    workspace.set_batch({bytes.data() + first * width, true, width, nullptr, 1}, count, sparse);
    workspace.forward_backward(targets, nullptr);
    workspace.gradients(nullptr, nullptr, 0, nullptr);
    return std::vector<Real>(workspace.gradient_block(), workspace.gradient_block() + s.trainable_size);
  };
  for (const bool sparse : {true, false}) {
    Workspace all(s, rows, Workspace::Purpose::train), one(s, 1, Workspace::Purpose::train);
    std::vector<Real> mean(static_cast<std::size_t>(s.trainable_size));
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::vector<Real> each = gradients(one, r, 1, sparse);
      for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += each[i] / static_cast<Real>(rows);
    }
    const std::vector<Real> together = gradients(all, 0, rows, sparse);
    for (const PlacedParameter& placed : s.parameters) {
      const Parameter& p = *placed.parameter;
      for (std::int64_t i = 0; i < p.shape.elements(); ++i) {
        const auto at = static_cast<std::size_t>(p.offset + i / p.columns() * p.stride() + i % p.columns());
        ASSERT_NEAR(together[at], mean[at], 1e-12) << p.name << "[" << i << "] of layer " << placed.layer;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, BatchGradients, testing::ValuesIn(batch_cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace gradus::test
