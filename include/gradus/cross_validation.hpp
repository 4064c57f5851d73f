#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include <gradus/model.hpp>

namespace gradus {

struct CrossValidationOptions {
  std::int64_t folds = 5;  ///< 2 to the number of samples
  std::uint64_t seed = 0;  ///< of the folds
  bool stratified = true;  ///< each fold has each class's share; plays no part where targets are numbers
  FitOptions fit{};        ///< of each fold; validation_data is replaced by the fold that is left out
  /// Those of one fold, called with its number (from 0) before it is trained: they follow fit.callbacks, which all
  /// folds share. Not owned; what was given for one fold is not used when the next begins.
  std::function<std::vector<Callback*>(std::int64_t fold)> callbacks{};
  std::function<bool()> interrupted{};  ///< asked after each run: true ends all, and drops a fold that is not complete
};

/// How good a network is on what it has not seen, told from parts of one set.
struct CrossValidation {
  struct Fold {
    std::int64_t training_samples = 0, test_samples = 0;
    History history;
    Logs figures;  ///< loss and metrics on the part left out, after the last epoch
  };
  std::vector<Fold> folds;
  Logs mean;                 ///< over the folds
  Logs standard_deviation;   ///< likewise, of a sample: divided by folds - 1
  bool interrupted = false;  ///< there are fewer folds than were asked for
};

/// The parts of a k-fold cross-validation: part i is {the rest, fold i}, each in the original order. Every sample is in
/// one fold; folds differ by at most one sample, stratified ones by at most one sample of each class. The same seed
/// gives the same folds. Throws `invalid_argument` unless 2 <= folds <= samples.
std::vector<std::pair<Dataset, Dataset>> k_folds(const Dataset& data, std::int64_t folds, std::uint64_t seed = 0,
                                                 bool stratified = true);

/// Trains a network on all folds but one, measures it on that one, and so on for each fold. `make` gives a compiled
/// model for fold i (from 0). The same seeds give the same figures, for any number of threads. Throws as fit does.
CrossValidation cross_validate(const std::function<Sequential(const Dataset& train, std::int64_t fold)>& make,
                               const Dataset& data, const CrossValidationOptions& options = {});

}  // namespace gradus
