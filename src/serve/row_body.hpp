#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <gradus/model.hpp>
#include <gradus/serve.hpp>

namespace gradus::serve {

/// Rows as people send them, as numbers for a model.
struct BodyRows {
  std::int64_t count = 0;
  std::vector<Real> values;
  std::string remark;  ///< what was left out, or counted as unknown; empty when nothing
};

/// Reads CSV lines, or, where the model learnt from a table, JSON: an object {"column": value} or a list of them.
///
/// For a model that learnt from a table, rows are read as its file says (`Sequential::table`): columns by their names
/// where the first line names them, words by the model's lists, missing values filled as in training; the label may be
/// there or not. Other models take lines of numbers, one for each input; a line of names above them is passed over.
/// Throws `bad_data` or `invalid_argument` as "body:3: column 'age': ..." for what cannot be read, for no rows, and
/// for more than `options.max_rows`.
BodyRows read_row_body(const std::string& body, const Sequential& model, const ServeOptions& options);

}  // namespace gradus::serve
