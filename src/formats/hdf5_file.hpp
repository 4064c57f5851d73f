#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <gradus/tensor.hpp>

#include "base/byte_reader.hpp"
#include "formats/hdf5_reader.hpp"
#include "formats/number_types.hpp"

/// The structures of HDF5 (HDF5 File Format Specification, version 3.0; section numbers in the .cpp), for the reader
/// alone.
namespace gradus {

/// Everything that hangs on one object header.
struct Hdf5Message {
  std::uint16_t type = 0;
  std::uint8_t flags = 0;
  std::uint64_t position = 0;  ///< of the data, in the file
  std::span<const std::uint8_t> data;
};
using Hdf5Messages = std::vector<Hdf5Message>;

/// What a datatype message says, as far as it is read.
struct Hdf5Type {
  enum class Kind : std::uint8_t { number, opaque, fixed_text, variable_text, other };
  Kind kind = Kind::other;
  std::uint32_t bytes = 0;
  NumberType number;
};

class Hdf5Reader::File {
 public:
  using Members = std::map<std::string, std::uint64_t>;

  explicit File(std::span<const std::uint8_t> bytes);

  /// The address of the object at a path; nothing when a step of it is not there.
  [[nodiscard]] std::optional<std::uint64_t> find(const std::string& path) const;
  /// The same, but throws.
  [[nodiscard]] std::uint64_t at(const std::string& path) const;
  [[nodiscard]] Hdf5Messages messages(std::uint64_t header) const;
  /// Names and object headers in a group; throws for an object that is none.
  [[nodiscard]] const Members& members(std::uint64_t header) const;

  [[nodiscard]] Shape shape(const Hdf5Message& dataspace) const;
  [[nodiscard]] Hdf5Type type(const Hdf5Message& datatype) const;
  /// Where a dataset's numbers lie: `bytes` of them.
  [[nodiscard]] std::span<const std::uint8_t> storage(const Hdf5Messages& dataset, std::uint64_t bytes) const;
  /// The one text of an attribute; nothing when there is none of this name.
  [[nodiscard]] std::optional<std::string> text(const Hdf5Messages& object, const std::string& attribute) const;
  /// All texts of an attribute. One without elements is an empty list whatever its type, as h5py writes it.
  [[nodiscard]] std::optional<std::vector<std::string>> texts(const Hdf5Messages& object,
                                                              const std::string& attribute) const;

  /// Puts the path in front of what `read` throws.
  template <class F>
  auto in(const std::string& path, F&& read) const {
    try {
      return read();
    } catch (const Error& error) {
      throw Error(error.code(), path + ": " + error.what());
    }
  }

 private:
  [[nodiscard]] Members list_members(std::uint64_t header) const;
  [[nodiscard]] ByteReader reader(std::uint64_t address, std::uint64_t length) const;
  [[nodiscard]] ByteReader reader(const Hdf5Message& message) const;
  /// All bytes from an address to the end of the file.
  [[nodiscard]] ByteReader reader_from(std::uint64_t address) const;
  void read_superblock();
  void read_block_1(ByteReader block, std::size_t& count, Hdf5Messages& found) const;
  void read_block_2(ByteReader block, bool creation_order, Hdf5Messages& found) const;
  [[nodiscard]] Hdf5Messages messages_1(std::uint64_t header) const;
  [[nodiscard]] Hdf5Messages messages_2(std::uint64_t header) const;
  void read_symbols(ByteReader table, Members& found) const;
  void read_tree(std::uint64_t node, int level, ByteReader heap, std::set<std::uint64_t>& visited,
                 Members& found) const;
  void read_link(ByteReader link, Members& found) const;
  [[nodiscard]] std::string heap_text(std::uint64_t collection, std::uint32_t index, std::uint32_t length) const;

  std::span<const std::uint8_t> bytes_;  // from the base address to the end
  std::uint64_t root_ = 0;
  mutable std::map<std::uint64_t, Members> known_;  // so that a path costs little however often it is walked
};

}  // namespace gradus
