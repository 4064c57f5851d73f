#include <cmath>
#include <numbers>

#include "losses/mean_over_outputs.hpp"

namespace gradus {
namespace {

struct LogCoshRule {
  explicit LogCoshRule(const LogCosh&) {}
  // ln cosh e = |e| + ln(1 + e^-2|e|) - ln 2, which no error is too large for.
  [[nodiscard]] CostAt at(double y, double t) const {
    const double size = std::abs(y - t);
    return {size + std::log1p(std::exp(-2 * size)) - std::numbers::ln2, std::tanh(y - t)};
  }
};

[[maybe_unused]] const bool registered = register_loss<LogCosh, MeanOverOutputs<LogCosh, LogCoshRule>>(__FILE__);

}  // namespace
}  // namespace gradus
