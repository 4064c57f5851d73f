#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gradus/tensor.hpp>

namespace gradus {

/// Builds an HDF5 file in memory, through libhdf5, as old h5py versions write it (superblock 0, contiguous datasets,
/// no times): every reader can read it, and the same content gives the same bytes. Paths are absolute
/// ("/layers/dense/vars/0"); groups above a path are made as needed. Any thread may use an object of its own.
/// Every function throws `io` when libhdf5 gives up.
class Hdf5Writer {
 public:
  Hdf5Writer();
  ~Hdf5Writer();
  Hdf5Writer(const Hdf5Writer&) = delete;
  Hdf5Writer& operator=(const Hdf5Writer&) = delete;

  void group(const std::string& path);
  /// float32, little-endian. Throws `invalid_argument` unless there are as many values as the shape says.
  void dataset(const std::string& path, const Shape& shape, std::span<const float> values);
  /// int64, little-endian, a scalar.
  void whole(const std::string& path, std::int64_t value);
  /// A text of variable length, marked as UTF-8, or as ASCII: h5py before 3.0 gives the former as str, the latter as
  /// bytes, and Keras 2 counts on one or the other.
  enum class Letters : std::uint8_t { utf8, ascii };
  void text_attribute(const std::string& group, const std::string& name, const std::string& text,
                      Letters letters = Letters::utf8);
  /// A list of texts as Keras writes it: of fixed length, zero-padded; no texts are an array of doubles of size 0; a
  /// list of more than 64,512 bytes becomes NAME0, NAME1, ...
  void text_list_attribute(const std::string& group, const std::string& name, const std::vector<std::string>& texts);
  /// The whole file. Ends the object's use.
  [[nodiscard]] std::vector<std::uint8_t> bytes();

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

}  // namespace gradus
