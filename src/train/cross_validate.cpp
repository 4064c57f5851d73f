#include <algorithm>
#include <cmath>
#include <numeric>

#include <gradus/cross_validation.hpp>
#include <gradus/error.hpp>

#include "base/philox.hpp"
#include "base/text.hpp"

namespace gradus {
namespace {

/// A random order of `rows`.
void shuffle(std::vector<std::int64_t>& rows, Philox& random) {
  for (std::size_t i = rows.size(); i > 1; --i) {
    std::swap(rows[i - 1], rows[static_cast<std::size_t>(random.below(i))]);
  }
}

/// The fold of each row. Rows are dealt out like cards, class after class, each class in random order: so the folds of
/// a class, and those of the whole, differ by one at most.
std::vector<std::int64_t> deal(const Dataset& data, std::int64_t folds, std::uint64_t seed, bool stratified) {
  const auto groups = static_cast<std::size_t>(stratified ? data.target_width() : 1);
  std::vector<std::vector<std::int64_t>> rows(groups);
  for (std::int64_t row = 0; row < data.size(); ++row) {
    rows[stratified ? static_cast<std::size_t>(data.labels()[static_cast<std::size_t>(row)]) : 0].push_back(row);
  }
  std::vector<std::int64_t> fold_of(static_cast<std::size_t>(data.size()));
  std::int64_t next = 0;
  for (std::size_t group = 0; group < groups; ++group) {
    Philox random(mix_key(seed, static_cast<std::uint64_t>(RandomPurpose::folds)), group);
    shuffle(rows[group], random);
    for (const std::int64_t row : rows[group]) fold_of[static_cast<std::size_t>(row)] = next++ % folds;
  }
  return fold_of;
}

std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> split_at(const std::vector<std::int64_t>& fold_of,
                                                                         std::int64_t fold) {
  std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> parts;
  for (std::size_t row = 0; row < fold_of.size(); ++row) {
    (fold_of[row] == fold ? parts.second : parts.first).push_back(static_cast<std::int64_t>(row));
  }
  return parts;
}

std::vector<std::int64_t> checked_folds(const Dataset& data, std::int64_t folds, std::uint64_t seed, bool stratified) {
  if (folds < 2 || folds > data.size()) {
    throw Error(ErrorCode::invalid_argument, "cross-validation: " + count_of(data.size(), "sample") +
                                                 " can be cut into 2 to " + std::to_string(data.size()) +
                                                 " folds, not into " + std::to_string(folds));
  }
  return deal(data, folds, seed, stratified && data.is_classified());
}

void summarize(CrossValidation& result) {
  if (result.folds.empty()) return;
  const auto count = static_cast<double>(result.folds.size());
  for (const auto& [name, unused] : result.folds[0].figures.entries()) {
    double sum = 0, squares = 0;
    for (const auto& fold : result.folds) sum += fold.figures.at(name);
    for (const auto& fold : result.folds) squares += std::pow(fold.figures.at(name) - sum / count, 2);
    result.mean.set(name, sum / count);
    result.standard_deviation.set(name, count < 2 ? 0 : std::sqrt(squares / (count - 1)));
  }
}

}  // namespace

std::vector<std::pair<Dataset, Dataset>> k_folds(const Dataset& data, std::int64_t folds, std::uint64_t seed,
                                                 bool stratified) {
  const std::vector<std::int64_t> fold_of = checked_folds(data, folds, seed, stratified);
  std::vector<std::pair<Dataset, Dataset>> parts;
  for (std::int64_t fold = 0; fold < folds; ++fold) {
    const auto [rest, left_out] = split_at(fold_of, fold);
    parts.emplace_back(data.subset(rest), data.subset(left_out));
  }
  return parts;
}

CrossValidation cross_validate(const std::function<Sequential(const Dataset& train, std::int64_t fold)>& make,
                               const Dataset& data, const CrossValidationOptions& options) {
  const std::vector<std::int64_t> fold_of = checked_folds(data, options.folds, options.seed, options.stratified);
  CrossValidation result;
  for (std::int64_t fold = 0; fold < options.folds; ++fold) {
    const auto [rest, left_out] = split_at(fold_of, fold);  // one fold's copy of the samples at a time
    const Dataset train = data.subset(rest), test = data.subset(left_out);
    Sequential model = make(train, fold);
    FitOptions fit = options.fit;
    fit.validation_data = test;
    if (options.callbacks) {
      for (Callback* callback : options.callbacks(fold)) fit.callbacks.push_back(callback);
    }
    CrossValidation::Fold done{train.size(), test.size(), model.fit(train, fit), {}};
    result.interrupted = options.interrupted && options.interrupted();
    if (result.interrupted) break;
    done.figures = model.evaluate(test, {.threads = fit.threads});
    result.folds.push_back(std::move(done));
  }
  summarize(result);
  return result;
}

}  // namespace gradus
