// k folds: every sample once, shares of the classes kept, the same bits for any number of threads.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include <gradus/gradus.hpp>

#include "support/expect_error.hpp"

namespace gradus::test {
namespace {

/// 37 samples of classes with 20, 12 and 5; each input is the sample's number.
Dataset numbered() {
  std::vector<Real> inputs;
  std::vector<std::int32_t> labels;
  for (int i = 0; i < 37; ++i) {
    inputs.push_back(static_cast<Real>(i));
    labels.push_back(i % 37 < 20 ? 0 : i < 32 ? 1 : 2);
  }
  return Dataset::classified("numbered", {1}, inputs, labels, 3);
}

TEST(KFolds, HoldEverySampleOnce) {
  const Dataset data = numbered();
  for (const bool stratified : {true, false}) {
    std::multiset<Real> all;
    for (const auto& [rest, left_out] : k_folds(data, 5, 1, stratified)) {
      EXPECT_EQ(rest.size() + left_out.size(), 37);
      EXPECT_GE(left_out.size(), 7);
      EXPECT_LE(left_out.size(), 8);
      std::set<Real> apart(rest.inputs().reals().begin(), rest.inputs().reals().end());
      for (const Real x : left_out.inputs().reals()) EXPECT_EQ(apart.count(x), 0U);
      all.insert(left_out.inputs().reals().begin(), left_out.inputs().reals().end());
    }
    EXPECT_EQ(all.size(), 37U);
    EXPECT_EQ(std::set<Real>(all.begin(), all.end()).size(), 37U);
  }
}

TEST(KFolds, KeepTheSharesOfTheClasses) {
  for (const auto& [rest, left_out] : k_folds(numbered(), 5)) {
    std::vector<int> counts(3);
    for (const std::int32_t label : left_out.labels()) ++counts[static_cast<std::size_t>(label)];
    EXPECT_EQ(counts[0], 4);
    EXPECT_GE(counts[1], 2);
    EXPECT_LE(counts[1], 3);
    EXPECT_EQ(counts[2], 1);
  }
}

TEST(KFolds, FollowTheSeed) {
  const auto first_fold = [](std::uint64_t seed) {
    const auto parts = k_folds(numbered(), 5, seed);
    const auto x = parts[0].second.inputs().reals();
    return std::vector<Real>(x.begin(), x.end());
  };
  EXPECT_EQ(first_fold(3), first_fold(3));
  EXPECT_NE(first_fold(3), first_fold(4));
}

TEST(KFolds, RefuseWhatCannotBe) {
  expect_error(ErrorCode::invalid_argument, {"37", "1"}, [] { (void)k_folds(numbered(), 1); });
  expect_error(ErrorCode::invalid_argument, {"37", "38"}, [] { (void)k_folds(numbered(), 38); });
}

Sequential model_for(const Dataset& train, std::int64_t) {
  Sequential model{train.sample_shape(),
                   {Dense{.units = 8, .activation = Activation::tanh}, Dense{.units = 2, .activation = softmax}},
                   {.seed = 5}};
  model.compile({.optimizer = Adam{.learning_rate = 0.02}, .metrics = {Accuracy{}}});
  return model;
}

TEST(CrossValidate, MeasuresEachFoldOnWhatItHasNotSeen) {
  const Dataset data = datasets::moons(120, 0.2, 1);
  const CrossValidation result = cross_validate(model_for, data, {.folds = 4, .seed = 2, .fit = {.epochs = 3}});
  ASSERT_EQ(result.folds.size(), 4U);
  const auto parts = k_folds(data, 4, 2);
  double sum = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    Sequential model = model_for(parts[i].first, 0);
    model.fit(parts[i].first, {.epochs = 3});
    EXPECT_EQ(model.evaluate(parts[i].second).at("loss"), result.folds[i].figures.at("loss")) << "fold " << i;
    EXPECT_EQ(result.folds[i].history.at("val_loss").size(), 3U);
    EXPECT_EQ(result.folds[i].test_samples, 30);
    sum += result.folds[i].figures.at("loss");
  }
  EXPECT_NEAR(result.mean.at("loss"), sum / 4, 1e-12);
  double squares = 0;
  for (const auto& fold : result.folds) squares += std::pow(fold.figures.at("loss") - sum / 4, 2);
  EXPECT_NEAR(result.standard_deviation.at("loss"), std::sqrt(squares / 3), 1e-12);
}

TEST(CrossValidate, GivesTheSameFiguresForEveryNumberOfThreads) {
  const Dataset data = datasets::moons(90, 0.2, 1);
  const auto mean = [&](std::int64_t threads) {
    return cross_validate(model_for, data, {.folds = 3, .fit = {.epochs = 2, .threads = threads}}).mean.entries();
  };
  EXPECT_EQ(mean(1), mean(3));
}

TEST(CrossValidate, EndsWhenAskedTo) {
  int asked = 0;
  const CrossValidation result = cross_validate(
      model_for, datasets::moons(90), {.folds = 3, .fit = {.epochs = 1}, .interrupted = [&] { return ++asked == 2; }});
  EXPECT_TRUE(result.interrupted);
  EXPECT_EQ(result.folds.size(), 1U);
}

}  // namespace
}  // namespace gradus::test
