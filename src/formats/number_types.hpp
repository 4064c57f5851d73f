#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <span>

#include <gradus/tensor.hpp>

namespace gradus {

/// How a file stores numbers.
struct NumberType {
  enum class Kind : std::uint8_t { floating, signed_whole, unsigned_whole, bfloat16 };
  Kind kind = Kind::floating;
  std::size_t bytes = 4;  ///< floating: 2, 4 or 8; whole numbers: 1, 2, 4 or 8; bfloat16: 2
  bool big_endian = false;
};

/// Turns stored numbers into Reals; `from` must hold values.size() * type.bytes bytes.
void convert_numbers(const NumberType& type, std::span<const std::uint8_t> from, std::span<Real> values);
/// The one whole number that `from` holds (type.bytes bytes); nothing when the type is none of whole numbers, or the
/// value does not fit.
std::optional<std::int64_t> whole_number(const NumberType& type, std::span<const std::uint8_t> from);
/// IEEE 754 half precision to single; exact.
float half_to_float(std::uint16_t half);

}  // namespace gradus
