#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include <gradus/dataset.hpp>

#include "data/order.hpp"
#include "support/expect_error.hpp"

namespace gradus {
namespace {

using test::expect_error;

// Sample i is (i, i + 100) with label i mod 3.
Dataset counted(std::int64_t size) {
  std::vector<std::uint8_t> inputs;
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < size; ++i) {
    inputs.push_back(static_cast<std::uint8_t>(i));
    inputs.push_back(static_cast<std::uint8_t>(i + 100));
    labels.push_back(static_cast<std::int32_t>(i % 3));
  }
  return Dataset::classified("counted", Shape{2}, inputs, labels, 3);
}

std::vector<int> ids(const Dataset& set) {
  std::vector<int> result;
  for (std::int64_t i = 0; i < set.size(); ++i) result.push_back(static_cast<int>(set.inputs().at(2 * i)));
  return result;
}

TEST(Dataset, KeepsBytesAndShares) {
  const Dataset set = counted(10);
  EXPECT_EQ(set.size(), 10);
  EXPECT_EQ(set.inputs().dtype(), DType::uint8);
  EXPECT_EQ(set.inputs().shape(), (Shape{10, 2}));
  EXPECT_EQ(set.target_width(), 3);
  EXPECT_EQ(set.class_names(), (std::vector<std::string>{"0", "1", "2"}));
  const Dataset part = set.slice(3, 7).with_name("part");
  EXPECT_EQ(ids(part), (std::vector<int>{3, 4, 5, 6}));
  EXPECT_EQ(part.labels()[1], 1);
  EXPECT_EQ(part.inputs().bytes().data(), set.inputs().bytes().data() + 6);  // no copy
  EXPECT_EQ(ids(part.slice(1, 3)), (std::vector<int>{4, 5}));
  EXPECT_EQ(part.name(), "part");
  EXPECT_EQ(set.name(), "counted");
  EXPECT_EQ(set.slice(4, 4).size(), 0);
  EXPECT_EQ(set.slice(4, 4).inputs().rows(), 0);
}

TEST(Dataset, OutlivesItsHandle) {
  Dataset part;
  { part = counted(10).slice(8, 10); }
  EXPECT_EQ(ids(part), (std::vector<int>{8, 9}));
}

TEST(Dataset, AnEmptyHandleAnswers) {
  const Dataset none;
  EXPECT_TRUE(none.empty());
  EXPECT_FALSE(none.is_classified());
  EXPECT_TRUE(none.labels().empty());
  EXPECT_TRUE(none.name().empty());
  EXPECT_EQ(none.inputs().rows(), 0);
  EXPECT_EQ(none.targets().rows(), 0);
}

TEST(Dataset, RefusesWhatDoesNotFit) {
  const std::vector<std::uint8_t> four = {1, 2, 3, 4};
  expect_error(ErrorCode::bad_data, {"s: ", "2 samples", "3 labels"}, [&] {
    (void)Dataset::classified("s", Shape{2}, four, {0, 1, 0}, 2);
  });
  expect_error(ErrorCode::bad_data, {"row 1", "label 2", "0 to 1"}, [&] {
    (void)Dataset::classified("s", Shape{2}, four, {0, 2}, 2);
  });
  expect_error(ErrorCode::bad_data, {"label -1"}, [&] { (void)Dataset::classified("s", Shape{2}, four, {0, -1}, 2); });
  expect_error(ErrorCode::bad_data, {"whole samples", "(3,)"},
               [&] { (void)Dataset::classified("s", Shape{3}, four, {0}, 2); });
  expect_error(ErrorCode::invalid_argument, {"empty"}, [&] { (void)Dataset::classified("s", Shape{0}, four, {0}, 2); });
  expect_error(ErrorCode::invalid_argument, {"class"}, [&] {
    (void)Dataset::classified("s", Shape{2}, four, {0, 0}, 0);
  });
  expect_error(ErrorCode::bad_data, {"2 samples", "3 target numbers"}, [] {
    (void)Dataset::with_targets("s", Shape{1}, {1, 2}, {1, 2, 3}, 1);
  });
  const Dataset set = counted(5);
  expect_error(ErrorCode::invalid_argument, {"3 to 6", "5"}, [&] { (void)set.slice(3, 6); });
  expect_error(ErrorCode::invalid_argument, {"-1"}, [&] { (void)set.slice(-1, 2); });
  expect_error(ErrorCode::invalid_argument, {"sample 5"}, [&] { (void)set.subset(std::vector<std::int64_t>{0, 5}); });
  expect_error(ErrorCode::invalid_argument, {"2 class names"}, [&] { (void)set.with_class_names({"a", "b"}); });
  expect_error(ErrorCode::invalid_argument, {"1 column name"}, [&] { (void)set.with_column_names({"a"}); });
  for (const double wrong : {0.0, 1.0, -0.5, std::numeric_limits<double>::quiet_NaN()}) {
    expect_error(ErrorCode::invalid_argument, {"between 0 and 1"}, [&] { (void)set.split(wrong); });
  }
}

TEST(Dataset, HoldsNumberTargets) {
  const Dataset set = Dataset::with_targets("t", Shape{1}, {1, 2, 3}, {10, 11, 20, 21, 30, 31}, 2);
  EXPECT_FALSE(set.is_classified());
  EXPECT_EQ(set.target_width(), 2);
  EXPECT_EQ(set.slice(1, 3).targets().shape(), (Shape{2, 2}));
  EXPECT_EQ(set.slice(1, 3).targets().at(0), Real{20});
  const Dataset some = set.subset(std::vector<std::int64_t>{2, 0});
  EXPECT_EQ(some.targets().at(1), Real{31});
  EXPECT_EQ(some.inputs().at(1), Real{1});
  expect_error(ErrorCode::invalid_argument, {"targets are numbers"}, [&] { (void)set.split(0.5, 0, true); });
}

TEST(Dataset, SubsetOfASliceCountsFromTheSlice) {
  const Dataset set = counted(20).slice(10, 20).with_one_hot({0.99, 0.01});
  const Dataset some = set.subset(std::vector<std::int64_t>{9, 0, 0});
  EXPECT_EQ(ids(some), (std::vector<int>{19, 10, 10}));
  EXPECT_EQ(some.labels()[0], 19 % 3);
  EXPECT_EQ(some.one_hot(), (Dataset::OneHot{0.99, 0.01}));
}

TEST(Dataset, SplitsBySeedWithoutLoss) {
  const Dataset set = counted(100);
  const auto [rest, part] = set.split(0.29, 7);
  EXPECT_EQ(part.size(), 29);
  EXPECT_EQ(rest.size(), 71);
  std::vector<int> all = ids(rest);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  for (const int id : ids(part)) all.push_back(id);
  std::sort(all.begin(), all.end());
  std::vector<int> expected(100);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(all, expected);
  EXPECT_EQ(ids(set.split(0.29, 7).second), ids(part));
  EXPECT_NE(ids(set.split(0.29, 8).second), ids(part));
}

TEST(Dataset, SplitsKeepShares) {
  std::vector<std::int32_t> labels(100, 0);
  std::fill(labels.begin(), labels.begin() + 30, 1);
  std::fill(labels.begin(), labels.begin() + 10, 2);
  const Dataset set = Dataset::classified("s", Shape{1}, std::vector<Real>(100), labels, 4);
  const auto [rest, part] = set.split(0.2, 3, true);
  std::map<std::int32_t, int> counts;
  for (const std::int32_t label : part.labels()) ++counts[label];
  EXPECT_EQ(counts, (std::map<std::int32_t, int>{{0, 14}, {1, 4}, {2, 2}}));
  EXPECT_EQ(rest.size(), 80);
  EXPECT_EQ(set.split(0.25, 3, true).second.size(), 25);  // 17.5 + 5 + 2.5: the remainders are shared out
}

TEST(EpochOrder, IsAPermutationThatDependsOnSeedAndEpoch) {
  for (const std::int64_t size : {0, 1, 2, 3, 1000}) {
    std::vector<std::uint32_t> order = epoch_order(size, 1, 2);
    EXPECT_EQ(order, epoch_order(size, 1, 2));
    std::sort(order.begin(), order.end());
    for (std::size_t i = 0; i < order.size(); ++i) ASSERT_EQ(order[i], i);
    ASSERT_EQ(order.size(), static_cast<std::size_t>(size));
  }
  EXPECT_NE(epoch_order(1000, 1, 2), epoch_order(1000, 1, 3));
  EXPECT_NE(epoch_order(1000, 1, 2), epoch_order(1000, 2, 2));
  expect_error(ErrorCode::invalid_argument, {"-1"}, [] { (void)epoch_order(-1, 0, 0); });
  expect_error(ErrorCode::invalid_argument, {"samples"}, [] { (void)epoch_order(std::int64_t{1} << 33, 0, 0); });
}

// All 24 orders of four samples about equally often: 24,000 draws, standard deviation 31.
TEST(EpochOrder, FavoursNone) {
  std::map<std::vector<std::uint32_t>, int> counts;
  for (std::uint64_t epoch = 0; epoch < 24'000; ++epoch) ++counts[epoch_order(4, 5, epoch)];
  EXPECT_EQ(counts.size(), 24u);
  for (const auto& [order, count] : counts) EXPECT_NEAR(count, 1000, 155);
}

}  // namespace
}  // namespace gradus
