#include "serve/tensor_bytes.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include <gradus/error.hpp>
#include <gradus/spec.hpp>

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

template <class T>
constexpr DataType whole_type(std::string_view name) {
  using Limits = std::numeric_limits<T>;
  return {name, sizeof(T), from_bytes<T>, true, static_cast<double>(Limits::min()), static_cast<double>(Limits::max())};
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
    whole_type<std::int8_t>("INT8"),
    whole_type<std::uint8_t>("UINT8"),
    whole_type<std::int16_t>("INT16"),
    whole_type<std::uint16_t>("UINT16"),
    whole_type<std::int32_t>("INT32"),
    whole_type<std::uint32_t>("UINT32"),
    whole_type<std::int64_t>("INT64"),
    whole_type<std::uint64_t>("UINT64"),
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

void check_numbers(std::span<const Real> numbers, const DataType& type, const std::string& name) {
  if (!type.whole) return;
  // As floats, which round the greatest number of a wide type up.
  const auto least = static_cast<Real>(type.least), greatest = static_cast<Real>(type.greatest);
  const auto bad = std::find_if(numbers.begin(), numbers.end(), [&](Real value) {
    return value < least || value > greatest || std::trunc(value) != value;
  });
  if (bad == numbers.end()) return;
  refuse(name + ": number " + std::to_string(bad - numbers.begin()) + " (counted from 0) is " +
         Value(static_cast<double>(*bad)).to_string() + ", which " + std::string(type.name) +
         " cannot hold: whole numbers of " + with_commas(static_cast<std::int64_t>(type.least)) + " to " +
         (type.greatest < 1e18 ? with_commas(static_cast<std::int64_t>(type.greatest))
                               : "2^" + std::to_string(8 * type.size - (type.least < 0 ? 1 : 0)) + " - 1"));
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
