#pragma once

#include <cstdint>
#include <string>

#include <gradus/read_limits.hpp>

namespace gradus {

/// What one file may still take (see ReadLimits). A copy counts on by itself: a reader that looks at the same bytes
/// twice, freeing what it built the first time, starts each time from a copy.
class ReadBudget {
 public:
  explicit ReadBudget(std::uint64_t file_size, const ReadLimits& limits = read_limits());

  [[nodiscard]] std::uint64_t left() const noexcept { return allowed_ - taken_; }
  /// Throws `bad_data`, naming the limit, when fewer bytes are left. `name` is the file's.
  void take(std::uint64_t bytes, const std::string& name);
  /// The same for `count` things of `size` bytes each; cannot overflow.
  void take(std::uint64_t count, std::uint64_t size, const std::string& name);
  [[noreturn]] void fail(const std::string& name) const;

 private:
  std::uint64_t allowed_;
  std::uint64_t taken_ = 0;
  bool whole_ = false;  // `most` is what limits, not the file's size
};

/// "256 MiB", "1.5 GiB".
std::string bytes_text(std::uint64_t bytes);

}  // namespace gradus
