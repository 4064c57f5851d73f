#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <gradus/model.hpp>

/// A network for a table, chosen and trained: what `gradus train FILE` does with a table when nothing else is asked
/// for.
namespace gradus {

struct TableTrainingOptions {
  std::uint64_t seed = 0;       ///< of the parts, the initial weights and the order of the samples
  std::int64_t threads = 0;     ///< 0: all cores; 4096 at most. The weights do not depend on it.
  ClassWeights class_weight{};  ///< as in FitOptions; here validation and choice take notice as well
  /// Of the model that comes back.
  std::vector<Metric> metrics{}, weighted_metrics{};
  std::function<bool()>
      interrupted{};  ///< asked between epochs, from several threads: true ends soon, with what is there
};

/// A kind of network that was tried.
struct TriedNetwork {
  std::string name;          ///< "64 units relu, 16 parts an amount"
  double validation = 0;     ///< its loss on samples that its members were not trained on
  std::int64_t members = 0;  ///< networks of this kind that were trained
  double share = 0;          ///< of the result; 0: not used
};

struct TableTraining {
  Sequential model;
  std::vector<TriedNetwork> tried;
  std::int64_t networks = 0;  ///< members of the model
  double validation = 0;      ///< loss of their mean on samples that they were not trained on
  double seconds = 0;         ///< all of it, trials included
};

/// Chooses a network for `train` and trains it. Samples must be rows of numbers (rank 1) in memory.
///
/// The samples are cut into folds. Networks of several kinds (linear to two hidden layers; amounts as they are or cut
/// into parts) are trained, each on all folds but one, with early stopping on that one; kinds that do badly are dropped
/// early. Of what is left, the mean of outputs that does best on the left-out samples is taken, and its members become
/// one network, side by side. How much is tried follows from the counts of samples and inputs, never from a clock: the
/// same seed gives the same weights, to the bit, on any number of threads. Inputs that do not vary in `train` get
/// weights of 0. docs/tables.md says what is tried and why.
///
/// Throws `invalid_argument` when the samples are images, on disk or fewer than 2; `not_finite` as fit does.
TableTraining train_table(const Dataset& train, const TableTrainingOptions& options = {});

}  // namespace gradus
