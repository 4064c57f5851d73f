// Metrics over a whole set against scikit-learn (make_golden.py), through evaluate and in any cut into batches.
#include <gtest/gtest.h>

#include <cmath>

#include <gradus/gradus.hpp>

#include "inspect/class_report.hpp"
#include "support/expect_error.hpp"

namespace gradus::test {
namespace {

struct Golden {
  Metric metric;
  std::vector<double> figures, weighted;
};

// clang-format off
#include "golden.inc"
// clang-format on

std::vector<Real> reals(const std::vector<double>& values) { return {values.begin(), values.end()}; }

/// Each case measured on `data` by a model that gives what it gets.
void check(const std::vector<Golden>& cases, const Dataset& data) {
  const Dataset weighted = data.with_sample_weights(reals(weights));
  for (const Golden& g : cases) {
    Sequential model{data.sample_shape(), {ActivationLayer{}}};
    model.compile({.loss = MeanSquaredError{}, .metrics = {g.metric}, .weighted_metrics = {g.metric}});
    for (const std::int64_t batch : {1, 7, 64}) {
      const Logs logs = model.evaluate(weighted, {.batch_size = batch});
      const std::size_t figures = g.figures.size();
      ASSERT_EQ(logs.entries().size(), 1 + 2 * figures) << g.metric.class_name();
      for (std::size_t i = 0; i < figures; ++i) {
        const auto& [name, value] = logs.entries()[1 + i];
        const auto& [weighted_name, weighted_value] = logs.entries()[1 + figures + i];
        EXPECT_NEAR(value, g.figures[i], 2e-6) << name << " of " << g.metric.class_name();
        EXPECT_NEAR(weighted_value, g.weighted[i], 2e-6) << weighted_name;
        EXPECT_EQ(weighted_name, "weighted_" + name);
        EXPECT_EQ(name.ends_with("/" + std::to_string(i)), figures > 1) << name;
      }
    }
  }
}

TEST(GoldenMetrics, OfSeveralClasses) {
  check(classified_cases, Dataset::classified("classes", {6}, reals(scores), labels, 6));
}

TEST(GoldenMetrics, OfASingleOutput) { check(binary_cases, Dataset::classified("two", {1}, reals(score), truth, 2)); }

TEST(GoldenMetrics, OfNumbers) {
  check(regression_cases, Dataset::with_targets("numbers", {2}, reals(predictions), reals(targets), 2));
}

// The loss takes the softmax over; metrics see its probabilities nevertheless.
TEST(Metrics, SeeProbabilities) {
  const Dataset data = Dataset::classified("classes", {6}, reals(scores), labels, 6);
  const std::vector<Metric> all{AUC{}, Precision{.thresholds = 0.2}, metrics::MeanAbsoluteError{},
                                TopKCategoricalAccuracy{.k = 2}, F1Score{.average = Average::macro}};
  Sequential fused{{6}, {Dense{.units = 6, .activation = softmax}}, {.seed = 5}}, plain = fused;
  fused.compile({.loss = CategoricalCrossentropy{}, .metrics = all});
  plain.compile({.loss = MeanSquaredError{}, .metrics = all});
  const Logs a = fused.evaluate(data), b = plain.evaluate(data);
  for (std::size_t i = 1; i < a.entries().size(); ++i) {
    EXPECT_NEAR(a.entries()[i].second, b.entries()[i].second, 1e-6) << a.entries()[i].first;
  }
  EXPECT_GT(a.at("mean_absolute_error"), 0.1);
  EXPECT_LT(a.at("mean_absolute_error"), 0.4);
}

TEST(Metrics, AreInTheHistoryOfEachEpoch) {
  const Dataset data = Dataset::classified("classes", {6}, reals(scores), labels, 6);
  const auto run = [&](std::int64_t threads) {
    Sequential model{{6}, {Dense{.units = 6, .activation = softmax}}};
    model.compile({.optimizer = SGD{.learning_rate = 0.5},
                   .loss = CategoricalCrossentropy{},
                   .metrics = {Accuracy{}, AUC{}, F1Score{}, R2Score{}}});
    return model.fit(data, {.epochs = 3, .batch_size = 16, .validation_data = data.first(30), .threads = threads});
  };
  const History one = run(1), three = run(3);
  EXPECT_EQ(one.entries(), three.entries());
  for (const char* name : {"auc", "val_auc", "f1_score/0", "val_f1_score/5", "r2_score"}) {
    EXPECT_EQ(one.at(name).size(), 3U) << name;
  }
  EXPECT_GT(one.at("auc").back(), one.at("auc").front());
}

TEST(Metrics, HaveNamesOfTheirOwn) {
  Sequential model{{6}, {ActivationLayer{}}};
  model.compile({.loss = MeanSquaredError{},
                 .metrics = {F1Score{.average = Average::macro}, F1Score{.average = Average::micro}}});
  const Logs logs = model.evaluate(Dataset::classified("classes", {6}, reals(scores), labels, 6));
  EXPECT_TRUE(logs.contains("f1_score"));
  EXPECT_TRUE(logs.contains("f1_score_1"));
}

TEST(Metrics, AreRefusedWhereTheyDoNotFit) {
  const Dataset two = Dataset::classified("two", {1}, reals(score), truth, 2);
  Sequential model{{1}, {ActivationLayer{}}};
  model.compile({.loss = MeanSquaredError{}, .metrics = {TopKCategoricalAccuracy{}}});
  expect_error(ErrorCode::invalid_argument, {"top_k", "two or more"}, [&] { (void)model.evaluate(two); });
  model.compile({.loss = MeanSquaredError{}, .metrics = {Recall{.class_id = 4}}});
  expect_error(ErrorCode::invalid_argument, {"recall", "class 4", "1"}, [&] { (void)model.evaluate(two); });
  expect_error(ErrorCode::invalid_argument, {"Precision", "top_k", "0"},
               [&] { model.compile({.loss = MeanSquaredError{}, .metrics = {Precision{.top_k = 0}}}); });
  expect_error(ErrorCode::invalid_argument, {"F1Score", "average", "micro"}, [] {
    (void)Metric::make("F1Score", {{"average", "mean"}});
  });
}

// One kind of sample alone: nothing to rank, and nothing divided by 0.
TEST(Metrics, StayFiniteOnDegenerateSets) {
  Sequential model{{1}, {ActivationLayer{}}};
  model.compile({.loss = MeanSquaredError{}, .metrics = {AUC{}, F1Score{}, Precision{}, Recall{}, R2Score{}}});
  const Logs logs = model.evaluate(Dataset::classified("ones", {1}, reals({0.1, 0.2, 0.3}), {0, 0, 0}, 2));
  for (const auto& [name, value] : logs.entries()) EXPECT_TRUE(std::isfinite(value)) << name;
  EXPECT_EQ(logs.at("auc"), 0);
}

// As scikit-learn's precision_recall_fscore_support(average="macro"): classes that neither labels nor predictions hold
// do not count. Here class 2 is only predicted, class 3 is only a label, and 4 and 5 do not occur.
TEST(Metrics, MacroMeansAreOverTheClassesThatOccur) {
  const std::vector<std::int32_t> truths = {0, 0, 1, 1, 3, 0}, said = {0, 1, 1, 1, 0, 2};
  std::vector<Real> outputs;
  for (const std::int32_t label : said) {
    for (std::int32_t i = 0; i < 6; ++i) outputs.push_back(i == label ? Real{1} : Real{0});
  }
  Sequential model{{6}, {ActivationLayer{}}};
  model.compile({.loss = MeanSquaredError{},
                 .metrics = {F1Score{.average = Average::macro}, Precision{.average = Average::macro},
                             Recall{.average = Average::macro}, F1Score{.average = Average::weighted}}});
  const Dataset data = Dataset::classified("some", {6}, outputs, truths, 6);
  const Logs logs = model.evaluate(data);
  EXPECT_NEAR(logs.at("f1_score"), (0.4 + 0.8 + 0 + 0) / 4, 1e-12);
  EXPECT_NEAR(logs.at("precision"), (0.5 + 2.0 / 3 + 0 + 0) / 4, 1e-12);
  EXPECT_NEAR(logs.at("recall"), (1.0 / 3 + 1 + 0 + 0) / 4, 1e-12);
  EXPECT_NEAR(logs.at("f1_score_1"), (3 * 0.4 + 2 * 0.8) / 6, 1e-12);
  const ClassReport report = class_report(model.confusion(data));
  EXPECT_EQ(report.classes.size(), 6U);
  EXPECT_NEAR(report.macro.f1, 0.3, 1e-12);
  EXPECT_NEAR(report.macro.precision, (0.5 + 2.0 / 3) / 4, 1e-12);
  EXPECT_NEAR(report.macro.recall, (1.0 / 3 + 1) / 4, 1e-12);
}

TEST(Metrics, RankNothingThatIsNoNumber) {
  Sequential model{{1}, {ActivationLayer{}}};
  model.compile({.loss = MeanSquaredError{}, .metrics = {AUC{}}});
  std::vector<Real> outputs;
  std::vector<std::int32_t> truths;
  for (int i = 0; i < 100; ++i) {
    outputs.push_back(i % 3 == 0 ? std::numeric_limits<Real>::quiet_NaN() : static_cast<Real>(i % 7) / 7);
    truths.push_back(i % 2);
  }
  EXPECT_TRUE(std::isnan(model.evaluate(Dataset::classified("some", {1}, outputs, truths, 2)).at("auc")));
}

}  // namespace
}  // namespace gradus::test
