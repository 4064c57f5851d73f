#pragma once

#include <cstdint>
#include <vector>

#include "data/table.hpp"

namespace gradus {

/// Which of the `width` numbers of a row are amounts, to be brought to mean 0 and variance 1: those of columns of
/// numbers. The others are 0 or 1 by meaning. Without a schema, and of images, all are amounts.
std::vector<bool> amount_inputs(const TableSchema* schema, std::int64_t width);
/// The numbers of a row in an order that does not depend on the places of the columns: by the columns' names, digits in
/// them compared as numbers; those of one column in their own order. Without a header: as they stand.
std::vector<std::int64_t> inputs_by_name(const TableSchema* schema, std::int64_t width);
/// Whether an input that lies between these two varies by more than the rounding of its values.
bool varies(double least, double greatest);

}  // namespace gradus
