// Losses and their slopes against PyTorch and numpy in double precision (make_golden.py).
#include <gtest/gtest.h>

#include <cmath>

#include "losses/loss.hpp"
#include "support/expect_error.hpp"

namespace gradus::test {
namespace {

struct Golden {
  Loss loss;
  std::vector<double> targets, outputs;
  double value;
  std::vector<double> slopes;
};

// clang-format off
const std::vector<Golden>& golden() {
  static const std::vector<Golden> all = {
#include "golden.inc"
  };
  return all;
}
// clang-format on

TEST(GoldenLosses, AgreeWithPyTorch) {
  for (const Golden& g : golden()) {
    const auto loss = LossRegistry::instance().find(g.loss.class_name()).maker.make(g.loss);
    const std::vector<Real> t(g.targets.begin(), g.targets.end()), y(g.outputs.begin(), g.outputs.end());
    std::vector<Real> slope(y.size(), std::nanf(""));
    const std::int32_t label = t[2] == 1 ? 2 : -1;
    const auto n = static_cast<std::int64_t>(y.size());
    const double value = loss->row(y.data(), t.data(), label, n, slope.data());
    const std::string name(g.loss.class_name());
    EXPECT_NEAR(value, g.value, 2e-6 * std::max(1.0, std::abs(g.value))) << name;
    for (std::size_t i = 0; i < y.size(); ++i) {
      EXPECT_NEAR(slope[i], g.slopes[i], 2e-6 * std::max(1.0, std::abs(g.slopes[i]))) << name << ", output " << i;
    }
    EXPECT_EQ(loss->row(y.data(), t.data(), label, n, nullptr), value) << name << " without its slope";
  }
}

TEST(Losses, RefuseOptionsOutOfRange) {
  const auto make = [](const Loss& loss) { LossRegistry::instance().find(loss.class_name()).maker.make(loss); };
  expect_error(ErrorCode::invalid_argument, {"delta", "-1"}, [&] { make(Huber{.delta = -1}); });
  expect_error(ErrorCode::invalid_argument, {"delta", "0"}, [&] { make(Huber{.delta = 0}); });
  expect_error(ErrorCode::invalid_argument, {"label_smoothing", "1.5"},
               [&] { make(CategoricalCrossentropy{.label_smoothing = 1.5}); });
  expect_error(ErrorCode::invalid_argument, {"label_smoothing", "-0.1"},
               [&] { make(BinaryCrossentropy{.label_smoothing = -0.1}); });
}

TEST(Losses, StayFiniteFarAway) {
  for (const Loss& spec : {Loss(LogCosh{}), Loss(Huber{}), Loss(KLDivergence{}), Loss(CosineSimilarity{})}) {
    const auto loss = LossRegistry::instance().find(spec.class_name()).maker.make(spec);
    const std::vector<Real> y{1e8F, -1e8F, 0}, t{0, 1, 0};
    std::vector<Real> slope(3);
    EXPECT_TRUE(std::isfinite(loss->row(y.data(), t.data(), 1, 3, slope.data()))) << spec.class_name();
    for (const Real s : slope) EXPECT_TRUE(std::isfinite(s)) << spec.class_name();
  }
}

}  // namespace
}  // namespace gradus::test
