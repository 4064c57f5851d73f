#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/mapped_file.hpp"
#include "data/csv_text.hpp"

namespace gradus {

/// The features of rows, on their way into memory or, a piece at a time, into a file.
template <class T>
class RowStore {
 public:
  RowStore(const CsvText& text, std::vector<T>& numbers, std::size_t width, TemporaryFile* file)
      : text_(text),
        numbers_(numbers),
        width_(width),
        file_(file),
        piece_(std::max<std::size_t>(1, piece_bytes / std::max<std::size_t>(1, width * sizeof(T)))) {}

  /// Room for the next row, where `expected` gives how many rows there may be in all.
  template <class F>
  T* next(F&& expected) {
    const std::size_t begin = held_ * width_;
    if (begin + width_ > numbers_.size()) {
      const std::size_t rows = file_ != nullptr ? piece_ : expected();
      text_.budget().take(rows, width_ * sizeof(T), text_.name);
      numbers_.resize(rows * width_);
    }
    return numbers_.data() + begin;
  }
  /// The row is complete, and one of them.
  void keep() {
    ++held_;
    if (file_ != nullptr && held_ == piece_) flush();
  }
  void finish() {
    if (file_ != nullptr) flush();
    numbers_.resize(held_ * width_);
  }

 private:
  static constexpr std::size_t piece_bytes = std::size_t{1} << 20;
  void flush() {
    file_->append({reinterpret_cast<const std::uint8_t*>(numbers_.data()), held_ * width_ * sizeof(T)});
    held_ = 0;
  }

  const CsvText& text_;
  std::vector<T>& numbers_;
  std::size_t width_;
  TemporaryFile* file_;
  std::size_t piece_;     // rows
  std::size_t held_ = 0;  // rows in numbers_
};

}  // namespace gradus
