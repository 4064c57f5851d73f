#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <gradus/spec.hpp>

namespace gradus {

/// What a text may cost before it is refused. A value takes about 50 bytes, whatever the text that says it.
struct JsonLimits {
  std::size_t bytes = std::size_t{64} << 20;
  std::size_t depth = 64;
  std::size_t values = 4'000'000;
};

/// Reads JSON as Python writes it: NaN, Infinity and -Infinity may appear bare. Whole numbers within 64 bits stay
/// whole, all others become doubles, read exactly. Of equal keys the last counts.
/// Throws `bad_data` as "NAME:line:column: sentence" for what is no JSON or goes beyond a limit.
Value read_json(std::string_view text, const std::string& name, const JsonLimits& limits = {});

/// The shortest text that reads back to the same value, to the bit; on one line, or with `indent` spaces a level.
/// Bytes that are not UTF-8 are replaced by U+FFFD. A number that is not finite, for which JSON has no word, is null.
std::string write_json(const Value& value, int indent = -1);
/// The same on one line with NaN, Infinity and -Infinity bare, as Python writes and reads them: for model files.
std::string write_python_json(const Value& value);

}  // namespace gradus
