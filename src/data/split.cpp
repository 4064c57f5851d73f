#include <algorithm>
#include <cmath>
#include <numeric>

#include <gradus/dataset.hpp>
#include <gradus/error.hpp>
#include <gradus/held_out.hpp>

#include "base/philox.hpp"
#include "base/text.hpp"

namespace gradus {
namespace {

[[noreturn]] void refuse(const Dataset& data, const std::string& sentence) {
  throw Error(ErrorCode::invalid_argument, data.name().empty() ? sentence : data.name() + ": " + sentence);
}

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

/// How many of `size` samples the share is, rounded down.
std::int64_t count_of_share(double fraction, std::int64_t size) {
  // 1e-9: 0.29 * 100 is 28.999999999999996.
  return static_cast<std::int64_t>(std::floor(fraction * static_cast<double>(size) + 1e-9));
}

void check_share(const Dataset& data, double fraction, bool stratified) {
  if (!(fraction > 0 && fraction < 1)) {
    refuse(data, "the part to cut off must be between 0 and 1, not " + std::to_string(fraction));
  }
  if (stratified && !data.is_classified()) {
    refuse(data, "cannot keep the shares of the classes: the targets are numbers");
  }
}

std::pair<Dataset, Dataset> split_tail(const Dataset& data, double fraction) {
  const std::int64_t begin = data.size() - count_of_share(fraction, data.size());
  return {data.slice(0, begin), data.slice(begin, data.size())};
}

std::pair<Dataset, Dataset> split_drawn(const Dataset& data, double fraction, std::uint64_t seed, bool stratified) {
  // The groups whose shares are kept: one for each class, or all samples.
  const std::int64_t size = data.size();
  std::vector<std::vector<std::int64_t>> groups(stratified ? static_cast<std::size_t>(data.target_width()) : 1);
  for (std::int64_t row = 0; row < size; ++row) {
    groups[stratified ? static_cast<std::size_t>(data.labels()[static_cast<std::size_t>(row)]) : 0].push_back(row);
  }
  const std::vector<std::int64_t> share = shares(groups, fraction, count_of_share(fraction, size));
  std::vector<bool> cut(static_cast<std::size_t>(size));
  for (std::size_t g = 0; g < groups.size(); ++g) {
    Philox random(mix_key(seed, static_cast<std::uint64_t>(RandomPurpose::split)), g);
    for (const std::int64_t at : choose(static_cast<std::int64_t>(groups[g].size()), share[g], random)) {
      cut[static_cast<std::size_t>(groups[g][static_cast<std::size_t>(at)])] = true;
    }
  }
  std::vector<std::int64_t> rest, part;
  for (std::int64_t row = 0; row < size; ++row) (cut[static_cast<std::size_t>(row)] ? part : rest).push_back(row);
  return {data.subset(rest), data.subset(part)};
}

}  // namespace

std::pair<Dataset, Dataset> Dataset::split(double fraction, std::uint64_t seed, bool stratified) const {
  check_share(*this, fraction, stratified);
  return is_on_disk() ? split_tail(*this, fraction) : split_drawn(*this, fraction, seed, stratified);
}

HeldOut HeldOut::of(const Dataset& whole, double share, std::uint64_t seed, bool stratified) {
  check_share(whole, share, stratified);
  return {.data = whole.name(),
          .share = share,
          .seed = seed,
          .stratified = stratified,
          .tail = whole.is_on_disk(),
          .samples = whole.size(),
          .fingerprint = fingerprint_of(whole)};
}

bool HeldOut::is_of(const Dataset& set) const {
  return set.size() == samples && (!stratified || set.is_classified()) && fingerprint_of(set) == fingerprint;
}

std::pair<Dataset, Dataset> HeldOut::split(const Dataset& whole) const {
  if (whole.size() != samples) {
    refuse(whole,
           "has " + count_of(whole.size(), "sample") + ", but the set that was split has " + with_commas(samples));
  }
  check_share(whole, share, stratified);
  return tail ? split_tail(whole, share) : split_drawn(whole, share, seed, stratified);
}

std::int64_t HeldOut::kept() const { return count_of_share(share, samples); }

}  // namespace gradus
