#include <gradus/dataset.hpp>
#include <gradus/error.hpp>
#include <gradus/held_out.hpp>

#include "base/text.hpp"
#include "data/split_rows.hpp"

namespace gradus {
namespace {

[[noreturn]] void refuse(const Dataset& data, const std::string& sentence) {
  throw Error(ErrorCode::invalid_argument, data.name().empty() ? sentence : data.name() + ": " + sentence);
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
  const std::int64_t begin = data.size() - split_count(data.size(), fraction);
  return {data.slice(0, begin), data.slice(begin, data.size())};
}

std::pair<Dataset, Dataset> split_drawn(const Dataset& data, double fraction, std::uint64_t seed, bool stratified) {
  const std::int64_t size = data.size();
  const std::vector<bool> cut =
      stratified ? split_rows(data.labels(), static_cast<std::int32_t>(data.target_width()), fraction, seed)
                 : split_rows(size, fraction, seed);
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

std::int64_t HeldOut::kept() const { return split_count(samples, share); }

}  // namespace gradus
