#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include <gradus/gradus.hpp>

#include "support/expect_error.hpp"

namespace gradus::test {
namespace {

Sequential digits_model(std::uint64_t seed = 0) {
  return {{28, 28, 1},
          {Rescaling{.scale = 1.0 / 255}, Flatten{}, Dense{.units = 90, .activation = relu},
           Dense{.units = 10, .activation = softmax}},
          {.seed = seed}};
}

TEST(Sequential, InfersShapesAndNamesLayersAsKerasDoes) {
  const Sequential model = digits_model();
  EXPECT_EQ(model.output_shape(), Shape({10}));
  EXPECT_EQ(model.layer_output_shape(1), Shape({784}));
  EXPECT_EQ(model.parameters(), 784 * 90 + 90 + 90 * 10 + 10);
  std::vector<std::string> names;
  for (const WeightInfo& weight : model.weights()) names.push_back(weight.layer + "/" + weight.name);
  EXPECT_EQ(names, (std::vector<std::string>{"dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"}));
}

TEST(Sequential, PrintsTheTableThatKerasPrints) {
  const std::string summary = digits_model().summary();
  for (const char* part : {"Model: \"sequential\"", "Layer (type)", "dense_1 (Dense)", "(None, 28, 28, 1)", "70,650",
                           "Total params: 71,560 (279.53 KB)", "Non-trainable params: 0 (0.00 B)"}) {
    EXPECT_NE(summary.find(part), std::string::npos) << part << "\n" << summary;
  }
}

TEST(Sequential, RefusesWhatDoesNotFitAndNamesTheLayer) {
  expect_error(ErrorCode::invalid_argument, {"dense", "units", "0"}, [] { Sequential({4}, {Dense{}}); });
  expect_error(ErrorCode::invalid_argument, {"two layers", "twin"}, [] {
    Sequential({4}, {Flatten{.name = "twin"}, Flatten{.name = "twin"}});
  });
  expect_error(ErrorCode::invalid_argument, {"needs an input"}, [] { Sequential({0}, {Flatten{}}); });
  expect_error(ErrorCode::invalid_argument, {"hidden", "kernel", "stddev", "-1"}, [] {
    Sequential({4}, {Dense{.units = 2, .kernel_initializer = RandomNormal{.stddev = -1}, .name = "hidden"}});
  });
  expect_error(ErrorCode::invalid_argument, {"dense", "bias", "takes 2 values, got 3"}, [] {
    Sequential({4}, {Dense{.units = 2, .bias_initializer = Given{.values = {1, 2, 3}}}});
  });
  const Sequential model = digits_model();
  const Tensor wrong({2, 5});
  expect_error(ErrorCode::invalid_argument, {"(28, 28, 1)", "(5,)"}, [&] { (void)model.predict(wrong); });
}

TEST(Sequential, AModelWithoutWeightsPassesItsInputThrough) {
  const Sequential model{{2, 3}, {Flatten{}}};
  const Tensor x({2, 2, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  const Tensor y = model.predict(x);
  EXPECT_EQ(y.shape(), Shape({2, 6}));
  for (std::int64_t i = 0; i < 12; ++i) EXPECT_EQ(y[i], x[i]);
}

TEST(Sequential, WeightsCanBeReadAndSet) {
  Sequential model{{3}, {Dense{.units = 2}}};
  model.set_weight(0, Tensor({3, 2}, {1, 2, 3, 4, 5, 6}));
  model.set_weight(1, Tensor({2}, {10, 20}));
  const Tensor y = model.predict(Tensor({1, 3}, {1, 0, 2}));
  EXPECT_EQ(y[0], 1 + 10 + 10);
  EXPECT_EQ(y[1], 2 + 12 + 20);
  expect_error(ErrorCode::invalid_argument, {"dense", "kernel", "(3, 2)", "(2, 3)"}, [&] {
    model.set_weight(0, Tensor({2, 3}));
  });
}

TEST(Sequential, CopiesShareNothingAndSeedsDecide) {
  const Sequential a = digits_model(1), b = digits_model(1), c = digits_model(2);
  EXPECT_EQ(a.weights_sha256(), b.weights_sha256());
  EXPECT_NE(a.weights_sha256(), c.weights_sha256());
  Sequential copy = a;
  copy.set_weight(1, Tensor({90}, std::vector<Real>(90, 1)));
  EXPECT_NE(copy.weights_sha256(), a.weights_sha256());
  EXPECT_EQ(b.weights_sha256(), a.weights_sha256());
}

TEST(Predict, SeesChangedWeights) {
  Sequential model{{4}, {Rescaling{.scale = 0.5, .offset = 1}, Dense{.units = 1, .kernel_initializer = Ones{}}}};
  const Tensor x({1, 4}, {1, 2, 3, 4});
  EXPECT_EQ(model.predict(x)[0], 5 + 4);
  model.set_weight(0, Tensor({4, 1}, {2, 2, 2, 2}));
  EXPECT_EQ(model.predict(x)[0], 2 * (5 + 4));
}

struct Spread {
  std::string name;
  Initializer initializer;
  double mean, stddev, largest;  // largest absolute value; 0: unbounded
};

class InitializerSpread : public testing::TestWithParam<Spread> {};

// A kernel of (300, 200): fan_in 300, fan_out 200.
TEST_P(InitializerSpread, IsAsTheFormulaSays) {
  const Spread& s = GetParam();
  const Sequential model{{300}, {Dense{.units = 200, .kernel_initializer = s.initializer}}, {.seed = 9}};
  const Tensor w = model.weight(0);
  double sum = 0, squares = 0, largest = 0;
  for (const Real x : w.values()) {
    sum += double{x}, squares += double{x} * double{x};
    largest = std::max(largest, std::abs(double{x}));
  }
  const double count = 300 * 200, mean = sum / count;
  EXPECT_NEAR(mean, s.mean, 0.02 * s.stddev + 1e-12);
  EXPECT_NEAR(std::sqrt(squares / count - mean * mean), s.stddev, 0.01 * s.stddev + 1e-9);
  if (s.largest > 0) {
    EXPECT_LE(largest, s.largest * 1.0001);
    EXPECT_GE(largest, s.largest * 0.99);
  }
}

std::vector<Spread> spreads() {
  const double cut = 0.87962566103423978;  // spread of a normal cut at two standard deviations
  const auto fan = [](double scale, double n) { return std::sqrt(scale / n); };
  return {
      {"Constant", Constant{.value = 0.25}, 0.25, 0, 0.25},
      {"RandomNormal", RandomNormal{.mean = 1, .stddev = 0.1}, 1, 0.1, 0},
      {"RandomUniform", RandomUniform{}, 0, 0.1 / std::sqrt(12), 0.05},
      {"TruncatedNormal", TruncatedNormal{.stddev = 0.1}, 0, 0.1 * cut, 0.2},
      {"FanOutNormal", VarianceScaling{.mode = "fan_out", .distribution = "untruncated_normal"}, 0, fan(1, 200), 0},
      {"GlorotUniform", GlorotUniform{}, 0, fan(2, 500), std::sqrt(6.0 / 500)},
      {"GlorotNormal", GlorotNormal{}, 0, fan(2, 500), 2 * fan(2, 500) / cut},
      {"HeUniform", HeUniform{}, 0, fan(2, 300), std::sqrt(6.0 / 300)},
      {"HeNormal", HeNormal{}, 0, fan(2, 300), 2 * fan(2, 300) / cut},
      {"LecunUniform", LecunUniform{}, 0, fan(1, 300), std::sqrt(3.0 / 300)},
      {"LecunNormal", LecunNormal{}, 0, fan(1, 300), 2 * fan(1, 300) / cut},
  };
}

INSTANTIATE_TEST_SUITE_P(Kinds, InitializerSpread, testing::ValuesIn(spreads()),
                         [](const auto& test) { return test.param.name; });

TEST(Orthogonal, RowsOrColumnsAreOrthonormal) {
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{30, 20}, {20, 30}}) {
    const Sequential model{{rows}, {Dense{.units = columns, .kernel_initializer = Orthogonal{.gain = 2}}}};
    const Tensor w = model.weight(0);
    const std::int64_t count = std::min(rows, columns), length = std::max(rows, columns);
    const auto at = [&](std::int64_t i, std::int64_t k) {
      return double{rows < columns ? w[i * columns + k] : w[k * columns + i]};
    };
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t j = 0; j <= i; ++j) {
        double dot = 0;
        for (std::int64_t k = 0; k < length; ++k) dot += at(i, k) * at(j, k);
        EXPECT_NEAR(dot, i == j ? 4.0 : 0.0, 1e-5);
      }
    }
  }
}

TEST(Specs, AreMadeByNameAndSayWhatIsWrong) {
  const Layer dense = Layer::make("Dense", {{"units", 7}, {"activation", "relu"}});
  EXPECT_EQ(dense, Layer(Dense{.units = 7, .activation = relu}));
  expect_error(ErrorCode::invalid_argument, {"no layer 'Dens'", "Dense"}, [] { Layer::make("Dens"); });
  expect_error(ErrorCode::invalid_argument, {"Dense", "no option 'unit'", "units"}, [] {
    Layer::make("Dense", {{"unit", 3}});
  });
  expect_error(ErrorCode::invalid_argument, {"Dense", "units", "whole number", "'many'"}, [] {
    Layer::make("Dense", {{"units", "many"}});
  });
  expect_error(ErrorCode::invalid_argument, {"activation 'reluu'", "relu"}, [] {
    Layer::make("Dense", {{"activation", "reluu"}});
  });
  EXPECT_EQ(dense.describe().front().name, "units");
}

TEST(Sequential, RefusesAnIndexThatIsNotThere) {
  Sequential model({3}, {Dense{.units = 2}});
  for (const std::size_t index : {std::size_t{2}, std::size_t{9}, std::size_t{0} - 1}) {
    const std::string sentence = "there is no weight " + std::to_string(index) + ": the model has 2 weights, 0 to 1";
    expect_error(ErrorCode::invalid_argument, {sentence}, [&] { (void)model.weight(index); });
    expect_error(ErrorCode::invalid_argument, {sentence}, [&] { model.set_weight(index, Tensor({2})); });
  }
  expect_error(ErrorCode::invalid_argument, {"there is no layer 1: the model has 1 layer, 0 to 0"},
               [&] { (void)model.layer_output_shape(1); });
  expect_error(ErrorCode::invalid_argument, {"there is no weight 0: the model has 0 weights"},
               [&] { (void)Sequential({3}, {Flatten{}}).weight(0); });
  expect_error(ErrorCode::invalid_argument, {"scalar"}, [] { (void)Shape{}.without_rows(); });
  expect_error(ErrorCode::invalid_argument, {"element 6", "(2, 3)"}, [] { (void)Tensor({2, 3}).view().at(6); });
}

}  // namespace
}  // namespace gradus::test
