#include "base/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <gradus/error.hpp>

#include "base/text.hpp"

namespace gradus {
namespace {

[[noreturn]] void fail(const std::string& name, const std::string& what, int number) {
  throw Error(number == ENOENT ? ErrorCode::not_found : ErrorCode::io,
              name + ": " + what + ": " + std::strerror(number));
}

// --- reads beyond the end of a file that was cut off ---

/// A mapping, as the signal handler sees it.
struct Guard {
  std::atomic<bool> used{false};
  std::atomic<bool> failed{false};
  std::atomic<std::uintptr_t> begin{0}, end{0};  // both 0 while it is not mapped
};
constexpr std::size_t most_guards = 1024;
std::array<Guard, most_guards> guards;
struct sigaction handler_before {};

/// Puts zeros where a mapped file has no bytes, from the page at fault to the mapping's end. Only calls what a signal
/// handler may.
void on_bus_error(int number, siginfo_t* info, void* context) {
  const int error = errno;
  const auto at = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (Guard& guard : guards) {
    const std::uintptr_t begin = guard.begin.load(), end = guard.end.load();
    if (at < begin || at >= end) continue;
    const std::uintptr_t page = at & ~(static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE)) - 1);
    guard.failed.store(true);
    void* const zeros = mmap(reinterpret_cast<void*>(page), end - page, PROT_READ,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    errno = error;
    if (zeros != MAP_FAILED) return;
    break;
  }
  if ((handler_before.sa_flags & SA_SIGINFO) != 0) return handler_before.sa_sigaction(number, info, context);
  if (handler_before.sa_handler != SIG_DFL && handler_before.sa_handler != SIG_IGN) {
    return handler_before.sa_handler(number);
  }
  signal(SIGBUS, SIG_DFL);  // the read that failed is tried again, and ends the process
}

int guard_mapping(const void* data, std::size_t size) {
  static const bool installed = [] {
    struct sigaction action {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    return sigaction(SIGBUS, &action, &handler_before) == 0;
  }();
  if (!installed) return -1;
  for (std::size_t i = 0; i < guards.size(); ++i) {
    if (guards[i].used.exchange(true)) continue;
    guards[i].failed.store(false);
    const auto begin = reinterpret_cast<std::uintptr_t>(data);
    guards[i].end.store(begin + size);
    guards[i].begin.store(begin);
    return static_cast<int>(i);
  }
  return -1;
}

void end_guard(int guard) {
  if (guard < 0) return;
  Guard& ended = guards[static_cast<std::size_t>(guard)];
  ended.end.store(0);
  ended.begin.store(0);
  ended.used.store(false);
}

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail(path, "cannot be opened", errno);
  map(descriptor, path);
}

MappedFile::MappedFile(int descriptor, const std::string& name) { map(descriptor, name); }

void MappedFile::map(int descriptor, const std::string& name) {
  name_ = name;
  struct stat status {};
  const bool known = fstat(descriptor, &status) == 0;
  const bool plain = known && S_ISREG(status.st_mode) && status.st_size > 0;
  void* memory = MAP_FAILED;
  int number = known ? EINVAL : errno;
  if (plain) {
    size_ = static_cast<std::size_t>(status.st_size);
    memory = mmap(nullptr, size_, PROT_READ, MAP_SHARED, descriptor, 0);
    number = errno;
  }
  if (memory != MAP_FAILED) {
    descriptor_ = descriptor;
    data_ = static_cast<const std::uint8_t*>(memory);
    changed_ = status.st_mtim;
    guard_ = guard_mapping(data_, size_);
    return;
  }
  close(descriptor);
  if (known && status.st_size == 0 && S_ISREG(status.st_mode)) throw Error(ErrorCode::bad_data, name + ": is empty");
  fail(name, "cannot be mapped into memory", number);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<std::uint8_t*>(data_), size_);
  end_guard(guard_);
  if (descriptor_ >= 0) close(descriptor_);
}

void MappedFile::prefetch(std::uint64_t begin, std::uint64_t end) const {
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  end = std::min<std::uint64_t>(end, size_);
  begin = begin / page * page;
  if (begin >= end) return;
  // A wish: where it is refused, the bytes come when they are looked at.
  (void)madvise(const_cast<std::uint8_t*>(data_) + begin, end - begin, MADV_WILLNEED);
}

void MappedFile::release() const {
  (void)madvise(const_cast<std::uint8_t*>(data_), size_, MADV_DONTNEED);
  check();
}

void MappedFile::check() const {
  struct stat now {};
  if (fstat(descriptor_, &now) != 0) fail(name_, "cannot be read", errno);
  const auto size = static_cast<std::uint64_t>(now.st_size);
  const auto changed = [&](const std::string& how) {
    throw Error(ErrorCode::bad_data, name_ + ": " + how + " while it was read; try again when nothing writes to it");
  };
  if (size != size_) {
    changed("went from " + count_of(static_cast<std::int64_t>(size_), "byte") + " to " +
            with_commas(static_cast<std::int64_t>(size)));
  }
  if (now.st_mtim.tv_sec != changed_.tv_sec || now.st_mtim.tv_nsec != changed_.tv_nsec) changed("was changed");
  if (guard_ >= 0 && guards[static_cast<std::size_t>(guard_)].failed.load()) {
    changed("could not be read from the disk, or was cut off,");
  }
}

TemporaryFile::TemporaryFile() {
  const char* set = std::getenv("TMPDIR");
  directory_ = set != nullptr && *set != 0 ? set : "/var/tmp";
  std::string pattern = directory_ + "/gradus-XXXXXX";
  descriptor_ = mkostemp(pattern.data(), O_CLOEXEC);
  if (descriptor_ < 0) fail(directory_, "cannot hold a temporary file", errno);
  unlink(pattern.c_str());
}

TemporaryFile::~TemporaryFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

void TemporaryFile::append(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(directory_, "cannot hold the samples (TMPDIR names another directory)", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

std::shared_ptr<const MappedFile> TemporaryFile::map() {
  const int descriptor = descriptor_;
  descriptor_ = -1;
  return std::make_shared<const MappedFile>(descriptor, "a temporary file in " + directory_);
}

}  // namespace gradus
