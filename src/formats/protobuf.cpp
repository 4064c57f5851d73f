#include "formats/protobuf.hpp"

#include <bit>
#include <cstring>

namespace gradus {

std::uint64_t ProtoReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    const std::uint8_t byte = bytes_.u8();
    if (shift == 63 && byte > 1) break;
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return value;
  }
  fail("a number of more than 64 bits");
}

bool ProtoReader::next() {
  if (pending_) skip();
  if (bytes_.at_end()) return false;
  const std::uint64_t tag = varint();
  if (tag >> 3 == 0 || tag >> 3 > 0x1fffffff) fail("no field begins here");
  field_ = static_cast<std::uint32_t>(tag >> 3);
  wire_ = static_cast<Wire>(tag & 7);
  pending_ = true;
  return true;
}

void ProtoReader::skip() {
  switch (wire_) {
    case Wire::varint:
      (void)varint();
      break;
    case Wire::fixed64:
      bytes_.skip(8);
      break;
    case Wire::fixed32:
      bytes_.skip(4);
      break;
    case Wire::length:
      bytes_.skip(varint());
      break;
    default:
      fail("field " + std::to_string(field_) + " is of a kind that there is not");
  }
  pending_ = false;
}

void ProtoReader::expect(Wire wire) const {
  if (wire_ != wire) fail("field " + std::to_string(field_) + " is of another kind than it should be");
}

std::int64_t ProtoReader::whole() {
  expect(Wire::varint);
  pending_ = false;
  return static_cast<std::int64_t>(varint());
}

float ProtoReader::real32() {
  expect(Wire::fixed32);
  pending_ = false;
  return bytes_.le<float>();
}

std::span<const std::uint8_t> ProtoReader::bytes() {
  expect(Wire::length);
  pending_ = false;
  return bytes_.take(varint());
}

std::string_view ProtoReader::view() {
  const auto found = bytes();
  return {reinterpret_cast<const char*>(found.data()), found.size()};
}

ProtoReader ProtoReader::message() {
  const auto found = bytes();
  return {bytes_.name(), found, bytes_.offset() - found.size()};
}

void ProtoReader::wholes(std::vector<std::int64_t>& into) {
  if (wire_ == Wire::varint) return into.push_back(whole());
  ProtoReader packed = message();
  while (!packed.bytes_.at_end()) into.push_back(static_cast<std::int64_t>(packed.varint()));
}

void ProtoReader::reals32(std::vector<float>& into) {
  if (wire_ == Wire::fixed32) return into.push_back(real32());
  ProtoReader packed = message();
  while (!packed.bytes_.at_end()) into.push_back(packed.bytes_.le<float>());
}

void ProtoReader::reals64(std::vector<double>& into) {
  if (wire_ == Wire::fixed64) {
    pending_ = false;
    return into.push_back(bytes_.le<double>());
  }
  ProtoReader packed = message();
  while (!packed.bytes_.at_end()) into.push_back(packed.bytes_.le<double>());
}

void ProtoWriter::varint(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(value | 0x80);
  out_ += static_cast<char>(value);
}

void ProtoWriter::tag(std::uint32_t field, std::uint32_t wire) { varint(std::uint64_t{field} << 3 | wire); }

ProtoWriter& ProtoWriter::whole(std::uint32_t field, std::int64_t value) {
  tag(field, 0);
  varint(static_cast<std::uint64_t>(value));
  return *this;
}

void ProtoWriter::raw(const void* values, std::size_t bytes) {
  static_assert(std::endian::native == std::endian::little);
  out_.append(static_cast<const char*>(values), bytes);
}

ProtoWriter& ProtoWriter::real32(std::uint32_t field, float value) {
  tag(field, 5);
  raw(&value, sizeof value);
  return *this;
}

ProtoWriter& ProtoWriter::real64(std::uint32_t field, double value) {
  tag(field, 1);
  raw(&value, sizeof value);
  return *this;
}

ProtoWriter& ProtoWriter::text(std::uint32_t field, std::string_view value) {
  tag(field, 2);
  varint(value.size());
  out_ += value;
  return *this;
}

ProtoWriter& ProtoWriter::wholes(std::uint32_t field, std::span<const std::int64_t> values) {
  ProtoWriter packed;
  for (const std::int64_t value : values) packed.varint(static_cast<std::uint64_t>(value));
  return message(field, packed);
}

ProtoWriter& ProtoWriter::reals64(std::uint32_t field, std::span<const double> values) {
  tag(field, 2);
  varint(values.size_bytes());
  raw(values.data(), values.size_bytes());
  return *this;
}

}  // namespace gradus
