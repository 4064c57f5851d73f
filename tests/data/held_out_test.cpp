#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include <gradus/gradus.hpp>

#include "base/mapped_file.hpp"
#include "data/row_hashes.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_directory.hpp"

namespace gradus {
namespace {

using test::expect_error;

std::vector<std::int64_t> rows_of(const Dataset& data) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(data.size()));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

Dataset turned_round(const Dataset& data) {
  std::vector<std::int64_t> rows = rows_of(data);
  std::reverse(rows.begin(), rows.end());
  return data.subset(rows);
}

TEST(Fingerprint, IsOfTheNumbersAlone) {
  const Dataset bytes = Dataset::classified("a", {3}, std::vector<std::uint8_t>{1, 2, 0, 255, 4, 5}, {0, 1}, 2);
  const Dataset reals = Dataset::classified("b", {3}, std::vector<Real>{1, 2, -0.0F, 255, 4, 5}, {0, 1}, 2);
  EXPECT_EQ(fingerprint_of(bytes), fingerprint_of(reals));
  EXPECT_EQ(fingerprint_of(bytes), fingerprint_of(bytes.with_sample_weights({1, 2}).with_name("c")));
  EXPECT_EQ(fingerprint_of(bytes).size(), 64u);
}

TEST(Fingerprint, ChangesWithEachNumberLabelAndOrder) {
  const auto of = [](const std::vector<Real>& inputs, const std::vector<std::int32_t>& labels) {
    return fingerprint_of(Dataset::classified("", {3}, inputs, labels, 3));
  };
  std::vector<std::string> all{of({1, 2, 3, 4, 5, 6}, {0, 1}),
                               of({1, 2, 3, 4, 5, 6}, {0, 2}),
                               of({1, 2, 3, 4, 5.5, 6}, {0, 1}),
                               of({4, 5, 6, 1, 2, 3}, {1, 0}),
                               of({1, 2, 3}, {0}),
                               of({1, 3, 2, 4, 5, 6}, {0, 1}),
                               of({256, 2, 3, 4, 5, 6}, {0, 1}),
                               of({-1, 2, 3, 4, 5, 6}, {0, 1})};
  const auto targets = [](const std::vector<Real>& values) {
    return fingerprint_of(Dataset::with_targets("", {3}, {1, 2, 3, 4, 5, 6}, values, 1));
  };
  all.push_back(targets({0.5, 1}));
  all.push_back(targets({0.5, 2}));
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
}

TEST(HeldOut, FindsTheSamplesThatSplitCutOff) {
  const Dataset all = datasets::blobs(103, 3, 1.0, 4);
  const HeldOut kept = HeldOut::of(all, 0.2, 9, true);
  const auto [train, test] = all.split(0.2, 9, true);
  EXPECT_TRUE(kept.is_of(datasets::blobs(103, 3, 1.0, 4)));
  EXPECT_FALSE(kept.is_of(datasets::blobs(103, 3, 1.0, 5)));
  EXPECT_FALSE(kept.is_of(datasets::blobs(104, 3, 1.0, 4)));
  EXPECT_FALSE(kept.is_of(turned_round(all)));
  const auto [train_again, test_again] = kept.split(all);
  EXPECT_EQ(fingerprint_of(train_again), fingerprint_of(train));
  EXPECT_EQ(fingerprint_of(test_again), fingerprint_of(test));
  EXPECT_EQ(kept.kept(), test.size());
  expect_error(ErrorCode::invalid_argument, {"104", "103"}, [&] { (void)kept.split(datasets::blobs(104, 3, 1.0, 4)); });
  expect_error(ErrorCode::invalid_argument, {"between 0 and 1"}, [&] { (void)HeldOut::of(all, 1.0); });
}

// Whether a set lies on the disk or in memory may change between training and measuring.
TEST(HeldOut, FindsThemWhereverTheSetLies) {
  const test::TemporaryDirectory directory;
  std::string bytes;
  std::vector<std::int32_t> labels;
  for (int i = 0; i < 40; ++i) bytes += {static_cast<char>(i), static_cast<char>(7 * i)}, labels.push_back(i % 2);
  const auto file = std::make_shared<const MappedFile>(directory.write("x.bin", bytes));
  const Dataset on_disk = Dataset::on_disk("d", {2}, DType::uint8, file, 0, labels, 2);
  const Dataset memory =
      Dataset::classified("m", {2}, std::vector<std::uint8_t>(bytes.begin(), bytes.end()), labels, 2);
  for (const Dataset& trained : {on_disk, memory}) {
    const HeldOut kept = HeldOut::of(trained, 0.25, 3, true);
    EXPECT_EQ(kept.tail, trained.is_on_disk());
    const std::string expected = fingerprint_of(trained.split(0.25, 3, true).second);
    for (const Dataset& measured : {on_disk, memory}) {
      ASSERT_TRUE(kept.is_of(measured));
      EXPECT_EQ(fingerprint_of(kept.split(measured).second), expected);
    }
  }
}

TEST(LearntRows, AreFoundAgainInAnyOrderAndAnyFile) {
  const Dataset all = datasets::moons(300, 0.1, 1);
  LearntRows rows;
  EXPECT_FALSE(rows.count(all).recorded);
  rows.add(all.slice(0, 200));
  const LearntFrom found = rows.count(turned_round(all));
  EXPECT_TRUE(found.exact());
  EXPECT_EQ(found.known, 200);
  EXPECT_EQ(rows.count(all.slice(200, 300)).known, 0);
  EXPECT_EQ(rows.count(all.slice(150, 210)).estimate(), 50);
  rows.add(all.slice(100, 250));
  EXPECT_EQ(rows.count(all).known, 250);
  EXPECT_EQ(rows.samples(), 250);
}

TEST(LearntRows, OfALargeSetAreASampleOfThem) {
  const std::int64_t trained = 60'000;
  const Dataset all = datasets::moons(80'000, 0.1, 1);
  LearntRows rows;
  rows.add(all.slice(0, trained));
  EXPECT_LE(rows.hashes().size(), LearntRows::most);
  EXPECT_GT(rows.hashes().size(), LearntRows::most / 3);
  EXPECT_NEAR(static_cast<double>(rows.samples()), 60'000, 3000);
  const LearntFrom learnt = rows.count(all.slice(20'000, trained));
  EXPECT_FALSE(learnt.exact());
  EXPECT_EQ(learnt.estimate(), 40'000);
  EXPECT_EQ(rows.count(all.slice(trained, 80'000)).known, 0);
  EXPECT_NEAR(static_cast<double>(*rows.count(all).estimate()), 60'000, 1500);
  // The order in which they come changes nothing.
  LearntRows other;
  other.add(turned_round(all.slice(30'000, trained)));
  other.add(all.slice(0, 40'000));
  EXPECT_EQ(other.hashes(), rows.hashes());
  // Of a single sample nothing may be known.
  std::int64_t unknown = 0;
  for (std::int64_t i = 0; i < 100; ++i) unknown += rows.count(all.slice(i, i + 1)).estimate() ? 0 : 1;
  EXPECT_GT(unknown, 50);
}

TEST(LearntRows, RefuseWhatTheyCannotHaveWritten) {
  EXPECT_NO_THROW(LearntRows(1, {3, 9}));
  expect_error(ErrorCode::bad_data, {"order"}, [] { (void)LearntRows(0, {9, 3}); });
  expect_error(ErrorCode::bad_data, {"order"}, [] { (void)LearntRows(0, {3, 3}); });
  expect_error(ErrorCode::bad_data, {"level 1"}, [] { (void)LearntRows(1, {3, std::uint64_t{1} << 47}); });
  expect_error(ErrorCode::bad_data, {"level 48"}, [] { (void)LearntRows(48, {}); });
}

}  // namespace
}  // namespace gradus
