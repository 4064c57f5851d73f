// Regularizers and constraints: what they cost, what they do to weights, and that their bits stand.
#include <gtest/gtest.h>

#include <cmath>

#include <gradus/gradus.hpp>

#include "base/philox.hpp"
#include "model/state.hpp"
#include "support/expect_error.hpp"

namespace gradus::test {
namespace {

Dataset rows(std::int64_t count, std::int64_t width) {
  Philox random(5, 0);
  std::vector<Real> inputs;
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t k = 0; k < width; ++k) inputs.push_back(static_cast<Real>(random.normal()));
    labels.push_back(static_cast<std::int32_t>(i % 3));
  }
  return Dataset::classified("rows", {width}, inputs, labels, 3);
}

double norm_of_column(const Tensor& w, std::int64_t rows, std::int64_t columns, std::int64_t column) {
  double sum = 0;
  for (std::int64_t r = 0; r < rows; ++r) sum += std::pow(static_cast<double>(w[r * columns + column]), 2);
  return std::sqrt(sum);
}

TEST(Regularizers, AreInTheLossThatIsReported) {
  Dense layer{.units = 3, .activation = softmax, .bias_initializer = RandomNormal{.stddev = 1}};
  const Dataset data = rows(50, 4);
  Sequential plain{{4}, {layer}, {.seed = 2}};
  layer.kernel_regularizer = L1L2{.l1 = 0.125, .l2 = 0.5};
  layer.bias_regularizer = L1{.l1 = 2};
  Sequential penalized{{4}, {layer}, {.seed = 2}};
  for (Sequential* model : {&plain, &penalized}) model->compile({.optimizer = SGD{}, .metrics = {}});
  double expected = plain.evaluate(data).at("loss");
  const Tensor kernel = plain.weight(0), bias = plain.weight(1);
  for (const Real w : kernel.values()) expected += 0.125 * std::abs(w) + 0.5 * w * w;
  for (const Real w : bias.values()) expected += 2 * std::abs(w);
  EXPECT_NEAR(penalized.evaluate(data).at("loss"), expected, 1e-6);
  const double epoch = penalized.fit(data, {.batch_size = 50}).at("loss").front();
  EXPECT_NEAR(epoch, expected, 1e-6) << "the first batch is measured before its update";
}

TEST(Regularizers, OfOutputsCountEachSampleOnce) {
  Dense layer{.units = 3, .activation = softmax};
  const Dataset data = rows(40, 4);
  Sequential plain{{4}, {layer}};
  layer.activity_regularizer = L2{.l2 = 0.75};
  Sequential penalized{{4}, {layer}};
  for (Sequential* model : {&plain, &penalized}) model->compile({.optimizer = SGD{}, .metrics = {}});
  double squares = 0;
  const Tensor outputs = plain.predict(data.inputs());
  for (const Real y : outputs.values()) squares += static_cast<double>(y) * static_cast<double>(y);
  const double expected = plain.evaluate(data).at("loss") + 0.75 * squares / 40;
  for (const std::int64_t batch : {40, 7}) {
    EXPECT_NEAR(penalized.evaluate(data, {.batch_size = batch}).at("loss"), expected, 1e-6);
  }
}

// With a loss whose gradient is known to be 0 only the penalty moves weights: w -= rate (l1 sign w + 2 l2 w).
TEST(Regularizers, PlainDescentDecaysWeights) {
  Sequential model{{2}, {Dense{.units = 2, .use_bias = false, .kernel_regularizer = L1L2{.l1 = 0.5, .l2 = 0.25}}}};
  model.set_weight(0, Tensor({2, 2}, {1, -2, 0, 4}));
  model.compile({.optimizer = SGD{.learning_rate = 0.5}, .loss = MeanSquaredError{}, .metrics = {}});
  const Dataset nothing = Dataset::with_targets("nothing", {2}, {0, 0}, {0, 0}, 2);
  model.fit(nothing, {.batch_size = 1});
  const std::vector<Real> expected{1 - 0.5F * 1, -2 + 0.5F * 1.5F, 0, 4 - 0.5F * 2.5F};
  for (std::int64_t i = 0; i < 4; ++i) {
    EXPECT_FLOAT_EQ(model.weight(0)[i], expected[static_cast<std::size_t>(i)]) << i;
  }
}

TEST(Constraints, BringWeightsBackAfterEachStep) {
  const Dataset data = rows(60, 80);
  const auto trained = [&](const Constraint& constraint) {
    Sequential model{{80},
                     {Dense{.units = 70, .activation = relu, .kernel_constraint = constraint},
                      Dense{.units = 3, .activation = softmax}}};
    model.compile({.optimizer = SGD{.learning_rate = 0.5}, .metrics = {}});
    model.fit(data, {.epochs = 3, .batch_size = 20});
    return model.weight(0);
  };
  const Tensor limited = trained(MaxNorm{.max_value = 0.75}), unit = trained(UnitNorm{}), positive = trained(NonNeg{});
  const Tensor between = trained(MinMaxNorm{.min_value = 0.5, .max_value = 0.6});
  double greatest = 0;
  for (std::int64_t c = 0; c < 70; ++c) {
    greatest = std::max(greatest, norm_of_column(limited, 80, 70, c));
    EXPECT_NEAR(norm_of_column(unit, 80, 70, c), 1, 1e-5);
    EXPECT_GT(norm_of_column(between, 80, 70, c), 0.5 - 1e-5);
    EXPECT_LT(norm_of_column(between, 80, 70, c), 0.6 + 1e-5);
  }
  EXPECT_NEAR(greatest, 0.75, 1e-5) << "some column would be longer";
  for (const Real w : positive.values()) EXPECT_GE(w, 0);
}

TEST(Constraints, TakeTheAxesTheyAreTold) {
  const Dataset nothing = Dataset::with_targets("nothing", {2}, {0, 0}, {0, 0, 0}, 3);
  const auto kept = [&](std::vector<std::int64_t> axis) {
    Sequential model{{2},
                     {Dense{.units = 3,
                            .use_bias = true,
                            .bias_initializer = Given{.values = {3, 0, 4}},
                            .kernel_constraint = UnitNorm{.axis = std::move(axis)},
                            .bias_constraint = MaxNorm{.max_value = 1}}}};
    model.set_weight(0, Tensor({2, 3}, {3, 1, 2, 4, 0, 2}));
    model.compile({.optimizer = SGD{.learning_rate = 1e-30}, .loss = MeanSquaredError{}, .metrics = {}});
    model.fit(nothing, {.batch_size = 1});
    EXPECT_NEAR(model.weight(1)[0], 0.6, 1e-6);
    EXPECT_NEAR(model.weight(1)[2], 0.8, 1e-6);
    return model.weight(0);
  };
  const Tensor columns = kept({0}), rows = kept({-1}), all = kept({0, 1});
  EXPECT_NEAR(columns[0], 3.0 / 5, 1e-6);
  EXPECT_NEAR(columns[5], 2 / std::sqrt(8.0), 1e-6);
  EXPECT_NEAR(rows[1], 1 / std::sqrt(14.0), 1e-6);
  EXPECT_NEAR(rows[3], 4 / std::sqrt(20.0), 1e-6);
  EXPECT_NEAR(all[3], 4 / std::sqrt(34.0), 1e-6);
}

// A first layer keeps sums of its weights where its input has an offset: they must follow what a constraint changes.
TEST(WeightRules, GiveTheSameBitsForEveryNumberOfThreads) {
  Philox random(8, 0);
  std::vector<std::uint8_t> pixels(300 * 200);
  for (auto& p : pixels) p = random.uniform() < 0.7 ? 0 : static_cast<std::uint8_t>(random.below(256));
  std::vector<std::int32_t> labels(300);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % 4);
  const Dataset data = Dataset::classified("bytes", {200}, pixels, labels, 4);
  for (const std::int64_t batch : {1, 50}) {
    std::string first;
    for (const std::int64_t threads : {1, 2, 5}) {
      Sequential model{{200},
                       {Rescaling{.scale = 1.0 / 255, .offset = 0.1},
                        Dense{.units = 300,
                              .activation = relu,
                              .kernel_regularizer = L2{.l2 = 1e-3},
                              .activity_regularizer = L1{.l1 = 1e-4},
                              .kernel_constraint = MaxNorm{.max_value = 0.9}},
                        Dense{.units = 4, .activation = softmax, .kernel_constraint = UnitNorm{}}},
                       {.seed = 4}};
      model.compile({.optimizer = SGD{.learning_rate = 0.1}, .metrics = {Accuracy{}}});
      const History history = model.fit(data, {.epochs = 1, .batch_size = batch, .threads = threads});
      const std::string bits = model.weights_sha256() + " " + std::to_string(history.at("loss").back());
      if (first.empty()) first = bits;
      EXPECT_EQ(bits, first) << threads << " threads, batches of " << batch;
      const Sequential copy = model;
      EXPECT_NEAR(copy.evaluate(data).at("loss"), model.evaluate(data, {.batch_size = 33}).at("loss"), 1e-6);
    }
  }
}

TEST(WeightRules, AreRefusedWithTheLayersName) {
  const auto build = [](Dense layer) {
    layer.units = 3, layer.name = "hidden";
    Sequential model{{4}, {layer}};
  };
  expect_error(ErrorCode::invalid_argument, {"hidden", "L2", "l2", "-1"},
               [&] { build({.kernel_regularizer = L2{.l2 = -1}}); });
  expect_error(ErrorCode::invalid_argument, {"hidden", "kernel", "(4, 3)", "axis 2"},
               [&] { build({.kernel_constraint = MaxNorm{.axis = {2}}}); });
  expect_error(ErrorCode::invalid_argument, {"hidden", "MinMaxNorm", "max_value"},
               [&] { build({.bias_constraint = MinMaxNorm{.min_value = 2}}); });
}

}  // namespace
}  // namespace gradus::test
