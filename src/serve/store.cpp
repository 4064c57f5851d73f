#include "serve/store.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <set>

#include <gradus/error.hpp>

#include "base/gzip.hpp"
#include "base/nearest.hpp"
#include "base/text.hpp"
#include "formats/json.hpp"
#include "formats/model_formats.hpp"

namespace gradus::serve {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t largest_labels_file = 1 << 16;

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

bool has_versions(const fs::path& folder) {
  const std::vector<fs::path> entries = entries_of(folder.string());
  return std::any_of(entries.begin(), entries.end(), [](const fs::path& entry) {
    return fs::is_directory(entry) && version_number(entry).has_value();
  });
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
    : listed_(options.models), model_dir_(options.model_dir), versions_(options.versions) {
  if (listed_.empty() && model_dir_.empty()) {
    throw Error(ErrorCode::invalid_argument, "there is nothing to serve: name model files, or a folder of them");
  }
  std::set<std::string> listed;  // names
  for (const Place& place : find_places()) {
    if (!place.listed) continue;
    if (!fs::exists(place.path)) throw Error(ErrorCode::not_found, no_such_file(place.path));
    listed.insert(place.name);
  }
  // What ends the start is said once, by what is thrown.
  std::vector<std::pair<const Log*, std::string>> said;
  log_ = [&](const std::string& sentence) { said.emplace_back(&log, sentence); };
  warn_ = [&](const std::string& sentence) { said.emplace_back(&warn, sentence); };
  reload();
  if (catalogue()->models.empty()) {
    warn_(model_dir_ +
          ": there is no model file and no folder of versions in it yet; what is put there will be served");
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

std::vector<ModelStore::Place> ModelStore::find_places() const {
  std::vector<Place> places;
  const auto add = [&](const fs::path& path, bool listed) {
    const bool folder = fs::is_directory(path);
    if (!listed && !(folder ? has_versions(path) : is_model_name(path.string()))) return;
    fs::path named = path.lexically_normal();
    if (!named.has_filename()) named = named.parent_path();
    const std::string name = (folder ? named.filename() : named.stem()).string();
    const auto same = std::find_if(places.begin(), places.end(), [&](const Place& p) { return p.name == name; });
    if (same != places.end()) {
      if (same->path == path.string()) return;
      throw Error(ErrorCode::invalid_argument, same->path + " and " + path.string() + " would both be served as " +
                                                   in_quotes(name) + "; rename one");
    }
    places.push_back({name, path.string(), folder, listed});
  };
  for (const std::string& path : listed_) add(path, true);
  if (!model_dir_.empty()) {
    for (const fs::path& entry : entries_of(model_dir_)) add(entry, false);
  }
  return places;
}

std::map<std::int64_t, std::string> ModelStore::version_files(const Place& place) const {
  if (!place.folder) return {{1, place.path}};
  std::map<std::int64_t, std::string> files;
  for (const fs::path& entry : entries_of(place.path)) {
    const auto number = version_number(entry);
    if (!number || !fs::is_directory(entry)) continue;
    std::string& file = files[*number];
    for (const fs::path& inner : entries_of(entry.string())) {
      if (!is_model_name(inner.string())) continue;
      // Two files: which is meant is for a person to say. The folder itself then fails to load, with its name.
      file = file.empty() ? inner.string() : entry.string();
    }
    if (file.empty()) file = entry.string();
  }
  return files;
}

std::map<std::string, std::int64_t> ModelStore::read_labels(const Place& place) const {
  const std::string path = place.path + "/labels.json";
  std::map<std::string, std::int64_t> labels;
  if (!place.folder || !fs::exists(path)) return labels;
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
  return {status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_size, status.st_ino};
}

std::shared_ptr<const ServedModel> ModelStore::load(const Place& place, std::int64_t version,
                                                    const std::string& file) const {
  if (fs::is_directory(file)) {
    throw Error(ErrorCode::bad_data, file + ": expected one model file (" + readable_endings() + ") in this folder");
  }
  auto loaded = std::make_shared<ServedModel>(ServedModel{place.name, version, file, Sequential::load(file)});
  try {
    loaded->seconds_per_row = check(loaded->model);
  } catch (const Error& error) {
    throw Error(error.code(), file + ": " + error.what());
  }
  return loaded;
}

const ModelStore::Known& ModelStore::known_version(const Place& place, std::int64_t version, const std::string& file,
                                                   std::int64_t& changes) {
  const Stamp stamp = stamp_of(file);
  const auto key = std::pair(place.name, version);
  const auto found = known_.find(key);
  // A file that is gone for a moment, or for good: what was loaded from it goes on.
  if (found != known_.end() && (found->second.stamp == stamp || (place.listed && stamp.size < 0))) return found->second;
  Known next{stamp, {version, nullptr, ""}};
  try {
    next.state.model = load(place, version, file);
  } catch (const std::exception& error) {
    next.state.error = error.what();
  }
  const bool replaces = found != known_.end() && found->second.state.model != nullptr;
  const std::string said = title(place.name, version);
  {
    const std::lock_guard lock(mutex_);
    ++(next.state.model ? counts_.reloads : counts_.failures);
  }
  if (next.state.model) {
    log_(said + (replaces ? " is replaced from " : " is loaded from ") + file);
    ++changes;
  } else {
    warn_(said + " is refused: " + next.state.error + (replaces ? "; what was loaded before serves on" : ""));
    if (replaces) next.state.model = found->second.state.model;
  }
  return known_[key] = std::move(next);
}

Catalogue::Entry ModelStore::look_at(const Place& place, std::int64_t& changes) {
  Catalogue::Entry entry;
  try {
    entry.labels = read_labels(place);
    told_.erase(place.name);
  } catch (const Error& error) {
    if (std::exchange(told_[place.name], error.what()) != error.what()) warn_(error.what());
    const auto before = catalogue();
    if (const auto found = before->models.find(place.name); found != before->models.end()) {
      entry.labels = found->second.labels;
    }
  }
  const std::map<std::int64_t, std::string> files = version_files(place);
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
  auto next = std::make_shared<Catalogue>();
  for (const Place& place : find_places()) {
    try {
      next->models[place.name] = look_at(place, changes);
    } catch (const Error& error) {
      warn_(error.what());
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
  const std::lock_guard lock(mutex_);
  catalogue_ = std::move(next);
  return changes;
}

}  // namespace gradus::serve
