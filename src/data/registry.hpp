#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gradus/dataset.hpp>

namespace gradus {

/// Whether samples of so many bytes stay on the disk, where nobody said what is wanted.
inline bool stays_on_disk(std::optional<bool> wanted, std::uint64_t bytes) {
  constexpr std::uint64_t most_in_memory = std::uint64_t{1} << 30;
  return wanted.value_or(bytes > most_in_memory);
}

/// What `datasets::load` was asked for, as a source sees it.
struct SourceRequest {
  std::string path;                   ///< of the file, where the source is a kind of file
  std::optional<std::int64_t> count;  ///< training samples asked for; only a source with `takes_count` need look at it
  std::uint64_t seed = 0;
  datasets::FetchOptions fetch;
  datasets::CsvOptions csv;
  datasets::ImageOptions images;
  std::optional<bool> on_disk;
  std::function<void(const std::string&)> remark;

  [[nodiscard]] bool stays_on_disk(std::uint64_t bytes) const { return gradus::stays_on_disk(on_disk, bytes); }
};

/// A named data set, or a kind of file that is one.
struct Source {
  std::string name;                    ///< "mnist"; of a kind of file only for messages
  std::string summary;                 ///< one line for `gradus data list`
  std::vector<std::string> endings{};  ///< of a kind of file: ".csv", ".csv.gz"
  bool is_folder = false;              ///< of a kind of folder: any directory
  std::vector<std::string> folders{};  ///< of a named set: what the folder of its files is called, best first
  bool takes_count = false;            ///< makes `count` samples; of others the first `count` are taken
  std::function<TrainTest(const SourceRequest&)> load{};
};

/// The directories of GRADUS_DATA_DIR, in order.
std::vector<std::string> data_directories();
/// A file as `datasets::load` finds it: a relative path that leads nowhere from here is also tried from each directory
/// of GRADUS_DATA_DIR, then from the folders of the named sets in it ("mnist", ...). The path as it is when it leads
/// nowhere at all.
std::string find_data_file(const std::string& path);

/// Each source's file ends with `const bool registered = register_source({...});`. Returns true.
bool register_source(Source source);
/// In alphabetical order.
std::vector<const Source*> registered_sources();

}  // namespace gradus
