#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/table.hpp"

namespace gradus {

/// What a column of a table holds, and what becomes of it: for people.
struct ColumnDescription {
  std::string name;
  std::string type;   ///< "number", "whole number", "text", "date", "true or false", "empty"
  std::string range;  ///< "0 to 120"; empty for text
  std::int64_t rows = 0, missing = 0;
  std::int64_t distinct = 0;          ///< different texts; counting stops at 10,000
  std::vector<std::string> examples;  ///< the first few different ones
  std::string becomes;                ///< "1 input", "3 inputs: red, blue, green", "left out", "the label: 3 classes"
};

/// One for each column of `schema`, which was found out from `text`.
std::vector<ColumnDescription> describe_columns(const TableSchema& schema, const CsvText& text);

}  // namespace gradus
