#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/kernels.hpp"

namespace gradus {

/// Where a first layer keeps the lists of its nonzero inputs: in one part, or in two of about equal width. Each part
/// has lists of its own, with columns counted from its first, which one core can make, read and learn from while
/// another works on the other part.
class ListedRows {
 public:
  /// `tiles` tiles of `tile_width` numbers, a multiple of kernels::lane, cover the `width` numbers of a row, at most
  /// 65,535; two parts take two tiles or more.
  ListedRows(std::int64_t width, std::int64_t tile_width, std::int64_t tiles, std::int64_t rows, bool in_two)
      : width_(width),
        tile_width_(tile_width),
        tiles_(tiles),
        rows_(rows),
        parts_(in_two ? 2 : 1),
        middle_(in_two ? tiles / 2 : tiles),
        capacity_(kernels::sparse_capacity(std::min(width, (in_two ? tiles - middle_ : tiles) * tile_width))) {}

  [[nodiscard]] std::int64_t first_tile(std::int64_t part) const {
    return part == 0 ? 0 : part == parts_ ? tiles_ : middle_;
  }
  [[nodiscard]] std::int64_t first_column(std::int64_t part) const { return first_tile(part) * tile_width_; }
  [[nodiscard]] std::int64_t part_of(std::int64_t tile) const { return tile < middle_ ? 0 : 1; }
  /// Numbers that all lists take.
  [[nodiscard]] std::int64_t size() const { return parts_ * part_size(); }
  /// The lists of a part's columns, rows [first, ...), in `memory` of `size()` numbers.
  [[nodiscard]] kernels::SparseBatch lists(Real* memory, std::int64_t part, std::int64_t first = 0) const {
    const std::int64_t tiles = first_tile(part + 1) - first_tile(part);
    Real* values = memory + part * part_size();
    Real* columns = values + rows_ * capacity_;
    Real* starts = columns + rows_ * capacity_ / 2;
    return {reinterpret_cast<std::uint16_t*>(columns) + first * capacity_,
            values + first * capacity_,
            reinterpret_cast<std::int32_t*>(starts) + first * (tiles + 1),
            capacity_,
            std::min(width_ - first_column(part), tiles * tile_width_),
            tile_width_,
            tiles};
  }

 private:
  [[nodiscard]] std::int64_t part_size() const {
    return rows_ * (capacity_ + capacity_ / 2 + kernels::padded(tiles_ + 1));
  }

  std::int64_t width_, tile_width_, tiles_, rows_, parts_, middle_, capacity_;
};

}  // namespace gradus
