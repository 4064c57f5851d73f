#include "inspect/explain.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include <gradus/error.hpp>

namespace gradus {
namespace {

/// Five rows of three numbers of both signs, in two classes.
Dataset small_data() {
  return Dataset::classified("small", {3},
                             std::vector<Real>{0.5f, -1.25f, 0.75f, -0.5f, 0.25f, 1.5f, 1.0f, 0.125f, -0.75f, -1.5f,
                                               0.625f, 0.375f, 0.875f, 1.25f, -0.25f},
                             {0, 1, 0, 1, 1}, 2);
}

Initializer spread() { return RandomNormal{.mean = 0.1, .stddev = 0.7}; }

Sequential network(Activation hidden, Activation last, std::int64_t outputs, const Loss& loss) {
  Sequential model(
      {3},
      {Rescaling{.scale = 0.5, .offset = 0.25},
       Dense{.units = 5, .activation = hidden, .kernel_initializer = spread(), .bias_initializer = spread()},
       Dense{.units = outputs, .kernel_initializer = spread(), .bias_initializer = spread()},
       ActivationLayer{.activation = last}},
      {.seed = 7});
  model.compile({.optimizer = SGD{}, .loss = loss, .metrics = {}});
  return model;
}

/// The cost of sample `index` when number `position` of weight `weight` is moved by `step`.
double moved_loss(const Sequential& model, const Dataset& data, std::int64_t index, std::size_t weight,
                  std::size_t position, Real step, double& moved_to) {
  Sequential copy = model;
  Tensor values = copy.weight(weight);
  values.values()[position] += step;
  moved_to = static_cast<double>(values.values()[position]);
  copy.set_weight(weight, values);
  return explain(copy, data, index).loss;
}

/// Compares every dL/dw of an explanation with the slope between two points close by.
void expect_slopes(const Sequential& model, const Dataset& data, std::int64_t index) {
  const Explanation explanation = explain(model, data, index);
  ASSERT_EQ(explanation.no_gradient, "");
  std::size_t weight = 0;
  for (const ExplainedLayer& layer : explanation.layers) {
    for (const ExplainedWeight& explained : layer.weights) {
      if (model.weights()[weight].trainable) {
        ASSERT_EQ(explained.gradient.size(), explained.values.size());
      } else {
        ASSERT_TRUE(explained.gradient.empty()) << "what is not trained has no slope to show";
      }
      for (std::size_t i = 0; i < explained.gradient.size(); ++i) {
        double above = 0, below = 0;
        const double rise = moved_loss(model, data, index, weight, i, 1e-3f, above) -
                            moved_loss(model, data, index, weight, i, -1e-3f, below);
        EXPECT_NEAR(explained.gradient[i], rise / (above - below), 2e-5)
            << layer.name << " " << explained.name << "[" << i << "]";
      }
      ++weight;
    }
  }
  EXPECT_EQ(weight, model.weights().size());
}

struct Case {
  std::string name;
  Activation hidden, last;
  std::int64_t outputs;
  Loss loss;
};

class ExplainEveryLoss : public ::testing::TestWithParam<Case> {};

TEST_P(ExplainEveryLoss, AgreesWithPredictEvaluateAndCentralDifferences) {
  const Case& c = GetParam();
  const Sequential model = network(c.hidden, c.last, c.outputs, c.loss);
  const Dataset data = small_data();
  for (std::int64_t index = 0; index < 2; ++index) {
    const Explanation explanation = explain(model, data, index);
    const Dataset one = data.slice(index, index + 1);
    const Tensor outputs = model.predict(one.inputs());
    const std::vector<double>& a = explanation.layers.back().a;
    ASSERT_EQ(static_cast<std::int64_t>(a.size()), c.outputs);
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_NEAR(a[i], static_cast<double>(outputs[static_cast<std::int64_t>(i)]), 2e-6);
    }
    EXPECT_NEAR(explanation.loss, model.evaluate(one).at("loss"), 1e-5);
    expect_slopes(model, data, index);
  }
}

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&](const std::string& name, Activation hidden, Activation last, std::int64_t outputs, Loss loss) {
    all.push_back({name, hidden, last, outputs, std::move(loss)});
  };
  add("MeanSquared", Activation::tanh, Activation::sigmoid, 2, MeanSquaredError{});
  add("MeanSquaredSoftmax", Activation::relu, Activation::softmax, 2, MeanSquaredError{});
  add("Squared", Activation::sigmoid, Activation::tanh, 2, SquaredError{});
  add("Quadratic", Activation::linear, Activation::linear, 2, Quadratic{});
  add("BinaryFused", Activation::tanh, Activation::sigmoid, 2, BinaryCrossentropy{});
  add("BinaryOneOutput", Activation::relu, Activation::sigmoid, 1, BinaryCrossentropy{});
  add("BinaryProbabilities", Activation::tanh, Activation::softmax, 2, BinaryCrossentropy{});
  add("BinaryLogits", Activation::tanh, Activation::linear, 2, BinaryCrossentropy{.from_logits = true});
  add("CategoricalFused", Activation::relu, Activation::softmax, 2, CategoricalCrossentropy{});
  add("CategoricalShares", Activation::tanh, Activation::sigmoid, 2, CategoricalCrossentropy{});
  add("CategoricalLogits", Activation::tanh, Activation::linear, 2, CategoricalCrossentropy{.from_logits = true});
  add("SparseFused", Activation::sigmoid, Activation::softmax, 2, SparseCategoricalCrossentropy{});
  add("SparseLogits", Activation::sigmoid, Activation::linear, 2, SparseCategoricalCrossentropy{.from_logits = true});
  add("Absolute", Activation::tanh, Activation::sigmoid, 2, MeanAbsoluteError{});
  add("Huber", Activation::tanh, Activation::tanh, 2, Huber{.delta = 0.4});
  add("LogCosh", Activation::tanh, Activation::linear, 2, LogCosh{});
  add("Hinge", Activation::sigmoid, Activation::tanh, 2, Hinge{});
  add("SquaredHinge", Activation::sigmoid, Activation::linear, 1, SquaredHinge{});
  add("Poisson", Activation::tanh, Activation::sigmoid, 2, Poisson{});
  add("SmoothedSoftmax", Activation::tanh, Activation::softmax, 2, CategoricalCrossentropy{.label_smoothing = 0.2});
  add("SmoothedSigmoid", Activation::tanh, Activation::sigmoid, 2, BinaryCrossentropy{.label_smoothing = 0.2});
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, ExplainEveryLoss, ::testing::ValuesIn(cases()),
                         [](const ::testing::TestParamInfo<Case>& c) { return c.param.name; });

/// One step of plain descent from one sample must move each weight by the explained gradient.
void expect_training_follows(Sequential model, const Dataset& data) {
  const Dataset one = data.first(1);
  const Explanation explanation = explain(model, data, 0);
  std::vector<Tensor> before;
  for (std::size_t i = 0; i < model.weights().size(); ++i) before.push_back(model.weight(i));
  model.fit(one, {.epochs = 1, .batch_size = 1});
  std::size_t index = 0;
  for (const ExplainedLayer& layer : explanation.layers) {
    for (const ExplainedWeight& weight : layer.weights) {
      const Tensor after = model.weight(index);
      for (std::size_t i = 0; i < weight.gradient.size(); ++i) {
        const double moved = static_cast<double>(before[index].values()[i]) - static_cast<double>(after.values()[i]);
        EXPECT_NEAR(moved, 0.5 * weight.gradient[i], 1e-6) << layer.name << " " << weight.name << "[" << i << "]";
      }
      ++index;
    }
  }
}

TEST_P(ExplainEveryLoss, SaysHowTrainingMovesTheWeights) {
  const Case& c = GetParam();
  Sequential model = network(c.hidden, c.last, c.outputs, c.loss);
  model.compile({.optimizer = SGD{.learning_rate = 0.5}, .loss = c.loss, .metrics = {}});
  expect_training_follows(model, small_data());
}

/// Two images of two channels in two classes, and what a stack of layers for images makes of them.
/// With this seed no two numbers that a maximum chooses from are so close that a small step changes its choice.
void expect_image_layers_followed(const std::vector<Layer>& stack) {
  std::vector<Real> pixels;
  for (int i = 0; i < 2 * 6 * 5 * 2; ++i) pixels.push_back(static_cast<Real>(((i * 37) % 41 - 20) / 16.0));
  const Dataset data = Dataset::classified("images", {6, 5, 2}, pixels, {1, 0}, 2);
  std::vector<Layer> layers = stack;
  layers.emplace_back(Flatten{});
  layers.emplace_back(Dense{.units = 2, .activation = softmax, .kernel_initializer = spread()});
  Sequential model({6, 5, 2}, layers, {.seed = 5});
  model.compile({.optimizer = SGD{}, .loss = CategoricalCrossentropy{}, .metrics = {}});
  for (std::int64_t index = 0; index < 2; ++index) {
    const Dataset one = data.slice(index, index + 1);
    const Tensor outputs = model.predict(one.inputs());
    const Explanation explanation = explain(model, data, index);
    EXPECT_NEAR(explanation.layers.back().a[0], static_cast<double>(outputs[0]), 2e-6);
    EXPECT_NEAR(explanation.loss, model.evaluate(one).at("loss"), 1e-5);
    expect_slopes(model, data, index);
  }
}

TEST(ExplainImages, FollowsConvolutionsAndPooling) {
  const auto convolution = [](Conv2D c) {
    c.kernel_initializer = c.bias_initializer = spread();
    return c;
  };
  const auto depthwise = [](DepthwiseConv2D c) {
    c.depthwise_initializer = c.bias_initializer = spread();
    return c;
  };
  expect_image_layers_followed({convolution({.filters = 3, .kernel_size = {2, 3}, .activation = tanh})});
  expect_image_layers_followed({convolution({.filters = 4,
                                             .kernel_size = 3,
                                             .strides = 2,
                                             .padding = Padding::same,
                                             .groups = 2,
                                             .activation = sigmoid}),
                                MaxPooling2D{.pool_size = 2, .padding = Padding::same}});
  expect_image_layers_followed({convolution({.filters = 2, .kernel_size = 2, .dilation_rate = 2, .use_bias = false}),
                                AveragePooling2D{.pool_size = {3, 2}, .strides = 1, .padding = Padding::same},
                                convolution({.filters = 2, .kernel_size = 1, .activation = tanh}),
                                GlobalAveragePooling2D{}});
  expect_image_layers_followed({depthwise({.kernel_size = 3, .padding = Padding::same, .depth_multiplier = 2}),
                                AveragePooling2D{}, GlobalMaxPooling2D{}});
}

TEST(ExplainImages, FollowsNormalisationAsInPrediction) {
  const Initializer positive = RandomUniform{.minval = 0.5, .maxval = 2};
  expect_image_layers_followed(
      {Normalization{.mean = std::vector<double>{0.1, -0.2}, .variance = std::vector<double>{0.5, 2}},
       Conv2D{.filters = 3, .kernel_size = 3, .kernel_initializer = spread()},
       BatchNormalization{.epsilon = 0.01,
                          .beta_initializer = spread(),
                          .gamma_initializer = spread(),
                          .moving_mean_initializer = spread(),
                          .moving_variance_initializer = positive},
       ActivationLayer{.activation = tanh}});
}

TEST(Explain, FollowsLayersThatPassTheErrorItself) {
  Sequential model({3},
                   {Dense{.units = 5, .activation = sigmoid, .kernel_initializer = spread()},
                    Dense{.units = 2, .activation = sigmoid, .kernel_initializer = spread(), .passes_error = true}});
  model.compile({.optimizer = SGD{.learning_rate = 0.5}, .loss = Quadratic{}, .metrics = {}});
  expect_training_follows(model, small_data());
}

TEST(Explain, TakesTheOneHotValuesOfTheData) {
  const Sequential model = network(Activation::tanh, Activation::sigmoid, 2, SquaredError{});
  const Dataset data = small_data().with_one_hot({.on = 0.99, .off = 0.01});
  EXPECT_EQ(explain(model, data, 1).target, (std::vector<double>{0.01, 0.99}));
  expect_slopes(model, data, 1);
}

TEST(Explain, WorksThroughNumbersByHand) {
  // 2-1, x = (1, 2), kernel (3, -1), bias 0.5: z = 1.5; relu gives 1.5; t = 1; L = (1.5 - 1)^2.
  Sequential model(
      {2},
      {Dense{.units = 1, .activation = relu, .kernel_initializer = Given{{3, -1}}, .bias_initializer = Constant{0.5}}});
  model.compile({.optimizer = SGD{}, .loss = SquaredError{}, .metrics = {}});
  const Dataset data = Dataset::with_targets("hand", {2}, {1, 2}, {1}, 1);
  const Explanation explanation = explain(model, data, 0);
  ASSERT_EQ(explanation.layers.size(), 1u);
  const ExplainedLayer& layer = explanation.layers[0];
  EXPECT_EQ(layer.z, std::vector<double>{1.5});
  EXPECT_EQ(layer.a, std::vector<double>{1.5});
  EXPECT_EQ(explanation.loss, 0.25);
  EXPECT_EQ(explanation.label, -1);
  EXPECT_EQ(layer.a_gradient, std::vector<double>{1});
  EXPECT_EQ(layer.z_gradient, std::vector<double>{1});
  EXPECT_EQ(layer.weights[0].gradient, (std::vector<double>{1, 2}));
  EXPECT_EQ(layer.weights[1].gradient, std::vector<double>{1});
  const std::string text = explanation_text(explanation);
  EXPECT_NE(text.find("z = x . kernel + bias, a = relu(z)"), std::string::npos) << text;
  EXPECT_NE(text.find("L = 0.25"), std::string::npos) << text;
}

TEST(Explain, SaysWhyAStepHasNoGradient) {
  const Sequential model = network(Activation::step, Activation::sigmoid, 2, MeanSquaredError{});
  const Explanation explanation = explain(model, small_data(), 0);
  EXPECT_NE(explanation.no_gradient.find("step"), std::string::npos);
  EXPECT_TRUE(explanation.layers[1].weights[0].gradient.empty());
  for (const double a : explanation.layers[1].a) EXPECT_TRUE(a == 0 || a == 1);
}

TEST(Explain, FollowsOnlyForwardWithoutALoss) {
  const Sequential model({3}, {Dense{.units = 2, .activation = softmax}});
  const Explanation explanation = explain(model, small_data(), 0);
  EXPECT_EQ(explanation.loss_name, "");
  EXPECT_EQ(explanation.layers[0].a.size(), 2u);
  EXPECT_EQ(explanation_text(explanation).find("Backward"), std::string::npos);
}

TEST(Explain, RefusesWhatDoesNotFit) {
  const Sequential model = network(Activation::tanh, Activation::softmax, 2, CategoricalCrossentropy{});
  for (const std::int64_t index : {std::int64_t{-1}, std::int64_t{5}}) {
    try {
      (void)explain(model, small_data(), index);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      EXPECT_NE(std::string(error.what()).find("0 to 4"), std::string::npos) << error.what();
    }
  }
  EXPECT_THROW((void)explain(model, datasets::xor_corners(), 0), Error);
  const Sequential other({3}, {LayerNormalization{}, Dense{.units = 2}});
  try {
    (void)explain(other, small_data(), 0);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("cannot follow a LayerNormalization layer; it follows Dense"),
              std::string::npos)
        << error.what();
  }
}

TEST(Explain, ShowsTheInkOfAnImage) {
  std::vector<std::uint8_t> pixels(36);
  pixels[14] = 200;
  pixels[21] = 9;
  const Dataset data = Dataset::classified("dots", {6, 6, 1}, pixels, {1}, 2);
  Sequential model({6, 6, 1}, {Rescaling{.scale = 1.0 / 255}, Flatten{}, Dense{.units = 2, .activation = softmax}});
  model.compile({.optimizer = SGD{}, .loss = CategoricalCrossentropy{}, .metrics = {}});
  const std::string text = explanation_text(explain(model, data, 0));
  EXPECT_NE(text.find("rows 2 to 3, columns 2 to 3"), std::string::npos) << text;
  EXPECT_NE(text.find("[[200   0]"), std::string::npos) << text;
}

}  // namespace
}  // namespace gradus
