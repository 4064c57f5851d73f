#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace gradus {

/// How many of `size` rows a share of `fraction` is, rounded down.
std::int64_t split_count(std::int64_t size, double fraction);

/// Which rows `Dataset::split` cuts off: `split_count` of them, drawn at random. A function of its arguments alone.
std::vector<bool> split_rows(std::int64_t size, double fraction, std::uint64_t seed);
/// The same with each class's share kept: one label a row, 0 to classes - 1.
std::vector<bool> split_rows(std::span<const std::int32_t> labels, std::int32_t classes, double fraction,
                             std::uint64_t seed);

}  // namespace gradus
