#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gradus/tensor.hpp>

#include "formats/number_types.hpp"

namespace gradus {

/// NumPy's files of arrays. Floats of 2, 4 and 8 bytes, whole numbers of 1 to 8, booleans and bfloat16 are read, in
/// either byte order and either order of the axes; all become Reals. Arrays of Python objects are pickles, which can
/// run code: they are refused, as are texts, records, dates and complex numbers. Every function throws `bad_data` for a
/// damaged file, `unsupported` for such arrays, `not_found` and `io` for the file itself.
Tensor read_npy(const std::string& path);
/// The same from bytes; `name` is what messages call them.
Tensor decode_npy(std::span<const std::uint8_t> bytes, const std::string& name);

/// Throws `bad_data` naming the first sample that holds NaN, an infinity, or what a 32-bit float cannot hold and so has
/// become infinite. `values` are those from number `first` on of an array with `width` numbers a sample.
void demand_finite(std::span<const Real> values, std::int64_t width, const std::string& name, std::int64_t first = 0);

/// What the header of an array says, checked against how many bytes there are.
struct NpyLayout {
  Shape shape;
  NumberType type;
  bool fortran_order = false;  ///< the first axis runs fastest
  std::uint64_t begin = 0;     ///< where the numbers begin
};
NpyLayout npy_layout(std::span<const std::uint8_t> bytes, const std::string& name);

/// All arrays of an .npz file in its order, each under its name ("x", "arr_0").
using NamedTensors = std::vector<std::pair<std::string, Tensor>>;
NamedTensors read_npz(const std::string& path);
/// One array of an .npz file. Throws `not_found` naming the nearest right name.
Tensor read_npz(const std::string& path, const std::string& name);

/// float32, format 1.0, replaces the file in one step.
void write_npy(const std::string& path, const TensorView& values);
void write_npz(const std::string& path, const NamedTensors& arrays);

}  // namespace gradus
