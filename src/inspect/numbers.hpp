#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <gradus/tensor.hpp>

namespace gradus {

/// How arrays are written as text.
struct ArrayFormat {
  int decimals = 4;                 ///< behind the point
  std::int64_t whole_up_to = 1000;  ///< arrays of more numbers show only the ends of each axis
  std::int64_t ends = 3;            ///< how many at each end
  std::size_t width = 100;          ///< columns of a line; longer rows go on in the next, indented
  std::size_t indent = 0;           ///< columns in front of every line but the first
};

/// An array as numpy prints it: nested brackets, columns aligned, long axes elided by "...". Whole numbers are written
/// without a fraction; very large or small ones with an exponent.
std::string array_text(std::span<const double> values, const Shape& shape, const ArrayFormat& format = {});

/// One number to `digits` significant digits, without trailing zeros.
std::string number_text(double value, int digits = 6);

/// What a weight looks like from afar.
struct Statistics {
  double min = 0, max = 0, mean = 0;
  double stddev = 0;  ///< of the numbers themselves: the root of the mean squared distance from the mean
  std::int64_t zeros = 0;
};
/// All 0 for no numbers.
Statistics statistics_of(std::span<const double> values);

}  // namespace gradus
