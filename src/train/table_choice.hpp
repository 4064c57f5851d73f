#pragma once

#include <cstdint>
#include <vector>

#include <gradus/dataset.hpp>

namespace gradus {

/// The loss of outputs for a table's samples: cross-entropy of what comes before the softmax, or the mean squared
/// error. Samples count by their weights.
class TableLoss {
 public:
  explicit TableLoss(const Dataset& data) : data_(data) {}
  /// Of sample `row`; `outputs` points at as many numbers as there are classes or targets.
  [[nodiscard]] double of(const double* outputs, std::int64_t row) const;
  [[nodiscard]] double weight(std::int64_t row) const;
  /// Over `rows`; `outputs` holds theirs, in the same order. Infinite where an output is NaN.
  [[nodiscard]] double mean(const std::vector<double>& outputs, const std::vector<std::int64_t>& rows) const;
  [[nodiscard]] std::size_t width() const { return static_cast<std::size_t>(data_.target_width()); }

 private:
  const Dataset& data_;
};

/// Networks whose mean does well, by what each share in it is.
struct TableChoice {
  std::vector<double> shares;  ///< one for each network, with sum 1
  double loss = 0;             ///< of the mean
};

/// Chooses among networks that were all measured on `rows`, samples that they were not trained on. The mean begins with
/// all that are as good as the best: what lies within one standard error cannot be told from it (Breiman, Friedman,
/// Olshen, Stone: "Classification and regression trees", 1984, section 3.4.3). Then it is greedy, with repetition
/// (Caruana, Niculescu-Mizil, Crew, Ksikes: "Ensemble selection from libraries of models", ICML 2004), as long as the
/// loss falls by half a percent. Throws `not_finite` where no network gave finite numbers.
TableChoice choose_networks(const std::vector<std::vector<double>>& outputs, const std::vector<std::int64_t>& rows,
                            const TableLoss& loss);

}  // namespace gradus
