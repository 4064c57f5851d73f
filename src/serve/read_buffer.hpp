#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "serve/asio.hpp"

namespace gradus::serve {

/// Bytes that were read from a connection and not used yet.
class ReadBuffer {
 public:
  /// It has this many bytes from the start, and grows to `most` when more must lie in it.
  static constexpr std::size_t first_bytes = 16 << 10;

  explicit ReadBuffer(std::size_t most) : most_(std::max(most, first_bytes)) {}
  [[nodiscard]] std::string_view data() const { return std::string_view(bytes_).substr(begin_, end_ - begin_); }
  void consume(std::size_t count) {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  /// Free room behind the data; empty when the buffer is full and may not grow.
  boost::asio::mutable_buffer room() {
    if (bytes_.empty()) bytes_.resize(first_bytes);
    if (end_ == bytes_.size() && begin_ > 0) {
      std::copy(bytes_.begin() + static_cast<std::ptrdiff_t>(begin_), bytes_.end(), bytes_.begin());
      end_ -= begin_;
      begin_ = 0;
    }
    if (end_ == bytes_.size()) bytes_.resize(std::min(2 * bytes_.size(), most_));
    return boost::asio::buffer(bytes_.data() + end_, bytes_.size() - end_);
  }
  void commit(std::size_t count) { end_ += count; }

 private:
  std::size_t most_, begin_ = 0, end_ = 0;
  std::string bytes_;
};

}  // namespace gradus::serve
