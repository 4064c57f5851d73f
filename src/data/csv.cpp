#include <filesystem>

#include "data/registry.hpp"
#include "data/table.hpp"

namespace gradus {

Dataset datasets::csv(const std::string& path, const CsvOptions& options, bool on_disk) {
  const CsvText text = csv_text(path, text_bytes(path, on_disk), options);
  std::vector<std::string> remarks;
  const TableSchema schema = infer_schema(text, options, &remarks);
  if (options.remark) {
    for (const std::string& remark : remarks) options.remark(remark);
  }
  return dataset_from(std::filesystem::path(path).filename().string(), schema, text, nullptr, on_disk);
}

namespace {

const bool registered = register_source({.name = "csv file",
                                         .summary = "a table",
                                         .endings = {".csv", ".csv.gz", ".tsv", ".tsv.gz"},
                                         .load = [](const SourceRequest& r) {
                                           const bool on_disk = r.stays_on_disk(text_size(r.path));
                                           datasets::CsvOptions options = r.csv;
                                           if (!options.remark) options.remark = r.remark;
                                           return TrainTest{datasets::csv(r.path, options, on_disk), {}};
                                         }});

}  // namespace
}  // namespace gradus
