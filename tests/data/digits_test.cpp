#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include <gradus/dataset.hpp>

#include "support/expect_error.hpp"
#include "support/shared_data.hpp"

namespace gradus {
namespace {

constexpr std::size_t pixels = 28 * 28;

TEST(Digits, AreBytesWithEvenLabels) {
  const Dataset set = datasets::digits(1000, 3);
  EXPECT_EQ(set.inputs().shape(), (Shape{1000, 28, 28, 1}));
  EXPECT_EQ(set.inputs().dtype(), DType::uint8);
  std::array<int, 10> counts{};
  for (const std::int32_t label : set.labels()) ++counts[static_cast<std::size_t>(label)];
  for (const int count : counts) EXPECT_EQ(count, 100);
}

TEST(Digits, DependOnSeedAndIndexAlone) {
  const Dataset small = datasets::digits(20, 5), large = datasets::digits(50, 5), other = datasets::digits(20, 6);
  EXPECT_TRUE(std::ranges::equal(small.inputs().bytes(), large.first(20).inputs().bytes()));
  EXPECT_FALSE(std::ranges::equal(small.inputs().bytes(), other.inputs().bytes()));
  const auto bytes = small.inputs().bytes();
  EXPECT_FALSE(std::ranges::equal(bytes.first(pixels), bytes.subspan(10 * pixels, pixels)));  // two zeros
}

// What MNIST's makers did to each image: 20 pixels the longer side, the centre of mass in the middle.
TEST(Digits, AreSizedAndCentredAsMnist) {
  const Dataset set = datasets::digits(500, 1);
  double ink = 0, off = 0;
  for (std::size_t i = 0; i < 500; ++i) {
    const auto image = set.inputs().bytes().subspan(i * pixels, pixels);
    int left = 28, right = -1, top = 28, bottom = -1;
    double mass = 0, x_mass = 0, y_mass = 0;
    for (int y = 0; y < 28; ++y) {
      for (int x = 0; x < 28; ++x) {
        const double grey = image[static_cast<std::size_t>(28 * y + x)];
        mass += grey, x_mass += grey * x, y_mass += grey * y;
        if (grey > 30)
          left = std::min(left, x), right = std::max(right, x), top = std::min(top, y), bottom = std::max(bottom, y);
      }
    }
    const int longer = std::max(right - left, bottom - top) + 1;
    EXPECT_GE(longer, 17) << i;  // some is cut off at the edge where a digit lies far from the middle
    EXPECT_LE(longer, 22) << i;
    ink += mass / (500 * pixels);
    off += (std::abs(x_mass / mass - 14) + std::abs(y_mass / mass - 14)) / 1000;
    EXPECT_GT(*std::max_element(image.begin(), image.end()), 200) << i;
  }
  EXPECT_NEAR(ink, 33.3, 4);  // MNIST's mean grey
  EXPECT_LT(off, 1.5);
}

TEST(Digits, StandInForMnistByName) {
  const auto [train, test] = datasets::load("digits:600:4");
  EXPECT_EQ(train.size(), 600);
  EXPECT_EQ(test.size(), 100);
  EXPECT_TRUE(std::ranges::equal(train.inputs().bytes(), datasets::digits(600, 4).inputs().bytes()));
  EXPECT_FALSE(std::ranges::equal(train.first(100).inputs().bytes(), test.inputs().bytes()));
}

TEST(Digits, RefusesNonsense) {
  test::expect_error(ErrorCode::invalid_argument, {"0"}, [] { (void)datasets::digits(0); });
  test::expect_error(ErrorCode::invalid_argument, {"10,000,000"}, [] { (void)datasets::digits(10'000'001); });
}

// A coarse measure that needs no network: the nearest of 10,000 drawn digits, by the distance of 14x14 means, reads
// 1,000 real ones. What a trained network makes of them is tested where networks are.
TEST(Digits, LookLikeRealOnes) {
  GRADUS_SHARED_DATA_OR_SKIP(mnist, "mnist");
  const Dataset drawn = datasets::digits(10'000);
  const Dataset real =
      datasets::idx(mnist + "/t10k-images-idx3-ubyte.gz", mnist + "/t10k-labels-idx1-ubyte.gz").first(1000);
  const auto shrink = [](const Dataset& set) {
    std::vector<std::array<int, 196>> all(static_cast<std::size_t>(set.size()));
    const auto bytes = set.inputs().bytes();
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].fill(0);
      for (std::size_t p = 0; p < pixels; ++p) all[i][p / 56 * 14 + p % 28 / 2] += bytes[i * pixels + p];
    }
    return all;
  };
  const auto have = shrink(drawn), want = shrink(real);
  int right = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    std::int64_t best = INT64_MAX;
    std::int32_t label = -1;
    for (std::size_t k = 0; k < have.size(); ++k) {
      std::int64_t distance = 0;
      for (std::size_t p = 0; p < 196; ++p) {
        const std::int64_t d = have[k][p] - want[i][p];
        distance += d * d;
      }
      if (distance < best) best = distance, label = drawn.labels()[k];
    }
    right += label == real.labels()[i] ? 1 : 0;
  }
  RecordProperty("right_of_1000", right);
  EXPECT_GE(right, 800);
}

}  // namespace
}  // namespace gradus
