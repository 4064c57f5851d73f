#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/gzip.hpp"

namespace gradus {

/// What a pickle that this reader accepts is made of.
struct PickleValue {
  enum class Kind : std::uint8_t { none, number, text, bytes, sequence, dtype, array, global };

  Kind kind = Kind::none;
  double number = 0;                        ///< of a number or a truth value
  std::string text{};                       ///< of text (UTF-8) and bytes; of a global "module name"; of a dtype "f4"
  std::vector<const PickleValue*> items{};  ///< of a tuple or list
  char byte_order = '<';                    ///< of a dtype
  const PickleValue* dtype = nullptr;       ///< of an array
  const PickleValue* data = nullptr;        ///< of an array: its bytes
  std::vector<std::int64_t> shape{};        ///< of an array
  bool fortran_order = false;               ///< of an array: the first index runs fastest

  [[nodiscard]] bool is_text_or_bytes() const { return kind == Kind::text || kind == Kind::bytes; }
};

/// Reads a pickle (protocols 0 to 5, Python 2 or 3) as data. It is a closed machine: it knows the opcodes that numpy
/// arrays, tuples, lists, numbers and strings are written with, and four numpy functions by name, which it performs
/// itself. Nothing is imported or called; any other opcode or name ends it with an error that tells what it was.
///
/// The file is read in pieces, and what is held is bounded by what really lies in it and by fixed limits.
class PickleReader {
 public:
  /// Reads gzipped files as well. `most_held`: bytes of strings and lists that may be held. Throws `not_found`, `io`.
  explicit PickleReader(const std::string& path, std::uint64_t most_held = std::uint64_t{2} << 30);

  /// The value that the pickle describes; lives as long as the reader. Throws `bad_data` naming the file and the
  /// offset, `unsupported` for an opcode or name that is not accepted. Call it once.
  const PickleValue& read();

 private:
  using Kind = PickleValue::Kind;

  std::uint8_t byte();
  std::uint64_t little(unsigned size);
  std::string bytes(std::uint64_t count);
  std::string line();
  void refill();

  PickleValue& make(Kind kind);
  void push(const PickleValue& value);
  const PickleValue& pop();
  std::vector<const PickleValue*> pop_to_mark();
  void push_number(double number);
  void push_text(Kind kind, std::string text);
  void push_global(const std::string& module, const std::string& name);
  void hold(const std::vector<const PickleValue*>& items);
  void push_tuple(std::vector<const PickleValue*> items);
  void push_top(std::size_t count);

  bool step(std::uint8_t opcode);
  bool step_numbers(std::uint8_t opcode);
  bool step_strings(std::uint8_t opcode);
  bool step_sequences(std::uint8_t opcode);
  bool step_memo(std::uint8_t opcode);
  void remember(std::uint64_t key);
  void recall(std::uint64_t key);
  void append(const PickleValue& target, const std::vector<const PickleValue*>& items);
  void reduce();
  void build();
  void build_array(PickleValue& array, const std::vector<const PickleValue*>& state);
  void set_array(PickleValue& array, const PickleValue& shape, const PickleValue& dtype, const PickleValue& data);
  [[nodiscard]] std::int64_t whole(const PickleValue& value) const;
  [[noreturn]] void fail(const std::string& sentence) const;
  [[noreturn]] void refuse(const std::string& what) const;

  std::uint64_t most_held_;
  InputFile file_;
  std::vector<std::uint8_t> buffer_;
  std::size_t buffer_begin_ = 0, buffer_end_ = 0;
  std::uint64_t operation_ = 0;     // offset of the opcode at hand
  std::uint64_t held_ = 0;          // bytes in strings and lists
  std::deque<PickleValue> values_;  // owns all values; pointers to them stay
  std::vector<const PickleValue*> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, const PickleValue*> memo_;
};

}  // namespace gradus
