#include "serve/tensor_bytes.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "formats/number_types.hpp"

namespace gradus::serve {

namespace {

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); }

template <class T>
double from_bytes(const char* bytes) {
  static_assert(std::endian::native == std::endian::little);
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return static_cast<double>(value);
}

constexpr DataType data_types[] = {
    {"FP32", 4, from_bytes<float>},
    {"FP64", 8, from_bytes<double>},
    {"FP16", 2,
     [](const char* b) {
       return static_cast<double>(half_to_float(static_cast<std::uint16_t>(from_bytes<std::uint16_t>(b))));
     }},
    {"BF16", 2,
     [](const char* b) {
       const auto bits = static_cast<std::uint32_t>(from_bytes<std::uint16_t>(b)) << 16;
       return static_cast<double>(std::bit_cast<float>(bits));
     }},
    {"INT8", 1, from_bytes<std::int8_t>},
    {"UINT8", 1, from_bytes<std::uint8_t>},
    {"INT16", 2, from_bytes<std::int16_t>},
    {"UINT16", 2, from_bytes<std::uint16_t>},
    {"INT32", 4, from_bytes<std::int32_t>},
    {"UINT32", 4, from_bytes<std::uint32_t>},
    {"INT64", 8, from_bytes<std::int64_t>},
    {"UINT64", 8, from_bytes<std::uint64_t>},
};

/// Whether all are finite: an exponent of ones is none (IEEE 754). Looks at all of them, without a branch in the loop.
bool all_finite(std::span<const Real> values) {
  constexpr std::uint32_t exponent = 0x7F800000;
  bool good = true;
  for (const Real value : values) good &= (std::bit_cast<std::uint32_t>(value) & exponent) != exponent;
  return good;
}

}  // namespace

const DataType& data_type(std::string_view name) {
  for (const DataType& type : data_types) {
    if (type.name == name) return type;
  }
  refuse("inputs[0].datatype: " + in_quotes(name) +
         " cannot be numbers; the model takes FP32, and converts FP64, FP16, "
         "BF16 and whole numbers");
}

std::vector<Real> binary_numbers(std::string_view bytes, std::int64_t rows, std::int64_t count, std::int64_t stated,
                                 const DataType& type) {
  const std::size_t expected = static_cast<std::size_t>(count) * type.size;
  if (static_cast<std::size_t>(stated) != expected || bytes.size() != expected) {
    refuse("inputs[0]: its shape and datatype make " + std::to_string(expected) + " bytes, binary_data_size says " +
           std::to_string(stated) + ", and " + std::to_string(bytes.size()) + " follow the JSON");
  }
  std::vector<Real> numbers(static_cast<std::size_t>(count));
  if (type.name == "FP32") {
    std::memcpy(numbers.data(), bytes.data(), bytes.size());
  } else {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      numbers[i] = static_cast<Real>(type.read(bytes.data() + i * type.size));
    }
  }
  if (all_finite(numbers)) return numbers;
  const auto bad = std::find_if(numbers.begin(), numbers.end(), [](Real value) { return !std::isfinite(value); });
  const std::int64_t at = bad - numbers.begin();
  refuse("inputs[0]: number " + std::to_string(at) + ", of row " + std::to_string(at * rows / count) +
         " (both counted from 0), is not finite as a 32-bit float");
}

}  // namespace gradus::serve
