#pragma once

#include <optional>
#include <string>
#include <vector>

#include <gradus/model.hpp>

namespace gradus::app {

/// Table rows as a model takes them.
struct RowInput {
  std::int64_t rows = 0;
  std::vector<Real> values;          ///< rows * inputs of the model
  std::vector<std::string> names;    ///< "rows.csv:3" for each
  std::vector<std::string> remarks;  ///< what was left out
};

/// Of a model that was trained on a table, rows are read as its file says: columns by their names where the rows have
/// a header, words by the model's lists, missing values filled as in training; a label may be there or not.
///
/// For other models, reads rows of numbers from a CSV file, gzipped or not, or from standard input ("-"). A column more
/// than the model has inputs is its label and left out: the one named by `label`, or called label, class or target, or
/// the first of an image. Throws `bad_data` as "file:line: ..." for what is no number and for rows that do not fit.
RowInput row_input(const std::string& path, const Sequential& model, const std::optional<std::string>& label);

}  // namespace gradus::app
