#include "base/atomic_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <mutex>
#include <set>
#include <system_error>
#include <vector>

#include <gradus/error.hpp>

#include "base/text.hpp"

namespace gradus {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  const int code = errno;
  throw Error(code == ENOENT ? ErrorCode::not_found : ErrorCode::io,
              path + ": cannot " + what + ": " + std::strerror(code));
}

constexpr const char* temporary_mark = ".tmp-";

// The file behind a chain of links; it need not exist. Others than links stay as they are named.
std::string behind_links(const std::string& path) {
  std::filesystem::path at = path;
  std::error_code ignored;
  for (int hops = 0; hops < 40 && std::filesystem::is_symlink(at, ignored); ++hops) {
    const std::filesystem::path next = std::filesystem::read_symlink(at, ignored);
    at = next.is_absolute() ? next : at.parent_path() / next;
  }
  return at.string();
}

int create_beside(const std::string& target, std::string& temporary) {
  static std::atomic<unsigned> counter{0};
  for (int attempt = 0; attempt < 100; ++attempt) {
    temporary = target + temporary_mark + std::to_string(::getpid()) + "-" + std::to_string(counter++);
    const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0 || errno != EEXIST) return descriptor;
  }
  return -1;
}

/// Removes what processes that no longer live left of their attempts to write `target`. A process that writes holds a
/// lock on its file, which tells where its number means nothing here (another machine, another container).
void remove_abandoned(const std::string& target) {
  static std::mutex mutex;
  static std::set<std::string> done;  // once for each file: whoever dies later is found by the next process
  {
    const std::lock_guard lock(mutex);
    if (!done.insert(target).second) return;
  }
  namespace fs = std::filesystem;
  const fs::path directory = fs::path(target).has_parent_path() ? fs::path(target).parent_path() : fs::path(".");
  const std::string start = fs::path(target).filename().string() + temporary_mark;
  std::error_code failed;
  for (fs::directory_iterator at(directory, failed), end; !failed && at != end; at.increment(failed)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(start)) continue;
    const std::vector<std::string> numbers = split_text(std::string_view(name).substr(start.size()), '-');
    if (numbers.size() != 2) continue;
    const auto process = parse_int(numbers[0]), count = parse_int(numbers[1]);
    constexpr std::int64_t most_processes = std::numeric_limits<pid_t>::max();
    if (!process || !count || *process < 1 || *process > most_processes) continue;
    const bool lives = ::kill(static_cast<pid_t>(*process), 0) == 0 || errno != ESRCH;
    if (lives) continue;
    const int descriptor = ::open(at->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0) continue;
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) ::unlink(at->path().c_str());
    ::close(descriptor);
  }
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path) : path_(path), target_(behind_links(path)) {
  struct stat old {};
  const bool replaces = ::stat(target_.c_str(), &old) == 0;
  if (replaces && S_ISDIR(old.st_mode)) {
    errno = EISDIR;
    fail(path_, "write");
  }
  // A rename would put a file in the place of /dev/null.
  if (replaces && !S_ISREG(old.st_mode)) {
    throw Error(ErrorCode::io, path_ + ": cannot write: it is a device or a pipe, and no file to replace");
  }
  remove_abandoned(target_);
  descriptor_ = create_beside(target_, temporary_);
  if (descriptor_ < 0) {
    temporary_.clear();
    fail(path_, "write");
  }
  (void)::flock(descriptor_, LOCK_EX | LOCK_NB);
  if (replaces) (void)::fchmod(descriptor_, old.st_mode & 07777);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      fail(path_, "write");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void AtomicFile::write(std::string_view text) {
  write(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

void AtomicFile::commit() {
  // Opened anew by name: a library may have put another file there than the one that was created.
  const int descriptor = ::open(temporary_.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail(path_, "write");
  const int synced = ::fsync(descriptor);
  const int code = errno;
  ::close(descriptor);
  errno = code;
  if (synced != 0) fail(path_, "write to the disk");
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail(path_, "rename into place");
  temporary_.clear();
  ::close(descriptor_);
  descriptor_ = -1;
  sync_directory_of(target_);
}

void write_file_atomically(const std::string& path, std::span<const std::uint8_t> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void write_file_atomically(const std::string& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

void sync_directory_of(const std::string& path) {
  std::string directory = std::filesystem::path(path).parent_path().string();
  if (directory.empty()) directory = ".";
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;  // may be written to but not listed: the rename itself has happened
  (void)::fsync(descriptor);   // some network file systems refuse; nothing better can be done there
  ::close(descriptor);
}

}  // namespace gradus
