#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "base/philox.hpp"

namespace gradus::test {

/// A table of houses with their prices, as an agent might keep it: numbers of very different sizes, words, gaps, and a
/// price that is made of them, with some noise that nothing explains.
struct Houses {
  std::string csv;
  std::vector<double> prices;
};

inline Houses houses(std::int64_t count, std::uint64_t seed, bool with_gaps = true) {
  constexpr const char* districts[] = {"Altstadt", "Hafen", "Neustadt", "See", "Wald"};
  constexpr double rates[] = {4200, 2600, 3100, 5400, 3700};  // a square metre
  Houses table;
  table.csv = "id,area,rooms,year,district,garden,price\n";
  Philox random(seed, 0);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto district = static_cast<std::size_t>(random.below(5));
    const double area = std::round(45 + 140 * random.uniform());
    const auto rooms = static_cast<int>(std::lround(area / 28 + random.normal() * 0.6)) + 1;
    const int year = 1900 + static_cast<int>(random.below(121));
    const bool garden = random.uniform() < 0.4;
    const double age = (2021 - year) / 120.0;
    double price = area * rates[district] * (1 - 0.45 * age + 0.3 * age * age) + (garden ? 35'000 : 0) + 8'000 * rooms;
    price = std::round(price * (1 + 0.04 * random.normal()) / 100) * 100;
    const bool gap = with_gaps && random.uniform() < 0.03;
    char line[200];
    std::snprintf(line, sizeof line, "%d,%.0f,%d,%s,%s,%s,%.0f\n", 1000 + static_cast<int>(i), area, rooms,
                  gap ? "" : std::to_string(year).c_str(), districts[district], garden ? "yes" : "no", price);
    table.csv += line;
    table.prices.push_back(price);
  }
  return table;
}

/// 1 - the share of the spread of `truth` that `guess` leaves unexplained.
inline double r_squared(const std::vector<double>& truth, const std::vector<double>& guess) {
  double mean = 0, total = 0, left = 0;
  for (const double t : truth) mean += t / static_cast<double>(truth.size());
  for (std::size_t i = 0; i < truth.size(); ++i) {
    total += (truth[i] - mean) * (truth[i] - mean);
    left += (truth[i] - guess[i]) * (truth[i] - guess[i]);
  }
  return 1 - left / total;
}

}  // namespace gradus::test
