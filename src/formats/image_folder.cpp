// Folders of pictures as data sets: a sub-folder for each class.
#include <algorithm>
#include <filesystem>
#include <mutex>

#include <gradus/dataset.hpp>
#include <gradus/error.hpp>

#include "base/mapped_file.hpp"
#include "base/nearest.hpp"
#include "base/text.hpp"
#include "base/thread_pool.hpp"
#include "data/registry.hpp"
#include "formats/image.hpp"

namespace gradus {
namespace {

namespace fs = std::filesystem;
using datasets::ImageOptions;

struct Picture {
  std::string path;
  std::int32_t label = 0;
};

bool is_picture_name(const std::string& name) {
  const std::string small = lower(name);
  return small.ends_with(".png") || small.ends_with(".jpg") || small.ends_with(".jpeg");
}

/// The names of what lies in a folder, sorted, hidden ones left out.
std::vector<std::string> names_in(const std::string& folder, bool folders) {
  std::vector<std::string> names;
  try {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      std::string name = entry.path().filename().string();
      if (name.empty() || name[0] == '.' || entry.is_directory() != folders) continue;
      if (folders || is_picture_name(name)) names.push_back(std::move(name));
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
    const std::vector<std::string> files = names_in(folder + "/" + name, false);
    if (files.empty()) throw Error(ErrorCode::bad_data, folder + "/" + name + ": holds no picture (.png, .jpg, .jpeg)");
    for (const std::string& file : files) {
      pictures.push_back({folder + "/" + name + "/" + file, static_cast<std::int32_t>(found - known.begin())});
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

  /// `take` gets the pixels of the pictures that could be read, and `labels` their labels.
  void decode(const std::vector<Picture>& pictures, std::vector<std::int32_t>& labels,
              const std::function<void(std::span<const std::uint8_t>)>& take) {
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
        labels.push_back(pictures[begin + i].label);
        take(pixels[i]);
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
  const auto check = [&] {
    if (labels.empty()) throw Error(ErrorCode::bad_data, folder + ": none of its pictures can be read");
  };
  Dataset set;
  if (on_disk) {
    TemporaryFile file;
    decoder.decode(pictures, labels, [&](std::span<const std::uint8_t> pixels) { file.append(pixels); });
    check();
    set = Dataset::on_disk(folder, shape, DType::uint8, file.map(), 0, std::move(labels), count);
  } else {
    std::vector<std::uint8_t> all;
    all.reserve(pictures.size() * static_cast<std::size_t>(size.bytes()));
    decoder.decode(pictures, labels,
                   [&](std::span<const std::uint8_t> pixels) { all.insert(all.end(), pixels.begin(), pixels.end()); });
    check();
    set = Dataset::classified(folder, shape, std::move(all), std::move(labels), count);
  }
  return set.with_class_names(classes).with_preparation("resized");
}

/// Where the parts lie: the training part's folder, and the test part's or "".
struct Parts {
  std::string train, test;
};

Parts find_parts(const std::string& path, const std::vector<std::string>& folders) {
  const auto has = [&](const char* name) { return std::find(folders.begin(), folders.end(), name) != folders.end(); };
  if (!has("train")) return {path, ""};
  for (const char* test : {"test", "val", "validation"}) {
    if (has(test)) return {path + "/train", path + "/" + test};
  }
  return folders.size() == 1 ? Parts{path + "/train", ""} : Parts{path, ""};
}

std::uint64_t bytes_of(const std::vector<Picture>& pictures, const SampleSize& size) {
  return pictures.size() * static_cast<std::uint64_t>(size.bytes());
}

datasets::ImageFolder read_folder(std::string path, const ImageOptions& options,
                                  const std::function<bool(std::uint64_t)>& on_disk) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (!fs::is_directory(path)) throw Error(ErrorCode::not_found, path + ": no such folder");
  constexpr std::int64_t most_side = 4096;
  if (options.height < 0 || options.width < 0 || options.height > most_side || options.width > most_side) {
    throw Error(ErrorCode::invalid_argument, path + ": pictures can be brought to 1 to 4096 pixels a side");
  }
  const Parts parts = find_parts(path, names_in(path, true));
  const std::vector<std::string> classes = names_in(parts.train, true);
  if (classes.empty()) {
    throw Error(ErrorCode::bad_data, parts.train + ": has no sub-folders; there must be one for each class");
  }
  const std::vector<Picture> train = pictures_in(parts.train, classes, classes);
  const SampleSize size = settle_size(train, options);
  datasets::ImageFolder result;
  Decoder decoder(size, options, result.skipped);
  result.parts.train = read_part(parts.train, train, size, classes, on_disk(bytes_of(train, size)), decoder);
  if (parts.test.empty()) return result;
  const std::vector<Picture> test = pictures_in(parts.test, names_in(parts.test, true), classes);
  result.parts.test = read_part(parts.test, test, size, classes, on_disk(bytes_of(test, size)), decoder);
  return result;
}

const bool registered = register_source(
    {.name = "folder of pictures",
     .summary = "PNG and JPEG files, a sub-folder for each class",
     .is_folder = true,
     .load = [](const SourceRequest& r) {
       datasets::ImageFolder folder =
           read_folder(r.path, r.images, [&](std::uint64_t bytes) { return r.stays_on_disk(bytes); });
       if (r.remark && !folder.skipped.empty()) {
         constexpr std::size_t most = 5;
         const auto count = static_cast<std::int64_t>(folder.skipped.size());
         r.remark(count_of(count, "picture") + " could not be read and " + (count == 1 ? "is" : "are") + " left out:");
         for (std::size_t i = 0; i < std::min(most, folder.skipped.size()); ++i) r.remark("  " + folder.skipped[i]);
         if (folder.skipped.size() > most) r.remark("  and " + with_commas(count - 5) + " more");
       }
       return folder.parts;
     }});

}  // namespace

datasets::ImageFolder datasets::image_folder(const std::string& path, const ImageOptions& options, bool on_disk) {
  return read_folder(path, options, [&](std::uint64_t) { return on_disk; });
}

}  // namespace gradus
