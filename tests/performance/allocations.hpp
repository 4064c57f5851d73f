#pragma once

#include <cstdint>

namespace gradus::test {

/// How often this program has asked for memory since it began; 0 under sanitizers.
std::int64_t allocations();

}  // namespace gradus::test
