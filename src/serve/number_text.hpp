#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gradus/tensor.hpp>

namespace gradus::serve {

/// The numbers of a JSON body, read straight from its text, and the body without them.
struct CutNumbers {
  std::vector<Real> values;
  std::int64_t rows = 0;
  bool flat = false;  ///< all numbers stood in one list
  std::string rest;   ///< the body with null in place of the list, and room for `body_padding` bytes behind it
};

/// Bodies are nearly all numbers, and a tree of them costs more than the rest of a request. So the one list at `key`
/// is read without a tree where it is what it should be: rows of finite numbers, each nested as `row` says, or, with
/// `may_be_flat`, all numbers of whole rows in one list. The rest of the body is still to be parsed.
///
/// Nothing where anything at all is otherwise, right or wrong (no such key, two, another nesting, a number beyond a
/// float, more than `most_rows`, deeper than `most_depth`): the body is then for `parse_json`, which can say what is
/// wrong with it. A number becomes the same float either way. `body` must end in a zero byte, as a std::string does.
std::optional<CutNumbers> cut_numbers(std::string_view body, std::string_view key, const Shape& row, bool may_be_flat,
                                      std::int64_t most_rows, std::int64_t most_depth);

}  // namespace gradus::serve
