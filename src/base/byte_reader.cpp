#include "base/byte_reader.hpp"

#include "base/text.hpp"

namespace gradus {

void ByteReader::seek(std::size_t position) {
  if (position > bytes_.size()) {
    fail("the data end at offset " + std::to_string(base_ + bytes_.size()) + ", before " +
         std::to_string(base_ + position));
  }
  position_ = position;
}

std::span<const std::uint8_t> ByteReader::take(std::uint64_t count) {
  if (count > remaining()) {
    fail("expected " + count_of(static_cast<std::int64_t>(std::min<std::uint64_t>(count, INT64_MAX)), "more byte") +
         ", found " + with_commas(static_cast<std::int64_t>(remaining())));
  }
  const auto piece = bytes_.subspan(position_, static_cast<std::size_t>(count));
  position_ += static_cast<std::size_t>(count);
  return piece;
}

std::string_view ByteReader::text(std::uint64_t count) {
  const auto piece = take(count);
  return {reinterpret_cast<const char*>(piece.data()), piece.size()};
}

void ByteReader::fail(const std::string& sentence) const {
  throw Error(ErrorCode::bad_data, name_ + ": at offset " + std::to_string(offset()) + ": " + sentence);
}

}  // namespace gradus
