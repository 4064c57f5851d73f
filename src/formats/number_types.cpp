#include "formats/number_types.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

namespace gradus {
namespace {

template <class T>
T load(const std::uint8_t* from, bool big_endian) {
  std::uint8_t raw[sizeof(T)];
  const bool swap = big_endian != (std::endian::native == std::endian::big);
  for (std::size_t i = 0; i < sizeof(T); ++i) raw[i] = from[swap ? sizeof(T) - 1 - i : i];
  T value;
  std::memcpy(&value, raw, sizeof(T));
  return value;
}

template <class T>
void convert(bool big_endian, std::span<const std::uint8_t> from, std::span<Real> values) {
  if constexpr (std::is_same_v<T, Real>) {
    if (!big_endian && std::endian::native == std::endian::little) {
      if (!values.empty()) std::memcpy(values.data(), from.data(), values.size_bytes());
      return;
    }
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<Real>(load<T>(from.data() + i * sizeof(T), big_endian));
  }
}

/// Calls `visit` with a null pointer of the C++ type that holds such numbers.
template <class F>
void with_whole_type(const NumberType& type, F&& visit) {
  const bool is_signed = type.kind == NumberType::Kind::signed_whole;
  switch (type.bytes) {
    case 1:
      is_signed ? visit(static_cast<std::int8_t*>(nullptr)) : visit(static_cast<std::uint8_t*>(nullptr));
      break;
    case 2:
      is_signed ? visit(static_cast<std::int16_t*>(nullptr)) : visit(static_cast<std::uint16_t*>(nullptr));
      break;
    case 4:
      is_signed ? visit(static_cast<std::int32_t*>(nullptr)) : visit(static_cast<std::uint32_t*>(nullptr));
      break;
    default:
      is_signed ? visit(static_cast<std::int64_t*>(nullptr)) : visit(static_cast<std::uint64_t*>(nullptr));
  }
}

}  // namespace

float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half >> 15) << 31;
  const std::uint32_t exponent = (half >> 10) & 0x1fu;
  const std::uint32_t fraction = half & 0x3ffu;
  if (exponent == 0) {  // zero and subnormals: fraction · 2^-24
    const float magnitude = std::ldexp(static_cast<float>(fraction), -24);
    return sign == 0 ? magnitude : -magnitude;
  }
  const std::uint32_t wide = exponent == 0x1f ? 0xffu : exponent + 127 - 15;
  return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

void convert_numbers(const NumberType& type, std::span<const std::uint8_t> from, std::span<Real> values) {
  if (type.kind == NumberType::Kind::floating && type.bytes == 4) return convert<float>(type.big_endian, from, values);
  if (type.kind == NumberType::Kind::floating && type.bytes == 8) return convert<double>(type.big_endian, from, values);
  if (type.kind == NumberType::Kind::floating || type.kind == NumberType::Kind::bfloat16) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto raw = load<std::uint16_t>(from.data() + i * 2, type.big_endian);
      values[i] = static_cast<Real>(type.kind == NumberType::Kind::floating
                                        ? half_to_float(raw)
                                        : std::bit_cast<float>(static_cast<std::uint32_t>(raw) << 16));
    }
    return;
  }
  with_whole_type(type,
                  [&](auto* null) { convert<std::remove_pointer_t<decltype(null)>>(type.big_endian, from, values); });
}

std::optional<std::int64_t> whole_number(const NumberType& type, std::span<const std::uint8_t> from) {
  std::optional<std::int64_t> result;
  if (type.kind == NumberType::Kind::floating || type.kind == NumberType::Kind::bfloat16) return result;
  with_whole_type(type, [&](auto* null) {
    using T = std::remove_pointer_t<decltype(null)>;
    const T value = load<T>(from.data(), type.big_endian);
    if (std::cmp_less_equal(value, std::numeric_limits<std::int64_t>::max())) {
      result = static_cast<std::int64_t>(value);
    }
  });
  return result;
}

}  // namespace gradus
