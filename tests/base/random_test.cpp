#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/philox.hpp"

namespace gradus {
namespace {

// The known answer that the authors of Philox publish for key 0 and counter 0.
TEST(Philox, GivesThePublishedNumbers) {
  Philox random(0, 0);
  EXPECT_EQ(random.next(), 0x6627e8d5U);
  EXPECT_EQ(random.next(), 0xe169c58dU);
  EXPECT_EQ(random.next(), 0xbc57ac4cU);
  EXPECT_EQ(random.next(), 0x9b00dbd8U);
}

TEST(Philox, StreamsAndKeysDiffer) {
  EXPECT_NE(Philox(1, 0).next(), Philox(2, 0).next());
  EXPECT_NE(Philox(1, 0).next(), Philox(1, 1).next());
  EXPECT_NE(mix_key(1, 2), mix_key(2, 1));
}

TEST(Philox, NormalNumbersHaveMeanZeroAndSpreadOne) {
  Philox random(5, 0);
  constexpr int count = 200'000;
  double sum = 0, squares = 0;
  for (int i = 0; i < count; ++i) {
    const double x = random.normal();
    sum += x, squares += x * x;
  }
  EXPECT_NEAR(sum / count, 0, 0.01);
  EXPECT_NEAR(squares / count, 1, 0.01);
}

TEST(Philox, BelowIsEvenlySpread) {
  Philox random(6, 0);
  std::vector<int> counts(7);
  for (int i = 0; i < 70'000; ++i) ++counts[random.below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 500);
}

}  // namespace
}  // namespace gradus
