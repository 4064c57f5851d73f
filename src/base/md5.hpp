#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace gradus {

/// MD5 (RFC 1321) of bytes that come in pieces. It finds broken and mistaken files, as published sums do; it keeps
/// out nobody who means harm.
class Md5 {
 public:
  void update(std::span<const std::uint8_t> bytes);
  /// 32 lower-case hexadecimal digits. Ends the object's use.
  [[nodiscard]] std::string hex();

 private:
  void block(const std::uint8_t* data);

  std::array<std::uint32_t, 4> state_{0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u};
  std::array<std::uint8_t, 64> pending_{};
  std::size_t pending_size_ = 0;
  std::uint64_t total_ = 0;
};

std::string md5_hex(std::span<const std::uint8_t> bytes);

}  // namespace gradus
