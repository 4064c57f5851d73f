#include "inspect/numbers.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace gradus {
namespace {

TEST(ArrayText, AlignsColumns) {
  const std::vector<double> values{0.5, -1.25, 10, 0};
  EXPECT_EQ(array_text(values, {2, 2}, {.decimals = 2}), "[[ 0.50 -1.25]\n [10.00  0.00]]");
}

TEST(ArrayText, WritesWholeNumbersWithoutFraction) {
  EXPECT_EQ(array_text(std::vector<double>{0, 255, -0.0}, {3}), "[  0 255   0]");
}

TEST(ArrayText, KnowsOneZero) {
  EXPECT_EQ(array_text(std::vector<double>{-0.0, 0.5}, {2}, {.decimals = 2}), "[0.00 0.50]");
}

TEST(ArrayText, WritesAScalar) { EXPECT_EQ(array_text(std::vector<double>{2.5}, {}, {.decimals = 1}), "2.5"); }

TEST(ArrayText, ElidesLongAxes) {
  std::vector<double> values(20);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i);
  EXPECT_EQ(array_text(values, {20}, {.whole_up_to = 10, .ends = 2}), "[ 0  1 ... 18 19]");
  EXPECT_EQ(array_text(values, {10, 2}, {.whole_up_to = 10, .ends = 1}), "[[ 0  1]\n ...\n [18 19]]");
}

TEST(ArrayText, BreaksLongRows) {
  const std::vector<double> values{1, 2, 3, 4, 5, 6};
  EXPECT_EQ(array_text(values, {6}, {.width = 8}), "[1 2 3\n 4 5 6]");
  EXPECT_EQ(array_text(values, {6}, {.width = 10, .indent = 2}), "[1 2 3\n   4 5 6]");
}

TEST(ArrayText, UsesExponentsWhereTheyAreNeeded) {
  EXPECT_EQ(array_text(std::vector<double>{1.5e-7, 0}, {2}, {.decimals = 2}), "[1.50e-07 0.00e+00]");
  EXPECT_EQ(array_text(std::vector<double>{2.5e8}, {1}, {.decimals = 1}), "[250000000]");
  EXPECT_EQ(array_text(std::vector<double>{2.5e9}, {1}, {.decimals = 1}), "[2.5e+09]");
}

TEST(ArrayText, WritesWhatIsNoNumber) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(array_text(std::vector<double>{nan, -inf, 0.5}, {3}, {.decimals = 2}), "[ nan -inf 0.50]");
}

TEST(ArrayText, SurvivesEmptyArrays) {
  EXPECT_EQ(array_text({}, {0}), "[]");
  EXPECT_EQ(array_text({}, {2, 0}), "[[]\n []]");
}

TEST(Statistics, AreThoseOfTheNumbers) {
  const Statistics s = statistics_of(std::vector<double>{1, 2, 3, 0});
  EXPECT_EQ(s.min, 0);
  EXPECT_EQ(s.max, 3);
  EXPECT_DOUBLE_EQ(s.mean, 1.5);
  EXPECT_DOUBLE_EQ(s.stddev, std::sqrt(1.25));
  EXPECT_EQ(s.zeros, 1);
  EXPECT_EQ(statistics_of({}).max, 0);
}

}  // namespace
}  // namespace gradus
