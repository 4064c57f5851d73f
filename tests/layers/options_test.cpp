// What options of single layers mean, and which are refused.
#include <gtest/gtest.h>

#include <gradus/gradus.hpp>

#include "support/expect_error.hpp"

namespace gradus::test {
namespace {

std::vector<Real> outputs_of(const Layer& layer, const std::vector<Real>& inputs) {
  const auto size = static_cast<std::int64_t>(inputs.size());
  const Sequential model{{size}, {layer}};
  const Tensor y = model.predict(Tensor({1, size}, inputs));
  return {y.values().begin(), y.values().end()};
}

TEST(Normalization, TakesOneMeanOrOneVarianceForAllFeatures) {
  EXPECT_EQ(
      outputs_of(Normalization{.mean = std::vector<double>{1, 2, 3}, .variance = std::vector<double>{4}}, {3, 6, 1}),
      (std::vector<Real>{1, 2, -1}));
  EXPECT_EQ(
      outputs_of(Normalization{.mean = std::vector<double>{1}, .variance = std::vector<double>{1, 4, 9}}, {2, 5, 10}),
      (std::vector<Real>{1, 2, 3}));
  expect_error(ErrorCode::invalid_argument, {"variance has 2 values for 3 features"}, [] {
    (void)outputs_of(Normalization{.mean = std::vector<double>{1}, .variance = std::vector<double>{1, 4}}, {2, 5, 10});
  });
}

// Sizes that multiply to the same are not yet the same axes.
TEST(PReLU, SharesTheFirstAxesAlone) {
  const auto build = [](const Shape& input, const std::vector<std::int64_t>& axes) {
    return Sequential{input, {PReLU{.shared_axes = axes}}};
  };
  for (const auto& [input, axes] : std::vector<std::pair<Shape, std::vector<std::int64_t>>>{
           {{4, 2, 2}, {2, 3}}, {{28, 28, 1}, {2}}, {{5, 3}, {2}}, {{1, 6, 2, 3}, {4}}}) {
    expect_error(ErrorCode::unsupported, {"shared_axes", "first axes", input.to_string()}, [&] { build(input, axes); });
  }
  EXPECT_EQ(build({28, 28, 1}, {1, 2}).parameters(), 1);
  EXPECT_EQ(build({4, 2, 3}, {1, 2}).parameters(), 3);
  EXPECT_EQ(build({1, 5, 3}, {2}).parameters(), 3);
  EXPECT_EQ(build({4, 1}, {}).parameters(), 4);
  EXPECT_EQ(build({3, 4}, {1, 2}).parameters(), 1);
}

TEST(Residual, RefusesAPenaltyThatWouldNotCount) {
  const Layer inner = Dense{.units = 3, .activity_regularizer = L2{.l2 = 0.1}, .name = "inner"};
  expect_error(ErrorCode::invalid_argument, {"residual", "inner", "activity_regularizer"},
               [&] { Sequential({3}, {Residual{.layers = {inner}}}); });
  EXPECT_NO_THROW(Sequential({3}, {inner}));
}

}  // namespace
}  // namespace gradus::test
