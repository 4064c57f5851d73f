// Opcodes and their meaning: the comments of CPython's Lib/pickletools.py.

#include "data/pickle.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstring>
#include <utility>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "data/pickle_text.hpp"

namespace gradus {
namespace {

constexpr std::size_t most_values = 1'000'000;

// Opcodes that exist and are not accepted.
constexpr std::pair<std::uint8_t, const char*> refused_opcodes[] = {
    {'i', "INST"},       {'o', "OBJ"},        {'P', "PERSID"},       {'Q', "BINPERSID"},       {'d', "DICT"},
    {'}', "EMPTY_DICT"}, {'s', "SETITEM"},    {'u', "SETITEMS"},     {0x81, "NEWOBJ"},         {0x82, "EXT1"},
    {0x83, "EXT2"},      {0x84, "EXT4"},      {0x8b, "LONG4"},       {0x8f, "EMPTY_SET"},      {0x90, "ADDITEMS"},
    {0x91, "FROZENSET"}, {0x92, "NEWOBJ_EX"}, {0x97, "NEXT_BUFFER"}, {0x98, "READONLY_BUFFER"}};

constexpr std::array<std::string_view, 7> accepted_globals = {"numpy.core.multiarray _reconstruct",
                                                              "numpy._core.multiarray _reconstruct",
                                                              "numpy ndarray",
                                                              "numpy dtype",
                                                              "_codecs encode",
                                                              "numpy.core.numeric _frombuffer",
                                                              "numpy._core.numeric _frombuffer"};

}  // namespace

PickleReader::PickleReader(const std::string& path, std::uint64_t most_held)
    : most_held_(most_held), file_(path), buffer_(1 << 16) {}

void PickleReader::fail(const std::string& sentence) const {
  throw Error(ErrorCode::bad_data, file_.path() + ": at offset " + std::to_string(operation_) + ": " + sentence);
}

void PickleReader::refuse(const std::string& what) const {
  throw Error(ErrorCode::unsupported, file_.path() + ": at offset " + std::to_string(operation_) +
                                          ": the pickle holds " + what +
                                          "; only arrays, tuples, lists, numbers and strings are read");
}

void PickleReader::refill() {
  buffer_begin_ = 0;
  buffer_end_ = file_.read(buffer_);
  if (buffer_end_ == 0)
    fail("the pickle ends after " + count_of(static_cast<std::int64_t>(file_.offset()), "byte") +
         " without saying so: it is cut off or no pickle");
}

std::uint8_t PickleReader::byte() {
  if (buffer_begin_ == buffer_end_) refill();
  return buffer_[buffer_begin_++];
}

std::uint64_t PickleReader::little(unsigned size) {
  std::uint64_t number = 0;
  for (unsigned i = 0; i < size; ++i) number |= static_cast<std::uint64_t>(byte()) << (8 * i);
  return number;
}

// Memory grows with what is there: a length that lies costs nothing.
std::string PickleReader::bytes(std::uint64_t count) {
  if (count > most_held_ - held_)
    fail("strings of more than " + with_commas(static_cast<std::int64_t>(most_held_)) + " bytes");
  held_ += count;
  std::string result;
  while (result.size() < count) {
    if (buffer_begin_ == buffer_end_) refill();
    const std::size_t piece =
        std::min<std::size_t>(buffer_end_ - buffer_begin_, static_cast<std::size_t>(count) - result.size());
    result.append(reinterpret_cast<const char*>(buffer_.data() + buffer_begin_), piece);
    buffer_begin_ += piece;
  }
  return result;
}

std::string PickleReader::line() {
  std::string result;
  for (;;) {
    if (buffer_begin_ == buffer_end_) refill();
    const auto* begin = buffer_.data() + buffer_begin_;
    const auto* end = static_cast<const std::uint8_t*>(std::memchr(begin, '\n', buffer_end_ - buffer_begin_));
    const std::size_t piece = end != nullptr ? static_cast<std::size_t>(end - begin) : buffer_end_ - buffer_begin_;
    held_ += piece;
    if (held_ > most_held_)
      fail("strings of more than " + with_commas(static_cast<std::int64_t>(most_held_)) + " bytes");
    result.append(reinterpret_cast<const char*>(begin), piece);
    buffer_begin_ += piece;
    if (end == nullptr) continue;
    ++buffer_begin_;
    return result;
  }
}

PickleValue& PickleReader::make(Kind kind) {
  if (values_.size() >= most_values) fail("more than " + with_commas(most_values) + " values");
  values_.emplace_back();
  values_.back().kind = kind;
  return values_.back();
}

void PickleReader::push(const PickleValue& value) {
  if (stack_.size() >= most_values) fail("more than " + with_commas(most_values) + " values");
  stack_.push_back(&value);
}

const PickleValue& PickleReader::pop() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("a value is taken where there is none");
  const PickleValue* value = stack_.back();
  stack_.pop_back();
  return *value;
}

std::vector<const PickleValue*> PickleReader::pop_to_mark() {
  if (marks_.empty()) fail("a mark is taken where there is none");
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<const PickleValue*> items(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return items;
}

void PickleReader::push_number(double number) {
  PickleValue& value = make(Kind::number);
  value.number = number;
  push(value);
}

void PickleReader::push_text(Kind kind, std::string text) {
  PickleValue& value = make(kind);
  value.text = std::move(text);
  push(value);
}

void PickleReader::push_global(const std::string& module, const std::string& name) {
  const std::string full = module + " " + name;
  if (std::find(accepted_globals.begin(), accepted_globals.end(), full) == accepted_globals.end()) {
    refuse("the Python object " + in_quotes(module + "." + name, 80));
  }
  push_text(Kind::global, full);
}

void PickleReader::hold(const std::vector<const PickleValue*>& items) {
  held_ += items.size() * sizeof(void*);
  if (held_ > most_held_) fail("lists that are too long");
}

void PickleReader::push_tuple(std::vector<const PickleValue*> items) {
  PickleValue& tuple = make(Kind::sequence);
  hold(items);
  tuple.items = std::move(items);
  push(tuple);
}

void PickleReader::push_top(std::size_t count) {
  std::vector<const PickleValue*> items(count);
  for (std::size_t i = count; i-- > 0;) items[i] = &pop();
  push_tuple(std::move(items));
}

bool PickleReader::step_numbers(std::uint8_t opcode) {
  switch (opcode) {
    case 'N':
      push(make(Kind::none));
      return true;
    case 0x88:
      push_number(1);
      return true;
    case 0x89:
      push_number(0);
      return true;
    case 'K':
      push_number(static_cast<double>(little(1)));
      return true;
    case 'M':
      push_number(static_cast<double>(little(2)));
      return true;
    case 'J':
      push_number(static_cast<std::int32_t>(static_cast<std::uint32_t>(little(4))));
      return true;
    case 0x8a: {
      const unsigned size = byte();
      if (size > 8) fail("a whole number of " + std::to_string(size) + " bytes");
      const std::uint64_t raw = little(size);
      const unsigned unused = 64 - 8 * size;
      push_number(size == 0 ? 0 : static_cast<double>(static_cast<std::int64_t>(raw << unused) >> unused));
      return true;
    }
    case 'I':
    case 'L': {
      std::string text = line();
      if (opcode == 'L' && text.ends_with('L')) text.pop_back();
      const auto number = parse_int(text);
      if (!number) fail(in_quotes(text) + " is not a whole number");
      push_number(static_cast<double>(*number));
      return true;
    }
    case 'F': {
      const std::string text = line();
      const auto number = parse_real(text);
      if (!number) fail(in_quotes(text) + " is not a number");
      push_number(*number);
      return true;
    }
    case 'G': {
      std::uint64_t bits = 0;
      for (int i = 0; i < 8; ++i) bits = bits << 8 | byte();
      push_number(std::bit_cast<double>(bits));
      return true;
    }
    default:
      return false;
  }
}

bool PickleReader::step_strings(std::uint8_t opcode) {
  switch (opcode) {
    case 'U':
    case 'C':
      push_text(Kind::bytes, bytes(little(1)));
      return true;
    case 'T':
    case 'B':
      push_text(Kind::bytes, bytes(little(4)));
      return true;
    case 0x8e:
    case 0x96:
      push_text(Kind::bytes, bytes(little(8)));
      return true;
    case 0x8c:
      push_text(Kind::text, bytes(little(1)));
      return true;
    case 'X':
      push_text(Kind::text, bytes(little(4)));
      return true;
    case 0x8d:
      push_text(Kind::text, bytes(little(8)));
      return true;
    case 'V':
      push_text(Kind::text, from_raw_unicode(line()));
      return true;
    case 'S': {
      const std::string text = line();
      const bool closed = text.size() >= 2 && (text[0] == '\'' || text[0] == '"') && text.back() == text[0];
      if (!closed) fail("a string without its quotes");
      push_text(Kind::bytes, from_repr(std::string_view(text).substr(1, text.size() - 2)));
      return true;
    }
    case 'c': {
      const std::string module = line();
      push_global(module, line());
      return true;
    }
    case 0x93: {
      const PickleValue &name = pop(), &module = pop();
      if (!name.is_text_or_bytes() || !module.is_text_or_bytes()) fail("a name that is not text");
      push_global(module.text, name.text);
      return true;
    }
    default:
      return false;
  }
}

void PickleReader::append(const PickleValue& target, const std::vector<const PickleValue*>& items) {
  if (target.kind != Kind::sequence) fail("something is appended to what is no list");
  auto& list = const_cast<PickleValue&>(target).items;  // all values are this object's own
  hold(items);
  list.insert(list.end(), items.begin(), items.end());
}

bool PickleReader::step_sequences(std::uint8_t opcode) {
  switch (opcode) {
    case '(':
      if (marks_.size() >= most_values) fail("more than " + with_commas(most_values) + " marks");
      marks_.push_back(stack_.size());
      return true;
    case 't':
    case 'l':
      push_tuple(pop_to_mark());
      return true;
    case ')':
    case ']':
      push_tuple({});
      return true;
    case 0x85:
      push_top(1);
      return true;
    case 0x86:
      push_top(2);
      return true;
    case 0x87:
      push_top(3);
      return true;
    case 'a': {
      const PickleValue& item = pop();
      const PickleValue& list = pop();
      append(list, {&item});
      push(list);
      return true;
    }
    case 'e': {
      const auto items = pop_to_mark();
      const PickleValue& list = pop();
      append(list, items);
      push(list);
      return true;
    }
    case '0':
      if (!marks_.empty() && marks_.back() == stack_.size()) {
        marks_.pop_back();
      } else {
        (void)pop();
      }
      return true;
    case '1':
      (void)pop_to_mark();
      return true;
    case '2': {
      const PickleValue& top = pop();
      push(top);
      push(top);
      return true;
    }
    default:
      return false;
  }
}

void PickleReader::remember(std::uint64_t key) {
  const PickleValue& top = pop();
  push(top);
  if (memo_.size() >= most_values) fail("more than " + with_commas(most_values) + " values to remember");
  memo_[key] = &top;
}

void PickleReader::recall(std::uint64_t key) {
  const auto found = memo_.find(key);
  if (found == memo_.end()) fail("value " + std::to_string(key) + " is used before it is remembered");
  push(*found->second);
}

bool PickleReader::step_memo(std::uint8_t opcode) {
  const auto key_of = [&](const std::string& text) {
    const auto key = parse_int(text);
    if (!key || *key < 0) fail(in_quotes(text) + " is not a number to remember by");
    return static_cast<std::uint64_t>(*key);
  };
  switch (opcode) {
    case 'q':
      remember(little(1));
      return true;
    case 'r':
      remember(little(4));
      return true;
    case 'p':
      remember(key_of(line()));
      return true;
    case 0x94:
      remember(memo_.size());
      return true;
    case 'h':
      recall(little(1));
      return true;
    case 'j':
      recall(little(4));
      return true;
    case 'g':
      recall(key_of(line()));
      return true;
    default:
      return false;
  }
}

// Performs one opcode; false at the end of the pickle.
bool PickleReader::step(std::uint8_t opcode) {
  if (opcode == '.') return false;
  if (step_numbers(opcode) || step_strings(opcode) || step_sequences(opcode) || step_memo(opcode)) return true;
  switch (opcode) {
    case 0x80:
      if (const std::uint8_t protocol = byte(); protocol > 5)
        fail("pickle protocol " + std::to_string(protocol) + ", at most 5 is known");
      return true;
    case 0x95:
      (void)little(8);
      return true;  // a frame: how much could be read at once
    case 'R':
      reduce();
      return true;
    case 'b':
      build();
      return true;
    default:
      break;
  }
  for (const auto& [refused, name] : refused_opcodes) {
    if (opcode == refused) refuse(std::string("the opcode ") + name);
  }
  char text[8];
  std::snprintf(text, sizeof text, "0x%02x", opcode);
  fail(std::string("byte ") + text + " is no pickle opcode");
}

const PickleValue& PickleReader::read() {
  do {
    operation_ = file_.offset() - (buffer_end_ - buffer_begin_);
  } while (step(byte()));
  const PickleValue& result = pop();
  if (!stack_.empty() || !marks_.empty()) fail("the pickle ends with values left over");
  return result;
}

}  // namespace gradus
