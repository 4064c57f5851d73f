#include <array>

#include "kernels/updates.hpp"

namespace gradus::kernels {

// One form for both builds: the compiler makes vectors of it, and memory is what it waits for.
double sum_of_squares(const Real* x, std::int64_t n) {
  constexpr std::int64_t chains = 16;
  std::array<double, chains> sums{};
  std::int64_t i = 0;
  for (; i + chains <= n; i += chains) {
    for (std::int64_t k = 0; k < chains; ++k) {
      const auto value = static_cast<double>(x[i + k]);
      sums[static_cast<std::size_t>(k)] += value * value;
    }
  }
  for (std::int64_t k = 0; i + k < n; ++k) {
    const auto value = static_cast<double>(x[i + k]);
    sums[static_cast<std::size_t>(k)] += value * value;
  }
  double sum = 0;
  for (const double each : sums) sum += each;
  return sum;
}

}  // namespace gradus::kernels
