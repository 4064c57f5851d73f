#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <gradus/tensor.hpp>

/// JSON written straight into a text: answers are numbers by the thousand, and go through no tree of values.
namespace gradus::serve {

/// `text` in double quotes; bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);
/// The shortest text that reads back as the same 32-bit float, with a point or an exponent in it. A number that is
/// not finite is null, for which JSON has no word.
void append_json_number(std::string& out, Real value);
void append_json_whole(std::string& out, std::int64_t value);
/// `values` nested as `shape` says; a scalar shape is a bare number.
void append_json_tensor(std::string& out, std::span<const Real> values, const Shape& shape);
/// [1, 28, 28], with `first` in front of the sizes.
void append_json_shape(std::string& out, std::int64_t first, const Shape& shape);

}  // namespace gradus::serve
