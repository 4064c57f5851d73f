#include "formats/held_out_value.hpp"

#include <gradus/error.hpp>

#include "base/base64.hpp"

namespace gradus {
namespace {

constexpr std::size_t hash_bytes = LearntRows::bits / 8;

template <class T>
T need(const Value& object, const char* key) {
  const Value* found = object.find(key);
  if (found == nullptr) throw Error(ErrorCode::bad_data, std::string("has no ") + key);
  try {
    return FieldType<T>::from_value(*found);
  } catch (const Error& error) {
    throw Error(ErrorCode::bad_data, std::string(key) + ": " + error.what());
  }
}

}  // namespace

Value held_out_value(const HeldOut& kept) {
  // A seed beyond 2^63 is the same 64 bits, read as a negative number.
  return Value::Object{{"data", kept.data},
                       {"share", kept.share},
                       {"seed", static_cast<std::int64_t>(kept.seed)},
                       {"stratified", kept.stratified},
                       {"tail", kept.tail},
                       {"samples", kept.samples},
                       {"fingerprint", kept.fingerprint}};
}

HeldOut held_out_from(const Value& value) {
  return {.data = need<std::string>(value, "data"),
          .share = need<double>(value, "share"),
          .seed = static_cast<std::uint64_t>(need<std::int64_t>(value, "seed")),
          .stratified = need<bool>(value, "stratified"),
          .tail = need<bool>(value, "tail"),
          .samples = need<std::int64_t>(value, "samples"),
          .fingerprint = need<std::string>(value, "fingerprint")};
}

Value learnt_rows_value(const LearntRows& rows) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(rows.hashes().size() * hash_bytes);
  for (const std::uint64_t hash : rows.hashes()) {
    for (std::size_t i = hash_bytes; i-- > 0;) bytes.push_back(static_cast<std::uint8_t>(hash >> (8 * i)));
  }
  return Value::Object{{"level", static_cast<std::int64_t>(rows.level())}, {"hashes", base64(bytes)}};
}

LearntRows learnt_rows_from(const Value& value) {
  const auto level = need<std::int64_t>(value, "level");
  const auto bytes = from_base64(need<std::string>(value, "hashes"));
  if (!bytes || bytes->size() % hash_bytes != 0) {
    throw Error(ErrorCode::bad_data, "hashes: expected base64 of " + std::to_string(hash_bytes) + " bytes a sample");
  }
  if (level < 0 || level >= LearntRows::bits) {
    throw Error(ErrorCode::bad_data,
                "level: expected 0 to " + std::to_string(LearntRows::bits - 1) + ", got " + std::to_string(level));
  }
  std::vector<std::uint64_t> hashes(bytes->size() / hash_bytes);
  for (std::size_t i = 0; i < bytes->size(); ++i) hashes[i / hash_bytes] = hashes[i / hash_bytes] << 8 | (*bytes)[i];
  return {static_cast<int>(level), std::move(hashes)};
}

}  // namespace gradus
