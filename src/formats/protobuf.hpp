#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_reader.hpp"

namespace gradus {

/// Goes through the fields of one protobuf message (protobuf.dev/programming-guides/encoding), where they lie. Nothing
/// is copied and nothing is allocated but what a caller makes of it. Every function throws `bad_data` for bytes that
/// are no such message.
///
///   while (reader.next()) {
///     switch (reader.field()) { case 1: name = reader.text(); ... }   // fields that nobody reads are passed over
///   }
class ProtoReader {
 public:
  ProtoReader(std::string name, std::span<const std::uint8_t> bytes, std::uint64_t base = 0)
      : bytes_(std::move(name), bytes, base) {}

  /// Goes to the next field; false at the end.
  bool next();
  [[nodiscard]] std::uint32_t field() const noexcept { return field_; }

  [[nodiscard]] std::int64_t whole();
  [[nodiscard]] float real32();
  [[nodiscard]] std::string text() { return std::string(view()); }
  [[nodiscard]] std::string_view view();
  [[nodiscard]] std::span<const std::uint8_t> bytes();
  [[nodiscard]] ProtoReader message();
  /// Repeated numbers, packed or one by one: adds what this field holds.
  void wholes(std::vector<std::int64_t>& into);
  void reals32(std::vector<float>& into);
  void reals64(std::vector<double>& into);

  [[noreturn]] void fail(const std::string& sentence) const { bytes_.fail(sentence); }

 private:
  enum class Wire : std::uint8_t { varint = 0, fixed64 = 1, length = 2, fixed32 = 5 };
  std::uint64_t varint();
  void expect(Wire wire) const;
  void skip();

  ByteReader bytes_;
  std::uint32_t field_ = 0;
  Wire wire_ = Wire::varint;
  bool pending_ = false;  // the field's value has not been read
};

/// Writes the fields of one message, in the order in which they are given.
class ProtoWriter {
 public:
  ProtoWriter& whole(std::uint32_t field, std::int64_t value);
  ProtoWriter& real32(std::uint32_t field, float value);
  ProtoWriter& real64(std::uint32_t field, double value);
  ProtoWriter& text(std::uint32_t field, std::string_view value);
  ProtoWriter& message(std::uint32_t field, const ProtoWriter& value) { return text(field, value.out_); }
  /// Repeated numbers, packed.
  ProtoWriter& wholes(std::uint32_t field, std::span<const std::int64_t> values);
  ProtoWriter& reals64(std::uint32_t field, std::span<const double> values);
  [[nodiscard]] const std::string& bytes() const noexcept { return out_; }

 private:
  void tag(std::uint32_t field, std::uint32_t wire);
  void varint(std::uint64_t value);
  void raw(const void* values, std::size_t bytes);

  std::string out_;
};

}  // namespace gradus
