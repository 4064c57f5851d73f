#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/atomic_file.hpp"
#include "base/read_budget.hpp"

namespace gradus {

/// Looks into a zip archive. Nothing is ever unpacked to the disk, and memory is taken as bytes really come.
/// The first line of a message is the archive's path; a member is named behind it.
class ZipReader {
 public:
  struct Member {
    std::string name;
    std::uint64_t size = 0;  ///< unpacked, as the archive says
  };

  /// Throws `bad_data` for what is no zip archive, for more than 10,000 members, two members of one name, a name that
  /// leads out of the archive, and members that are encrypted or packed by other means than deflate; `not_found` and
  /// `io` for the file itself.
  explicit ZipReader(const std::string& path);
  ~ZipReader();
  ZipReader(const ZipReader&) = delete;
  ZipReader& operator=(const ZipReader&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const std::vector<Member>& members() const noexcept { return members_; }
  [[nodiscard]] bool contains(std::string_view name) const;
  /// What all members together may still take; for what is built from them.
  [[nodiscard]] ReadBudget& budget() const noexcept { return budget_; }
  /// Unpacks one member; its checksum is verified. Throws `bad_data` when it is not there, is damaged, holds more than
  /// `limit` bytes, or when all that was read so far goes beyond what an archive of this size may take (ReadLimits).
  [[nodiscard]] std::vector<std::uint8_t> read(std::string_view name, std::uint64_t limit) const;
  /// The same piece by piece, of at most 8 MiB: `take` gets each. What it got is only good when no error follows.
  void read_pieces(std::string_view name, std::uint64_t limit,
                   const std::function<void(std::span<const std::uint8_t>)>& take) const;

 private:
  struct Handle;
  void check_members();
  [[noreturn]] void fail(const std::string& sentence) const;

  std::string path_;
  mutable ReadBudget budget_{0};  // for all members together
  std::vector<Member> members_;
  std::unique_ptr<Handle> handle_;
};

/// A member to be written: its bytes must live until the archive is written.
struct ZipMember {
  std::string name;
  std::span<const std::uint8_t> bytes;
};

/// Writes an archive of stored (not packed) members in this order, dated 1980-01-01: the same members give the same
/// bytes. Throws `io`.
void write_zip(AtomicFile& file, std::span<const ZipMember> members);

}  // namespace gradus
