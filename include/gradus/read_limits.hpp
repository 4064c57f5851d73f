#pragma once

#include <cstdint>

namespace gradus {

/// How much one file may take in memory: the sum of what is unpacked from it and of what is built from that (numbers,
/// columns, arrays). A file may take `free`, or `per_byte` times its own size where that is more, but never more than
/// `most`. All readers keep to this one limit; what goes beyond it is refused with `bad_data`. All in bytes.
struct ReadLimits {
  std::uint64_t free = std::uint64_t{256} << 20;
  std::uint64_t per_byte = 100;
  std::uint64_t most = std::uint64_t{64} << 30;
};

/// The limits of this process. Files that are opened later follow a change; from any thread.
[[nodiscard]] ReadLimits read_limits();
void set_read_limits(const ReadLimits& limits);

}  // namespace gradus
