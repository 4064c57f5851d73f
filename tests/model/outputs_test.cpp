#include "model/outputs.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <gradus/gradus.hpp>

namespace gradus::test {
namespace {

/// `outputs` numbers from as many, unchanged, then `activation`.
Sequential identity(std::int64_t outputs, Activation activation = linear) {
  Sequential model({outputs}, {Dense{.units = outputs, .activation = activation, .use_bias = false}});
  Tensor kernel({outputs, outputs});
  for (std::int64_t i = 0; i < outputs; ++i) kernel.values()[static_cast<std::size_t>(i * outputs + i)] = 1;
  model.set_weight(0, kernel);
  return model;
}

Sequential with_loss(Sequential model, Loss loss) {
  model.compile({SGD{}, std::move(loss), {}});
  return model;
}

void expect_near(const std::vector<Real>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(static_cast<double>(found[i]), expected[i], 1e-6) << i;
}

const double e = std::exp(1.0), half = 1 / (1 + std::exp(-0.3));  // a sum of 0.3 is a share above one half

TEST(Outputs, SumsBecomeTheProbabilitiesThatTheLossSees) {
  const std::vector<Real> one{Real(0.3)}, two{1, 0};
  const Sequential binary = with_loss(identity(1), BinaryCrossentropy{.from_logits = true});
  expect_near(probabilities_of(binary, one), {1 - half, half});
  EXPECT_EQ(class_of(binary, one), 1);
  EXPECT_EQ(class_of(binary, std::vector<Real>{Real(-0.1)}), 0);
  expect_near(probabilities_of(with_loss(identity(2), CategoricalCrossentropy{.from_logits = true}), two),
              {e / (e + 1), 1 / (e + 1)});
  expect_near(probabilities_of(with_loss(identity(2), SparseCategoricalCrossentropy{.from_logits = true}), two),
              {e / (e + 1), 1 / (e + 1)});
  expect_near(probabilities_of(with_loss(identity(2), BinaryCrossentropy{.from_logits = true}), two),
              {e / (e + 1), 0.5});
  // A model that knows its classes and no loss, as one from an ONNX file.
  Sequential named = identity(2);
  named.set_class_names({"a", "b"});
  EXPECT_FALSE(gives_amounts(named));
  expect_near(probabilities_of(named, two), {e / (e + 1), 1 / (e + 1)});
}

TEST(Outputs, ProbabilitiesStayAsTheyAre) {
  const std::vector<Real> one{Real(0.3)}, two{Real(0.2), Real(0.8)};
  expect_near(probabilities_of(identity(1, sigmoid), one), {0.7, 0.3});
  EXPECT_TRUE(gives_probabilities(identity(1, sigmoid)));
  EXPECT_EQ(class_of(identity(1, sigmoid), one), 0);
  expect_near(probabilities_of(identity(1, Activation::tanh), one), {0.3});
  EXPECT_EQ(class_of(identity(1, Activation::tanh), one), 0);
  expect_near(probabilities_of(identity(2, softmax), two), {0.2, 0.8});
  expect_near(probabilities_of(with_loss(identity(2), MeanSquaredError{}), two), {0.2, 0.8});
  expect_near(probabilities_of(with_loss(identity(2), CategoricalCrossentropy{}), two), {0.2, 0.8});
  Sequential layer({2}, {Dense{.units = 2}, Softmax{}});
  EXPECT_EQ(last_activation(layer.layers()), softmax);
  EXPECT_FALSE(gives_amounts(layer));
  expect_near(probabilities_of(layer, two), {0.2, 0.8});
}

TEST(Outputs, OfLogSoftmaxAreTheLogarithmsOfProbabilities) {
  const std::vector<Real> outputs{static_cast<Real>(std::log(0.2)), static_cast<Real>(std::log(0.8))};
  const Sequential model = identity(2, log_softmax);
  EXPECT_TRUE(gives_probabilities(model));
  EXPECT_FALSE(gives_amounts(model));
  expect_near(probabilities_of(model, outputs), {0.2, 0.8});
  EXPECT_EQ(class_of(model, outputs), 1);
}

// Probabilities lie within 0 to 1 and add up to 1; all other outputs that name a class are scores.
TEST(Outputs, AreProbabilitiesOrScores) {
  const auto named = [](Sequential model) {
    model.set_class_names({"a", "b"});
    return model;
  };
  EXPECT_TRUE(gives_probabilities(identity(2, softmax)));
  EXPECT_TRUE(gives_probabilities(named(identity(2))));
  EXPECT_TRUE(gives_probabilities(with_loss(identity(2), CategoricalCrossentropy{.from_logits = true})));
  EXPECT_TRUE(gives_probabilities(with_loss(identity(1), BinaryCrossentropy{.from_logits = true})));
  for (const Activation activation : {Activation::tanh, relu, sigmoid, softplus}) {
    EXPECT_FALSE(gives_probabilities(identity(2, activation))) << activation_name(activation);
  }
  for (const Loss& loss : std::vector<Loss>{Hinge{}, CategoricalHinge{}, MeanSquaredError{}}) {
    const Sequential model = named(with_loss(identity(2), loss));
    EXPECT_FALSE(gives_amounts(model));
    EXPECT_FALSE(gives_probabilities(model)) << loss.class_name();
    expect_near(probabilities_of(model, std::vector<Real>{-1, 3}), {-1, 3});
    EXPECT_EQ(class_of(model, std::vector<Real>{-1, 3}), 1);
  }
  EXPECT_TRUE(are_finite(std::vector<Real>{1, 2}));
  EXPECT_FALSE(are_finite(std::vector<Real>{1, std::numeric_limits<Real>::quiet_NaN()}));
  EXPECT_FALSE(are_finite(std::vector<Real>{std::numeric_limits<Real>::infinity()}));
}

TEST(Outputs, ConfusionCountsTheSameClasses) {
  const Dataset data =
      Dataset::classified("sums", {1}, std::vector<Real>{Real(0.3), Real(-0.3), Real(0.1)}, {1, 0, 0}, 2);
  const Sequential model = with_loss(identity(1), BinaryCrossentropy{.from_logits = true});
  for (const ConfusionMatrix& matrix : {model.confusion(data), Ensemble({model, model}).confusion(data)}) {
    EXPECT_EQ(matrix.counts, (std::vector<std::int64_t>{1, 1, 0, 1}));
  }
}

}  // namespace
}  // namespace gradus::test
