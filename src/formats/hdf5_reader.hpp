#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <gradus/tensor.hpp>

namespace gradus {

/// Reads the part of HDF5 that Keras and h5py use, from bytes in memory: superblocks 0 to 3, groups by symbol tables or
/// plain link messages, datasets of numbers in one piece, text attributes. Written here rather than left to libhdf5,
/// because a model file may come from anywhere and libhdf5 crashes or hangs on many a damaged one; here every offset
/// and size is checked against the bytes before it is followed, and nothing is followed twice.
///
/// Paths are absolute ("/layers/dense/vars/0"). Soft, external and user-defined links are refused, as are numbers that
/// lie in chunks or in other files, and shared types. Every function throws `bad_data` for a damaged file and
/// `unsupported` for a well-formed one that uses more of HDF5, as "PATH: sentence". One thread at a time.
class Hdf5Reader {
 public:
  /// The bytes must live as long as the reader.
  explicit Hdf5Reader(std::span<const std::uint8_t> bytes);
  ~Hdf5Reader();
  Hdf5Reader(Hdf5Reader&&) noexcept;
  Hdf5Reader& operator=(Hdf5Reader&&) noexcept;

  /// False when nothing is there or something else is.
  [[nodiscard]] bool has_group(const std::string& path) const;
  [[nodiscard]] bool has_dataset(const std::string& path) const;
  /// The names in a group, in alphabetical order.
  [[nodiscard]] std::vector<std::string> children(const std::string& group) const;
  [[nodiscard]] Shape shape(const std::string& dataset) const;
  /// The numbers of a dataset: floats of 2, 4 or 8 bytes, whole numbers of 1 to 8, or bfloat16 as Keras marks it.
  [[nodiscard]] Tensor read(const std::string& dataset) const;
  /// A single whole number.
  [[nodiscard]] std::int64_t read_whole(const std::string& dataset) const;
  /// A text attribute of a group or dataset, of fixed or variable length; nothing when there is none of this name.
  [[nodiscard]] std::optional<std::string> text_attribute(const std::string& object, const std::string& name) const;
  /// A list of texts, which Keras cuts into NAME0, NAME1, ... when it is long; nothing when there is none.
  [[nodiscard]] std::optional<std::vector<std::string>> text_list_attribute(const std::string& object,
                                                                            const std::string& name) const;

 private:
  class File;
  std::unique_ptr<const File> file_;
};

}  // namespace gradus
