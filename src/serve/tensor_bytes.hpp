#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gradus/tensor.hpp>

namespace gradus::serve {

/// A type that the Open Inference Protocol's tensors may have, as bytes lie in it: little-endian.
struct DataType {
  std::string_view name;  ///< "FP32"
  std::size_t size;       ///< bytes of one number
  double (*read)(const char* bytes);
  bool whole = false;  ///< holds whole numbers alone, these:
  double least = 0, greatest = 0;
};

/// Throws `invalid_argument` for a number that the type cannot hold, such as 300, -4 and 5.7 as UINT8: for numbers
/// that were read from JSON as floats. `name` is what messages call the tensor.
void check_numbers(std::span<const Real> numbers, const DataType& type, const std::string& name);

/// Throws `invalid_argument` for a type that holds no numbers.
const DataType& data_type(std::string_view name);

/// `count` numbers of `rows` rows as floats, all finite, from the bytes that follow a request's JSON; `stated` is the
/// size that the JSON gives for them. Throws `invalid_argument` where the three sizes differ, or a number is not
/// finite.
std::vector<Real> binary_numbers(std::string_view bytes, std::int64_t rows, std::int64_t count, std::int64_t stated,
                                 const DataType& type);

}  // namespace gradus::serve
