#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/read_budget.hpp"

namespace gradus {

/// A file's bytes as if they lay in memory: the system reads those that are looked at, and may drop them again.
///
/// Somebody may change the file meanwhile. Bytes that are no longer there, or cannot be read from the disk, are read as
/// zeros, where the system would end the process (SIGBUS): the first mapping installs a handler for that signal, which
/// hands on what concerns no mapped file. `check` then throws: call it before what was read is trusted.
class MappedFile {
 public:
  /// Throws `not_found`, `io`, and `bad_data` for an empty file.
  explicit MappedFile(const std::string& path);
  /// The whole of an open file, which may have no name any more; takes the descriptor.
  MappedFile(int descriptor, const std::string& name);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {data_, size_}; }
  /// Lets the system begin to read these bytes, so that who looks at them need not wait.
  void prefetch(std::uint64_t begin, std::uint64_t end) const;
  /// Gives the memory back: the bytes no longer count as this process's, and are read again when they are looked at.
  /// Throws as `check` does.
  void release() const;
  /// Throws `bad_data` when the file was cut off or changed since it was mapped, or could not be read.
  void check() const;

 private:
  void map(int descriptor, const std::string& name);
  std::string name_;
  int descriptor_ = -1;
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  timespec changed_{};
  int guard_ = -1;  // which of the guarded mappings this is; -1 where there were too many
};

/// Bytes in memory, or those of a mapped file.
class HeldBytes {
 public:
  HeldBytes(std::vector<std::uint8_t> owned) : owned_(std::move(owned)), budget_(owned_.size()) {}
  HeldBytes(std::shared_ptr<const MappedFile> file) : file_(std::move(file)), budget_(file_->bytes().size()) {}
  /// What was unpacked: `budget` is the packed file's.
  HeldBytes(std::vector<std::uint8_t> owned, const ReadBudget& budget) : owned_(std::move(owned)), budget_(budget) {}
  HeldBytes(std::shared_ptr<const MappedFile> file, const ReadBudget& budget)
      : file_(std::move(file)), budget_(budget) {}

  [[nodiscard]] std::span<const std::uint8_t> all() const { return file_ ? file_->bytes() : std::span(owned_); }
  /// Null for what is in memory.
  [[nodiscard]] const std::shared_ptr<const MappedFile>& file() const { return file_; }
  /// What may still be built from them.
  [[nodiscard]] const ReadBudget& budget() const { return budget_; }

 private:
  std::vector<std::uint8_t> owned_;
  std::shared_ptr<const MappedFile> file_;
  ReadBudget budget_;
};

/// A file without a name in the directory for temporary files (TMPDIR, else /var/tmp), which goes away with its last
/// use.
class TemporaryFile {
 public:
  /// Throws `io`.
  TemporaryFile();
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  /// Throws `io` when the disk is full.
  void append(std::span<const std::uint8_t> bytes);
  /// What was written, mapped. Nothing can be appended afterwards.
  [[nodiscard]] std::shared_ptr<const MappedFile> map();

 private:
  int descriptor_ = -1;
  std::string directory_;
};

}  // namespace gradus
