#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// Bytes as text: RFC 4648, section 4, padded with '='.
std::string base64(std::span<const std::uint8_t> bytes);
/// The bytes of such a text; nothing where it is none: another character, a length that is no multiple of 4, or
/// padding in the middle.
std::optional<std::vector<std::uint8_t>> from_base64(std::string_view text);

}  // namespace gradus
