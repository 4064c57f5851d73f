#include "data/table_giveaway.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/text.hpp"
#include "data/table.hpp"

namespace gradus {
namespace {

constexpr std::int64_t least_rows = 30;
constexpr double nearly_all = 0.99, most_usual = 0.95, nearly_equal = 0.9995;

// The numbers of one input, a row each.
std::vector<double> input_of(const Dataset& data, std::int64_t input) {
  const std::int64_t width = data.sample_shape().elements();
  const TensorView inputs = data.inputs();
  std::vector<double> values;
  for (std::int64_t row = 0; row < data.size(); ++row) {
    values.push_back(static_cast<double>(inputs.at(row * width + input)));
  }
  return values;
}

// The share of rows that thresholds on one number put into the right class, where the classes stand in the order of
// their means: the best of all such thresholds, by dynamic programming over the rows in the order of their numbers.
double share_by_thresholds(const std::vector<double>& values, const Dataset& data) {
  const auto classes = static_cast<std::size_t>(data.target_width());
  std::vector<double> sums(classes), counts(classes);
  for (std::size_t r = 0; r < values.size(); ++r) {
    sums[static_cast<std::size_t>(data.labels()[r])] += values[r];
    ++counts[static_cast<std::size_t>(data.labels()[r])];
  }
  std::vector<std::size_t> order(classes), rows(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::erase_if(order, [&](std::size_t c) { return counts[c] == 0; });
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return sums[a] / counts[a] < sums[b] / counts[b]; });
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  std::sort(rows.begin(), rows.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> best(order.size());  // rows right so far, when the last of them is in class order[k]
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool same_number = i > 0 && values[rows[i]] == values[rows[i - 1]];
    for (std::size_t k = order.size(); k-- > 0;) {
      if (k > 0 && !same_number)
        best[k] = std::max(best[k], *std::max_element(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(k)));
      best[k] += static_cast<std::size_t>(data.labels()[rows[i]]) == order[k] ? 1 : 0;
    }
  }
  return *std::max_element(best.begin(), best.end()) / static_cast<double>(values.size());
}

// The share of rows whose class is the most frequent one of their word.
double share_by_words(const Dataset& data, std::int64_t first, std::int64_t width) {
  const auto classes = static_cast<std::size_t>(data.target_width());
  std::vector<std::vector<double>> counts(static_cast<std::size_t>(width) + 1, std::vector<double>(classes));
  const std::int64_t inputs = data.sample_shape().elements();
  for (std::int64_t row = 0; row < data.size(); ++row) {
    std::int64_t word = 0;
    while (word < width && data.inputs().at(row * inputs + first + word) == Real{0}) ++word;
    ++counts[static_cast<std::size_t>(word)][static_cast<std::size_t>(data.labels()[static_cast<std::size_t>(row)])];
  }
  double right = 0;
  for (const auto& of_word : counts) right += *std::max_element(of_word.begin(), of_word.end());
  return right / static_cast<double>(data.size());
}

double correlation(const std::vector<double>& values, const Dataset& data) {
  const auto targets = data.targets().reals();
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  const double target_mean = std::accumulate(targets.begin(), targets.end(), 0.0) / count;
  double both = 0, own = 0, other = 0;
  for (std::size_t r = 0; r < values.size(); ++r) {
    const double a = values[r] - mean, b = static_cast<double>(targets[r]) - target_mean;
    both += a * b, own += a * a, other += b * b;
  }
  return own > 0 && other > 0 ? std::abs(both) / std::sqrt(own * other) : 0;
}

double usual_share(const Dataset& data) {
  std::vector<double> counts(static_cast<std::size_t>(data.target_width()));
  for (const std::int32_t label : data.labels()) ++counts[static_cast<std::size_t>(label)];
  return *std::max_element(counts.begin(), counts.end()) / static_cast<double>(data.size());
}

}  // namespace

std::vector<std::string> giveaway_remarks(const Dataset& train) {
  constexpr std::int64_t most_inputs = 2000;
  const auto table = train.table();
  if (!table || table->image || train.size() < least_rows || table->width() > most_inputs || train.is_on_disk())
    return {};
  const auto columns =
      std::count_if(table->columns.begin(), table->columns.end(), [](const auto& c) { return c.is_input(); });
  if (columns < 2 || (train.is_classified() && usual_share(train) > most_usual)) return {};
  std::vector<std::string> remarks;
  std::int64_t first = 0;
  for (const ColumnSchema& column : table->columns) {
    const std::int64_t width = column.width();
    bool tells = false;
    if (column.role == ColumnRole::words) {
      tells = train.is_classified() && 5 * width < train.size() && share_by_words(train, first, width) >= nearly_all;
    } else {
      for (std::int64_t input = first; input < first + width && !tells; ++input) {
        const std::vector<double> values = input_of(train, input);
        tells = train.is_classified() ? share_by_thresholds(values, train) >= nearly_all
                                      : correlation(values, train) >= nearly_equal;
      }
    }
    first += width;
    if (!tells) continue;
    const std::string label = in_quotes(table->columns[table->label()].name);
    remarks.push_back("Column " + in_quotes(column.name) + " alone tells " + label +
                      " in nearly every row. If it is not known when " + label +
                      " is to be predicted, leave it out (--ignore " + option_value(column.name) + ").");
  }
  return remarks;
}

}  // namespace gradus
