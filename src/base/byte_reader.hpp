#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <gradus/error.hpp>

namespace gradus {

/// Reads numbers and strings out of bytes that somebody else owns and never past their end: each read that asks for
/// more than is left throws `bad_data` naming the file, the offset, and both counts.
class ByteReader {
 public:
  /// `name` is what messages call the bytes, a file's path for instance; `base` is added to offsets in messages.
  ByteReader(std::string name, std::span<const std::uint8_t> bytes, std::uint64_t base = 0)
      : name_(std::move(name)), bytes_(bytes), base_(base) {}

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::size_t position() const noexcept { return position_; }
  [[nodiscard]] std::uint64_t offset() const noexcept { return base_ + position_; }
  [[nodiscard]] std::size_t remaining() const noexcept { return bytes_.size() - position_; }
  [[nodiscard]] bool at_end() const noexcept { return remaining() == 0; }
  /// Goes to `position`, which must be within the bytes or at their end.
  void seek(std::size_t position);
  void skip(std::uint64_t count) { (void)take(count); }

  /// An integer or a float of sizeof(T) bytes, low byte first.
  template <class T>
  [[nodiscard]] T le() {
    return number<T>(std::endian::little);
  }
  /// The same, high byte first.
  template <class T>
  [[nodiscard]] T be() {
    return number<T>(std::endian::big);
  }
  [[nodiscard]] std::uint8_t u8() { return take(1)[0]; }
  /// The next `count` bytes, where they lie.
  [[nodiscard]] std::span<const std::uint8_t> take(std::uint64_t count);
  [[nodiscard]] std::string_view text(std::uint64_t count);

  /// Throws `bad_data`: "NAME: at offset N: SENTENCE".
  [[noreturn]] void fail(const std::string& sentence) const;

 private:
  template <class T>
  T number(std::endian order) {
    static_assert(std::is_arithmetic_v<T>);
    std::uint8_t raw[sizeof(T)];
    const auto from = take(sizeof(T));
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      raw[i] = from[order == std::endian::native ? i : sizeof(T) - 1 - i];
    }
    T value;
    std::memcpy(&value, raw, sizeof(T));
    return value;
  }

  std::string name_;
  std::span<const std::uint8_t> bytes_;
  std::uint64_t base_;
  std::size_t position_ = 0;
};

}  // namespace gradus
