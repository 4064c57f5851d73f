// The search itself: which combinations, in which order, and what goes on after each result.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include <gradus/gradus.hpp>
#include <gradus/search.hpp>

#include "support/expect_error.hpp"

namespace gradus::test {
namespace {

using Strategy = SearchOptions::Strategy;

double number_of(const Value& value) { return FieldType<double>::from_value(value); }

std::vector<SearchRange> ranges() {
  return {{.key = "rate", .least = 1e-4, .greatest = 1e-1, .logarithmic = true},
          {.key = "units", .least = 8, .greatest = 64, .whole = true},
          {.key = "kind", .values = {"adam", "sgd"}}};
}

/// A score that is best at rate 0.01, units 40, adam.
double score_of(const Value::Object& point) {
  return std::abs(std::log10(number_of(point[0].second)) + 2) + std::abs(number_of(point[1].second) - 40) / 40 +
         (point[2].second == Value("adam") ? 0 : 1);
}

/// Runs a search to its end, or for so many runs.
void run(Search& search, std::int64_t most = 1000) {
  for (; most > 0; --most) {
    const auto next = search.next();
    if (!next) return;
    search.add({.run = *next, .score = score_of(search.point(next->trial))});
  }
}

TEST(Search, GridTriesEveryCombination) {
  Search search({{.key = "a", .values = {1, 2}},
                 {.key = "b", .least = 1e-3, .greatest = 1e-1, .logarithmic = true, .steps = 3},
                 {.key = "c", .least = 16, .greatest = 256, .logarithmic = true, .whole = true, .steps = 5}},
                {.strategy = Strategy::grid});
  ASSERT_EQ(search.trials(), 30);
  EXPECT_EQ(search.runs(), 30);
  std::set<std::string> all;
  for (std::int64_t t = 0; t < 30; ++t) all.insert(Value(search.point(t)).to_string());
  EXPECT_EQ(all.size(), 30U);
  EXPECT_EQ(search.point(1)[2].second, Value(32));
  EXPECT_EQ(search.point(4)[2].second, Value(256));
  EXPECT_NEAR(number_of(search.point(5)[1].second), 1e-2, 1e-12);
}

TEST(Search, RandomDrawsWithinTheRanges) {
  Search search(ranges(), {.trials = 300, .seed = 7});
  ASSERT_EQ(search.trials(), 300);
  int small = 0;
  std::set<double> units;
  for (std::int64_t t = 0; t < 300; ++t) {
    const double rate = number_of(search.point(t)[0].second);
    EXPECT_GE(rate, 1e-4);
    EXPECT_LE(rate, 1e-1);
    small += rate < std::sqrt(1e-5) ? 1 : 0;
    units.insert(number_of(search.point(t)[1].second));
  }
  EXPECT_NEAR(small, 150, 40) << "half of them below the middle of the logarithms";
  EXPECT_EQ(*units.begin(), 8);
  EXPECT_EQ(*units.rbegin(), 64);
  EXPECT_EQ(Search(ranges(), {.trials = 5, .seed = 7}).point(4), search.point(4)) << "draws do not depend on others";
  EXPECT_NE(Search(ranges(), {.trials = 5, .seed = 8}).point(4), search.point(4));
}

TEST(Search, NeverTriesACombinationTwice) {
  const Search search({{.key = "a", .values = {1, 2, 3}}, {.key = "b", .values = {true, false}}}, {.trials = 50});
  EXPECT_EQ(search.trials(), 6);
}

TEST(Search, RanksTheBestFirst) {
  Search search(ranges(), {.trials = 40});
  run(search);
  EXPECT_FALSE(search.next());
  const auto ranking = search.ranking();
  ASSERT_EQ(ranking.size(), 40U);
  for (std::size_t i = 1; i < 40; ++i) {
    EXPECT_LE(*search.results()[ranking[i - 1]].score, *search.results()[ranking[i]].score);
  }
}

TEST(Search, HalvingGivesTheBestMoreEpochs) {
  Search search(ranges(), {.strategy = Strategy::halving, .trials = 27, .epochs = 18, .factor = 3});
  EXPECT_EQ(search.runs(), 27 + 9 + 3) << "18 epochs can be cut by three twice";
  run(search);
  std::vector<std::int64_t> epochs;
  for (const auto& result : search.results()) epochs.push_back(result.run.epochs);
  EXPECT_EQ(epochs.front(), 2);
  EXPECT_EQ(epochs[27], 6);
  EXPECT_EQ(epochs.back(), 18);
  // Scores do not depend on epochs here, so the last three are the best three.
  std::vector<std::pair<double, std::int64_t>> scores;
  for (std::int64_t t = 0; t < 27; ++t) scores.emplace_back(score_of(search.point(t)), t);
  std::sort(scores.begin(), scores.end());
  const auto ranking = search.ranking();
  ASSERT_EQ(ranking.size(), 27U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(search.results()[ranking[i]].run.trial, scores[i].second);
}

TEST(Search, GoesOnFromAnyPlaceWhereItWas) {
  const SearchOptions options{.strategy = Strategy::halving, .trials = 9, .epochs = 9};
  Search whole(ranges(), options);
  run(whole);
  for (std::size_t stopped = 0; stopped <= whole.results().size(); ++stopped) {
    Search again(ranges(), options);
    for (std::size_t i = 0; i < stopped; ++i) again.add(whole.results()[i]);
    run(again);
    EXPECT_EQ(again.ranking(), whole.ranking());
  }
  Search again(ranges(), options);
  expect_error(ErrorCode::invalid_argument, {"trial 3", "not the run"}, [&] { again.add({.run = {3, 0, 1}}); });
}

TEST(Search, PutsFailuresLast) {
  Search search({{.key = "a", .values = {1, 2, 3}}}, {.strategy = Strategy::grid});
  search.add({.run = {0, 0, 1}, .error = "not finite"});
  search.add({.run = {1, 0, 1}, .score = std::nan("")});
  search.add({.run = {2, 0, 1}, .score = 5});
  EXPECT_EQ(search.ranking(), (std::vector<std::size_t>{2, 0, 1}));
}

TEST(Search, RefusesRangesWithoutMeaning) {
  const auto make = [](SearchRange range, SearchOptions options = {}) { Search search({std::move(range)}, options); };
  expect_error(ErrorCode::invalid_argument, {"a", "lesser", "5", "2"},
               [&] { make({.key = "a", .least = 5, .greatest = 2}); });
  expect_error(ErrorCode::invalid_argument, {"a", "logarithmic", "0"},
               [&] { make({.key = "a", .least = 0, .greatest = 2, .logarithmic = true}); });
  expect_error(ErrorCode::invalid_argument, {"a", "steps"},
               [&] { make({.key = "a", .least = 0, .greatest = 2}, {.strategy = Strategy::grid}); });
  expect_error(ErrorCode::invalid_argument, {"nothing"}, [] { Search search({}, {}); });
}

}  // namespace
}  // namespace gradus::test
