#include "data/split_rows.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/philox.hpp"

namespace gradus {
namespace {

// `count` of the positions 0 ... size-1, each set of them as likely as any other, in rising order.
std::vector<std::int64_t> choose(std::int64_t size, std::int64_t count, Philox& random) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  for (std::int64_t i = 0; i < count; ++i) {
    const auto other = i + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(size - i)));
    std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(other)]);
  }
  order.resize(static_cast<std::size_t>(count));
  std::sort(order.begin(), order.end());
  return order;
}

// How many of each class to cut off: the share rounded down, and the classes with the largest remainders one more
// until there are `count` in all.
std::vector<std::int64_t> shares(const std::vector<std::vector<std::int64_t>>& classes, double fraction,
                                 std::int64_t count) {
  std::vector<std::int64_t> share(classes.size());
  std::vector<std::pair<double, std::size_t>> remainders;
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const double exact = fraction * static_cast<double>(classes[c].size());
    share[c] = static_cast<std::int64_t>(std::floor(exact + 1e-9));
    remainders.emplace_back(exact - static_cast<double>(share[c]), c);
  }
  std::stable_sort(remainders.begin(), remainders.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::int64_t left = count - std::accumulate(share.begin(), share.end(), std::int64_t{0});
  for (std::size_t i = 0; i < remainders.size() && left > 0; ++i) {
    const std::size_t c = remainders[i].second;
    if (share[c] < static_cast<std::int64_t>(classes[c].size())) {
      ++share[c];
      --left;
    }
  }
  return share;
}

std::vector<bool> split_groups(const std::vector<std::vector<std::int64_t>>& groups, std::int64_t size, double fraction,
                               std::uint64_t seed) {
  const std::vector<std::int64_t> share = shares(groups, fraction, split_count(size, fraction));
  std::vector<bool> cut(static_cast<std::size_t>(size));
  for (std::size_t g = 0; g < groups.size(); ++g) {
    Philox random(mix_key(seed, static_cast<std::uint64_t>(RandomPurpose::split)), g);
    for (const std::int64_t at : choose(static_cast<std::int64_t>(groups[g].size()), share[g], random)) {
      cut[static_cast<std::size_t>(groups[g][static_cast<std::size_t>(at)])] = true;
    }
  }
  return cut;
}

}  // namespace

std::int64_t split_count(std::int64_t size, double fraction) {
  // 1e-9: 0.29 * 100 is 28.999999999999996.
  return static_cast<std::int64_t>(std::floor(fraction * static_cast<double>(size) + 1e-9));
}

std::vector<bool> split_rows(std::int64_t size, double fraction, std::uint64_t seed) {
  std::vector<std::vector<std::int64_t>> all(1, std::vector<std::int64_t>(static_cast<std::size_t>(size)));
  std::iota(all[0].begin(), all[0].end(), std::int64_t{0});
  return split_groups(all, size, fraction, seed);
}

std::vector<bool> split_rows(std::span<const std::int32_t> labels, std::int32_t classes, double fraction,
                             std::uint64_t seed) {
  std::vector<std::vector<std::int64_t>> groups(static_cast<std::size_t>(classes));
  for (std::size_t row = 0; row < labels.size(); ++row) {
    groups[static_cast<std::size_t>(labels[row])].push_back(static_cast<std::int64_t>(row));
  }
  return split_groups(groups, static_cast<std::int64_t>(labels.size()), fraction, seed);
}

}  // namespace gradus
