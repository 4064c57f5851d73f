// Tables whose network is chosen by trials: what must not matter does not.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <numeric>

#include <gradus/gradus.hpp>
#include <gradus/table_training.hpp>

#include "base/philox.hpp"
#include "data/table.hpp"
#include "data/table_inputs.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_directory.hpp"
#include "train/initial_rows.hpp"
#include "train/table_member.hpp"

namespace gradus {
namespace {

/// y of two amounts and a word, with some noise.
struct Row {
  double a, b, y;
  std::string word;
};

std::vector<Row> rows_of(std::int64_t count, std::uint64_t seed) {
  constexpr const char* words[] = {"ash", "beech", "oak"};
  Philox random(seed, 0);
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto word = static_cast<std::size_t>(random.below(3));
    const double a = random.uniform() * 10, b = random.normal();
    const double y = 3 * a + 5 * std::sin(a) + 4 * b + 10 * static_cast<double>(word) + random.normal();
    rows.push_back({a, b, y, words[word]});
  }
  return rows;
}

using Columns = std::vector<std::pair<std::string, std::function<std::string(const Row&)>>>;

std::string digits(double x) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", x);
  return text;
}

Columns usual_columns() {
  return {{"a", [](const Row& r) { return digits(r.a); }},
          {"b", [](const Row& r) { return digits(r.b); }},
          {"tree", [](const Row& r) { return r.word; }},
          {"y", [](const Row& r) { return digits(r.y); }}};
}

std::string csv_of(const Columns& columns, const std::vector<Row>& rows) {
  std::string text;
  for (const auto& column : columns) text += (text.empty() ? "" : ",") + column.first;
  text += "\n";
  for (const Row& row : rows) {
    std::string line;
    for (const auto& column : columns) line += (line.empty() ? "" : ",") + column.second(row);
    text += line + "\n";
  }
  return text;
}

Dataset table(const test::TemporaryDirectory& directory, const Columns& columns, const std::vector<Row>& rows) {
  return datasets::csv(directory.write("t.csv", csv_of(columns, rows)), {.label = "y"});
}

/// What a model that is trained on these columns says about further rows with the same columns.
std::vector<Real> predictions(const Columns& columns, const std::vector<Row>& rows, const std::vector<Row>& further) {
  const test::TemporaryDirectory directory;
  const TableTraining result = train_table(table(directory, columns, rows));
  std::vector<std::string> remarks;
  const Dataset unseen =
      read_table(directory.write("new.csv", csv_of(columns, further)), *result.model.table(), remarks);
  const Tensor answers = result.model.predict(unseen.inputs());
  return {answers.values().begin(), answers.values().end()};
}

double r_squared(const std::vector<Real>& answers, const std::vector<Row>& rows) {
  double mean = 0, squares = 0, errors = 0;
  for (const Row& row : rows) mean += row.y / static_cast<double>(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    squares += std::pow(rows[i].y - mean, 2);
    errors += std::pow(rows[i].y - static_cast<double>(answers[i]), 2);
  }
  return 1 - errors / squares;
}

class TableTrainingOn200Rows : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    rows = rows_of(200, 1), further = rows_of(60, 2);
    usual = predictions(usual_columns(), rows, further);
  }
  static void expect_the_same(const std::vector<Real>& answers) {
    ASSERT_EQ(answers.size(), usual.size());
    for (std::size_t i = 0; i < usual.size(); ++i) {
      EXPECT_NEAR(answers[i], usual[i], 1e-3 * std::max(1.0, std::abs(static_cast<double>(usual[i])))) << i;
    }
  }
  static std::vector<Row> rows, further;
  static std::vector<Real> usual;
};
std::vector<Row> TableTrainingOn200Rows::rows, TableTrainingOn200Rows::further;
std::vector<Real> TableTrainingOn200Rows::usual;

TEST_F(TableTrainingOn200Rows, LearnsWhatThereIsToLearn) { EXPECT_GT(r_squared(usual, further), 0.95); }

TEST_F(TableTrainingOn200Rows, TakesNoNoticeOfTheOrderOfTheColumns) {
  Columns columns = usual_columns();
  std::reverse(columns.begin(), columns.end());
  expect_the_same(predictions(columns, rows, further));
}

TEST_F(TableTrainingOn200Rows, TakesNoNoticeOfTheUnitOfAColumn) {
  for (const double unit : {1e6, 1e-6}) {
    Columns columns = usual_columns();
    columns[1].second = [unit](const Row& r) { return digits(r.b * unit); };
    expect_the_same(predictions(columns, rows, further));
  }
}

TEST_F(TableTrainingOn200Rows, TakesNoNoticeOfAColumnThatDoesNotVary) {
  Columns columns = usual_columns();
  columns.insert(columns.begin() + 1, {"year", [](const Row&) { return "2019"; }});
  expect_the_same(predictions(columns, rows, further));
  // Nor of what it holds later.
  const test::TemporaryDirectory directory;
  const TableTraining result = train_table(table(directory, columns, rows));
  for (const char* year : {"2018", "2020", "0"}) {
    columns[1].second = [year](const Row&) { return year; };
    std::vector<std::string> remarks;
    const Dataset unseen =
        read_table(directory.write("new.csv", csv_of(columns, further)), *result.model.table(), remarks);
    const Tensor answers = result.model.predict(unseen.inputs());
    expect_the_same({answers.values().begin(), answers.values().end()});
  }
}

TEST_F(TableTrainingOn200Rows, LearnsNothingFromAWordOfOneRow) {
  std::vector<Row> odd = rows;
  odd[0].word = "yew", odd[0].y = 1e4;
  const std::vector<Real> answers = predictions(usual_columns(), odd, further);
  std::vector<Row> yews = further;
  for (Row& row : yews) row.word = "yew";
  const std::vector<Real> of_yews = predictions(usual_columns(), odd, yews);
  for (std::size_t i = 0; i < answers.size(); ++i) EXPECT_LT(std::abs(of_yews[i] - answers[i]), 1000) << i;
}

TEST_F(TableTrainingOn200Rows, IsNotMisledByAHugeValue) {
  std::vector<Row> odd = rows;
  odd[7].b = 1e9;
  EXPECT_GT(r_squared(predictions(usual_columns(), odd, further), further), 0.9);
  std::vector<Row> beyond = further;
  for (Row& row : beyond) row.b = 1e30;
  for (const Real answer : predictions(usual_columns(), rows, beyond)) EXPECT_LT(std::abs(answer), 200);
}

TEST_F(TableTrainingOn200Rows, GivesTheSameBitsOnAnyNumberOfThreads) {
  const test::TemporaryDirectory directory;
  const Dataset data = table(directory, usual_columns(), rows);
  const std::string one = train_table(data, {.threads = 1}).model.weights_sha256();
  EXPECT_EQ(train_table(data, {.threads = 3}).model.weights_sha256(), one);
  EXPECT_NE(train_table(data, {.seed = 1}).model.weights_sha256(), one);
}

TEST_F(TableTrainingOn200Rows, SaysWhatWasTried) {
  const test::TemporaryDirectory directory;
  const TableTraining result = train_table(table(directory, usual_columns(), rows), {.metrics = {R2Score{}}});
  ASSERT_GE(result.tried.size(), 2u);
  double shares = 0;
  for (const TriedNetwork& each : result.tried) {
    EXPECT_FALSE(each.name.empty());
    EXPECT_GE(each.validation, result.validation * 0.999);
    shares += each.share;
  }
  EXPECT_NEAR(shares, 1, 1e-9);
  EXPECT_TRUE(result.model.history().contains("val_loss"));
  EXPECT_TRUE(result.model.compiled().has_value());
  // The figures are in the unit of the target.
  EXPECT_LT(result.validation, 10);
  EXPECT_GT(result.validation, 0.5);
}

// Of a plain network.
TEST(InitialRows, GoByTheColumnsNamesAndAreZeroWhereNothingVaries) {
  const test::TemporaryDirectory directory;
  const std::vector<Row> rows = rows_of(30, 1);
  Columns columns = usual_columns();
  columns[2] = {"x10", [](const Row& r) { return digits(r.a + r.b); }};
  columns.insert(columns.begin() + 2, {"x9", [](const Row& r) { return digits(r.a - r.b); }});
  const auto kernel = [&](const Columns& of, std::size_t count = 30) {
    const Dataset data = table(directory, of, {rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count)});
    Sequential model{data.sample_shape(), {Normalization{}, Dense{.units = 4}}};
    settle_initial_rows(model, data);
    return model.weight(3);  // after mean, variance and count
  };
  const Tensor usual = kernel(columns);
  std::swap(columns[1], columns[3]);  // a, x10, x9, b
  const Tensor other = kernel(columns);
  for (std::int64_t u = 0; u < 4; ++u) {
    EXPECT_EQ(other[u], usual[u]);
    EXPECT_EQ(other[4 + u], usual[12 + u]);
    EXPECT_EQ(other[12 + u], usual[4 + u]);
  }
  columns[0].second = [](const Row&) { return "7"; };
  const Tensor constant = kernel(columns, 9);  // of more rows such a column is left out
  for (std::int64_t u = 0; u < 4; ++u) EXPECT_EQ(constant[u], 0);
  EXPECT_NE(constant[4], 0);
}

TEST(InputsByName, CompareDigitsAsNumbers) {
  TableSchema schema{.columns = {{.name = "x10"}, {.name = "x9"}, {.name = "b", .role = ColumnRole::words}},
                     .header = true};
  schema.columns[2].categories = {"z", "a"};
  EXPECT_EQ(inputs_by_name(&schema, 4), (std::vector<std::int64_t>{2, 3, 1, 0}));
  EXPECT_EQ(amount_inputs(&schema, 4), (std::vector<bool>{true, true, false, false}));
  schema.header = false;
  EXPECT_EQ(inputs_by_name(&schema, 4), (std::vector<std::int64_t>{0, 1, 2, 3}));
}

TEST(TableTraining, TellsClassesApart) {
  const Dataset data = datasets::blobs(300, 3, 1.0, 1);
  const TableTraining result = train_table(data, {.metrics = {Accuracy{}}});
  EXPECT_GT(result.model.evaluate(data).at("accuracy"), 0.95);
  EXPECT_EQ(result.model.class_names(), data.class_names());
}

TEST(TableTraining, RefusesImages) {
  test::expect_error(ErrorCode::invalid_argument, {"expected rows of numbers", "(28, 28, 1)"},
                     [] { (void)train_table(datasets::digits(100)); });
}

TEST(MergedNetwork, GivesTheWeightedMeanOfItsMembers) {
  const Dataset data = datasets::blobs(120, 3, 3.0, 1);
  const TableScaling scaling = scaling_of(data);
  std::vector<std::int64_t> rows(100), left_out(20);
  std::iota(rows.begin(), rows.end(), 0);
  std::iota(left_out.begin(), left_out.end(), 100);
  const std::vector<TableNetwork> networks = {{.bins = 1, .learning_rate = 0.01},
                                              {.bins = 4, .hidden = {8}, .learning_rate = 0.01},
                                              {.bins = 4, .hidden = {8, 6}, .dropout = 0.1, .learning_rate = 0.01}};
  std::vector<EncodedTable> tables;
  std::vector<TableMember> members;
  for (const TableNetwork& network : networks) {
    const std::vector<EncodedUnit> units = encoding_of(data, scaling, network.bins);
    const Shape shape{static_cast<std::int64_t>(units.size())};
    tables.push_back({units, Dataset::classified("", shape, encode(data, scaling, units),
                                                 {data.labels().begin(), data.labels().end()}, 3)});
    members.push_back(train_member(tables.back(), network, rows, left_out, {.epochs = 3, .batch_size = 10}));
  }
  const std::vector<double> weights = {0.2, 0.3, 0.5};
  std::vector<WeightedMember> weighted;
  for (std::size_t m = 0; m < 3; ++m) weighted.push_back({&members[m], &tables[m].units, weights[m]});
  const MergedLayers merged = merge(weighted, 2, 3, linear);
  Sequential model({2}, merged.layers);
  for (std::size_t i = 0; i < merged.weights.size(); ++i) model.set_weight(i, merged.weights[i]);
  std::vector<Real> scaled;
  for (const std::int64_t row : left_out) {
    for (std::size_t f = 0; f < 2; ++f) {
      scaled.push_back(static_cast<Real>(
          (static_cast<double>(data.inputs().at(2 * row + static_cast<std::int64_t>(f))) - scaling.centre[f]) /
          scaling.spread[f]));
    }
  }
  const Tensor answers = model.predict(TensorView({20, 2}, std::span<const Real>(scaled)));
  for (std::int64_t i = 0; i < 20; ++i) {
    // Both are sums but for a number that the row's classes have in common.
    const auto off = [&](std::int64_t c) {
      double mean = 0;
      for (std::size_t m = 0; m < 3; ++m) {
        mean += weights[m] * static_cast<double>(members[m].outputs[static_cast<std::size_t>(3 * i + c)]);
      }
      return mean - static_cast<double>(answers[3 * i + c]);
    };
    EXPECT_NEAR(off(1), off(0), 0.02) << i;
    EXPECT_NEAR(off(2), off(0), 0.02) << i;
  }
}

}  // namespace
}  // namespace gradus
