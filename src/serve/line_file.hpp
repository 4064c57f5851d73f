#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

namespace gradus::serve {

/// A file that lines are added to. A line that cannot be written, since the disk is full say, is lost and counted; the
/// next is tried all the same. Every function may be called from any thread.
class LineFile {
 public:
  /// `path` "-" is standard output. `tell` gets a sentence when lines begin to be lost, and when that is over. Throws
  /// `io` when the file cannot be opened.
  LineFile(std::string path, std::function<void(const std::string&)> tell);
  ~LineFile();
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;

  void write(const std::string& line);
  /// Opens the path anew, where a program that rotates logs has moved the file away. When that fails, the open file
  /// stays.
  void reopen();

 private:
  [[nodiscard]] int open_file() const;

  const std::string path_;
  const std::function<void(const std::string&)> tell_;
  std::mutex mutex_;
  int descriptor_;
  std::int64_t lost_ = 0;  // lines since the last that was written
  bool torn_ = false;      // the file ends within a line
};

}  // namespace gradus::serve
