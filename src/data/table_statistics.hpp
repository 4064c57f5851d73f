#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "data/table.hpp"

namespace gradus {

/// Mean and spread of numbers, by Welford's method (Technometrics 4, 1962): no digits are lost however large the mean.
struct NumberStatistics {
  std::int64_t count = 0;
  double mean = 0, squares = 0;  ///< squares: of the distances from the mean, summed
  double least = 0, greatest = 0;
  bool whole = true;  ///< all of them

  void add(double value);
  [[nodiscard]] double deviation() const;
  [[nodiscard]] bool varies() const { return count > 0 && least < greatest; }
};

struct WordStatistics {
  std::int64_t count = 0;
  std::int64_t first = 0;  ///< the row that had it first
};

using CountedWord = std::pair<std::string, WordStatistics>;
/// Of true and of false the spelling that came first stands for all, where they are of one pair.
std::vector<CountedWord> one_spelling_each(std::vector<CountedWord> words);

/// What the training rows say of a column.
struct ColumnStatistics {
  std::int64_t rows = 0, missing = 0;
  NumberStatistics number{};
  bool twice = false;  ///< a number came twice; known where `watch_twice` was asked for
  std::array<NumberStatistics, date_parts.size()> parts{};
  std::unordered_map<std::string, WordStatistics> words{};
};

/// Reads the rows that `training` marks; all where it is empty. `schema` has the roles, and how fields are written.
/// `watch_twice` names the columns whose numbers are compared with one another. Of a column of words the first 100,000
/// different ones are counted.
std::vector<ColumnStatistics> column_statistics(const TableSchema& schema, const CsvText& text,
                                                const std::vector<bool>& training,
                                                const std::vector<bool>& watch_twice);

/// Which rows of the text are trained on, where `options.test_split` keeps some to test on; empty where all are. Rows
/// that reading leaves out are not.
std::vector<bool> training_rows(const TableSchema& schema, const CsvText& text, const datasets::CsvOptions& options);

}  // namespace gradus
