#include "data/row_hashes.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <span>
#include <string>

#include <gradus/error.hpp>

#include "base/philox.hpp"
#include "base/sha256.hpp"

namespace gradus {
namespace {

/// One sample, 8 bytes at a time. Each step is a bijection of the state, so one differing number is never lost.
class RowHash {
 public:
  explicit RowHash(std::uint64_t start) : state_(start) {}
  void add(std::uint64_t word) {
    state_ = (state_ ^ word) * 0x9E3779B97F4A7C15ULL;
    state_ ^= state_ >> 32;
  }
  void add_bytes(const std::uint8_t* bytes, std::size_t count) {
    for (; count >= 8; bytes += 8, count -= 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes, 8);
      if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
      add(word);
    }
    std::uint64_t tail = 0;
    for (std::size_t i = 0; i < count; ++i) tail |= std::uint64_t{bytes[i]} << (8 * i);
    if (count > 0) add(tail);
  }
  void add_reals(std::span<const Real> values) {
    for (const Real value : values) add(std::bit_cast<std::uint32_t>(static_cast<float>(value) + 0.0F));  // -0 as 0
  }
  [[nodiscard]] std::uint64_t done() const { return mix_key(state_, 0); }

 private:
  std::uint64_t state_;
};

/// The numbers as bytes; false where they are not all whole numbers from 0 to 255.
bool as_bytes(std::span<const Real> values, std::vector<std::uint8_t>& bytes) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!(values[i] >= 0 && values[i] <= 255)) return false;
    bytes[i] = static_cast<std::uint8_t>(values[i]);
    if (static_cast<Real>(bytes[i]) != values[i]) return false;
  }
  return true;
}

}  // namespace

void for_each_row_hash(const Dataset& data, FunctionRef<void(std::uint64_t)> each) {
  if (data.empty()) return;
  const TensorView inputs = data.inputs();
  const auto width = static_cast<std::size_t>(inputs.row_elements());
  const std::size_t row_bytes = width * (inputs.dtype() == DType::uint8 ? 1 : sizeof(Real));
  const std::size_t release_every = std::max<std::size_t>(1, (std::size_t{8} << 20) / row_bytes);
  std::vector<std::uint8_t> bytes(width);
  for (std::size_t row = 0; row < static_cast<std::size_t>(data.size()); ++row) {
    RowHash hash(width);
    if (inputs.dtype() == DType::uint8) {
      hash.add_bytes(inputs.bytes().data() + row * width, width);
    } else if (const auto reals = inputs.reals().subspan(row * width, width); as_bytes(reals, bytes)) {
      hash.add_bytes(bytes.data(), width);
    } else {
      hash.add_reals(reals);
    }
    if (data.is_classified()) {
      hash.add(static_cast<std::uint32_t>(data.labels()[row]));
    } else {
      const auto targets = static_cast<std::size_t>(data.target_width());
      hash.add_reals(data.targets().reals().subspan(row * targets, targets));
    }
    each(hash.done());
    if ((row + 1) % release_every == 0) data.release();
  }
  data.release();
}

LearntRows::LearntRows(int level, std::vector<std::uint64_t> hashes) : level_(level), hashes_(std::move(hashes)) {
  const bool sound = level >= 0 && level < bits &&
                     std::adjacent_find(hashes_.begin(), hashes_.end(), std::greater_equal<>()) == hashes_.end();
  if (!sound || (!hashes_.empty() && !is_kept(hashes_.back()))) {
    throw Error(ErrorCode::bad_data, "these are no hashes of level " + std::to_string(level) + " in rising order");
  }
}

void LearntRows::compact() {
  std::sort(hashes_.begin(), hashes_.end());
  hashes_.erase(std::unique(hashes_.begin(), hashes_.end()), hashes_.end());
  while (hashes_.size() > most) {
    ++level_;
    hashes_.erase(std::lower_bound(hashes_.begin(), hashes_.end(), std::uint64_t{1} << (bits - level_)), hashes_.end());
  }
}

void LearntRows::add(const Dataset& data) {
  for_each_row_hash(data, [&](std::uint64_t hash) {
    hash >>= 64 - bits;
    if (!is_kept(hash)) return;
    hashes_.push_back(hash);
    if (hashes_.size() >= 4 * most) compact();
  });
  compact();
}

LearntFrom LearntRows::count(const Dataset& data) const {
  LearntFrom found{.recorded = !empty()};
  if (!found.recorded) return found;
  found.samples = data.size();
  for_each_row_hash(data, [&](std::uint64_t hash) {
    hash >>= 64 - bits;
    if (!is_kept(hash)) return;
    ++found.compared;
    if (std::binary_search(hashes_.begin(), hashes_.end(), hash)) ++found.known;
  });
  return found;
}

std::optional<std::int64_t> LearntFrom::estimate() const {
  if (!recorded || (compared == 0 && samples > 0)) return std::nullopt;
  if (compared == samples) return known;
  const double share = static_cast<double>(known) / static_cast<double>(compared);
  return std::llround(share * static_cast<double>(samples));
}

std::string fingerprint_of(const Dataset& data) {
  Sha256 sha;
  for_each_row_hash(data, [&](std::uint64_t hash) {
    std::array<std::uint8_t, 8> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(hash >> (8 * i));
    sha.update(bytes);
  });
  return sha.hex();
}

}  // namespace gradus
