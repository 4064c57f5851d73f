#pragma once

#include <gradus/spec.hpp>

#include "data/table.hpp"

namespace gradus {

/// How a table's rows become numbers, as a model file holds it:
///   {"header": true, "drop_missing": false, "bytes": false, "image": false,
///    "columns": [{"name": "rooms", "role": "number", "fill": 3.5, "least": 0.5, "greatest": 9.5},
///                {"name": "place", "role": "words", "categories": ["Ulm", "Wien"]},
///                {"name": "sold", "role": "date", "date_order": "year_first",
///                 "parts": [{"part": "month", "fill": 6.2, "least": -0.1, "greatest": 13.1}]},
///                {"name": "price", "role": "target", "decimal": ","}]}
Value table_value(const TableSchema& schema);
/// Throws `invalid_argument` with a sentence on what is wrong.
TableSchema table_from(const Value& value);

}  // namespace gradus
