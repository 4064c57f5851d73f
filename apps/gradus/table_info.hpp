#pragma once

#include <gradus/model.hpp>

#include "inputs.hpp"

namespace gradus::app {

/// What `data info` says of each column of the table file that `options` name: a list of objects, or lines for people.
Value columns_value(const DataOptions& options, const TableSchema& schema);
std::string columns_text(const DataOptions& options, const TableSchema& schema);

}  // namespace gradus::app
