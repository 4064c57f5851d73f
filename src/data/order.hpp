#pragma once

#include <cstdint>
#include <vector>

namespace gradus {

/// The order in which epoch `epoch` visits `size` samples: a permutation of 0 ... size-1 that depends on its
/// arguments alone (Fisher and Yates, Durstenfeld's form). Throws `invalid_argument` unless 0 <= size < 2^32.
std::vector<std::uint32_t> epoch_order(std::int64_t size, std::uint64_t seed, std::uint64_t epoch);

/// The same into memory that is there already: a training run allocates it once.
void epoch_order(std::int64_t size, std::uint64_t seed, std::uint64_t epoch, std::vector<std::uint32_t>& order);

}  // namespace gradus
