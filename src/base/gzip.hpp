#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/read_budget.hpp"

namespace gradus {

/// A file read from front to back, unpacked on the way when its content, not its name, is gzip (RFC 1952). Members
/// that follow one another are one stream. Needs about 300 KB, whatever the file says about itself.
class InputFile {
 public:
  /// Throws `not_found` when there is no such file, `io` when it cannot be opened or is a directory.
  explicit InputFile(const std::string& path);
  /// The same for bytes in memory, which must outlive this. `name` stands for the path in messages.
  InputFile(std::string name, std::span<const std::uint8_t> bytes);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] bool compressed() const noexcept { return compressed_; }
  /// Bytes on the disk.
  [[nodiscard]] std::uint64_t file_size() const noexcept { return file_size_; }
  /// The most bytes that this file can give: its size, or, compressed, what deflate can at best make of it (1032 to
  /// 1). A header that promises more lies.
  [[nodiscard]] std::uint64_t most_bytes() const noexcept;
  /// What the file may still take; unpacked bytes are counted as they are read, those of a plain file are not.
  [[nodiscard]] const ReadBudget& budget() const noexcept { return budget_; }
  /// Unpacked bytes read so far.
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }

  /// Fills `out` and returns how many bytes it got: fewer than asked for only at the end.
  /// Throws `bad_data` for broken gzip (wrong checksum, cut off, rubbish behind), for a file that was changed while
  /// it was read, and when more is unpacked than the
  /// limits allow (ReadLimits), `io` when reading fails.
  std::size_t read(std::span<std::uint8_t> out);
  /// Up to `count` bytes; fewer only at the end. Memory grows with what really comes, so that a size that lies costs
  /// nothing.
  [[nodiscard]] std::vector<std::uint8_t> read_up_to(std::uint64_t count);
  /// True when nothing is left.
  [[nodiscard]] bool at_end();

 private:
  struct Inflater;
  std::size_t read_raw(std::span<std::uint8_t> out);
  std::size_t read_inflated(std::span<std::uint8_t> out);
  bool refill();
  void check_unchanged() const;
  void start_member();
  void look_for_gzip();
  [[noreturn]] void fail(const std::string& sentence) const;

  std::string path_;
  int descriptor_ = -1;  // none for bytes in memory
  timespec changed_{};
  std::uint64_t file_size_ = 0;
  ReadBudget budget_{0};
  std::uint64_t offset_ = 0;
  bool compressed_ = false;
  std::vector<std::uint8_t> buffer_;
  std::span<const std::uint8_t> pending_;  // bytes of `buffer_`, or in memory, not consumed yet
  std::uint64_t file_offset_ = 0;          // of the end of `pending_`
  int peeked_ = -1;                        // a byte that at_end() had to look at
  std::unique_ptr<Inflater> inflater_;
};

/// All of a file, unpacked. Throws `bad_data` when it holds more than `limit` bytes.
std::vector<std::uint8_t> read_file(const std::string& path, std::uint64_t limit);

}  // namespace gradus
