#include "train/table_choice.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gradus/error.hpp>

namespace gradus {

double TableLoss::weight(std::int64_t row) const {
  const std::span<const Real> weights = data_.sample_weights();
  return weights.empty() ? 1 : static_cast<double>(weights[static_cast<std::size_t>(row)]);
}

double TableLoss::of(const double* outputs, std::int64_t row) const {
  if (data_.is_classified()) {
    const double most = *std::max_element(outputs, outputs + width());
    double parts = 0;
    for (std::size_t c = 0; c < width(); ++c) parts += std::exp(outputs[c] - most);
    return most + std::log(parts) - outputs[data_.labels()[static_cast<std::size_t>(row)]];
  }
  const std::span<const Real> targets = data_.targets().reals().subspan(static_cast<std::size_t>(row) * width());
  double sum = 0;
  for (std::size_t c = 0; c < width(); ++c) sum += std::pow(outputs[c] - static_cast<double>(targets[c]), 2);
  return sum / static_cast<double>(width());
}

double TableLoss::mean(const std::vector<double>& outputs, const std::vector<std::int64_t>& rows) const {
  double sum = 0, all = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    sum += weight(rows[i]) * of(outputs.data() + i * width(), rows[i]);
    all += weight(rows[i]);
  }
  const double mean = all > 0 ? sum / all : 0;
  return std::isnan(mean) ? std::numeric_limits<double>::infinity() : mean;
}

namespace {

/// Whether the loss is at most one standard error above that of `best`: the error of the difference, sample by sample.
bool is_as_good(const std::vector<double>& outputs, const std::vector<double>& best,
                const std::vector<std::int64_t>& rows, const TableLoss& loss) {
  std::vector<double> differences;
  double mean = 0, all = 0, squares = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double* const own = outputs.data() + i * loss.width();
    differences.push_back(loss.of(own, rows[i]) - loss.of(best.data() + i * loss.width(), rows[i]));
    mean += loss.weight(rows[i]) * differences.back();
    all += loss.weight(rows[i]);
  }
  if (!(all > 0)) return false;
  mean /= all;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    squares += std::pow(loss.weight(rows[i]) * (differences[i] - mean), 2);
  }
  return mean <= std::sqrt(squares) / all;
}

/// A mean under construction.
class Mean {
 public:
  Mean(const std::vector<std::vector<double>>& outputs, const std::vector<std::int64_t>& rows, const TableLoss& loss)
      : outputs_(outputs), rows_(rows), loss_(loss), sum_(outputs[0].size()), counts_(outputs.size()) {}
  /// Its loss with network `k` once more in it.
  [[nodiscard]] double with(std::size_t k) const {
    std::vector<double> mean = sum_;
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] = (mean[i] + outputs_[k][i]) / (picks_ + 1);
    return loss_.mean(mean, rows_);
  }
  void add(std::size_t k) {
    now_ = with(k);
    for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += outputs_[k][i];
    counts_[k] += 1;
    ++picks_;
  }
  [[nodiscard]] int picks() const { return picks_; }
  [[nodiscard]] double loss() const { return now_; }
  [[nodiscard]] TableChoice choice() const {
    TableChoice choice{counts_, now_};
    for (double& share : choice.shares) share /= picks_;
    return choice;
  }

 private:
  const std::vector<std::vector<double>>& outputs_;
  const std::vector<std::int64_t>& rows_;
  const TableLoss& loss_;
  std::vector<double> sum_, counts_;
  int picks_ = 0;
  double now_ = 0;
};

}  // namespace

TableChoice choose_networks(const std::vector<std::vector<double>>& outputs, const std::vector<std::int64_t>& rows,
                            const TableLoss& loss) {
  constexpr int most_picks = 10;
  constexpr double least_gain = 0.005;
  std::vector<double> alone;
  for (const std::vector<double>& of_network : outputs) alone.push_back(loss.mean(of_network, rows));
  const auto best = static_cast<std::size_t>(std::min_element(alone.begin(), alone.end()) - alone.begin());
  if (!std::isfinite(alone[best])) throw Error(ErrorCode::not_finite, "train_table: no network gave finite numbers");
  Mean mean(outputs, rows, loss);
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    if (is_as_good(outputs[k], outputs[best], rows, loss)) mean.add(k);
  }
  while (mean.picks() < most_picks) {
    std::vector<double> losses;
    for (std::size_t k = 0; k < outputs.size(); ++k) losses.push_back(mean.with(k));
    const auto least = std::min_element(losses.begin(), losses.end());
    if (!(*least < mean.loss() * (1 - least_gain))) break;
    mean.add(static_cast<std::size_t>(least - losses.begin()));
  }
  return mean.choice();
}

}  // namespace gradus
