// MNIST and the sets that share its format, its file names and its sizes: only their content tells them apart.

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include <gradus/error.hpp>

#include "base/gzip.hpp"
#include "base/md5.hpp"
#include "base/text.hpp"
#include "data/mnist.hpp"
#include "data/registry.hpp"

namespace gradus {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 4> file_names = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                                   "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
constexpr std::array<std::uint64_t, 4> unpacked_bytes = {47'040'016, 60'008, 7'840'016, 10'008};
constexpr std::size_t test_labels = 3;  // the smallest file: what a set is recognised by

std::string md5_of_unpacked(const std::string& path) {
  InputFile file(path);
  Md5 sum;
  std::vector<std::uint8_t> buffer(1 << 16);
  while (const std::size_t count = file.read(buffer)) sum.update(std::span(buffer).first(count));
  return sum.hex();
}

std::string md5_on_disk(const std::string& path) {
  // The packed files have some megabytes; what is longer is none of them.
  constexpr std::uintmax_t longest = 64u << 20;
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  if (error || size > longest) return {};
  Md5 sum;
  if (std::FILE* file = std::fopen(path.c_str(), "rb")) {
    std::vector<std::uint8_t> buffer(1 << 16);
    while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), file)) {
      sum.update(std::span(buffer).first(count));
    }
    std::fclose(file);
  }
  return sum.hex();
}

bool is_file_of(const IdxSet& set, std::size_t file, const std::string& path) {
  if (!set.unpacked_md5[file].empty()) return md5_of_unpacked(path) == set.unpacked_md5[file];
  return md5_on_disk(path) == set.packed_md5[file];
}

// The four files in a directory, packed or not, with '-' or '.' before "idx"; "" for one that is not there.
using Paths = std::array<std::string, 4>;

Paths files_in(const fs::path& directory) {
  Paths paths;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const std::string name = file_names[i];
    std::string dotted = name;
    dotted[dotted.rfind("-idx")] = '.';
    for (const std::string& variant : {name, name + ".gz", dotted, dotted + ".gz"}) {
      std::error_code ignored;
      if (fs::is_regular_file(directory / variant, ignored)) {
        paths[i] = (directory / variant).string();
        break;
      }
    }
  }
  return paths;
}

bool complete(const Paths& paths) {
  return std::none_of(paths.begin(), paths.end(), [](const std::string& path) { return path.empty(); });
}

const IdxSet* recognise(const Paths& paths) {
  for (const IdxSet& set : idx_sets()) {
    if (is_file_of(set, test_labels, paths[test_labels])) return &set;
  }
  return nullptr;
}

// A directory that bears the set's name may hold any set of the format but a known other one. In a directory without
// that name only a recognised set counts, but what nobody knows may pass for MNIST, whose file names these are.
bool holds(const IdxSet& set, const Paths& paths, bool own_directory) {
  const bool trusted = own_directory || set.name == "mnist";
  try {
    const IdxSet* found = recognise(paths);
    return found == &set || (found == nullptr && trusted);
  } catch (const Error&) {
    if (trusted) throw;
    return false;
  }
}

struct Search {
  std::optional<Paths> found;
  std::string looked_in;  // for the message when there is nothing
};

Search search(const IdxSet& set, const std::string& cache) {
  Search result;
  const auto look = [&](const fs::path& directory, bool own) {
    const Paths paths = files_in(directory);
    const auto missing = std::find(paths.begin(), paths.end(), "");
    if (missing != paths.end() && own && paths != Paths{}) {
      result.looked_in +=
          directory.string() + " (which lacks " + file_names[static_cast<std::size_t>(missing - paths.begin())] + "), ";
    }
    if (!complete(paths) || !holds(set, paths, own)) return false;
    result.found = paths;
    return true;
  };
  for (const std::string& directory : data_directories()) {
    for (const std::string& folder : set.folders) {
      if (look(fs::path(directory) / folder, true)) return result;
    }
    if (look(directory, false)) return result;
    result.looked_in += directory + ", ";
  }
  if (!cache.empty()) {
    if (!look(cache, true)) result.looked_in += cache + ", ";
  }
  return result;
}

std::string cache_directory(const std::string& name) {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return (fs::path(cache) / "gradus" / name).string();
  const char* home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/') return (fs::path(home) / ".cache" / "gradus" / name).string();
  return {};
}

std::vector<std::string> mirrors_of(const IdxSet& set) {
  const char* variable = std::getenv("GRADUS_MIRRORS");
  if (variable == nullptr) return set.mirrors;
  std::vector<std::string> mirrors;
  for (const std::string& mirror : split_text(variable, ' ')) {
    if (!mirror.empty()) mirrors.push_back(mirror.ends_with('/') ? mirror : mirror + "/");
  }
  return mirrors;
}

std::string what_is_wrong(const IdxSet& set, std::size_t file, const std::string& path) {
  try {
    if (is_file_of(set, file, path)) return {};
    return "the file's MD5 checksum is wrong";
  } catch (const Error& error) {
    if (error.code() != ErrorCode::bad_data) throw;
    std::string sentence = error.what();
    if (sentence.starts_with(path + ": ")) sentence.erase(0, path.size() + 2);
    return sentence;
  }
}

Paths download_into(const IdxSet& set, const std::string& cache, const datasets::FetchOptions& options,
                    const DownloadPatience& patience) {
  std::error_code error;
  fs::create_directories(cache, error);
  if (error) throw Error(ErrorCode::io, cache + ": cannot create: " + error.message());
  const Paths there = files_in(cache);
  std::vector<std::string> mirrors = mirrors_of(set);
  for (std::size_t i = 0; i < there.size(); ++i) {
    if (!there[i].empty()) continue;
    Download job;
    job.name = std::string(file_names[i]) + ".gz";
    for (const std::string& mirror : mirrors) job.urls.push_back(mirror + job.name);
    job.destination = (fs::path(cache) / job.name).string();
    job.most_bytes = unpacked_bytes[i] + 65'536;
    job.check = [&set, i](const std::string& path) { return what_is_wrong(set, i, path); };
    job.progress = options.progress;
    job.patience = patience;
    const std::size_t answered = download(job);
    // The next file is asked for there first: a mirror that is down costs its time-out once.
    std::rotate(mirrors.begin(), mirrors.begin() + static_cast<std::ptrdiff_t>(answered), mirrors.end());
  }
  return files_in(cache);
}

}  // namespace

const std::array<IdxSet, 3>& idx_sets() {
  static const std::array<IdxSet, 3> sets = {
      IdxSet{.name = "mnist",
             .folders = {"mnist", "MNIST", "MNIST/raw"},
             .mirrors = {"https://ossci-datasets.s3.amazonaws.com/mnist/",
                         "https://storage.googleapis.com/cvdf-datasets/mnist/", "http://yann.lecun.com/exdb/mnist/"},
             .unpacked_md5 = {"6bbc9ace898e44ae57da46a324031adb", "a25bea736e30d166cdddb491f175f624",
                              "2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637"},
             .packed_md5 = {},
             .class_names = {}},
      IdxSet{.name = "fashion_mnist",
             .folders = {"fashion_mnist", "fashion-mnist", "FashionMNIST", "FashionMNIST/raw"},
             .mirrors = {"https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
                         "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"},
             .unpacked_md5 = {"f4a8712d7a061bf5bd6d2ca38dc4d50a", "9018921c3c673c538a1fc5bad174d6f9",
                              "8181f5470baa50b63fa0f6fddb340f0a", "15d484375f8d13e6eb1aabb0c3f46965"},
             .packed_md5 = {},
             .class_names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
                             "Ankle boot"}},
      // Of this set the sums of the packed files alone are published.
      IdxSet{.name = "kmnist",
             .folders = {"kmnist", "KMNIST", "KMNIST/raw"},
             .mirrors = {"https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
                         "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"},
             .unpacked_md5 = {},
             .packed_md5 = {"bdb82020997e1d708af4cf47b453dcf7", "e144d726b3acfaa3e44228e80efcd344",
                            "5c965bf0a639b31b8f53240b1b52f4d7", "7320c461ea6c1c855c0b718fb2a4b134"},
             .class_names = {"o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"}}};
  return sets;
}

TrainTest load_idx_set(const IdxSet& set, const datasets::FetchOptions& options, const DownloadPatience& patience) {
  const std::string cache = cache_directory(set.name);
  const Search result = search(set, cache);
  Paths paths;
  if (result.found) {
    paths = *result.found;
  } else {
    const std::string nowhere = set.name + " is not in " +
                                (result.looked_in.empty() ? "any directory that is looked at"
                                                          : result.looked_in.substr(0, result.looked_in.size() - 2));
    const std::string advice = ". Set GRADUS_DATA_DIR to where its files lie, or use 'digits', which is built in";
    if (!options.download) throw Error(ErrorCode::not_found, nowhere + ", and is not to be downloaded" + advice);
    if (cache.empty())
      throw Error(ErrorCode::not_found, nowhere + ", and neither HOME nor XDG_CACHE_HOME is set" + advice);
    try {
      paths = download_into(set, cache, options, patience);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::not_found) throw;
      throw Error(ErrorCode::not_found, nowhere + ", and " + error.what() + advice);
    }
  }
  constexpr std::int32_t classes = 10;
  TrainTest sets{read_idx_pair(set.name, paths[0], paths[1], classes),
                 read_idx_pair(set.name, paths[2], paths[3], classes)};
  if (!set.class_names.empty()) {
    sets.train = sets.train.with_class_names(set.class_names);
    sets.test = sets.test.with_class_names(set.class_names);
  }
  return sets;
}

namespace datasets {

TrainTest mnist(const FetchOptions& options) { return load_idx_set(idx_sets()[0], options); }
TrainTest fashion_mnist(const FetchOptions& options) { return load_idx_set(idx_sets()[1], options); }
TrainTest kmnist(const FetchOptions& options) { return load_idx_set(idx_sets()[2], options); }

}  // namespace datasets

namespace {

const bool registered =
    register_source(
        {.name = "mnist",
         .summary = "handwritten digits: 60,000 and 10,000 images 28x28, 10 classes (LeCun, Cortes, Burges)",
         .folders = idx_sets()[0].folders,
         .load = [](const SourceRequest& r) { return datasets::mnist(r.fetch); }}) &&
    register_source({.name = "fashion_mnist",
                     .summary = "photographs of clothes: 60,000 and 10,000 images 28x28, 10 classes (Zalando)",
                     .folders = idx_sets()[1].folders,
                     .load = [](const SourceRequest& r) { return datasets::fashion_mnist(r.fetch); }}) &&
    register_source({.name = "kmnist",
                     .summary = "cursive Japanese characters: 60,000 and 10,000 images 28x28, 10 classes (CODH)",
                     .folders = idx_sets()[2].folders,
                     .load = [](const SourceRequest& r) { return datasets::kmnist(r.fetch); }});

}  // namespace
}  // namespace gradus
