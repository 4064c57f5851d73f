#include "serve/line_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <gradus/error.hpp>

#include "base/text.hpp"

namespace gradus::serve {

LineFile::LineFile(std::string path, std::function<void(const std::string&)> tell)
    : path_(std::move(path)), tell_(std::move(tell)), descriptor_(open_file()) {
  if (descriptor_ < 0)
    throw Error(ErrorCode::io, path_ + ": the access log cannot be written: " + std::strerror(errno));
}

LineFile::~LineFile() {
  if (descriptor_ != STDOUT_FILENO) ::close(descriptor_);
}

int LineFile::open_file() const {
  if (path_ == "-") return STDOUT_FILENO;
  return ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
}

void LineFile::write(const std::string& line) {
  const std::lock_guard lock(mutex_);
  const std::string text = (torn_ ? "\n" : "") + line + "\n";
  std::size_t written = 0;
  while (written < text.size()) {
    // All at once as a rule, so that lines of several programs do not mix.
    const ssize_t count = ::write(descriptor_, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    written += static_cast<std::size_t>(count);
  }
  if (written == text.size()) {
    torn_ = false;
    if (lost_ > 0) tell_(path_ + ": the access log is written again; " + count_of(lost_, "line") + " could not be");
    lost_ = 0;
    return;
  }
  const int fault = errno;
  torn_ = torn_ || written > 0;
  if (++lost_ == 1) tell_(path_ + ": the access log cannot be written: " + std::strerror(fault));
}

void LineFile::reopen() {
  const std::lock_guard lock(mutex_);
  if (path_ == "-") return;
  const int next = open_file();
  if (next < 0) {
    tell_(path_ + ": the access log cannot be opened anew: " + std::strerror(errno) + "; the old file is written on");
    return;
  }
  ::close(std::exchange(descriptor_, next));
  torn_ = torn_ && ::lseek(descriptor_, 0, SEEK_END) > 0;
}

}  // namespace gradus::serve
