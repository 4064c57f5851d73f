// Weights of samples and classes: Keras's rule, sum(weight * loss) / samples.
#include <gtest/gtest.h>

#include <cmath>

#include <gradus/gradus.hpp>

#include "support/expect_error.hpp"

namespace gradus::test {
namespace {

Dataset uneven() {
  const Dataset moons = datasets::moons(80, 0.3, 3);
  std::vector<std::int64_t> some;
  for (std::int64_t i = 0; i < 80; ++i) {
    if (i % 2 == 0 || i % 8 == 1) some.push_back(i);
  }
  return moons.subset(some);  // 40 of class 0, 10 of class 1
}

Sequential model_of(std::vector<Metric> weighted = {}) {
  Sequential model{{2}, {Dense{.units = 5, .activation = Activation::tanh}, Dense{.units = 2, .activation = softmax}}};
  model.compile({.optimizer = SGD{.learning_rate = 0.3},
                 .loss = CategoricalCrossentropy{},
                 .metrics = {Accuracy{}},
                 .weighted_metrics = std::move(weighted)});
  return model;
}

TEST(SampleWeights, FollowTheirSamples) {
  const Dataset data = uneven();
  EXPECT_TRUE(data.sample_weights().empty());
  std::vector<Real> weights(50);
  for (std::size_t i = 0; i < 50; ++i) weights[i] = static_cast<Real>(i);
  const Dataset weighted = data.with_sample_weights(weights), part = weighted.slice(10, 30);
  EXPECT_EQ(part.sample_weights()[0], 10);
  EXPECT_EQ(part.sample_weights().size(), 20U);
  const std::vector<std::int64_t> chosen{5, 0};
  EXPECT_EQ(part.subset(chosen).sample_weights()[0], 15);
  EXPECT_EQ(part.subset(chosen).sample_weights()[1], 10);
  const Dataset anew = part.with_sample_weights(std::vector<Real>(20, 3));
  EXPECT_EQ(anew.slice(5, 6).sample_weights()[0], 3);
  EXPECT_TRUE(weighted.with_sample_weights({}).sample_weights().empty());
  expect_error(ErrorCode::invalid_argument, {"49", "50"},
               [&] { (void)data.with_sample_weights(std::vector<Real>(49, 1)); });
  weights[7] = -2;
  expect_error(ErrorCode::invalid_argument, {"row 7", "-2"}, [&] { (void)data.with_sample_weights(weights); });
}

TEST(SampleWeights, AreInTheLossOfEvaluateByKerasRule) {
  const Dataset data = uneven();
  Sequential model = model_of({Accuracy{}, BinaryAccuracy{}});
  model.fit(data, {.epochs = 2});
  std::vector<Real> weights(50);
  for (std::size_t i = 0; i < 50; ++i) weights[i] = static_cast<Real>(i % 4) / 2;
  const Tensor y = model.predict(data.inputs());
  double loss = 0, right = 0, right_weight = 0, weight = 0;
  for (std::int64_t i = 0; i < 50; ++i) {
    const auto k = static_cast<std::size_t>(i);
    const std::int32_t label = data.labels()[k];
    loss -= weights[k] * std::log(static_cast<double>(y[2 * i + label]));
    const bool good = (y[2 * i + 1] > y[2 * i] ? 1 : 0) == label;
    right += good ? 1 : 0, right_weight += good ? weights[k] : 0, weight += weights[k];
  }
  const Logs logs = model.evaluate(data.with_sample_weights(weights), {.batch_size = 16});
  EXPECT_NEAR(logs.at("loss"), loss / 50, 1e-6);
  EXPECT_NEAR(logs.at("accuracy"), right / 50, 1e-12);
  EXPECT_NEAR(logs.at("weighted_accuracy"), right_weight / weight, 1e-12);
  EXPECT_NEAR(logs.at("binary_accuracy"), right_weight / weight, 1e-6) << "weighted, under its own name";
}

// A sample of weight 2 counts as if it were there twice, where the number of samples is made up for.
TEST(SampleWeights, CountAsCopiesDo) {
  const Dataset data = uneven();
  std::vector<std::int64_t> doubled;
  std::vector<Real> weights;
  for (std::int64_t i = 0; i < 50; ++i) {
    weights.push_back(i % 5 == 0 ? 2.0F : 1.0F);
    for (std::int64_t k = 0; k < (i % 5 == 0 ? 2 : 1); ++k) doubled.push_back(i);
  }
  Sequential a = model_of(), b = a;
  a.fit(data.subset(doubled), {.epochs = 5, .batch_size = 60});  // one batch: the mean over 60 copies
  for (Real& w : weights) w *= 50.0F / 60.0F;
  b.fit(data.with_sample_weights(weights), {.epochs = 5, .batch_size = 50});
  for (std::size_t w = 0; w < a.weights().size(); ++w) {
    for (std::int64_t i = 0; i < a.weight(w).shape().elements(); ++i) {
      EXPECT_NEAR(a.weight(w)[i], b.weight(w)[i], 1e-5);
    }
  }
}

TEST(ClassWeights, AreThoseOfTheirSamples) {
  const Dataset data = uneven();
  std::vector<Real> weights;
  for (const std::int32_t label : data.labels()) weights.push_back(label == 1 ? 2.5F : 0.625F);
  Sequential by_sample = model_of(), by_class = by_sample, balanced = by_sample, named_in_part = by_sample;
  by_sample.fit(data.with_sample_weights(weights), {.epochs = 3, .batch_size = 8});
  by_class.fit(data, {.epochs = 3, .batch_size = 8, .class_weight = {{0, 0.625}, {1, 2.5}}});
  balanced.fit(data, {.epochs = 3, .batch_size = 8, .class_weight = "balanced"});
  named_in_part.fit(data, {.epochs = 3, .batch_size = 8, .class_weight = {{1, 2.5}}});
  EXPECT_EQ(by_class.weights_sha256(), by_sample.weights_sha256());
  EXPECT_EQ(balanced.weights_sha256(), by_sample.weights_sha256()) << "50 / (2 * 40) and 50 / (2 * 10)";
  EXPECT_NE(named_in_part.weights_sha256(), by_sample.weights_sha256());
  EXPECT_EQ(by_class.history().at("accuracy"), by_sample.history().at("accuracy"));
}

TEST(ClassWeights, GoByTheClassesNames) {
  const Dataset data = uneven().with_class_names({"2", "1"});  // not in the order of their labels
  Sequential by_label = model_of(), by_name = by_label, from_map = by_label;
  by_label.fit(data, {.class_weight = {{0, 0.5}, {1, 3.0}}});
  by_name.fit(data, {.class_weight = {{"2", 0.5}, {"1", 3.0}}});
  from_map.fit(data, {.class_weight = std::map<std::string, double>{{"1", 3.0}, {"2", 0.5}}});
  EXPECT_EQ(by_name.weights_sha256(), by_label.weights_sha256());
  EXPECT_EQ(from_map.weights_sha256(), by_label.weights_sha256());
  EXPECT_EQ((ClassWeights{{"1", 3.0}}.of(data)), (std::vector<Real>{1, 3})) << "a class that is left out counts 1";
  expect_error(ErrorCode::invalid_argument, {"there is no class 'maybe'", "'2', '1'"}, [&] {
    (void)ClassWeights{{"maybe", 3.0}}.of(data);
  });
  expect_error(ErrorCode::invalid_argument, {"there is no class '0'", "'2', '1'"}, [&] {
    (void)ClassWeights{{"0", 3.0}}.of(data);
  });
  expect_error(ErrorCode::invalid_argument, {"class '1'", "-2"}, [&] { (void)ClassWeights{{"1", -2.0}}.of(data); });
}

TEST(ClassWeights, MultiplyThoseOfSamples) {
  const Dataset data = uneven();
  std::vector<Real> twice(50, 2), both;
  for (const std::int32_t label : data.labels()) both.push_back(label == 1 ? 6.0F : 2.0F);
  Sequential a = model_of(), b = a;
  a.fit(data.with_sample_weights(twice), {.class_weight = {{1, 3.0}}});
  b.fit(data.with_sample_weights(both));
  EXPECT_EQ(a.weights_sha256(), b.weights_sha256());
}

TEST(ClassWeights, PlayNoPartInValidation) {
  const Dataset data = uneven();
  Sequential model = model_of();
  const History history = model.fit(data, {.class_weight = {{1, 100.0}}, .validation_data = data});
  EXPECT_DOUBLE_EQ(history.at("val_loss").back(), model.evaluate(data).at("loss"));
}

TEST(ClassWeights, RefuseWhatHasNoMeaning) {
  const Dataset data = uneven();
  Sequential model = model_of();
  expect_error(ErrorCode::invalid_argument, {"class_weight", "balanced", "equal"}, [] { (void)ClassWeights("equal"); });
  expect_error(ErrorCode::invalid_argument, {"class 2", "2"}, [&] { model.fit(data, {.class_weight = {{2, 1.0}}}); });
  expect_error(ErrorCode::invalid_argument, {"class 0", "-1"}, [&] { model.fit(data, {.class_weight = {{0, -1.0}}}); });
  Sequential line{{1}, {Dense{.units = 1}}};
  line.compile({.optimizer = SGD{}, .loss = MeanSquaredError{}, .metrics = {}});
  const Dataset numbers = Dataset::with_targets("line", {1}, {1, 2}, {2, 4}, 1);
  expect_error(ErrorCode::invalid_argument, {"line", "numbers"},
               [&] { line.fit(numbers, {.class_weight = "balanced"}); });
}

TEST(Weights, ThatAreAllZeroAreRefused) {
  const Dataset data = Dataset::classified("pairs", {1}, std::vector<Real>{1, 2, 3, 4}, {0, 1, 0, 1}, 2);
  Sequential model({1}, {Dense{.units = 2, .activation = softmax}});
  model.compile({});
  const auto refused = [&](const Dataset& set, const ClassWeights& weights) {
    expect_error(ErrorCode::invalid_argument, {"all samples of pairs have the weight 0"},
                 [&] { model.fit(set, {.class_weight = weights}); });
    expect_error(ErrorCode::invalid_argument, {"train_table: all samples of pairs have the weight 0"},
                 [&] { (void)train_table(set, {.class_weight = weights}); });
  };
  refused(data, {{0, 0.0}, {1, 0.0}});
  refused(data.with_sample_weights({0, 0, 0, 0}), {});
  refused(data.with_sample_weights({1, 0, 1, 0}), {{0, 0.0}, {1, 1.0}});
}

}  // namespace
}  // namespace gradus::test
