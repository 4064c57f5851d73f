#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// `text` without spaces, tabs and line ends at both ends.
std::string_view trim(std::string_view text);
/// ASCII letters in lower case; other bytes as they are.
std::string lower(std::string_view text);
/// The parts between separators; an empty text gives one empty part.
std::vector<std::string> split_text(std::string_view text, char separator);
/// `1234567` as "1,234,567".
std::string with_commas(std::int64_t number);
/// "1 row", "2 rows".
std::string count_of(std::int64_t count, std::string_view noun);
/// "50 ms", "2.5 s", "3 min 20 s".
std::string duration(double seconds);
/// The bytes of the character of UTF-8 that `text`, which is not empty, begins with; 0 where it begins with none (RFC
/// 3629, section 4).
std::size_t character_length(std::string_view text);
/// Whether all of it is UTF-8.
bool is_utf8(std::string_view text);
/// `text` as a terminal may show it: control characters (C0 other than line ends and tabs, DEL, C1), those that turn
/// the direction of writing, and bytes that are not UTF-8 as \xNN. Names out of files may hold any of them.
std::string printable(std::string_view text);
/// The same for a text that is to stay on one line, in a log for example: line ends and tabs are escaped, too.
std::string printable_line(std::string_view text);
/// `text` in single quotes for a message: cut after `limit` bytes, escaped as by `printable_line`.
std::string in_quotes(std::string_view text, std::size_t limit = 40);
/// The whole of `text` as a whole number (decimal, optional sign), or nothing.
std::optional<std::int64_t> parse_int(std::string_view text);
/// The whole of `text` as a number (decimal, optional sign and exponent), or nothing. Also refuses infinities and NaN.
std::optional<double> parse_real(std::string_view text);

}  // namespace gradus
