#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include <gradus/dataset.hpp>

#include "data/table.hpp"
#include "support/temporary_directory.hpp"

namespace gradus::test {

using datasets::CsvOptions;
using Names = std::vector<std::string>;

/// Reads tables, and notes what is said of them.
class TableKinds : public ::testing::Test {
 protected:
  Dataset read(const std::string& content, CsvOptions options = {}) {
    remarks.clear();
    options.remark = [this](const std::string& remark) { remarks += remark + "\n"; };
    return datasets::csv(directory_.write("t.csv", content), options);
  }
  std::vector<Real> encode(const Dataset& set, const std::string& rows) {
    std::vector<std::string> said;
    const EncodedRows encoded = encode_rows(*set.table(), text_for(*set.table(), "new", bytes_of(rows)), false, &said);
    remarks.clear();
    for (const std::string& remark : said) remarks += remark + "\n";
    return encoded.is_bytes ? std::vector<Real>(encoded.bytes.begin(), encoded.bytes.end()) : encoded.reals;
  }
  bool said(std::string_view part) const { return remarks.find(part) != std::string::npos; }

  TemporaryDirectory directory_;
  std::string remarks;
};

inline std::vector<double> inputs(const Dataset& set) {
  std::vector<double> all;
  for (std::int64_t i = 0; i < set.inputs().shape().elements(); ++i) all.push_back(set.inputs().at(i));
  return all;
}

/// A table of `rows` rows made by `row`, which gives a line without its end.
template <class F>
std::string table(const std::string& header, int rows, F&& row) {
  std::string csv = header + "\n";
  for (int i = 0; i < rows; ++i) csv += row(i) + "\n";
  return csv;
}

}  // namespace gradus::test
