#pragma once

#include <toml++/toml.h>

#include <string>
#include <string_view>

namespace gradus {

/// Parses TOML whose tables, lists and dotted keys are nested 64 levels deep at most: toml++ and whoever walks its
/// tables do so by recursion. Throws `bad_data` as "FILE:LINE: sentence".
toml::table parse_toml(std::string_view text, const std::string& file);

}  // namespace gradus
