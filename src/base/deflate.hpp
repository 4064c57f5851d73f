#pragma once

#include <string>
#include <string_view>

namespace gradus {

/// `bytes` as one gzip member (RFC 1952), at zlib's level 1 to 9. Throws `io` when there is not enough memory.
std::string gzip(std::string_view bytes, int level = 4);

}  // namespace gradus
