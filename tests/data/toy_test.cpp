#include <gtest/gtest.h>

#include <cmath>

#include <gradus/dataset.hpp>

#include "data/registry.hpp"
#include "support/expect_error.hpp"

namespace gradus {
namespace {

using test::expect_error;

std::array<double, 2> point(const Dataset& set, std::int64_t i) {
  return {set.inputs().at(2 * i), set.inputs().at(2 * i + 1)};
}

TEST(Toy, CornersAreTruthTables) {
  const Dataset x = datasets::xor_corners(), a = datasets::and_corners();
  for (std::int64_t i = 0; i < 4; ++i) {
    const auto [p, q] = point(x, i);
    EXPECT_EQ(x.labels()[static_cast<std::size_t>(i)], static_cast<int>(p) ^ static_cast<int>(q));
    EXPECT_EQ(a.labels()[static_cast<std::size_t>(i)], static_cast<int>(p) & static_cast<int>(q));
  }
  EXPECT_EQ(x.column_names(), (std::vector<std::string>{"a", "b"}));
}

TEST(Toy, WithoutNoiseLieOnTheirCurves) {
  const Dataset circles = datasets::circles(100, 0), moons = datasets::moons(100, 0),
                spiral = datasets::spiral(90, 3, 0);
  for (std::int64_t i = 0; i < 100; ++i) {
    const auto [x, y] = point(circles, i);
    EXPECT_NEAR(std::hypot(x, y), i % 2 == 0 ? 1.0 : 0.5, 1e-6);
    const auto [u, v] = point(moons, i);
    EXPECT_NEAR(i % 2 == 0 ? std::hypot(u, v) : std::hypot(u - 1, v - 0.5), 1.0, 1e-6);
    EXPECT_TRUE(i % 2 == 0 ? v >= 0 : v <= 0.5);
    EXPECT_EQ(moons.labels()[static_cast<std::size_t>(i)], i % 2);
  }
  for (std::int64_t i = 0; i < 90; ++i) {
    const auto [x, y] = point(spiral, i);
    const double radius = std::hypot(x, y);
    const double turns = std::atan2(y, x) / (2 * M_PI) - 1.25 * radius - static_cast<double>(i % 3) / 3;
    EXPECT_LE(radius, 1.0);
    EXPECT_NEAR(turns, std::round(turns), 1e-5);
  }
}

TEST(Toy, NoiseHasItsSpread) {
  const Dataset set = datasets::circles(20'000, 0.1, 3);
  double sum = 0;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    const auto [x, y] = point(set, i);
    const double off = std::hypot(x, y) - (i % 2 == 0 ? 1.0 : 0.5);
    sum += off * off;
  }
  EXPECT_NEAR(std::sqrt(sum / static_cast<double>(set.size())), 0.1, 0.01);
}

TEST(Toy, BlobsGatherRoundTheirCentres) {
  const Dataset tight = datasets::blobs(9, 3, 0.0, 5), wide = datasets::blobs(3000, 3, 1.0, 5);
  for (std::int64_t c = 0; c < 3; ++c) {
    double x = 0, y = 0;
    for (std::int64_t i = c; i < 3000; i += 3) x += point(wide, i)[0] / 1000, y += point(wide, i)[1] / 1000;
    EXPECT_NEAR(x, point(tight, c)[0], 0.15);
    EXPECT_NEAR(y, point(tight, c)[1], 0.15);
    EXPECT_EQ(point(tight, c), point(tight, c + 3));
  }
}

TEST(Toy, SamePointsForSameSeedInAnySize) {
  for (const std::string name : {"moons", "circles", "spiral", "blobs"}) {
    const Dataset small = datasets::load(name + ":10:4").train, large = datasets::load(name + ":200:4").train;
    const Dataset other = datasets::load(name + ":10:5").train;
    EXPECT_EQ(small.size(), 10);
    bool differ = false;
    for (std::int64_t i = 0; i < 20; ++i) {
      EXPECT_EQ(small.inputs().at(i), large.inputs().at(i)) << name;
      differ = differ || small.inputs().at(i) != other.inputs().at(i);
    }
    EXPECT_TRUE(differ) << name;
  }
}

TEST(Toy, RefusesNonsense) {
  expect_error(ErrorCode::invalid_argument, {"moons", "0"}, [] { (void)datasets::moons(0); });
  expect_error(ErrorCode::invalid_argument, {"100,000,000"}, [] { (void)datasets::moons(100'000'001); });
  expect_error(ErrorCode::invalid_argument, {"noise"}, [] { (void)datasets::circles(5, -1); });
  expect_error(ErrorCode::invalid_argument, {"noise"}, [] { (void)datasets::circles(5, std::nan("")); });
  expect_error(ErrorCode::invalid_argument, {"classes"}, [] { (void)datasets::blobs(5, 0); });
}

TEST(Registry, ListsAndLoads) {
  std::vector<std::string> names;
  for (const auto& info : datasets::list()) {
    names.push_back(info.name);
    EXPECT_FALSE(info.summary.empty());
  }
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  for (const char* name :
       {"and", "blobs", "circles", "digits", "fashion_mnist", "kmnist", "mnist", "moons", "spiral", "xor"}) {
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
  }
  EXPECT_EQ(datasets::load("xor").train.size(), 4);
  EXPECT_TRUE(datasets::load("xor").test.empty());
  EXPECT_EQ(datasets::load("xor:3").train.size(), 3);
}

TEST(Registry, SaysWhatIsWrongWithAName) {
  const auto load = [](const char* name) { return [=] { (void)datasets::load(name); }; };
  expect_error(ErrorCode::not_found, {"'mnits'", "did you mean 'mnist'?"}, load("mnits"));
  expect_error(ErrorCode::not_found, {"'zebra'", "moons", ".csv"}, load("zebra"));
  expect_error(ErrorCode::not_found, {"''"}, load(""));
  expect_error(ErrorCode::invalid_argument, {"'many'"}, load("moons:many"));
  expect_error(ErrorCode::invalid_argument, {"'0'"}, load("moons:0"));
  expect_error(ErrorCode::invalid_argument, {"seed"}, load("moons:5:x"));
  expect_error(ErrorCode::invalid_argument, {"two numbers"}, load("moons:5:1:2"));
  expect_error(ErrorCode::invalid_argument, {"4 training samples", "5"}, load("xor:5"));
  expect_error(ErrorCode::not_found, {"nothing.csv", "no such file"}, load("nothing.csv"));
  expect_error(ErrorCode::not_found, {"no such file"}, load("some/where"));
  expect_error(ErrorCode::unsupported, {"/dev/null", ".csv"}, load("/dev/null"));
}

}  // namespace
}  // namespace gradus
