#pragma once

#include <string>
#include <string_view>

namespace gradus {

/// Python's raw-unicode-escape as UTF-8: bytes are code points, but for backslash-u and backslash-U.
std::string from_raw_unicode(std::string_view line);
/// The bytes of a string that Python 2's repr() wrote, given without its quotes.
std::string from_repr(std::string_view body);
/// Code points 0 to 255 of UTF-8 text as bytes; false when there is any other.
bool to_latin1(std::string_view text, std::string& bytes);

}  // namespace gradus
