#include "data/order.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include <gradus/error.hpp>

#include "base/philox.hpp"

namespace gradus {

void epoch_order(std::int64_t size, std::uint64_t seed, std::uint64_t epoch, std::vector<std::uint32_t>& order) {
  if (size < 0 || size > std::numeric_limits<std::uint32_t>::max()) {
    throw Error(ErrorCode::invalid_argument,
                "cannot shuffle " + std::to_string(size) + " samples: 0 to 2^32 - 1 can be");
  }
  order.resize(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), std::uint32_t{0});
  Philox random(mix_key(seed, static_cast<std::uint64_t>(RandomPurpose::shuffle)), epoch);
  for (std::size_t left = order.size(); left > 1; --left) {
    std::swap(order[left - 1], order[static_cast<std::size_t>(random.below(left))]);
  }
}

std::vector<std::uint32_t> epoch_order(std::int64_t size, std::uint64_t seed, std::uint64_t epoch) {
  std::vector<std::uint32_t> order;
  epoch_order(size, seed, epoch, order);
  return order;
}

namespace {

std::int64_t bytes_of_sample(const Dataset& data) {
  const std::int64_t number = data.inputs().dtype() == DType::uint8 ? 1 : static_cast<std::int64_t>(sizeof(Real));
  return data.sample_shape().elements() * number;
}

void shuffle_range(std::uint32_t* values, std::size_t count, Philox& random) {
  for (std::size_t left = count; left > 1; --left) {
    std::swap(values[left - 1], values[static_cast<std::size_t>(random.below(left))]);
  }
}

}  // namespace

BlockOrder::BlockOrder(const Dataset& data)
    : data_(data),
      block_rows_(std::max<std::int64_t>(1, block_bytes / bytes_of_sample(data))),
      window_rows_(block_rows_ * window_blocks) {
  blocks_.resize(static_cast<std::size_t>((data.size() + block_rows_ - 1) / block_rows_));
  window_starts_.reserve(blocks_.size() / window_blocks + 2);
}

void BlockOrder::start_epoch(bool shuffle, std::uint64_t seed, std::uint64_t epoch, std::vector<std::uint32_t>& order) {
  if (data_.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw Error(ErrorCode::invalid_argument, "cannot train on more than 2^32 - 1 samples");
  }
  Philox random(mix_key(seed, static_cast<std::uint64_t>(RandomPurpose::shuffle)), epoch);
  std::iota(blocks_.begin(), blocks_.end(), 0U);
  if (shuffle) shuffle_range(blocks_.data(), blocks_.size(), random);
  order.resize(static_cast<std::size_t>(data_.size()));
  window_starts_.clear();
  std::size_t filled = 0;
  for (std::size_t first = 0; first < blocks_.size(); first += window_blocks) {
    const std::size_t begin = filled, last = std::min(blocks_.size(), first + window_blocks);
    window_starts_.push_back(static_cast<std::int64_t>(begin));
    for (std::size_t b = first; b < last; ++b) {
      const std::int64_t row = std::int64_t{blocks_[b]} * block_rows_, end = std::min(row + block_rows_, data_.size());
      for (std::int64_t r = row; r < end; ++r) order[filled++] = static_cast<std::uint32_t>(r);
    }
    if (shuffle) shuffle_range(order.data() + begin, filled - begin, random);
  }
  next_window_ = 0;
  fetch_window(0);
}

void BlockOrder::fetch_window(std::int64_t window) const {
  const std::size_t first = static_cast<std::size_t>(window) * window_blocks;
  for (std::size_t b = first; b < std::min(blocks_.size(), first + window_blocks); ++b) {
    data_.prefetch(std::int64_t{blocks_[b]} * block_rows_, (std::int64_t{blocks_[b]} + 1) * block_rows_);
  }
}

void BlockOrder::reached(std::int64_t position) {
  while (next_window_ < window_starts_.size() && window_starts_[next_window_] <= position) {
    // Pages of the window at hand that a batch has touched already come back from the system's cache.
    data_.release();
    ++next_window_;
    fetch_window(static_cast<std::int64_t>(next_window_));
  }
}

}  // namespace gradus
