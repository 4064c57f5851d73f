#pragma once

#include <string>
#include <vector>

#include <gradus/dataset.hpp>

namespace gradus {

/// A sentence for each column of a table that alone tells the label in nearly all rows: of classes in 99 %, by
/// thresholds or word by word; of amounts with a correlation beyond 0.9995. Such a column often holds the answer
/// itself, and is not known when one wants to predict. Empty for sets that are no tables, have fewer than 30 rows, or
/// one input column.
std::vector<std::string> giveaway_remarks(const Dataset& train);

}  // namespace gradus
