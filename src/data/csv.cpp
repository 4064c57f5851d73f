#include <filesystem>

#include "base/gzip.hpp"
#include "data/registry.hpp"
#include "data/table.hpp"

namespace gradus {

Dataset datasets::csv(const std::string& path, const CsvOptions& options) {
  constexpr std::uint64_t most_bytes = std::uint64_t{8} << 30;
  const CsvText text = csv_text(path, read_file(path, most_bytes), options);
  const TableSchema schema = infer_schema(text, options);
  return dataset_from(std::filesystem::path(path).filename().string(), schema, text);
}

namespace {

const bool registered = register_source({.name = "csv file",
                                         .summary = "a table",
                                         .endings = {".csv", ".csv.gz", ".tsv", ".tsv.gz"},
                                         .load = [](const SourceRequest& r) {
                                           return TrainTest{datasets::csv(r.path, r.csv), {}};
                                         }});

}  // namespace
}  // namespace gradus
