// Folders of pictures as data sets: a sub-folder for each class.
#include <algorithm>
#include <filesystem>
#include <set>

#include <gradus/dataset.hpp>
#include <gradus/error.hpp>

#include "base/mapped_file.hpp"
#include "base/nearest.hpp"
#include "base/text.hpp"
#include "base/thread_pool.hpp"
#include "data/registry.hpp"
#include "formats/image.hpp"
#include "formats/picture_files.hpp"

namespace gradus {
namespace {

namespace fs = std::filesystem;
using datasets::ImageOptions;

struct Picture {
  std::string path;
  std::int32_t label = 0;
};

/// The names of the folders in a folder, sorted, hidden ones left out.
std::vector<std::string> folders_in(const std::string& folder) {
  std::vector<std::string> names;
  try {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      std::string name = entry.path().filename().string();
      if (name.starts_with('.') || !entry.is_directory()) continue;
      if (!is_utf8(name)) {
        throw Error(ErrorCode::bad_data, folder + ": the name of the folder " + in_quotes(name) +
                                             ", which names a class, is not UTF-8; rename it");
      }
      names.push_back(std::move(name));
    }
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::io, folder + ": cannot be read: " + error.code().message());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<Picture> pictures_in(const std::string& folder, const std::vector<std::string>& classes,
                                 const std::vector<std::string>& known) {
  std::vector<Picture> pictures;
  for (const std::string& name : classes) {
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) {
      throw Error(ErrorCode::bad_data, folder + "/" + name + ": the training part has no class " + in_quotes(name) +
                                           did_you_mean(name, known));
    }
    std::vector<std::string> files = picture_files(folder + "/" + name);
    if (files.empty()) {
      throw Error(
          ErrorCode::bad_data,
          folder + "/" + name + ": holds no picture (PNG, JPEG, WebP, BMP, TIFF or GIF), nor do its sub-folders");
    }
    for (std::string& file : files) {
      pictures.push_back({std::move(file), static_cast<std::int32_t>(found - known.begin())});
    }
  }
  return pictures;
}

/// The size that samples get, from what was asked for and the first picture of each class that can be read.
struct SampleSize {
  std::int64_t height = 0, width = 0, channels = 0;
  [[nodiscard]] std::int64_t bytes() const { return height * width * channels; }
};

SampleSize settle_size(const std::vector<Picture>& pictures, const ImageOptions& options) {
  constexpr std::int64_t usual_side = 64;
  SampleSize size{options.height, options.width, options.colour ? (*options.colour ? 3 : 1) : 0};
  std::int64_t height = 0, width = 0, channels = 1;
  std::int32_t wanted = 0;  // the next class to look at
  for (const Picture& picture : pictures) {
    if (picture.label < wanted || (height > 0 && size.channels > 0)) continue;
    try {
      const Image image = read_image(picture.path);
      if (height == 0) height = image.height, width = image.width;
      channels = std::max(channels, image.channels);
      wanted = picture.label + 1;
    } catch (const Error&) {
      continue;  // it is named when it is its turn
    }
  }
  if (size.height == 0) size.height = std::min(height == 0 ? usual_side : height, usual_side);
  if (size.width == 0) size.width = std::min(width == 0 ? usual_side : width, usual_side);
  if (size.channels == 0) size.channels = channels;
  return size;
}

/// Decodes pictures by all threads, a chunk at a time, and hands them on in order.
class Decoder {
 public:
  Decoder(const SampleSize& size, const ImageOptions& options, std::vector<std::string>& skipped)
      : size_(size),
        strict_(options.strict),
        pool_(check_threads(options.threads, "image_folder: threads")),
        skipped_(skipped) {}

  /// `take` gets each picture that could be read, and its pixels.
  void decode(const std::vector<Picture>& pictures,
              const std::function<void(const Picture&, std::span<const std::uint8_t>)>& take) {
    constexpr std::size_t chunk = 256;
    std::vector<std::vector<std::uint8_t>> pixels(chunk);
    std::vector<std::string> faults(chunk);
    for (std::size_t begin = 0; begin < pictures.size(); begin += chunk) {
      const std::size_t count = std::min(chunk, pictures.size() - begin);
      pool_.run(static_cast<int>(count), [&](int i) {
        const auto at = static_cast<std::size_t>(i);
        faults[at].clear();
        read(pictures[begin + at].path, pixels[at], faults[at]);
      });
      for (std::size_t i = 0; i < count; ++i) {
        if (!faults[i].empty()) {
          if (strict_) throw Error(ErrorCode::bad_data, faults[i]);
          skipped_.push_back(faults[i]);
          continue;
        }
        take(pictures[begin + i], pixels[i]);
      }
    }
  }

 private:
  // What is wrong comes back as a sentence: one picture must not keep the others of its chunk from being read.
  void read(const std::string& path, std::vector<std::uint8_t>& pixels, std::string& fault) const {
    try {
      pixels = resized(with_channels(read_image(path), size_.channels), size_.width, size_.height).pixels;
    } catch (const std::exception& error) {
      fault = error.what();
      if (fault.empty()) fault = path + ": cannot be read";
    }
  }

  SampleSize size_;
  bool strict_;
  ThreadPool pool_;
  std::vector<std::string>& skipped_;
};

Dataset read_part(const std::string& folder, const std::vector<Picture>& pictures, const SampleSize& size,
                  const std::vector<std::string>& classes, bool on_disk, Decoder& decoder) {
  const Shape shape{size.height, size.width, size.channels};
  const auto count = static_cast<std::int32_t>(classes.size());
  std::vector<std::int32_t> labels;
  std::vector<std::string> names;
  const auto decode = [&](auto&& append) {
    decoder.decode(pictures, [&](const Picture& picture, std::span<const std::uint8_t> pixels) {
      labels.push_back(picture.label);
      names.push_back(picture.path);
      append(pixels);
    });
    if (labels.empty()) throw Error(ErrorCode::bad_data, folder + ": none of its pictures can be read");
  };
  Dataset set;
  if (on_disk) {
    TemporaryFile file;
    decode([&](std::span<const std::uint8_t> pixels) { file.append(pixels); });
    set = Dataset::on_disk(folder, shape, DType::uint8, file.map(), 0, std::move(labels), count);
  } else {
    std::vector<std::uint8_t> all;
    all.reserve(pictures.size() * static_cast<std::size_t>(size.bytes()));
    decode([&](std::span<const std::uint8_t> pixels) { all.insert(all.end(), pixels.begin(), pixels.end()); });
    set = Dataset::classified(folder, shape, std::move(all), std::move(labels), count);
  }
  return set.with_class_names(classes).with_preparation("resized").with_sample_names(std::move(names));
}

/// Where the parts lie: the training part's folder, the test part's or "", and what is to be said about it.
struct Parts {
  std::string train, test;
  std::vector<std::string> remarks{};
};

/// What part a folder's name stands for: "train", "test" or "validation"; "" for any other name.
std::string part_of(const std::string& name) {
  std::string word = lower(name);
  if (word.ends_with("set")) word.resize(word.size() - 3);
  while (!word.empty() && (word.back() == '_' || word.back() == '-' || word.back() == ' ')) word.pop_back();
  if (word == "train" || word == "training") return "train";
  if (word == "test" || word == "testing") return "test";
  if (word == "val" || word == "valid" || word == "validation") return "validation";
  return "";
}

Parts find_parts(const std::string& path, const std::vector<std::string>& folders) {
  const auto find = [&](const char* part) {
    const auto found = std::find_if(folders.begin(), folders.end(), [&](const auto& f) { return part_of(f) == part; });
    return found == folders.end() ? std::string() : path + "/" + *found;
  };
  const std::string train = find("train"), test = find("test"), validation = find("validation");
  if (train.empty() || (test.empty() && validation.empty())) {
    return folders.size() == 1 && !train.empty() ? Parts{train, ""} : Parts{path, ""};
  }
  Parts parts{train, test.empty() ? validation : test};
  for (const std::string& folder : folders) {
    const std::string other = path + "/" + folder;
    if (other == parts.train || other == parts.test) continue;
    parts.remarks.push_back(other + " is left out: " + parts.train + " is trained on, " + parts.test +
                            " is the test part.");
  }
  return parts;
}

/// Says of pictures in a folder itself that they are left out.
void add_strays(const std::string& folder, std::vector<std::string>& remarks) {
  std::int64_t strays = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') || !entry.is_regular_file()) continue;
    if (is_picture_name(name) || begins_as_image(entry.path().string())) ++strays;
  }
  if (strays == 0) return;
  remarks.push_back(count_of(strays, "picture") + " in " + folder + " itself " + (strays == 1 ? "is" : "are") +
                    " left out: only those in its sub-folders have a class.");
}

/// Says of a single class that it is one.
void add_single_class(const std::string& folder, const std::vector<std::string>& classes,
                      std::vector<std::string>& remarks) {
  if (classes.size() != 1) return;
  const std::string only = folder + "/" + classes[0];
  std::string remark = folder + " has one class only, " + in_quotes(classes[0]) + ", so there is nothing to tell apart";
  if (!folders_in(only).empty()) remark += "; if the classes are the folders in " + only + ", give that one instead";
  remarks.push_back(remark + ".");
}

std::uint64_t bytes_of(const std::vector<Picture>& pictures, const SampleSize& size) {
  return pictures.size() * static_cast<std::uint64_t>(size.bytes());
}

/// A folder's pictures, and what is to be said about them.
struct FolderContent {
  datasets::ImageFolder folder;
  std::vector<std::string> remarks;
};

FolderContent read_folder(std::string path, const ImageOptions& options,
                          const std::function<bool(std::uint64_t)>& on_disk) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (!fs::is_directory(path)) throw Error(ErrorCode::not_found, path + ": no such folder");
  constexpr std::int64_t most_side = 4096;
  if (options.height < 0 || options.width < 0 || options.height > most_side || options.width > most_side) {
    throw Error(ErrorCode::invalid_argument, path + ": pictures can be brought to 1 to 4096 pixels a side");
  }
  const Parts parts = find_parts(path, folders_in(path));
  const std::vector<std::string> classes = folders_in(parts.train);
  if (classes.empty()) {
    throw Error(ErrorCode::bad_data, parts.train + ": has no sub-folders; there must be one for each class");
  }
  const std::vector<Picture> train = pictures_in(parts.train, classes, classes);
  const SampleSize size = settle_size(train, options);
  FolderContent result{{}, parts.remarks};
  for (const std::string& each : std::set{path, parts.train, parts.test}) {
    if (!each.empty()) add_strays(each, result.remarks);
  }
  add_single_class(parts.train, classes, result.remarks);
  datasets::ImageFolder& folder = result.folder;
  Decoder decoder(size, options, folder.skipped);
  folder.parts.train = read_part(parts.train, train, size, classes, on_disk(bytes_of(train, size)), decoder);
  if (parts.test.empty()) return result;
  const std::vector<Picture> test = pictures_in(parts.test, folders_in(parts.test), classes);
  folder.parts.test = read_part(parts.test, test, size, classes, on_disk(bytes_of(test, size)), decoder);
  return result;
}

const bool registered =
    register_source({.name = "folder of pictures",
                     .summary = "PNG, JPEG, WebP, BMP, TIFF and GIF files, a sub-folder for each class",
                     .is_folder = true,
                     .load = [](const SourceRequest& r) {
                       auto [folder, remarks] =
                           read_folder(r.path, r.images, [&](std::uint64_t bytes) { return r.stays_on_disk(bytes); });
                       for (std::string& line : left_out_remarks(folder.skipped)) remarks.push_back(std::move(line));
                       for (const std::string& remark : remarks) {
                         if (r.remark) r.remark(remark);
                       }
                       return folder.parts;
                     }});

}  // namespace

datasets::ImageFolder datasets::image_folder(const std::string& path, const ImageOptions& options, bool on_disk) {
  return read_folder(path, options, [&](std::uint64_t) { return on_disk; }).folder;
}

}  // namespace gradus
