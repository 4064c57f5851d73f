#pragma once

#include <string>

#include <gradus/error.hpp>
#include <gradus/spec.hpp>

namespace gradus {

/// Throws `invalid_argument` "OPTION must be WHAT, got VALUE" unless `good`.
inline void demand_option(bool good, const char* option, const char* what, double value) {
  if (good) return;
  throw Error(ErrorCode::invalid_argument,
              std::string(option) + " must be " + what + ", got " + Value(value).to_string());
}

inline void demand_rate(double rate) { demand_option(rate > 0, "learning_rate", "above 0", rate); }
inline void demand_share(const char* option, double share) {
  demand_option(share >= 0 && share < 1, option, "0 or more and below 1", share);
}

}  // namespace gradus
