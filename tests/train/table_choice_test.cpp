// Which networks go into a table's mean, on outputs whose losses are known.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <gradus/error.hpp>

#include "support/expect_error.hpp"
#include "train/table_choice.hpp"

namespace gradus::test {
namespace {

using Outputs = std::vector<std::vector<double>>;

const std::vector<std::int64_t> rows{0, 1, 2, 3, 4, 5};

/// Targets 0, 1, ... 5 of samples that weigh alike or as given.
Dataset amounts(std::vector<Real> weights = {}) {
  const Dataset data = Dataset::with_targets("", {1}, {0, 0, 0, 0, 0, 0}, {0, 1, 2, 3, 4, 5}, 1);
  return weights.empty() ? data : data.with_sample_weights(std::move(weights));
}

TEST(TableLoss, IsTheMeanSquaredErrorBySampleWeights) {
  const Dataset data = amounts({1, 0, 0, 0, 0, 3});
  EXPECT_EQ(TableLoss(data).of(std::vector<double>{5}.data(), 2), 9);
  EXPECT_EQ(TableLoss(data).mean({2, 9, 9, 9, 9, 4}, rows), (4 + 3 * 1) / 4.0);
  EXPECT_EQ(TableLoss(data).mean({3, 4}, {5, 0}), (3 * 4 + 16) / 4.0);
}

TEST(TableLoss, IsTheCrossEntropyOfWhatComesBeforeTheSoftmax) {
  const Dataset data = Dataset::classified("", {1}, std::vector<Real>{0, 0}, {2, 0}, 3);
  const std::vector<double> outputs{1, 2, 3, 1000, 0, 0};
  EXPECT_NEAR(TableLoss(data).of(outputs.data(), 0), std::log(std::exp(-2) + std::exp(-1) + 1), 1e-15);
  EXPECT_EQ(TableLoss(data).of(outputs.data() + 3, 1), 0);
}

TEST(ChooseNetworks, NetworksThatCannotBeToldApartShareAlike) {
  const Dataset data = amounts();
  // Errors of 1 and of -1: alike alone, none together.
  const TableChoice choice = choose_networks({{1, 2, 3, 4, 5, 6}, {-1, 0, 1, 2, 3, 4}}, rows, TableLoss(data));
  EXPECT_EQ(choice.shares, (std::vector<double>{0.5, 0.5}));
  EXPECT_EQ(choice.loss, 0);
}

TEST(ChooseNetworks, ANetworkThatIsPlainlyWorseIsLeftOut) {
  const Dataset data = amounts();
  const Outputs outputs{{0.1, 1.1, 2.1, 2.9, 3.9, 4.9}, {5, 5, 5, 5, 5, 9}};
  EXPECT_EQ(choose_networks(outputs, rows, TableLoss(data)).shares, (std::vector<double>{1, 0}));
  // Nor does one count that gave no numbers, wherever it stands.
  const double none = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> broken(6, none);
  EXPECT_EQ(choose_networks({broken, outputs[0]}, rows, TableLoss(data)).shares, (std::vector<double>{0, 1}));
  expect_error(ErrorCode::not_finite, {"no network gave finite numbers"}, [&] {
    (void)choose_networks({broken, broken}, rows, TableLoss(data));
  });
}

TEST(ChooseNetworks, AWorseNetworkHelpsWhereItsErrorsGoTheOtherWay) {
  const Dataset data = amounts();
  // Errors of 1 and of -2: two parts of the first and one of the second leave none.
  const TableChoice choice = choose_networks({{1, 2, 3, 4, 5, 6}, {-2, -1, 0, 1, 2, 3}}, rows, TableLoss(data));
  EXPECT_NEAR(choice.shares[0], 2.0 / 3, 1e-15);
  EXPECT_NEAR(choice.loss, 0, 1e-15);
}

}  // namespace
}  // namespace gradus::test
