#pragma once

#include <cstdint>
#include <string>

#include <gradus/spec.hpp>

#include "inspect/picture.hpp"

namespace gradus::app {

enum class Stream { out, err };

bool is_terminal(Stream stream);
/// Columns of the terminal, or 80.
std::int64_t terminal_width(Stream stream);
/// What a stream can show. "auto" asks NO_COLOR, TERM and COLORTERM, and whether it is a terminal.
Colors colors_of(Stream stream, const std::string& wanted = "auto");

/// `text` in lines of at most `width` columns, all but the first indented by `indent`.
std::string wrapped(const std::string& text, std::size_t width, std::size_t indent);
/// A line for the person at the terminal, on standard error; wrapped where a terminal is narrower.
void note(const std::string& line);
/// Results, on standard output.
void print(const std::string& text);
void print_json(const Value& value);
/// Throws `io` when something printed could not be written.
void flush_output();

/// "97.31 %".
std::string percent(double share, int decimals = 2);
/// "50 ms", "2.5 s", "3 min 20 s".
std::string duration(double seconds);

}  // namespace gradus::app
