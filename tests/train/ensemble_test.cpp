#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include <gradus/gradus.hpp>

#include "support/expect_error.hpp"

namespace gradus {
namespace {

Sequential trained(std::uint64_t seed, const Dataset& data) {
  Sequential model{
      {2}, {Dense{.units = 8, .activation = relu}, Dense{.units = 3, .activation = softmax}}, {.seed = seed}};
  model.compile({.optimizer = Adam{.learning_rate = 0.02}, .loss = CategoricalCrossentropy{}, .metrics = {Accuracy{}}});
  model.fit(data, {.epochs = 2, .batch_size = 16, .seed = seed});
  return model;
}

TEST(Ensemble, GivesTheMeanOfItsModels) {
  const Dataset data = datasets::blobs(90, 3, 4.0, 1);
  const Sequential a = trained(1, data), b = trained(2, data), c = trained(3, data);
  const Ensemble all({a, b, c});
  const Tensor mean = all.predict(data.inputs()), x = a.predict(data.inputs()), y = b.predict(data.inputs()),
               z = c.predict(data.inputs());
  double loss = 0;
  std::int64_t right = 0;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    for (std::int64_t j = 0; j < 3; ++j)
      ASSERT_NEAR(mean[3 * i + j], (x[3 * i + j] + y[3 * i + j] + z[3 * i + j]) / 3, 1e-6);
    const auto row = mean.row(i);
    const auto label = static_cast<std::size_t>(data.labels()[static_cast<std::size_t>(i)]);
    loss -= std::log(static_cast<double>(row[label]));
    right += std::max_element(row.begin(), row.end()) - row.begin() == static_cast<std::ptrdiff_t>(label) ? 1 : 0;
  }
  const Logs logs = all.evaluate(data);
  EXPECT_NEAR(logs.at("loss"), loss / 90, 1e-5);
  EXPECT_NEAR(logs.at("accuracy"), static_cast<double>(right) / 90, 1e-9);
  const ConfusionMatrix confusion = all.confusion(data);
  EXPECT_EQ(confusion.at(0, 0) + confusion.at(1, 1) + confusion.at(2, 2), right);
}

TEST(Ensemble, OfOneModelIsThatModel) {
  const Dataset data = datasets::blobs(30, 3, 4.0, 1);
  const Sequential a = trained(1, data);
  const Ensemble one({a});
  const Tensor mean = one.predict(data.inputs()), alone = a.predict(data.inputs());
  for (std::int64_t i = 0; i < 90; ++i) ASSERT_EQ(mean[i], alone[i]);
  EXPECT_EQ(one.evaluate(data).at("loss"), a.evaluate(data).at("loss"));
}

TEST(Ensemble, RefusesModelsThatDoNotFitTogether) {
  const Sequential a{{2}, {Dense{.units = 3}}}, b{{2}, {Dense{.units = 4}}}, c{{5}, {Dense{.units = 3}}};
  test::expect_error(ErrorCode::invalid_argument, {"needs at least one model"}, [] { const Ensemble none({}); });
  test::expect_error(ErrorCode::invalid_argument, {"number 1 has outputs of shape (3,), number 2 has (4,)"}, [&] {
    const Ensemble two({a, b});
  });
  test::expect_error(ErrorCode::invalid_argument, {"number 1 has inputs of shape (2,), number 3 has (5,)"}, [&] {
    const Ensemble three({a, a, c});
  });
}

}  // namespace
}  // namespace gradus
