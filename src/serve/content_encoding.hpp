#pragma once

#include <cstdint>
#include <optional>

#include "serve/http.hpp"

namespace gradus::serve {

/// Unpacks a body in place, as its Content-Encoding says (RFC 9110, 8.4): gzip (x-gzip), or identity, which is no
/// encoding. Returns an answer that refuses the request, or nothing: 415 for any other encoding, 400 for a body that is
/// not what the field says, 413 for one of more than `most_bytes` bytes when unpacked.
std::optional<Response> unpack_body(Request& request, std::int64_t most_bytes);

}  // namespace gradus::serve
