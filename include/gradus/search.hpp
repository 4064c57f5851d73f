#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gradus/callbacks.hpp>
#include <gradus/spec.hpp>

namespace gradus {

/// What one option of a run may be: one of `values`, or a number from `least` to `greatest`.
struct SearchRange {
  std::string key;  ///< "compile.optimizer.learning_rate"
  std::vector<Value> values{};
  double least = 0, greatest = 0;  ///< both included; where there are no values
  bool logarithmic = false;        ///< equal factors are equally probable, not equal differences; needs least > 0
  bool whole = false;              ///< whole numbers only
  std::int64_t steps = 0;          ///< for a grid: this many numbers, evenly spread
};

struct SearchOptions {
  enum class Strategy : std::uint8_t {
    grid,     ///< every combination
    random,   ///< `trials` combinations, drawn at random, no two alike
    halving,  ///< the same, all for a few epochs; the best of them for more, and so on
  };
  Strategy strategy = Strategy::random;
  std::int64_t trials = 20;  ///< how many combinations are drawn, 1 to 100,000; a grid has its own number
  std::uint64_t seed = 0;    ///< of what is drawn
  bool greatest_is_best = false;
  std::int64_t epochs = 1;  ///< of a full run
  double factor = 3;        ///< halving: one in so many goes on, for so many times the epochs; above 1
};

/// A search for the best combination, step by step: what to run next follows from what was found so far and from
/// nothing else, so that a search which was interrupted goes on where it was. (Random search: Bergstra, Bengio 2012;
/// successive halving: Jamieson, Talwalkar 2016.)
class Search {
 public:
  /// Throws `invalid_argument` naming the key whose range has no meaning.
  Search(std::vector<SearchRange> ranges, const SearchOptions& options);

  struct Run {
    std::int64_t trial = 0;  ///< the combination's number, from 0
    std::int64_t round = 0;  ///< halving: from 0; else 0
    std::int64_t epochs = 0;
    friend bool operator==(const Run&, const Run&) = default;
  };
  struct Result {
    Run run{};
    std::optional<double> score{};  ///< null: the run failed
    Logs figures{};
    double seconds = 0;
    std::string error{};
  };

  [[nodiscard]] std::int64_t trials() const { return static_cast<std::int64_t>(points_.size()); }
  /// How many runs there will be in all.
  [[nodiscard]] std::int64_t runs() const;
  /// The options of a combination, by key. Throws `invalid_argument` when there is no such trial.
  [[nodiscard]] const Value::Object& point(std::int64_t trial) const;
  /// What to run next; nothing when the search is over.
  [[nodiscard]] std::optional<Run> next() const;
  /// Takes what a run gave. Throws `invalid_argument` unless it is that of `next()`.
  void add(Result result);
  [[nodiscard]] const std::vector<Result>& results() const { return results_; }
  /// Indices into results(), one a trial that was run: the last run of each, those of later rounds first, then the
  /// better score, failed ones last; of equal scores the earlier trial comes first.
  [[nodiscard]] std::vector<std::size_t> ranking() const;

 private:
  struct Round {
    std::int64_t trials, epochs;
  };
  [[nodiscard]] std::vector<Round> rounds() const;
  [[nodiscard]] bool better(const Result& a, const Result& b) const;

  std::vector<SearchRange> ranges_;
  SearchOptions options_;
  std::vector<Value::Object> points_;
  std::vector<Result> results_;
};

}  // namespace gradus
