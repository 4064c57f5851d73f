#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

/// What the two output streams lead to, and what can be shown there.
namespace gradus {

enum class Stream { out, err };

/// Whether the stream leads to a terminal, and not to a file or a pipe.
bool is_terminal(Stream stream);
/// Columns of the terminal, or 80.
std::int64_t terminal_width(Stream stream);
/// Whether NO_COLOR and TERM allow escape sequences that set colors; says nothing about where a stream leads.
bool colors_allowed();
/// Whether the locale's text is UTF-8, by LC_ALL, LC_CTYPE and LANG, the first that is set (POSIX, chapter 8.2). With
/// none of them set the locale is "C", whose text is ASCII.
bool shows_utf8();
/// Box-drawing characters of UTF-8 as '-', '=', '|' and '+'; everything else as it is.
std::string boxes_in_ascii(const std::string& text);

/// `text` in lines of at most `width` columns, all but the first indented by `indent`.
std::string wrapped(const std::string& text, std::size_t width, std::size_t indent);
/// A line on standard error, wrapped where a terminal is narrower. Standard output is flushed first: where both go to
/// one terminal, they stay in order. Control characters are escaped (see `printable`).
void note(const std::string& text);

}  // namespace gradus
