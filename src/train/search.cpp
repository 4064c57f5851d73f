#include <algorithm>
#include <cmath>
#include <map>

#include <gradus/error.hpp>
#include <gradus/search.hpp>

#include "base/philox.hpp"

namespace gradus {
namespace {

constexpr std::int64_t most_trials = 100'000;

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(ErrorCode::invalid_argument, "search: " + sentence);
}

void check(const SearchRange& r, bool grid) {
  if (!r.values.empty()) return;
  const auto demand = [&](bool good, const std::string& sentence) {
    if (!good) refuse(r.key + ": " + sentence);
  };
  demand(std::isfinite(r.least) && std::isfinite(r.greatest) && r.least <= r.greatest,
         "a range goes from a lesser to a greater number, got " + Value(r.least).to_string() + " to " +
             Value(r.greatest).to_string());
  demand(!r.logarithmic || r.least > 0, "a logarithmic range begins above 0, got " + Value(r.least).to_string());
  demand(!grid || r.steps >= 1, "a grid needs to know how many steps the range is to be cut into");
}

/// The number at this share of the way through the range.
Value at(const SearchRange& r, double share) {
  if (r.whole) {
    // Each whole number has an equal part of the way, or of its logarithm.
    const double low = r.logarithmic ? std::log(r.least) : r.least;
    const double high = r.logarithmic ? std::log(r.greatest + 1) : r.greatest + 1;
    const double place = low + share * (high - low);
    const double number = std::floor((r.logarithmic ? std::exp(place) : place) + 1e-9);
    return static_cast<std::int64_t>(std::clamp(number, r.least, r.greatest));
  }
  if (!r.logarithmic) return r.least + share * (r.greatest - r.least);
  return std::clamp(std::exp(std::log(r.least) + share * std::log(r.greatest / r.least)), r.least, r.greatest);
}

/// All that a grid tries of one key.
std::vector<Value> steps_of(const SearchRange& r) {
  if (!r.values.empty()) return r.values;
  std::vector<Value> values;
  for (std::int64_t i = 0; i < r.steps; ++i) {
    const double share = r.steps == 1 ? 0 : static_cast<double>(i) / static_cast<double>(r.steps - 1);
    Value value = at(r, share);
    if (r.whole && !r.logarithmic) {
      value = static_cast<std::int64_t>(std::llround(r.least + share * (r.greatest - r.least)));
    } else if (r.whole) {
      value = static_cast<std::int64_t>(std::llround(r.least * std::pow(r.greatest / r.least, share)));
    }
    if (values.empty() || !(values.back() == value)) values.push_back(value);
  }
  return values;
}

// The last key changes fastest.
std::vector<Value::Object> grid_of(const std::vector<SearchRange>& ranges) {
  std::vector<Value::Object> points = {{}};
  for (const SearchRange& range : ranges) {
    std::vector<Value::Object> longer;
    const std::vector<Value> values = steps_of(range);
    if (static_cast<std::int64_t>(points.size() * values.size()) > most_trials) {
      refuse("a grid of more than " + std::to_string(most_trials) + " combinations; draw some at random");
    }
    for (const Value::Object& point : points) {
      for (const Value& value : values) {
        longer.push_back(point);
        longer.back().emplace_back(range.key, value);
      }
    }
    points = std::move(longer);
  }
  return points;
}

std::vector<Value::Object> drawn(const std::vector<SearchRange>& ranges, const SearchOptions& options) {
  constexpr std::int64_t most_misses = 1000;  // in a row, among those that were drawn before: there are few others
  std::vector<Value::Object> points;
  const std::uint64_t key = mix_key(options.seed, static_cast<std::uint64_t>(RandomPurpose::search));
  std::int64_t misses = 0;
  for (std::uint64_t draw = 0; static_cast<std::int64_t>(points.size()) < options.trials && misses < most_misses;
       ++draw) {
    Philox random(key, draw);
    Value::Object point;
    for (const SearchRange& range : ranges) {
      point.emplace_back(range.key, range.values.empty() ? at(range, random.uniform())
                                                         : range.values[random.below(range.values.size())]);
    }
    const bool known = std::find(points.begin(), points.end(), point) != points.end();
    misses = known ? misses + 1 : 0;
    if (!known) points.push_back(std::move(point));
  }
  return points;
}

}  // namespace

Search::Search(std::vector<SearchRange> ranges, const SearchOptions& options)
    : ranges_(std::move(ranges)), options_(options) {
  const bool grid = options.strategy == SearchOptions::Strategy::grid;
  if (ranges_.empty()) refuse("there is nothing to choose from");
  if (options.trials < 1 || options.trials > most_trials) {
    refuse("trials must be 1 to " + std::to_string(most_trials) + ", got " + std::to_string(options.trials));
  }
  if (options.epochs < 1) refuse("epochs must be 1 or more, got " + std::to_string(options.epochs));
  if (!(options.factor > 1)) refuse("factor must be above 1, got " + Value(options.factor).to_string());
  for (const SearchRange& range : ranges_) check(range, grid);
  points_ = grid ? grid_of(ranges_) : drawn(ranges_, options);
}

// From the last round backwards: it has all epochs, each one before it fewer by the factor, while there are trials to
// leave out and epochs to save.
std::vector<Search::Round> Search::rounds() const {
  const std::int64_t count = trials();
  if (options_.strategy != SearchOptions::Strategy::halving) return {{count, options_.epochs}};
  std::int64_t more = 0;
  while (std::pow(options_.factor, more + 1) <= static_cast<double>(count) &&
         std::pow(options_.factor, more + 1) <= static_cast<double>(options_.epochs)) {
    ++more;
  }
  std::vector<Round> rounds;
  for (std::int64_t round = 0; round <= more; ++round) {
    const double kept = static_cast<double>(count) / std::pow(options_.factor, round);
    const double epochs = static_cast<double>(options_.epochs) / std::pow(options_.factor, more - round);
    rounds.push_back({std::max<std::int64_t>(1, static_cast<std::int64_t>(kept + 1e-9)),
                      std::max<std::int64_t>(1, std::llround(epochs))});
  }
  return rounds;
}

const Value::Object& Search::point(std::int64_t trial) const {
  if (trial < 0 || trial >= trials()) {
    throw Error(ErrorCode::invalid_argument,
                "there is no trial " + std::to_string(trial) + "; the search has " + std::to_string(trials()));
  }
  return points_[static_cast<std::size_t>(trial)];
}

std::int64_t Search::runs() const {
  std::int64_t sum = 0;
  for (const Round& round : rounds()) sum += round.trials;
  return sum;
}

bool Search::better(const Result& a, const Result& b) const {
  if (a.score.has_value() != b.score.has_value()) return a.score.has_value();
  if (a.score && *a.score != *b.score) return options_.greatest_is_best ? *a.score > *b.score : *a.score < *b.score;
  return a.run.trial < b.run.trial;
}

std::optional<Search::Run> Search::next() const {
  const std::vector<Round> plan = rounds();
  std::vector<std::int64_t> trials(points_.size());
  for (std::size_t i = 0; i < trials.size(); ++i) trials[i] = static_cast<std::int64_t>(i);
  std::size_t done = 0;  // results come round by round
  for (std::size_t round = 0; round < plan.size(); ++round) {
    trials.resize(static_cast<std::size_t>(plan[round].trials));
    if (results_.size() - done < trials.size()) {
      return Run{trials[results_.size() - done], static_cast<std::int64_t>(round), plan[round].epochs};
    }
    std::vector<const Result*> of_round;
    for (std::size_t i = 0; i < trials.size(); ++i) of_round.push_back(&results_[done + i]);
    std::sort(of_round.begin(), of_round.end(), [&](const auto* a, const auto* b) { return better(*a, *b); });
    done += trials.size();
    for (std::size_t i = 0; i < trials.size(); ++i) trials[i] = of_round[i]->run.trial;
  }
  return std::nullopt;
}

void Search::add(Result result) {
  const std::optional<Run> expected = next();
  if (!expected || !(*expected == result.run)) {
    refuse("trial " + std::to_string(result.run.trial) + " of round " + std::to_string(result.run.round) +
           " is not the run that comes next");
  }
  if (result.score && !std::isfinite(*result.score)) result.score.reset();
  results_.push_back(std::move(result));
}

std::vector<std::size_t> Search::ranking() const {
  std::map<std::int64_t, std::size_t> last;  // by trial
  for (std::size_t i = 0; i < results_.size(); ++i) last[results_[i].run.trial] = i;
  std::vector<std::size_t> order;
  for (const auto& [trial, index] : last) order.push_back(index);
  std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) {
    const Result &a = results_[i], &b = results_[j];
    if (a.score.has_value() != b.score.has_value()) return a.score.has_value();
    return a.run.round != b.run.round ? a.run.round > b.run.round : better(a, b);
  });
  return order;
}

}  // namespace gradus
