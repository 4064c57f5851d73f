#include "data/idx.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>

#include <gradus/dataset.hpp>
#include <gradus/error.hpp>

#include "base/byte_reader.hpp"
#include "base/gzip.hpp"
#include "base/mapped_file.hpp"
#include "base/text.hpp"
#include "data/registry.hpp"

namespace gradus {
namespace {

constexpr std::size_t most_rank = 4;

std::string hex8(std::uint32_t number) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", number);
  return text;
}

[[noreturn]] void fail(const std::string& path, const std::string& sentence, ErrorCode code = ErrorCode::bad_data) {
  throw Error(code, path + ": " + sentence);
}

// The magic number: two zero bytes, the type of the numbers, the rank.
std::size_t check_magic(const std::string& path, std::uint32_t magic, IdxKind kind) {
  const bool labels = kind == IdxKind::labels;
  const std::string expected = labels ? "labels (0x00000801)" : "images (0x00000803)";
  const std::uint32_t type = magic >> 8 & 0xff, rank = magic & 0xff;
  if (magic >> 16 != 0) fail(path, "is not an IDX file: starts with " + hex8(magic) + ", expected " + expected);
  if (type != 0x08) {
    const bool known = type == 0x09 || (type >= 0x0b && type <= 0x0e);
    fail(path,
         "IDX magic number " + hex8(magic) + (known ? " means other numbers than" : " does not mean") +
             " unsigned bytes; expected " + expected,
         known ? ErrorCode::unsupported : ErrorCode::bad_data);
  }
  if (labels ? rank != 1 : rank < 2 || rank > most_rank) {
    const bool swapped = labels ? rank == 3 : rank == 1;
    fail(path, "IDX magic number " + hex8(magic) + ", expected " + expected +
                   (swapped ? "; are the images and the labels swapped?" : ""));
  }
  return rank;
}

/// `count` bytes, all of them.
std::vector<std::uint8_t> piece(InputFile& file, std::uint64_t count, const char* what) {
  const std::string& path = file.path();
  const std::uint64_t begin = file.offset();
  auto bytes = file.read_up_to(count);
  if (begin == 0 && bytes.empty()) fail(path, "is empty");
  if (bytes.size() < count) {
    fail(path, "ends at offset " + std::to_string(file.offset()) + " within the " + what + ": expected " +
                   with_commas(static_cast<std::int64_t>(count)) + " bytes of it, found " +
                   with_commas(static_cast<std::int64_t>(bytes.size())));
  }
  return bytes;
}

struct IdxHeader {
  Shape shape;
  std::uint64_t bytes = 1;  // of data behind it
};

IdxHeader read_header(InputFile& file, IdxKind kind) {
  const std::string& path = file.path();
  const auto magic = piece(file, 4, "magic number");
  const std::size_t rank = check_magic(path, ByteReader(path, magic).be<std::uint32_t>(), kind);
  const auto sizes_read = piece(file, 4 * rank, "sizes");
  ByteReader reader(path, sizes_read, 4);
  std::vector<std::int64_t> sizes;
  std::uint64_t bytes = 1;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const auto size = reader.be<std::uint32_t>();
    if (size == 0)
      fail(path, "size " + std::to_string(axis) + " of " + std::to_string(rank) + " is 0: it holds nothing");
    sizes.push_back(size);
    // What no file of this length can hold is refused before memory is taken for it, and long before it overflows.
    if (bytes > file.most_bytes() / size) {
      fail(path, "the sizes at offset 4 ask for more than the file of " +
                     count_of(static_cast<std::int64_t>(file.file_size()), "byte") + " can hold");
    }
    bytes *= size;
  }
  return {Shape(std::move(sizes)), bytes};
}

[[noreturn]] void fail_too_long(const std::string& path, std::uint64_t end, const Shape& shape) {
  fail(path, "goes on behind offset " + std::to_string(end) + ", where " + shape.to_string() + " bytes of data end");
}

Shape sample_shape_of(const Shape& images) {
  const Shape sample = images.without_rows();
  return sample.rank() == 2 ? Shape{sample[0], sample[1], 1} : sample;
}

}  // namespace

IdxArray read_idx(const std::string& path, IdxKind kind) {
  InputFile file(path);
  IdxHeader header = read_header(file, kind);
  IdxArray array{std::move(header.shape), piece(file, header.bytes, "data")};
  if (!file.at_end()) fail_too_long(path, file.offset(), array.shape);
  return array;
}

Dataset read_idx_pair(const std::string& name, const std::string& images_path, const std::string& labels_path,
                      std::int32_t classes, bool on_disk) {
  const IdxArray labels = read_idx(labels_path, IdxKind::labels);
  InputFile file(images_path);
  const IdxHeader header = read_header(file, IdxKind::images);
  if (header.shape[0] != labels.shape[0]) {
    fail(labels_path, "holds " + count_of(labels.shape[0], "label") + ", but " + images_path + " holds " +
                          count_of(header.shape[0], "image"));
  }
  const auto greatest = std::max_element(labels.values.begin(), labels.values.end());
  if (classes > 0 && *greatest >= classes) {
    const auto wrong = std::find_if(labels.values.begin(), labels.values.end(), [&](int l) { return l >= classes; });
    fail(labels_path, "at offset " + std::to_string(8 + (wrong - labels.values.begin())) + ": label " +
                          std::to_string(*wrong) + " is outside 0 to " + std::to_string(classes - 1));
  }
  const Shape sample = sample_shape_of(header.shape);
  std::vector<std::int32_t> wide(labels.values.begin(), labels.values.end());
  const std::int32_t count = classes > 0 ? classes : *greatest + 1;
  if (on_disk && !file.compressed()) {
    const std::uint64_t begin = file.offset();
    if (begin + header.bytes < file.file_size()) fail_too_long(images_path, begin + header.bytes, header.shape);
    return Dataset::on_disk(name, sample, DType::uint8, std::make_shared<const MappedFile>(images_path), begin,
                            std::move(wide), count);
  }
  std::vector<std::uint8_t> pixels = piece(file, header.bytes, "data");
  if (!file.at_end()) fail_too_long(images_path, file.offset(), header.shape);
  return Dataset::classified(name, sample, std::move(pixels), std::move(wide), count);
}

Dataset read_idx_pair(const std::string& name, const std::string& images_path, const std::string& labels_path,
                      std::int32_t classes) {
  return read_idx_pair(name, images_path, labels_path, classes, false);
}

Dataset datasets::idx(const std::string& images_path, const std::string& labels_path) {
  return read_idx_pair(images_path, images_path, labels_path, 0);
}

namespace {

/// train-images-idx3-ubyte -> train-labels-idx1-ubyte
std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.rfind(from);
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TrainTest load_idx(const SourceRequest& r) {
  namespace fs = std::filesystem;
  const fs::path images(r.path);
  const std::string file = images.filename().string();
  const auto pair = [&](const std::string& name, std::int32_t classes) {
    const std::string labels = replaced(replaced(name, "images", "labels"), "idx3", "idx1");
    if (labels == name) fail(r.path, "the name does not tell where the labels are; expected images in it");
    std::error_code ignored;
    const std::uint64_t bytes = fs::file_size(images.parent_path() / name, ignored);
    return read_idx_pair(name, (images.parent_path() / name).string(), (images.parent_path() / labels).string(),
                         classes, r.stays_on_disk(ignored ? 0 : bytes));
  };
  TrainTest sets{pair(file, 0), {}};
  const std::string test = replaced(file, "train-", "t10k-");
  if (test != file && fs::exists(images.parent_path() / test)) {
    sets.test = pair(test, static_cast<std::int32_t>(sets.train.target_width()));
  }
  return sets;
}

const bool registered = register_source({.name = "idx images",
                                         .summary = "IDX images with their labels beside them",
                                         .endings = {"-idx3-ubyte", ".idx3-ubyte", "-idx3-ubyte.gz", ".idx3-ubyte.gz"},
                                         .load = load_idx});

}  // namespace
}  // namespace gradus
