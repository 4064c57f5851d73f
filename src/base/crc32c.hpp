#pragma once

#include <cstdint>
#include <span>

namespace gradus {

/// CRC-32C (Castagnoli's polynomial, reflected 0x82F63B78; RFC 3720, section 12.1). "123456789" gives 0xE3069283.
std::uint32_t crc32c(std::span<const std::uint8_t> bytes);

}  // namespace gradus
