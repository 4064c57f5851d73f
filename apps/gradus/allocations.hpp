#pragma once

#include <cstdint>

namespace gradus::app {

/// How often this program has asked for memory since it began.
std::uint64_t allocations();

}  // namespace gradus::app
