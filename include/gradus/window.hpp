#pragma once

#include <cstdint>
#include <string_view>

#include <gradus/spec.hpp>

/// How a window moves over an image: what convolutions and pooling share.
namespace gradus {

/// Two sizes along an image, in pixels. A single number stands for both, as in Keras: `.kernel_size = 3`.
struct Size2D {
  std::int64_t height = 1, width = 1;

  constexpr Size2D() = default;
  constexpr Size2D(std::int64_t both) : height(both), width(both) {}  // NOLINT: sizes convert
  constexpr Size2D(int both) : Size2D(std::int64_t{both}) {}          // NOLINT
  constexpr Size2D(std::int64_t rows, std::int64_t columns) : height(rows), width(columns) {}
  friend constexpr bool operator==(const Size2D& a, const Size2D& b) = default;
  /// "3x5"
  [[nodiscard]] std::string to_string() const;
};

/// What lies beyond the borders of an image.
enum class Padding : std::uint8_t {
  valid,  ///< nothing: windows stay inside; floor((size - window) / stride) + 1 of them
  same,   ///< zeros, as many as give ceil(size / stride) windows, the odd one below and to the right as in TensorFlow
};

std::string_view padding_name(Padding padding);

template <>
struct FieldType<Size2D> {
  static constexpr std::string_view name = "one or two whole numbers";
  static Value to_value(const Size2D& value);
  static Size2D from_value(const Value& value);
};
template <>
struct FieldType<Padding> {
  static constexpr std::string_view name = "valid or same";
  static Value to_value(Padding value) { return std::string(padding_name(value)); }
  static Padding from_value(const Value& value);
};

}  // namespace gradus
