#pragma once

#include <string>

#include <gradus/model.hpp>

namespace gradus::app {

/// What --class-weight says: "balanced", or classes by name with their weights, as "no:1,yes:9". A name ends at the
/// last colon before the next comma; one that holds a comma stands in double or single quotes: "\"a, b\":2". Throws
/// UsageError. Whether the data have these classes is checked when they are known.
ClassWeights class_weight_option(const std::string& text);

}  // namespace gradus::app
