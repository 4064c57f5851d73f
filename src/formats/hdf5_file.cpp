#include "formats/hdf5_file.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include <gradus/error.hpp>

#include "base/text.hpp"

namespace gradus {
namespace {

constexpr std::uint64_t undefined = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t most_messages = 4096;
constexpr std::size_t most_members = 100'000;
constexpr int most_axes = 8;
constexpr std::size_t longest_name = 4096;
constexpr std::uint64_t longest_text = std::uint64_t{64} << 20;

// Header message types, section IV.A.2.
constexpr std::uint16_t link_info = 0x02, link_message = 0x06, external_files = 0x07, layout = 0x08, attribute = 0x0c,
                        continuation = 0x10, symbol_table = 0x11;
constexpr std::uint8_t shared = 0x02;

[[noreturn]] void damaged(const std::string& sentence) { throw Error(ErrorCode::bad_data, sentence); }
[[noreturn]] void unsupported(const std::string& sentence) { throw Error(ErrorCode::unsupported, sentence); }

void expect(ByteReader& reader, std::string_view signature) {
  if (reader.text(signature.size()) != signature) reader.fail("expected '" + std::string(signature) + "'");
}

std::uint64_t multiple_of_8(std::uint64_t size) { return (size + 7) / 8 * 8; }

std::uint64_t number_of(ByteReader& reader, unsigned bytes) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < bytes; ++i) value |= std::uint64_t{reader.u8()} << (8 * i);
  return value;
}

std::string text_up_to_zero(ByteReader& reader) {
  std::string text;
  while (const std::uint8_t c = reader.u8()) {
    if (text.size() == longest_name) reader.fail("a name of more than 4096 letters");
    text += static_cast<char>(c);
  }
  return text;
}

}  // namespace

Hdf5Reader::File::File(std::span<const std::uint8_t> bytes) : bytes_(bytes) { read_superblock(); }

ByteReader Hdf5Reader::File::reader(std::uint64_t address, std::uint64_t length) const {
  if (address > bytes_.size() || length > bytes_.size() - address) {
    damaged("damaged: " + std::to_string(length) + " bytes at offset " + std::to_string(address) +
            " lie beyond the end, " + std::to_string(bytes_.size()));
  }
  return {"damaged", bytes_.subspan(static_cast<std::size_t>(address), static_cast<std::size_t>(length)), address};
}

ByteReader Hdf5Reader::File::reader_from(std::uint64_t address) const {
  return reader(address, address > bytes_.size() ? 1 : bytes_.size() - address);
}

ByteReader Hdf5Reader::File::reader(const Hdf5Message& message) const {
  return {"damaged", message.data, message.position};
}

// Section II.A.
void Hdf5Reader::File::read_superblock() {
  ByteReader at = reader_from(0);
  if (bytes_.size() < 8 || at.text(8) != "\x89HDF\r\n\x1a\n") damaged("this is no HDF5 file");
  const std::uint8_t version = at.u8();
  if (version > 3) unsupported("an HDF5 file of version " + std::to_string(version) + "; 0 to 3 can be read");
  if (version < 2) at.skip(4);
  const std::uint8_t offset_size = at.u8(), length_size = at.u8();
  if (offset_size != 8 || length_size != 8) unsupported("an HDF5 file whose offsets do not have 8 bytes");
  at.skip(version < 2 ? 1 + 2 + 2 + 4 : 1);
  if (version == 1) at.skip(4);
  const auto base = at.le<std::uint64_t>();
  at.skip(8);  // free space, or the extension of the superblock
  const auto end = at.le<std::uint64_t>();
  if (version < 2) at.skip(8 + 8);  // driver information, and the name of the root
  root_ = at.le<std::uint64_t>();
  if (base != 0) unsupported("an HDF5 file within another file");
  if (end > bytes_.size()) {
    damaged("cut off: it says it has " + std::to_string(end) + " bytes, but " + std::to_string(bytes_.size()) +
            " are there");
  }
}

std::optional<std::uint64_t> Hdf5Reader::File::find(const std::string& path) const {
  std::uint64_t object = root_;
  for (const std::string& step : split_text(path, '/')) {
    if (step.empty()) continue;
    const Members& found = members(object);
    const auto next = found.find(step);
    if (next == found.end()) return std::nullopt;
    object = next->second;
  }
  return object;
}

std::uint64_t Hdf5Reader::File::at(const std::string& path) const {
  const auto found = find(path);
  if (!found.has_value()) damaged("there is no such member");
  return *found;
}

// Section IV.A.1. Version 2 begins with "OHDR", version 1 with its number.
Hdf5Messages Hdf5Reader::File::messages(std::uint64_t header) const {
  ByteReader at = reader_from(header);
  const std::uint8_t first = at.u8();
  if (first == 1) return messages_1(header);
  if (first == 'O') return messages_2(header);
  at.fail("no object begins here");
}

Hdf5Messages Hdf5Reader::File::messages_1(std::uint64_t header) const {
  ByteReader at = reader(header, 16);
  at.skip(2);
  std::size_t count = at.le<std::uint16_t>();
  at.skip(4);
  const auto size = at.le<std::uint32_t>();
  Hdf5Messages found;
  read_block_1(reader(header + 16, size), count, found);
  // The list grows while it is walked: a continuation may hold another one. Each takes one of `count` messages.
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i].type != continuation) continue;
    ByteReader where = reader(found[i]);
    const auto address = where.le<std::uint64_t>();
    const auto length = where.le<std::uint64_t>();
    read_block_1(reader(address, length), count, found);
  }
  return found;
}

void Hdf5Reader::File::read_block_1(ByteReader block, std::size_t& count, Hdf5Messages& found) const {
  while (count > 0 && block.remaining() >= 8) {
    if (found.size() >= most_messages) block.fail("an object of more than 4096 messages");
    --count;
    Hdf5Message message;
    message.type = block.le<std::uint16_t>();
    const auto size = block.le<std::uint16_t>();
    message.flags = block.u8();
    block.skip(3);
    message.position = block.offset();
    message.data = block.take(size);
    found.push_back(message);
  }
}

Hdf5Messages Hdf5Reader::File::messages_2(std::uint64_t header) const {
  ByteReader at = reader_from(header);
  expect(at, "OHDR");
  const std::uint8_t version = at.u8(), flags = at.u8();
  if (version != 2) at.fail("an object header of version " + std::to_string(version));
  if ((flags & 0x20) != 0) at.skip(4 * 4);  // times
  if ((flags & 0x10) != 0) at.skip(2 * 2);  // limits of attribute storage
  const std::uint64_t size = number_of(at, 1u << (flags & 3u));
  const bool creation_order = (flags & 0x04) != 0;
  Hdf5Messages found;
  read_block_2(reader(at.offset(), size), creation_order, found);
  std::set<std::uint64_t> visited;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i].type != continuation) continue;
    ByteReader where = reader(found[i]);
    const auto address = where.le<std::uint64_t>();
    const auto length = where.le<std::uint64_t>();
    if (!visited.insert(address).second || length < 8) where.fail("an object that continues in itself");
    ByteReader block = reader(address, length);
    expect(block, "OCHK");
    read_block_2(reader(address + 4, length - 8), creation_order, found);
  }
  return found;
}

void Hdf5Reader::File::read_block_2(ByteReader block, bool creation_order, Hdf5Messages& found) const {
  const std::size_t head = creation_order ? 6 : 4;
  while (block.remaining() >= head) {
    if (found.size() >= most_messages) block.fail("an object of more than 4096 messages");
    Hdf5Message message;
    message.type = block.u8();
    const auto size = block.le<std::uint16_t>();
    message.flags = block.u8();
    if (creation_order) block.skip(2);
    message.position = block.offset();
    message.data = block.take(size);
    found.push_back(message);
  }
}

const Hdf5Reader::File::Members& Hdf5Reader::File::members(std::uint64_t header) const {
  const auto known = known_.find(header);
  if (known != known_.end()) return known->second;
  return known_.emplace(header, list_members(header)).first->second;
}

Hdf5Reader::File::Members Hdf5Reader::File::list_members(std::uint64_t header) const {
  Members found;
  bool is_group = false;
  for (const Hdf5Message& message : messages(header)) {
    if (message.type == symbol_table) {
      if (is_group) damaged("a group with two indexes");
      is_group = true;
      read_symbols(reader(message), found);
    } else if (message.type == link_message) {
      is_group = true;
      read_link(reader(message), found);
    } else if (message.type == link_info) {
      is_group = true;
      ByteReader info = reader(message);
      info.skip(1);
      const std::uint8_t flags = info.u8();
      if ((flags & 1) != 0) info.skip(8);
      if (info.le<std::uint64_t>() != undefined) unsupported("a group whose members lie in a fractal heap");
    }
  }
  if (!is_group) damaged("is no group");
  return found;
}

// Sections III.A.1 (B-tree), III.B (symbol nodes), III.D (local heap).
void Hdf5Reader::File::read_symbols(ByteReader table, Members& found) const {
  const auto tree = table.le<std::uint64_t>();
  ByteReader heap = reader_from(table.le<std::uint64_t>());
  expect(heap, "HEAP");
  heap.skip(4);
  const auto size = heap.le<std::uint64_t>();
  heap.skip(8);
  const auto data = heap.le<std::uint64_t>();
  std::set<std::uint64_t> visited;
  read_tree(tree, -1, reader(data, size), visited, found);
}

void Hdf5Reader::File::read_tree(std::uint64_t node, int level, ByteReader heap, std::set<std::uint64_t>& visited,
                                 Members& found) const {
  ByteReader at = reader_from(node);
  if (!visited.insert(node).second) at.fail("a group that contains its own index");
  if (level == 0) {  // a node of symbols
    expect(at, "SNOD");
    at.skip(2);
    const auto count = at.le<std::uint16_t>();
    for (std::uint16_t i = 0; i < count; ++i) {
      const auto name_at = at.le<std::uint64_t>();
      const auto header = at.le<std::uint64_t>();
      const auto kind = at.le<std::uint32_t>();
      at.skip(4 + 16);
      if (name_at >= heap.remaining()) at.fail("a name beyond the end of its heap");
      ByteReader name = heap;
      name.skip(name_at);
      const std::string text = text_up_to_zero(name);
      if (kind == 2) unsupported("'" + text + "' is a symbolic link; only plain members are read");
      if (!found.emplace(text, header).second) at.fail("two members of one name");
      if (found.size() > most_members) at.fail("a group of more than 100,000 members");
    }
    return;
  }
  expect(at, "TREE");
  const std::uint8_t type = at.u8(), own_level = at.u8();
  if (type != 0 || (level > 0 && own_level + 1 != level)) at.fail("an index node of the wrong kind");
  const auto count = at.le<std::uint16_t>();
  at.skip(8 + 8);  // neighbours
  for (std::uint16_t i = 0; i < count; ++i) {
    at.skip(8);  // key: the least name below
    // The children of a node of level 0 are symbol nodes; here they are called level 0, and all above one more.
    read_tree(at.le<std::uint64_t>(), own_level, heap, visited, found);
  }
}

// Section IV.A.2.g.
void Hdf5Reader::File::read_link(ByteReader link, Members& found) const {
  if (link.u8() != 1) link.fail("a link of unknown version");
  const std::uint8_t flags = link.u8();
  const std::uint8_t kind = (flags & 0x08) != 0 ? link.u8() : std::uint8_t{0};
  if ((flags & 0x04) != 0) link.skip(8);
  if ((flags & 0x10) != 0) link.skip(1);
  const std::string text(link.text(number_of(link, 1u << (flags & 3u))));
  if (kind != 0) unsupported("'" + text + "' is a link that may lead out of the file; only plain members are read");
  if (!found.emplace(text, link.le<std::uint64_t>()).second) link.fail("two members of one name");
}

// Section IV.A.2.b.
Shape Hdf5Reader::File::shape(const Hdf5Message& dataspace) const {
  ByteReader at = reader(dataspace);
  const std::uint8_t version = at.u8(), axes = at.u8();
  at.skip(1);
  if (version == 1) {
    at.skip(5);
  } else if (version != 2 || at.u8() > 1) {
    at.fail("no readable shape");
  }
  if (axes > most_axes) at.fail(std::to_string(axes) + " axes; up to 8 can be read");
  std::vector<std::int64_t> sizes;
  std::uint64_t elements = 1;
  for (int i = 0; i < axes; ++i) {
    const auto size = at.le<std::uint64_t>();
    // A number takes a byte or more, so that a file has no more numbers than bytes.
    if (size > bytes_.size() || (size != 0 && elements > bytes_.size() / size)) {
      at.fail("a shape of more numbers than the file has bytes");
    }
    elements *= size;
    sizes.push_back(static_cast<std::int64_t>(size));
  }
  return Shape(std::move(sizes));
}

// Section IV.A.2.d.
Hdf5Type Hdf5Reader::File::type(const Hdf5Message& datatype) const {
  if ((datatype.flags & shared) != 0) unsupported("a type that lies elsewhere in the file");
  ByteReader at = reader(datatype);
  const std::uint8_t kind = at.u8() & 0x0fu;
  const std::uint8_t bits = at.u8();
  at.skip(2);
  Hdf5Type type;
  type.bytes = at.le<std::uint32_t>();
  type.number.bytes = type.bytes;
  type.number.big_endian = (bits & 1) != 0;
  if (kind == 0) {
    type.number.kind = (bits & 8) != 0 ? NumberType::Kind::signed_whole : NumberType::Kind::unsigned_whole;
    const bool whole_bytes = at.le<std::uint16_t>() == 0 && at.le<std::uint16_t>() == type.bytes * 8;
    const bool known = type.bytes == 1 || type.bytes == 2 || type.bytes == 4 || type.bytes == 8;
    if (known && whole_bytes) type.kind = Hdf5Type::Kind::number;
  } else if (kind == 1) {
    at.skip(4);
    const std::uint8_t exponent_at = at.u8(), exponent_bits = at.u8();
    at.skip(2);
    const auto bias = at.le<std::uint32_t>();
    const bool ieee = (type.bytes == 2 && exponent_at == 10 && exponent_bits == 5 && bias == 15) ||
                      (type.bytes == 4 && exponent_at == 23 && exponent_bits == 8 && bias == 127) ||
                      (type.bytes == 8 && exponent_at == 52 && exponent_bits == 11 && bias == 1023);
    if (ieee && (bits & 0x40) == 0) type.kind = Hdf5Type::Kind::number;
  } else if (kind == 3) {
    type.kind = Hdf5Type::Kind::fixed_text;
  } else if (kind == 5) {
    type.kind = Hdf5Type::Kind::opaque;
  } else if (kind == 9 && (bits & 0x0f) == 1 && type.bytes == 16) {
    type.kind = Hdf5Type::Kind::variable_text;
  }
  return type;
}

// Section IV.A.2.i.
std::span<const std::uint8_t> Hdf5Reader::File::storage(const Hdf5Messages& dataset, std::uint64_t bytes) const {
  const Hdf5Message* message = nullptr;
  for (const Hdf5Message& each : dataset) {
    if (each.type == external_files) unsupported("its numbers lie in another file");
    if (each.type == layout) message = &each;
  }
  if (message == nullptr) damaged("holds no numbers");
  ByteReader at = reader(*message);
  const std::uint8_t version = at.u8();
  if (version != 3 && version != 4) unsupported("a dataset of layout version " + std::to_string(version));
  const std::uint8_t kind = at.u8();
  if (kind == 0) {
    const auto size = at.le<std::uint16_t>();
    if (size < bytes) at.fail("fewer numbers than the shape says");
    return at.take(bytes);
  }
  if (kind != 1) unsupported("its numbers lie in chunks; they must lie in one piece, as Keras writes them");
  const auto address = at.le<std::uint64_t>();
  const auto size = at.le<std::uint64_t>();
  if (bytes == 0) return {};
  if (address == undefined || size < bytes) at.fail("fewer numbers than the shape says");
  ByteReader numbers = reader(address, bytes);
  return numbers.take(bytes);
}

// Section IV.A.2.m. Version 1 rounds its three parts up to 8 bytes.
std::optional<std::vector<std::string>> Hdf5Reader::File::texts(const Hdf5Messages& object,
                                                                const std::string& wanted) const {
  for (const Hdf5Message& message : object) {
    if (message.type != attribute || (message.flags & shared) != 0) continue;
    ByteReader at = reader(message);
    const std::uint8_t version = at.u8(), flags = at.u8();
    if (version < 1 || version > 3) at.fail("an attribute of version " + std::to_string(version));
    const auto round = [&](std::uint64_t size) { return version == 1 ? multiple_of_8(size) : size; };
    const std::uint64_t name_size = at.le<std::uint16_t>(), type_size = at.le<std::uint16_t>(),
                        space_size = at.le<std::uint16_t>();
    if (version == 3) at.skip(1);
    const std::string_view name = at.text(round(name_size)).substr(0, name_size);
    if (name.substr(0, name.find('\0')) != wanted) continue;
    if (version > 1 && flags != 0) unsupported("attribute '" + wanted + "': a type that lies elsewhere in the file");
    Hdf5Message part;
    part.position = at.offset();
    part.data = at.take(round(type_size));
    const Hdf5Type kind = type(part);
    part.position = at.offset();
    part.data = at.take(round(space_size));
    std::vector<std::string> found;
    const std::int64_t count = shape(part).elements();
    if (count == 0) return found;
    const bool fixed = kind.kind == Hdf5Type::Kind::fixed_text && kind.bytes > 0;
    if (!fixed && kind.kind != Hdf5Type::Kind::variable_text) damaged("attribute '" + wanted + "': is not a text");
    if (static_cast<std::uint64_t>(count) > at.remaining() / kind.bytes) {
      damaged("attribute '" + wanted + "': fewer texts than it says");
    }
    for (std::int64_t i = 0; i < count; ++i) {
      if (fixed) {
        const std::string_view all = at.text(kind.bytes);
        found.emplace_back(all.substr(0, all.find('\0')));
        continue;
      }
      const auto length = at.le<std::uint32_t>();
      const auto collection = at.le<std::uint64_t>();
      found.push_back(heap_text(collection, at.le<std::uint32_t>(), length));
    }
    return found;
  }
  return std::nullopt;
}

std::optional<std::string> Hdf5Reader::File::text(const Hdf5Messages& object, const std::string& wanted) const {
  const auto all = texts(object, wanted);
  if (!all.has_value()) return std::nullopt;
  if (all->size() != 1) damaged("attribute '" + wanted + "': is not one text");
  return all->front();
}

// Section III.E.
std::string Hdf5Reader::File::heap_text(std::uint64_t collection, std::uint32_t index, std::uint32_t length) const {
  if (length == 0) return {};
  if (length > longest_text) damaged("a text of " + std::to_string(length) + " bytes");
  ByteReader head = reader(collection, 16);
  expect(head, "GCOL");
  head.skip(4);
  const auto size = head.le<std::uint64_t>();
  if (size < 16) head.fail("a heap of no size");
  ByteReader heap = reader(collection + 16, size - 16);
  while (heap.remaining() >= 16) {
    const auto own_index = heap.le<std::uint16_t>();
    heap.skip(2 + 4);
    const auto own_size = heap.le<std::uint64_t>();
    if (own_index == 0) break;  // free space: the end
    if (own_index == index) {
      if (length > own_size) heap.fail("a text longer than its place");
      const std::string_view all = heap.text(length);
      return std::string(all.substr(0, all.find('\0')));
    }
    if (own_size > heap.remaining()) heap.fail("a text beyond the end of its heap");
    heap.skip(std::min<std::uint64_t>(multiple_of_8(own_size), heap.remaining()));
  }
  heap.fail("a text that is not in its heap");
}

}  // namespace gradus
