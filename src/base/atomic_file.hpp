#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gradus {

/// A file that appears whole or not at all: written under a temporary name in the same directory, then synced and
/// renamed over `path`. Without commit() the temporary file goes away and `path` stays as it was.
///
/// A process that is killed leaves its temporary file, PATH.tmp-PROCESS-N, behind; the next process that writes the
/// same file removes it.
///
/// A symbolic link at `path` stays; the file that it names is replaced. An existing file's permissions are kept.
class AtomicFile {
 public:
  /// Creates the empty temporary file. Throws `io` (`not_found` when the directory does not exist), also where `path`
  /// is a device, a pipe or a directory.
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::uint8_t> bytes);
  void write(std::string_view text);
  /// For libraries that write files themselves: they may write, or replace, the file of this name until commit().
  [[nodiscard]] const std::string& temporary_path() const noexcept { return temporary_; }
  /// Syncs the bytes to the disk, renames, and syncs the directory. Throws `io`; then `path` is as it was.
  void commit();

 private:
  std::string path_;       // as the caller calls it
  std::string target_;     // what is replaced: `path_` with links followed
  std::string temporary_;  // empty once renamed
  int descriptor_ = -1;
};

void write_file_atomically(const std::string& path, std::span<const std::uint8_t> bytes);
void write_file_atomically(const std::string& path, std::string_view text);

/// Puts the name of a file that was just made or renamed on the disk.
void sync_directory_of(const std::string& path);

}  // namespace gradus
