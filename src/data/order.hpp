#pragma once

#include <cstdint>
#include <vector>

#include <gradus/dataset.hpp>

namespace gradus {

/// The order in which epoch `epoch` visits `size` samples: a permutation of 0 ... size-1 that depends on its
/// arguments alone (Fisher and Yates, Durstenfeld's form). Throws `invalid_argument` unless 0 <= size < 2^32.
std::vector<std::uint32_t> epoch_order(std::int64_t size, std::uint64_t seed, std::uint64_t epoch);

/// The same into memory that is there already: a training run allocates it once.
void epoch_order(std::int64_t size, std::uint64_t seed, std::uint64_t epoch, std::vector<std::uint32_t>& order);

/// The order in which training visits a set on disk. The file is cut into blocks of neighbouring samples of some 1 MiB;
/// an epoch takes the blocks in a random order, `window_blocks` at a time, and shuffles the samples of such a window.
/// So reads are long, and no more than two windows need to be in memory; a function of (seed, epoch) alone.
class BlockOrder {
 public:
  static constexpr std::int64_t block_bytes = std::int64_t{1} << 20, window_blocks = 24;

  explicit BlockOrder(const Dataset& data);
  /// Fills `order` for an epoch; without `shuffle` in the set's own order.
  void start_epoch(bool shuffle, std::uint64_t seed, std::uint64_t epoch, std::vector<std::uint32_t>& order);
  /// Training is about to use the samples from place `position` of the order on: at each window's begin, what was used
  /// before is released and the next window fetched.
  void reached(std::int64_t position);

 private:
  void fetch_window(std::int64_t window) const;
  const Dataset& data_;
  std::int64_t block_rows_, window_rows_;
  std::vector<std::uint32_t> blocks_;
  std::vector<std::int64_t> window_starts_;  // places in the order
  std::size_t next_window_ = 0;
};

}  // namespace gradus
