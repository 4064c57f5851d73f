#pragma once

#include <cstdint>
#include <string>

#include <gradus/error.hpp>
#include <gradus/spec.hpp>

namespace gradus {

/// Throws `invalid_argument` "OPTION must be WHAT, got VALUE" unless `good`.
inline void demand_option(bool good, const char* option, const char* what, const Value& value) {
  if (good) return;
  throw Error(ErrorCode::invalid_argument, std::string(option) + " must be " + what + ", got " + value.to_string());
}

inline void demand_above_0(const char* option, double value) { demand_option(value > 0, option, "above 0", value); }
inline void demand_share(const char* option, double share) {
  demand_option(share >= 0 && share < 1, option, "0 or more and below 1", share);
}
inline void demand_steps(const char* option, std::int64_t steps) {
  demand_option(steps >= 1, option, "1 or more", steps);
}

}  // namespace gradus
