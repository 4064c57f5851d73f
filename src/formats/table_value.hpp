#pragma once

#include <gradus/spec.hpp>

#include "data/table.hpp"

namespace gradus {

/// How a table's rows become numbers, as a model file holds it:
///   {"header": true, "drop_missing": false, "bytes": false, "image": false,
///    "columns": [{"name": "rooms", "role": "number", "fill": 3.5},
///                {"name": "place", "role": "words", "categories": ["Ulm", "Wien"]},
///                {"name": "price", "role": "target"}]}
Value table_value(const TableSchema& schema);
/// Throws `invalid_argument` with a sentence on what is wrong.
TableSchema table_from(const Value& value);

}  // namespace gradus
