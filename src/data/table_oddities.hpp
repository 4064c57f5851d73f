#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "data/table.hpp"

namespace gradus {

/// Something unexpected in the rows of a table: how often it occurred, the first text, and its line.
struct Oddity {
  std::int64_t count = 0;
  std::string first;
  std::int64_t line = 0;

  void note(std::string_view text, std::int64_t at) {
    if (count++ == 0) first = text, line = at;
  }
};

/// What a column of further rows held that training had not seen, or did not hold.
struct Oddities {
  Oddity unknown_word, outside, missing;
};
using OddColumns = std::map<std::size_t, Oddities>;  ///< by the column's place in the schema

/// Appends a sentence for each kind of oddity in each column: what it was, the first line, what it counts as.
void remarks_on(const OddColumns& columns, const TableSchema& schema, const std::string& source,
                std::vector<std::string>& remarks);

}  // namespace gradus
