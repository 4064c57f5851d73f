#include "train/table_encoding.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/table_inputs.hpp"

namespace gradus {
namespace {

/// Values of one input, scaled.
std::vector<double> column(const Dataset& data, std::int64_t input) {
  const TensorView inputs = data.inputs();
  const std::int64_t width = inputs.row_elements();
  std::vector<double> values(static_cast<std::size_t>(data.size()));
  for (std::int64_t i = 0; i < data.size(); ++i) {
    values[static_cast<std::size_t>(i)] = static_cast<double>(inputs.at(i * width + input));
  }
  return values;
}

double quantile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(std::lround(share * static_cast<double>(sorted.size() - 1)))];
}

/// Mean and standard deviation, two passes.
std::pair<double, double> moments(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  double mean = 0, squares = 0;
  for (const double x : values) mean += x / count;
  for (const double x : values) squares += (x - mean) * (x - mean) / count;
  return {mean, std::sqrt(squares)};
}

/// Where the parts of an amount begin and end, rising. Parts narrower than float32 can tell apart are left out.
std::vector<double> edges_of(const std::vector<double>& sorted, std::int64_t bins) {
  constexpr double most_spreads = 4, least_part = 1e-4;
  std::vector<double> wanted;
  const double least = sorted.front(), most = sorted.back();
  if (bins == 1) {
    wanted = {least, std::max(least, -most_spreads), std::min(most, most_spreads), most};
  } else {
    std::vector<double> distinct = sorted;
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    const bool few = static_cast<std::int64_t>(distinct.size()) <= bins + 1;
    if (few) wanted = distinct;
    for (std::int64_t i = 0; i <= bins && !few; ++i) {
      wanted.push_back(quantile(sorted, static_cast<double>(i) / static_cast<double>(bins)));
    }
  }
  std::vector<double> edges{wanted.front()};
  for (const double edge : wanted) {
    if (edge - edges.back() > least_part * std::max({1.0, std::abs(edge), std::abs(edges.back())}))
      edges.push_back(edge);
  }
  if (edges.size() < 2) edges.push_back(most);
  return edges;
}

/// Whether an input that is 0 or 1 takes either value in so many rows that something can be learnt from it: a word that
/// stands in one row or two gives away the rows' targets and says nothing about others.
bool often_enough(const std::vector<double>& sorted) {
  const std::size_t least = std::clamp<std::size_t>(sorted.size() / 50, 1, 3);
  return sorted[least - 1] == sorted.front() && sorted[sorted.size() - least] == sorted.back();
}

/// A scaled value to three digits: what differs by the rounding of its unit alone becomes the same, so that training
/// takes the same steps.
double scaled(double value, double centre, double spread) {
  constexpr double steps = 1024;
  return std::round((value - centre) / spread * steps) / steps;
}

}  // namespace

TableScaling scaling_of(const Dataset& data) {
  const std::int64_t width = data.sample_shape().elements();
  const std::vector<bool> amounts = amount_inputs(data.table().get(), width);
  TableScaling scaling{std::vector<double>(static_cast<std::size_t>(width), 0.0),
                       std::vector<double>(static_cast<std::size_t>(width), 1.0),
                       {}};
  for (const std::int64_t input : inputs_by_name(data.table().get(), width)) {
    const auto at = static_cast<std::size_t>(input);
    std::vector<double> values = column(data, input);
    std::sort(values.begin(), values.end());
    const bool moves = varies(values.front(), values.back()) && (amounts[at] || often_enough(values));
    if (amounts[at] || !moves) scaling.centre[at] = quantile(values, 0.5);
    if (!moves) continue;
    scaling.order.push_back(input);
    if (!amounts[at]) continue;
    constexpr double quartiles_of_normal = 1.349;
    const double robust = (quantile(values, 0.75) - quantile(values, 0.25)) / quartiles_of_normal;
    scaling.spread[at] = robust > 0 ? robust : moments(values).second;
  }
  return scaling;
}

std::vector<EncodedUnit> encoding_of(const Dataset& data, const TableScaling& scaling, std::int64_t bins) {
  const std::vector<bool> amounts = amount_inputs(data.table().get(), data.sample_shape().elements());
  std::vector<EncodedUnit> units;
  for (const std::int64_t input : scaling.order) {
    const auto at = static_cast<std::size_t>(input);
    if (!amounts[at]) {
      units.push_back({.input = input});
      continue;
    }
    std::vector<double> values = column(data, input);
    for (double& x : values) x = scaled(x, scaling.centre[at], scaling.spread[at]);
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    const std::vector<double> edges = edges_of(sorted, bins);
    for (std::size_t e = 0; e + 1 < edges.size(); ++e) {
      const double slope = 1 / (edges[e + 1] - edges[e]);
      EncodedUnit unit{.input = input, .slope = slope, .offset = -edges[e] * slope};
      std::vector<double> u = sorted;
      for (double& x : u) x = std::clamp(x * unit.slope + unit.offset, 0.0, 1.0);
      const auto [mean, deviation] = moments(u);
      unit.mean = mean;
      // The middle of a straight line gets the variance 1; a tail counts as a word does, from 0 to 1.
      const bool middle = bins == 1 && edges[e] < 0 && edges[e + 1] > 0;
      unit.scale = middle ? 1 / deviation : bins == 1 ? 1 : 2;
      units.push_back(unit);
    }
  }
  if (units.empty()) units.push_back({.slope = 0});  // nothing varies: one unit that is always 0
  return units;
}

std::vector<Real> encode(const Dataset& data, const TableScaling& scaling, const std::vector<EncodedUnit>& units) {
  const TensorView inputs = data.inputs();
  const std::int64_t width = inputs.row_elements();
  std::vector<Real> rows;
  rows.reserve(static_cast<std::size_t>(data.size()) * units.size());
  for (std::int64_t i = 0; i < data.size(); ++i) {
    for (const EncodedUnit& unit : units) {
      const auto at = static_cast<std::size_t>(unit.input);
      const double x =
          scaled(static_cast<double>(inputs.at(i * width + unit.input)), scaling.centre[at], scaling.spread[at]);
      rows.push_back(static_cast<Real>((std::clamp(x * unit.slope + unit.offset, 0.0, 1.0) - unit.mean) * unit.scale));
    }
  }
  return rows;
}

}  // namespace gradus
