#include "base/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <gradus/error.hpp>

namespace gradus {
namespace {

[[noreturn]] void fail(const std::string& name, const std::string& what, int number) {
  throw Error(number == ENOENT ? ErrorCode::not_found : ErrorCode::io,
              name + ": " + what + ": " + std::strerror(number));
}

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail(path, "cannot be opened", errno);
  map(descriptor, path);
}

MappedFile::MappedFile(int descriptor, const std::string& name) { map(descriptor, name); }

void MappedFile::map(int descriptor, const std::string& name) {
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
  close(descriptor);
  if (known && status.st_size == 0 && S_ISREG(status.st_mode)) throw Error(ErrorCode::bad_data, name + ": is empty");
  if (memory == MAP_FAILED) fail(name, "cannot be mapped into memory", number);
  data_ = static_cast<const std::uint8_t*>(memory);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<std::uint8_t*>(data_), size_);
}

void MappedFile::prefetch(std::uint64_t begin, std::uint64_t end) const {
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  end = std::min<std::uint64_t>(end, size_);
  begin = begin / page * page;
  if (begin >= end) return;
  // A wish: where it is refused, the bytes come when they are looked at.
  (void)madvise(const_cast<std::uint8_t*>(data_) + begin, end - begin, MADV_WILLNEED);
}

void MappedFile::release() const { (void)madvise(const_cast<std::uint8_t*>(data_), size_, MADV_DONTNEED); }

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
