#pragma once

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

namespace gradus::test {

/// A directory that cannot be written to while this lives, for this process and those that it starts. Nobody stops root
/// from writing, but a file system that is read-only: so, as root, the directory is mounted over itself, read-only, in
/// a mount namespace of this thread's own. Others lose the permission, for what lies in it as well.
class ReadOnly {
 public:
  explicit ReadOnly(std::string directory) : directory_(std::move(directory)) {
    if (::geteuid() != 0) {
      forbid(std::filesystem::perm_options::remove);
      return;
    }
    const char* place = directory_.c_str();
    if (fail(::unshare(CLONE_NEWNS) != 0) || fail(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) ||
        fail(::mount(place, place, nullptr, MS_BIND, nullptr) != 0)) {
      return;
    }
    mounted_ = true;
    fail(::mount("none", place, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0);
  }
  ~ReadOnly() {
    if (mounted_) (void)::umount2(directory_.c_str(), MNT_DETACH);
    if (::geteuid() != 0) forbid(std::filesystem::perm_options::add);
  }
  ReadOnly(const ReadOnly&) = delete;
  ReadOnly& operator=(const ReadOnly&) = delete;

  /// Why it cannot be had here (a container without the right to mount); empty when the directory is read-only.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  /// What the system says to who writes there.
  [[nodiscard]] static std::string refusal() { return std::strerror(::geteuid() == 0 ? EROFS : EACCES); }

 private:
  void forbid(std::filesystem::perm_options how) {
    constexpr auto writing = std::filesystem::perms::owner_write;
    std::filesystem::permissions(directory_, writing, how);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_)) {
      std::filesystem::permissions(entry.path(), writing, how);
    }
  }
  bool fail(bool failed) {
    if (failed) trouble_ = std::strerror(errno);
    return failed;
  }
  std::string directory_, trouble_;
  bool mounted_ = false;
};

}  // namespace gradus::test

/// Makes a directory read-only until the scope ends, or skips the test saying why it cannot be done.
#define GRADUS_READ_ONLY_OR_SKIP(variable, directory)                                                       \
  const gradus::test::ReadOnly variable(directory);                                                         \
  if (!variable.trouble().empty()) {                                                                        \
    GTEST_SKIP() << "no directory can be made read-only here (" << variable.trouble()                       \
                 << "): run as another user than root, or as root with the right to mount (CAP_SYS_ADMIN)"; \
  }
