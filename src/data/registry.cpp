#include "data/registry.hpp"

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <filesystem>

#include <gradus/error.hpp>

#include "base/nearest.hpp"
#include "base/text.hpp"

namespace gradus {
namespace {

// Inside a function: sources register before main, in no order that could be relied on.
std::deque<Source>& sources() {
  static std::deque<Source> all;
  return all;
}

const Source* source_of_file(const std::string& path) {
  const std::string name = lower(path);
  for (const Source& source : sources()) {
    for (const std::string& ending : source.endings) {
      if (name.size() > ending.size() && name.ends_with(ending)) return &source;
    }
  }
  return nullptr;
}

/// For a directory, unless it is called as a data set is; "./mnist" is a directory in any case.
const Source* source_of_folder(const std::string& name, const std::string& path) {
  std::error_code ignored;
  if (name.empty() || !std::filesystem::is_directory(path, ignored)) return nullptr;
  const Source* found = nullptr;
  for (const Source& source : sources()) {
    const bool named = source.endings.empty() && !source.is_folder;
    if (named && source.name == name) return nullptr;
    if (source.is_folder) found = &source;
  }
  return found;
}

std::string file_endings() {
  std::string endings;
  for (const Source* source : registered_sources()) {
    for (const std::string& ending : source->endings) endings += (endings.empty() ? "" : ", ") + ending;
  }
  return endings;
}

[[noreturn]] void fail_unknown_file(const std::string& path) {
  const std::size_t colon = path.find(':');
  if (colon != std::string::npos && std::filesystem::exists(find_data_file(path.substr(0, colon)))) {
    throw Error(ErrorCode::invalid_argument,
                path + ": no such file; " + in_quotes(path.substr(colon)) + " goes with data sets that have a name");
  }
  if (!std::filesystem::exists(path)) throw Error(ErrorCode::not_found, no_such_file(path));
  throw Error(ErrorCode::unsupported, path + ": not a kind of data file that is read (" + file_endings() + ")");
}

const Source& source_called(const std::string& name) {
  std::vector<std::string> names;
  for (const Source* source : registered_sources()) {
    if (!source->endings.empty() || source->is_folder) continue;
    if (edit_distance(source->name, name) == 0) return *source;
    names.push_back(source->name);
  }
  std::string guess = did_you_mean(name, names);
  if (guess.empty()) {
    guess = "; there are ";
    for (const std::string& known : names) guess += (&known == &names.front() ? "" : ", ") + known;
    guess += " and files that end in " + file_endings();
  }
  throw Error(ErrorCode::not_found, "there is no data set called " + in_quotes(name) + guess);
}

void read_numbers(const std::vector<std::string>& parts, SourceRequest& request) {
  const auto number = [&](std::size_t index, std::int64_t least) {
    const auto value = parse_int(parts[index]);
    if (value && *value >= least) return *value;
    throw Error(ErrorCode::invalid_argument,
                parts[0] + ": " + in_quotes(parts[index]) + " is not a " + (index == 1 ? "number of samples" : "seed") +
                    "; after a colon comes the number of samples, then the seed: " + parts[0] + ":400:7");
  };
  if (parts.size() > 3) {
    throw Error(ErrorCode::invalid_argument,
                parts[0] + ": at most two numbers follow, the number of samples and the seed");
  }
  if (parts.size() > 1) request.count = number(1, 1);
  if (parts.size() > 2) request.seed = static_cast<std::uint64_t>(number(2, 0));
}

TrainTest load_from(const Source& source, const SourceRequest& request) {
  TrainTest set = source.load(request);
  if (!source.takes_count && request.count) {
    if (*request.count > set.train.size()) {
      throw Error(ErrorCode::invalid_argument, set.train.name() + ": holds " +
                                                   count_of(set.train.size(), "training sample") + ", not " +
                                                   with_commas(*request.count));
    }
    set.train = set.train.first(*request.count);
  }
  return set;
}

}  // namespace

bool register_source(Source source) {
  sources().push_back(std::move(source));
  return true;
}

std::vector<const Source*> registered_sources() {
  std::vector<const Source*> all;
  for (const Source& source : sources()) all.push_back(&source);
  std::sort(all.begin(), all.end(), [](const Source* a, const Source* b) { return a->name < b->name; });
  return all;
}

std::vector<std::string> data_directories() {
  const char* variable = std::getenv("GRADUS_DATA_DIR");
  std::vector<std::string> directories = split_text(variable == nullptr ? "" : variable, ':');
  std::erase(directories, "");
  return directories;
}

std::string find_data_file(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (fs::path(path).is_absolute() || fs::exists(path, ignored)) return path;
  for (const std::string& name : data_directories()) {
    const fs::path directory(name);
    if (fs::exists(directory / path, ignored)) return (directory / path).string();
    for (const Source* source : registered_sources()) {
      for (const std::string& folder : source->folders) {
        const fs::path found = directory / folder / path;
        if (fs::exists(found, ignored)) return found.string();
      }
    }
  }
  return path;
}

namespace datasets {

std::vector<SourceInfo> list() {
  std::vector<SourceInfo> infos;
  for (const Source* source : registered_sources()) {
    if (source->endings.empty() && !source->is_folder) infos.push_back({source->name, source->summary});
  }
  return infos;
}

TrainTest load(const std::string& name_or_path, const FetchOptions& fetch, const CsvOptions& csv) {
  LoadOptions options;
  options.fetch = fetch;
  options.csv = csv;
  return load(name_or_path, options);
}

TrainTest load(const std::string& name_or_path, const LoadOptions& options) {
  SourceRequest request;
  request.path = name_or_path;
  request.fetch = options.fetch;
  request.csv = options.csv;
  request.images = options.images;
  request.on_disk = options.on_disk;
  request.remark = options.remark;
  if (const Source* source = source_of_file(name_or_path)) {
    request.path = find_data_file(name_or_path);
    return load_from(*source, request);
  }
  if (const Source* source = source_of_folder(name_or_path, find_data_file(name_or_path))) {
    request.path = find_data_file(name_or_path);
    return load_from(*source, request);
  }
  const auto parts = split_text(name_or_path, ':');
  if (parts[0].find_first_of("/.") != std::string::npos) fail_unknown_file(name_or_path);
  const Source& source = source_called(parts[0]);
  read_numbers(parts, request);
  return load_from(source, request);
}

}  // namespace datasets
}  // namespace gradus
