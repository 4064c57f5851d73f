#include "formats/npy.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>

#include <gradus/error.hpp>

#include "base/atomic_file.hpp"
#include "base/byte_reader.hpp"
#include "base/gzip.hpp"
#include "base/nearest.hpp"
#include "base/text.hpp"
#include "formats/zip.hpp"

namespace gradus {
namespace {

constexpr std::uint64_t largest_file = std::uint64_t{1} << 40;
constexpr std::size_t longest_header = std::size_t{1} << 16;
constexpr std::size_t most_axes = 32;

/// The header is a Python dictionary of three keys with plain values.
struct Header {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::int64_t>> shape;
};

class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  Header parse() {
    Header header;
    expect('{');
    while (!accept('}')) {
      const std::string key = text();
      expect(':');
      if (key == "descr") {
        if (!at('\'') && !at('"')) unsupported("records of several fields");
        header.descr = text();
      } else if (key == "fortran_order") {
        header.fortran_order = flag();
      } else if (key == "shape") {
        header.shape = shape();
      } else {
        fail("an unknown key " + in_quotes(key));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (!header.descr || !header.fortran_order || !header.shape) fail("descr, fortran_order or shape is missing");
    return header;
  }

 private:
  [[noreturn]] void fail(const std::string& sentence) const {
    throw Error(ErrorCode::bad_data, name_ + ": the header is damaged: " + sentence);
  }
  [[noreturn]] void unsupported(const std::string& what) const {
    throw Error(ErrorCode::unsupported, name_ + ": " + what + " cannot be read, only numbers");
  }
  void skip_spaces() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\n')) ++position_;
  }
  bool at(char c) {
    skip_spaces();
    return position_ < text_.size() && text_[position_] == c;
  }
  bool accept(char c) {
    if (!at(c)) return false;
    ++position_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(std::string("expected '") + c + "' at place " + std::to_string(position_));
  }
  std::string text() {
    skip_spaces();
    const char quote = position_ < text_.size() ? text_[position_] : '\0';
    if (quote != '\'' && quote != '"') fail("expected a text at place " + std::to_string(position_));
    const std::size_t end = text_.find(quote, position_ + 1);
    if (end == std::string_view::npos) fail("a text that does not end");
    const std::string result(text_.substr(position_ + 1, end - position_ - 1));
    position_ = end + 1;
    return result;
  }
  bool flag() {
    skip_spaces();
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(position_, word.size()) != word) continue;
      position_ += word.size();
      return value;
    }
    fail("expected True or False");
  }
  std::vector<std::int64_t> shape() {
    std::vector<std::int64_t> sizes;
    expect('(');
    while (!accept(')')) {
      skip_spaces();
      const std::size_t begin = position_;
      while (position_ < text_.size() && text_[position_] >= '0' && text_[position_] <= '9') ++position_;
      const auto size = parse_int(text_.substr(begin, position_ - begin));
      if (!size) fail("a size that is no whole number");
      if (sizes.size() == most_axes) fail("more than 32 axes");
      sizes.push_back(*size);
      accept('L');  // Python 2 marked long numbers
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return sizes;
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t position_ = 0;
};

NumberType type_of(const std::string& descr, const std::string& name) {
  const auto unsupported = [&](const std::string& what) {
    throw Error(ErrorCode::unsupported,
                name + ": " + what + " (" + in_quotes(descr) + ") cannot be read, only numbers");
  };
  NumberType type;
  const bool marked = !descr.empty() && std::strchr("<>|=", descr[0]) != nullptr;
  const std::string plain = marked ? descr.substr(1) : descr;
  type.big_endian = descr.starts_with(">");
  const auto bytes = plain.empty() ? std::nullopt : parse_int(plain.substr(1));
  const char kind = plain.empty() ? '?' : plain[0];
  if (kind == 'O') unsupported("Python objects, which would have to be run,");
  type.bytes = static_cast<std::size_t>(bytes.value_or(0));
  const auto one_of = [&](std::initializer_list<std::size_t> sizes) {
    return std::find(sizes.begin(), sizes.end(), type.bytes) != sizes.end();
  };
  if (kind == 'f' && one_of({2, 4, 8})) {
    type.kind = NumberType::Kind::floating;
  } else if (kind == 'i' && one_of({1, 2, 4, 8})) {
    type.kind = NumberType::Kind::signed_whole;
  } else if ((kind == 'u' && one_of({1, 2, 4, 8})) || (kind == 'b' && one_of({1}))) {
    type.kind = NumberType::Kind::unsigned_whole;
  } else if (kind == 'V' && one_of({2})) {
    type.kind = NumberType::Kind::bfloat16;  // as the package ml_dtypes writes it
  } else {
    unsupported("values of this type");
  }
  return type;
}

/// Values whose first axis runs fastest, to those whose last does.
Tensor transposed(const Shape& shape, const Tensor& from) {
  Tensor to(shape);
  const std::vector<std::int64_t>& sizes = shape.sizes();
  std::vector<std::int64_t> index(sizes.size(), 0), strides(sizes.size(), 1);
  for (std::size_t axis = 1; axis < sizes.size(); ++axis) strides[axis] = strides[axis - 1] * sizes[axis - 1];
  for (Real& value : to.values()) {
    std::int64_t position = 0;
    for (std::size_t axis = 0; axis < sizes.size(); ++axis) position += index[axis] * strides[axis];
    value = from[position];
    for (std::size_t axis = sizes.size(); axis-- > 0;) {
      if (++index[axis] < sizes[axis]) break;
      index[axis] = 0;
    }
  }
  return to;
}

std::string npy_header(const Shape& shape) {
  std::string tuple = shape.to_string();
  std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': " + tuple + ", }";
  constexpr std::size_t before = 10, block = 64;
  while ((before + text.size() + 1) % block != 0) text += ' ';
  text += '\n';
  const auto length = static_cast<std::uint16_t>(text.size());
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(length & 0xff);
  header += static_cast<char>(length >> 8);
  return header + text;
}

std::vector<std::uint8_t> encode_npy(const TensorView& values) {
  const std::string header = npy_header(values.shape());
  std::vector<std::uint8_t> bytes(header.begin(), header.end());
  const auto count = static_cast<std::size_t>(values.shape().elements());
  bytes.resize(header.size() + count * sizeof(float));
  for (std::size_t i = 0; i < count; ++i) {
    const auto number = static_cast<float>(values.at(static_cast<std::int64_t>(i)));
    const auto bits = std::bit_cast<std::uint32_t>(number);
    for (std::size_t b = 0; b < 4; ++b) bytes[header.size() + 4 * i + b] = static_cast<std::uint8_t>(bits >> (8 * b));
  }
  return bytes;
}

/// The array, once its numbers are counted.
Tensor decode_within(std::span<const std::uint8_t> bytes, const std::string& name, ReadBudget& budget) {
  budget.take(static_cast<std::uint64_t>(npy_layout(bytes, name).shape.elements()), sizeof(Real), name);
  return decode_npy(bytes, name);
}

std::string array_name(const std::string& member) {
  return member.ends_with(".npy") ? member.substr(0, member.size() - 4) : member;
}

}  // namespace

NpyLayout npy_layout(std::span<const std::uint8_t> bytes, const std::string& name) {
  ByteReader at(name, bytes);
  if (bytes.size() < 8 || at.text(6) != "\x93NUMPY") throw Error(ErrorCode::bad_data, name + ": no .npy array");
  const std::uint8_t major = at.u8();
  at.skip(1);
  if (major < 1 || major > 3) {
    throw Error(ErrorCode::unsupported, name + ": an .npy array of version " + std::to_string(major));
  }
  const std::uint64_t length = major == 1 ? at.le<std::uint16_t>() : at.le<std::uint32_t>();
  if (length > longest_header) at.fail("a header of " + std::to_string(length) + " bytes");
  const Header header = HeaderParser(at.text(length), name).parse();
  const NumberType type = type_of(*header.descr, name);

  std::uint64_t elements = 1;
  for (const std::int64_t size : *header.shape) {
    const auto factor = static_cast<std::uint64_t>(size);
    // Compared before anything is multiplied, for sizes that lie. A size of 0 may stand beside any other.
    if (factor != 0 && elements > at.remaining() / factor) {
      elements = at.remaining() + 1;
      break;
    }
    elements *= factor;
  }
  if (elements > at.remaining() / type.bytes) {
    at.fail("the array says it holds more numbers than the " + std::to_string(at.remaining()) + " bytes left");
  }
  return {Shape(*header.shape), type, *header.fortran_order && header.shape->size() > 1, at.position()};
}

Tensor decode_npy(std::span<const std::uint8_t> bytes, const std::string& name) {
  const NpyLayout layout = npy_layout(bytes, name);
  Tensor tensor(layout.shape);
  const std::size_t size = tensor.values().size() * layout.type.bytes;
  convert_numbers(layout.type, bytes.subspan(static_cast<std::size_t>(layout.begin), size), tensor.values());
  return layout.fortran_order ? transposed(layout.shape, tensor) : tensor;
}

void demand_finite(std::span<const Real> values, std::int64_t width, const std::string& name, std::int64_t first) {
  const auto bad = std::find_if(values.begin(), values.end(), [](Real value) { return !std::isfinite(value); });
  if (bad == values.end()) return;
  const std::int64_t sample = (first + (bad - values.begin())) / std::max<std::int64_t>(width, 1);
  throw Error(ErrorCode::bad_data, name + ": sample " + std::to_string(sample) +
                                       " (counted from 0) holds a number that is not finite: " +
                                       (std::isnan(*bad) ? "NaN" : "infinity, or too large for a 32-bit float") +
                                       "; leave the sample out, or put a number in its place");
}

Tensor read_npy(const std::string& path) {
  InputFile file(path);
  const std::vector<std::uint8_t> bytes = file.read_up_to(largest_file);
  ReadBudget budget = file.budget();
  return decode_within(bytes, path, budget);
}

NamedTensors read_npz(const std::string& path) {
  const ZipReader archive(path);
  NamedTensors arrays;
  for (const ZipReader::Member& member : archive.members()) {
    const std::vector<std::uint8_t> bytes = archive.read(member.name, largest_file);
    arrays.emplace_back(array_name(member.name), decode_within(bytes, path + ": " + member.name, archive.budget()));
  }
  return arrays;
}

Tensor read_npz(const std::string& path, const std::string& name) {
  const ZipReader archive(path);
  std::vector<std::string> names;
  for (const ZipReader::Member& member : archive.members()) {
    names.push_back(array_name(member.name));
    if (names.back() != name) continue;
    return decode_within(archive.read(member.name, largest_file), path + ": " + name, archive.budget());
  }
  throw Error(ErrorCode::not_found, path + ": there is no array " + in_quotes(name) + did_you_mean(name, names));
}

void write_npy(const std::string& path, const TensorView& values) { write_file_atomically(path, encode_npy(values)); }

void write_npz(const std::string& path, const NamedTensors& arrays) {
  AtomicFile file(path);
  std::vector<std::vector<std::uint8_t>> bytes;
  std::vector<ZipMember> members;
  bytes.reserve(arrays.size());
  for (const auto& [name, tensor] : arrays) {
    bytes.push_back(encode_npy(tensor));
    members.push_back({name + ".npy", bytes.back()});
  }
  write_zip(file, members);
  file.commit();
}

}  // namespace gradus
