#include "serve/store.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <new>
#include <set>

#include <gradus/error.hpp>

#include "base/gzip.hpp"
#include "base/nearest.hpp"
#include "base/text.hpp"
#include "formats/json.hpp"
#include "formats/model_formats.hpp"
#include "model/memory_limit.hpp"

namespace gradus::serve {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t largest_labels_file = 1 << 16;
/// What a file's own bytes stand for besides `max_model_bytes`: weights of 16 bits take 16 bytes each while they are
/// built.
constexpr std::int64_t model_bytes_of_file = 16;

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with("."); }

/// The entries of a folder that are not hidden, in order. Throws `not_found` or `io`.
std::vector<fs::path> entries_of(const std::string& folder) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (!is_hidden(at->path())) entries.push_back(at->path());
  }
  if (error) {
    const bool missing = error == std::errc::no_such_file_or_directory;
    throw Error(missing ? ErrorCode::not_found : ErrorCode::io, folder + ": " + error.message());
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

/// The number that a version's folder is called by; versions are whole numbers from 0 on.
std::optional<std::int64_t> version_number(const fs::path& path) {
  const auto number = parse_int(path.filename().string());
  return number && *number >= 0 && std::to_string(*number) == path.filename().string() ? number : std::nullopt;
}

/// What an entry is, links followed. Throws `io` where that cannot be told, as for a link to itself.
fs::file_type type_of(const fs::path& path) {
  std::error_code error;
  const fs::file_type type = fs::status(path, error).type();
  if (type == fs::file_type::none) throw Error(ErrorCode::io, path.string() + ": " + error.message());
  return type;
}

bool is_folder(const fs::path& path) { return type_of(path) == fs::file_type::directory; }

/// Opening a named pipe or a device may wait for ever: only files are read.
void demand_file(const fs::path& path) {
  const fs::file_type type = type_of(path);
  if (type == fs::file_type::regular) return;
  if (type == fs::file_type::not_found) throw Error(ErrorCode::not_found, path.string() + ": no such file");
  throw Error(ErrorCode::bad_data, path.string() +
                                       (type == fs::file_type::fifo        ? ": a named pipe"
                                        : type == fs::file_type::socket    ? ": a socket"
                                        : type == fs::file_type::directory ? ": a folder"
                                                                           : ": a device") +
                                       ", expected a file");
}

bool has_versions(const fs::path& folder) {
  const std::vector<fs::path> entries = entries_of(folder.string());
  return std::any_of(entries.begin(), entries.end(), [](const fs::path& entry) {
    std::error_code ignored;
    return version_number(entry).has_value() && fs::is_directory(entry, ignored);
  });
}

/// The one model file in a version's folder.
std::string file_in(const fs::path& folder) {
  std::vector<std::string> files;
  for (const fs::path& inner : entries_of(folder.string())) {
    if (is_model_name(inner.string())) files.push_back(inner.string());
  }
  // Two files: which is meant is for a person to say.
  if (files.size() != 1) {
    throw Error(ErrorCode::bad_data, folder.string() + ": expected one model file (" + readable_endings() +
                                         ") in this folder, found " +
                                         (files.empty() ? "none" : std::to_string(files.size())));
  }
  demand_file(files[0]);
  return files[0];
}

/// Computes rows of zeros: they must give numbers, and say how long one takes.
double check(const Sequential& model) {
  const Tensor zeros(model.input_shape().with_rows(1));
  Tensor outputs(model.output_shape().with_rows(1));
  double seconds = 1e30;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto begin = std::chrono::steady_clock::now();
    model.predict_into(zeros, outputs.values());
    seconds = std::min(seconds, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  for (const Real value : outputs.values()) {
    if (!std::isfinite(value)) {
      throw Error(ErrorCode::bad_data, "the model gives numbers that are not finite for an input of zeros");
    }
  }
  return seconds;
}

std::string title(const std::string& name, std::int64_t version) {
  return "model " + in_quotes(name) + " version " + std::to_string(version);
}

}  // namespace

std::shared_ptr<const ServedModel> Catalogue::Entry::newest() const {
  for (const VersionState& state : versions) {
    if (state.model) return state.model;
  }
  return nullptr;
}

bool Catalogue::ready() const {
  return !models.empty() &&
         std::all_of(models.begin(), models.end(), [](const auto& m) { return m.second.newest() != nullptr; });
}

ModelStore::ModelStore(const ServeOptions& options, Log log, Log warn)
    : listed_(options.models),
      model_dir_(options.model_dir),
      versions_(options.versions),
      max_model_bytes_(options.max_model_bytes) {
  if (listed_.empty() && model_dir_.empty()) {
    throw Error(ErrorCode::invalid_argument, "there is nothing to serve: name model files, or a folder of them");
  }
  // What ends the start is said once, by what is thrown.
  std::vector<std::pair<const Log*, std::string>> said;
  log_ = [&](const std::string& sentence) { said.emplace_back(&log, sentence); };
  warn_ = [&](const std::string& sentence) { said.emplace_back(&warn, sentence); };
  std::set<std::string> listed;  // names
  for (const std::string& path : listed_) {
    if (type_of(path) == fs::file_type::not_found) throw Error(ErrorCode::not_found, no_such_file(path));
    if (!is_folder(path)) demand_file(path);
    listed.insert(place_of(path, true)->name);
  }
  reload();
  if (catalogue()->models.empty()) {
    warn_(model_dir_ +
          ": holds neither a model file nor a folder of versions yet; what is put there later will be served");
  }
  for (const auto& [name, entry] : catalogue()->models) {
    if (listed.count(name) != 0 && !entry.newest()) {
      throw Error(ErrorCode::bad_data,
                  entry.versions.empty() ? name + ": there is no version in the folder" : entry.versions.front().error);
    }
  }
  for (const auto& [to, sentence] : said) (*to)(sentence);
  log_ = std::move(log);
  warn_ = std::move(warn);
}

std::shared_ptr<const Catalogue> ModelStore::catalogue() const {
  const std::lock_guard lock(mutex_);
  return catalogue_;
}

ModelStore::Counts ModelStore::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

bool ModelStore::tell(const std::string& path, const std::string& sentence) {
  telling_[path] = sentence;
  const auto before = told_.find(path);
  if (before != told_.end() && before->second == sentence) return false;
  warn_(sentence);
  return true;
}

void ModelStore::refuse(const std::string& path, const std::string& sentence) {
  if (!tell(path, sentence)) return;
  const std::lock_guard lock(mutex_);
  ++counts_.failures;
}

std::optional<ModelStore::Place> ModelStore::served_from(const std::string& path) const {
  for (const auto& [key, known] : known_) {
    if (!known.state.model) continue;
    const std::string& file = known.state.model->path;
    if (file == path) return Place{key.first, path, false, false};
    if (file.starts_with(path + "/")) return Place{key.first, path, true, false};
  }
  return std::nullopt;
}

std::optional<ModelStore::Place> ModelStore::place_of(const std::string& path, bool listed) const {
  fs::path named = fs::path(path).lexically_normal();
  if (!named.has_filename()) named = named.parent_path();
  if (listed) {
    std::error_code gone;
    const bool folder = fs::is_directory(path, gone);
    return Place{(folder ? named.filename() : named.stem()).string(), path, folder, true};
  }
  if (is_folder(path)) {
    if (!has_versions(path)) return std::nullopt;
    return Place{named.filename().string(), path, true, false};
  }
  if (!is_model_name(path)) return std::nullopt;
  demand_file(path);
  return Place{named.stem().string(), path, false, false};
}

std::vector<ModelStore::Place> ModelStore::find_places() {
  std::vector<Place> places;
  const auto same_name = [&](const Place& place) {
    return std::find_if(places.begin(), places.end(), [&](const Place& p) { return p.name == place.name; });
  };
  const auto clash = [](const Place& first, const Place& second) {
    return first.path + " and " + second.path + " would both be served as " + in_quotes(first.name) + "; rename one";
  };
  for (const std::string& path : listed_) {
    const Place place = *place_of(path, true);
    const auto same = same_name(place);
    if (same == places.end()) {
      places.push_back(place);
    } else if (same->path != place.path) {
      throw Error(ErrorCode::invalid_argument, clash(*same, place));
    }
  }
  if (model_dir_.empty()) return places;
  for (const fs::path& entry : entries_of(model_dir_)) {
    try {
      const std::optional<Place> place = place_of(entry.string(), false);
      if (!place) continue;
      const auto same = same_name(*place);
      if (same == places.end()) {
        places.push_back(*place);
      } else if (same->listed || served_from(same->path) || !served_from(place->path)) {
        if (same->path != place->path) refuse(place->path, clash(*same, *place));
      } else {
        refuse(same->path, clash(*place, *same));  // what is served goes on
        *same = *place;
      }
    } catch (const Error& error) {
      if (const auto place = served_from(entry.string())) {
        places.push_back(*place);  // what was loaded serves on; that it cannot be read is said there
      } else {
        refuse(entry.string(), std::string(error.what()) + "; it is left out");
      }
    }
  }
  return places;
}

std::map<std::int64_t, ModelStore::VersionFile> ModelStore::version_files(const Place& place) const {
  if (!place.folder) return {{1, {place.path, ""}}};
  std::map<std::int64_t, VersionFile> files;
  for (const fs::path& entry : entries_of(place.path)) {
    const auto number = version_number(entry);
    if (!number) continue;
    try {
      if (is_folder(entry)) files[*number] = {file_in(entry), ""};
    } catch (const Error& error) {
      files[*number] = {entry.string(), error.what()};
    }
  }
  return files;
}

std::map<std::string, std::int64_t> ModelStore::read_labels(const Place& place) const {
  const std::string path = place.path + "/labels.json";
  std::map<std::string, std::int64_t> labels;
  if (!place.folder || type_of(path) == fs::file_type::not_found) return labels;
  demand_file(path);
  const std::vector<std::uint8_t> bytes = read_file(path, largest_labels_file);
  const Value value = read_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
  const auto* object = value.get_if<Value::Object>();
  if (object == nullptr) throw Error(ErrorCode::bad_data, path + ": expected an object such as {\"stable\": 1}");
  for (const auto& [label, version] : *object) {
    const auto* number = version.get_if<std::int64_t>();
    if (number == nullptr) {
      throw Error(ErrorCode::bad_data, path + ": label " + in_quotes(label) + ": expected the number of a version");
    }
    labels[label] = *number;
  }
  return labels;
}

ModelStore::Stamp ModelStore::stamp_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
          status.st_size,        status.st_ino,          status.st_dev};
}

std::shared_ptr<const ServedModel> ModelStore::load(const Place& place, std::int64_t version,
                                                    const std::string& file) const {
  demand_file(file);
  const ModelMemoryLimit limit(max_model_bytes_ + model_bytes_of_file * stamp_of(file).size, "max_model_bytes");
  auto loaded = std::make_shared<ServedModel>(ServedModel{place.name, version, file, Sequential::load(file)});
  try {
    loaded->seconds_per_row = check(loaded->model);
  } catch (const Error& error) {
    throw Error(error.code(), file + ": " + error.what());
  }
  return loaded;
}

ModelStore::Known ModelStore::load_version(const Place& place, std::int64_t version, const VersionFile& file) const {
  Known next{stamp_of(file.path), {version, nullptr, file.fault}};
  if (!file.fault.empty()) return next;
  bool may_pass = false;
  try {
    next.state.model = load(place, version, file.path);
  } catch (const Error& error) {
    may_pass = error.code() == ErrorCode::io;
    next.state.error = error.what();
  } catch (const std::bad_alloc&) {
    may_pass = true;
    next.state.error = file.path + ": there is not enough memory for this model";
  } catch (const std::exception& error) {
    next.state.error = error.what();
  }
  if (may_pass) next.again = Clock::now();
  return next;
}

const ModelStore::Known& ModelStore::known_version(const Place& place, std::int64_t version, const VersionFile& file,
                                                   std::int64_t& changes) {
  const Stamp stamp = stamp_of(file.path);
  const auto key = std::pair(place.name, version);
  const auto found = known_.find(key);
  Known* const before = found == known_.end() ? nullptr : &found->second;
  if (before != nullptr) {
    const bool again = before->again && Clock::now() >= *before->again;
    if (before->stamp == stamp && !again) return *before;
    // A file that is gone for a moment, or for good: what was loaded from it goes on.
    if (place.listed && stamp.size < 0) return *before;
  }
  Known next = load_version(place, version, file);
  const bool same_fault = before != nullptr && before->stamp == stamp && before->state.error == next.state.error;
  if (same_fault && next.again) {
    constexpr int longest = 6;  // 64 seconds
    next.attempts = std::min(before->attempts + 1, longest);
    *next.again += std::chrono::seconds(1 << next.attempts);
  }
  const bool replaces = before != nullptr && before->state.model != nullptr;
  const std::string said = title(place.name, version);
  if (next.state.model) {
    log_(said + (replaces ? " is replaced from " : " is loaded from ") + file.path);
    ++changes;
  } else {
    if (!same_fault)
      warn_(said + " is refused: " + next.state.error + (replaces ? "; what was loaded before serves on" : ""));
    if (replaces) next.state.model = before->state.model;
  }
  {
    const std::lock_guard lock(mutex_);
    if (next.state.error.empty()) ++counts_.reloads;
    if (!next.state.error.empty() && !same_fault) ++counts_.failures;
  }
  return known_[key] = std::move(next);
}

Catalogue::Entry ModelStore::look_at(const Place& place, std::int64_t& changes) {
  Catalogue::Entry entry;
  try {
    entry.labels = read_labels(place);
  } catch (const Error& error) {
    tell(place.path + "/labels.json", error.what());
    const auto before = catalogue();
    if (const auto found = before->models.find(place.name); found != before->models.end()) {
      entry.labels = found->second.labels;
    }
  }
  const std::map<std::int64_t, VersionFile> files = version_files(place);
  std::int64_t serving = 0;
  for (auto at = files.rbegin(); at != files.rend(); ++at) {
    const bool labelled = std::any_of(entry.labels.begin(), entry.labels.end(),
                                      [&](const auto& label) { return label.second == at->first; });
    if (serving >= versions_ && !labelled) continue;
    const Known& known = known_version(place, at->first, at->second, changes);
    if (known.state.model) ++serving;
    entry.versions.push_back(known.state);
  }
  return entry;
}

std::int64_t ModelStore::reload() {
  const std::lock_guard guard(reload_mutex_);
  std::int64_t changes = 0;
  telling_.clear();
  auto next = std::make_shared<Catalogue>();
  for (const Place& place : find_places()) {
    try {
      next->models[place.name] = look_at(place, changes);
    } catch (const std::exception& error) {
      refuse(place.path, error.what());
      const auto before = catalogue();
      if (const auto found = before->models.find(place.name); found != before->models.end()) {
        next->models[place.name] = found->second;
      }
    }
  }
  // What nothing names any more is forgotten; requests that are being answered keep it until they are done.
  for (auto at = known_.begin(); at != known_.end();) {
    const auto found = next->models.find(at->first.first);
    const bool kept = found != next->models.end() &&
                      std::any_of(found->second.versions.begin(), found->second.versions.end(),
                                  [&](const VersionState& state) { return state.version == at->first.second; });
    if (kept) {
      ++at;
      continue;
    }
    if (at->second.state.model) {
      log_(title(at->first.first, at->first.second) + " is no longer served");
      ++changes;
    }
    at = known_.erase(at);
  }
  told_ = telling_;
  const std::lock_guard lock(mutex_);
  catalogue_ = std::move(next);
  return changes;
}

}  // namespace gradus::serve
