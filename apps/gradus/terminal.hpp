#pragma once

#include <string>

#include <gradus/spec.hpp>

#include "base/terminal.hpp"
#include "inspect/picture.hpp"

namespace gradus::app {

/// What a stream can show. "auto" asks NO_COLOR, TERM, COLORTERM and the locale, and whether it is a terminal.
Colors colors_of(Stream stream, const std::string& wanted = "auto");

/// Results, on standard output; control characters, which names out of files may hold, are escaped.
void print(const std::string& text);
/// The same with the sequences that set colors: names in it must have gone through `printable`.
void print_as_it_is(const std::string& text);
void print_json(const Value& value);
/// Throws `io` when something printed could not be written.
void flush_output();

/// "97.31 %".
std::string percent(double share, int decimals = 2);

}  // namespace gradus::app
