#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <gradus/dataset.hpp>

namespace gradus {

/// How a table's inputs are brought near 0: (x - centre) / spread. Centre and spread of an amount are its median and
/// its interquartile range as a standard deviation (divided by 1.349), so that a few huge values do not press the
/// others together; where half of the values are equal, its standard deviation; 1 where it does not vary. Inputs that
/// are 0 or 1 by meaning stay as they are. In double, over all samples.
struct TableScaling {
  std::vector<double> centre, spread;
  /// The inputs that vary, in an order that does not depend on where the columns stand: columns by name, numbers in the
  /// names as numbers. A network whose inputs come in this order is the same however the table is ordered.
  std::vector<std::int64_t> order;
};
TableScaling scaling_of(const Dataset& data);

/// One number of an encoded sample: u = min(max(slope x + offset, 0), 1) of a scaled input x, then (u - mean) * scale.
struct EncodedUnit {
  std::int64_t input = 0;
  double slope = 1, offset = 0;
  double mean = 0, scale = 1;
};

/// Piecewise linear encoding (Gorishniy, Rubachev, Babenko: "On embeddings for numerical features in tabular deep
/// learning", NeurIPS 2022): an amount becomes one unit for each of at most `bins` parts of its range, cut at
/// quantiles, and each unit rises from 0 to 1 in its part. A sum of units is any broken line over the amount, level
/// outside the range that was seen. With `bins` 1 there is one part in the middle, up to four spreads to either side of
/// the median, and one for each tail beyond: a straight line that huge values cannot pull about.
std::vector<EncodedUnit> encoding_of(const Dataset& data, const TableScaling& scaling, std::int64_t bins);

/// Row-major, samples x units.
std::vector<Real> encode(const Dataset& data, const TableScaling& scaling, const std::vector<EncodedUnit>& units);

}  // namespace gradus
