#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gradus::test {

/// An IDX file's bytes: magic number, sizes, data.
inline std::string idx_bytes(std::uint32_t magic, const std::vector<std::uint32_t>& sizes, const std::string& data) {
  std::string bytes;
  const auto put = [&](std::uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift & 0xff);
  };
  put(magic);
  for (const std::uint32_t size : sizes) put(size);
  return bytes + data;
}

}  // namespace gradus::test
