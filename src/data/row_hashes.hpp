#pragma once

#include <cstdint>
#include <vector>

#include <gradus/dataset.hpp>
#include <gradus/held_out.hpp>

#include "base/function_ref.hpp"

namespace gradus {

/// Calls `each` with a 64-bit hash of every sample and its label or targets, in order. Equal numbers give equal hashes
/// on every machine, whether they are stored as bytes or as reals. What lies on the disk is released as it goes.
void for_each_row_hash(const Dataset& data, FunctionRef<void(std::uint64_t)> each);

/// Which samples a model has learnt from, as 48 bits of each one's hash. Up to `most` different ones are all kept. Of
/// more, only those whose hash begins with `level` zero bits are: a random sample of the samples, the same whatever
/// their order and in whichever file they come again (adaptive sampling, Wegman; Flajolet 1990).
/// A model file holds 8 characters for each, 80 kB at most.
class LearntRows {
 public:
  static constexpr std::size_t most = 10'000;
  static constexpr int bits = 48;

  LearntRows() = default;
  /// As they were written. Throws `bad_data` where no set could have given these: out of order, or too large for the
  /// level.
  LearntRows(int level, std::vector<std::uint64_t> hashes);

  void add(const Dataset& data);
  [[nodiscard]] LearntFrom count(const Dataset& data) const;
  [[nodiscard]] bool empty() const { return hashes_.empty(); }
  [[nodiscard]] int level() const { return level_; }
  [[nodiscard]] const std::vector<std::uint64_t>& hashes() const { return hashes_; }  ///< ascending
  /// How many different samples were added; an estimate where level() is above 0.
  [[nodiscard]] std::int64_t samples() const { return static_cast<std::int64_t>(hashes_.size()) << level_; }

 private:
  [[nodiscard]] bool is_kept(std::uint64_t hash) const { return hash >> (bits - level_) == 0; }
  void compact();

  int level_ = 0;
  std::vector<std::uint64_t> hashes_;
};

}  // namespace gradus
