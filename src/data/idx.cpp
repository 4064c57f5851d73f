#include "data/idx.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include <gradus/dataset.hpp>
#include <gradus/error.hpp>

#include "base/byte_reader.hpp"
#include "base/gzip.hpp"
#include "base/text.hpp"

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

}  // namespace

IdxArray read_idx(const std::string& path, IdxKind kind) {
  InputFile file(path);
  const auto piece = [&](std::uint64_t count, const char* what) {
    const std::uint64_t begin = file.offset();
    auto bytes = file.read_up_to(count);
    if (begin == 0 && bytes.empty()) fail(path, "is empty");
    if (bytes.size() < count) {
      fail(path, "ends at offset " + std::to_string(file.offset()) + " within the " + what + ": expected " +
                     with_commas(static_cast<std::int64_t>(count)) + " bytes of it, found " +
                     with_commas(static_cast<std::int64_t>(bytes.size())));
    }
    return bytes;
  };
  const auto magic = piece(4, "magic number");
  const std::size_t rank = check_magic(path, ByteReader(path, magic).be<std::uint32_t>(), kind);
  const auto header = piece(4 * rank, "sizes");
  ByteReader reader(path, header, 4);
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
  IdxArray array{Shape(std::move(sizes)), piece(bytes, "data")};
  if (!file.at_end()) {
    fail(path, "goes on behind offset " + std::to_string(file.offset()) + ", where " + array.shape.to_string() +
                   " bytes of data end");
  }
  return array;
}

Dataset read_idx_pair(const std::string& name, const std::string& images_path, const std::string& labels_path,
                      std::int32_t classes) {
  const IdxArray labels = read_idx(labels_path, IdxKind::labels);
  IdxArray images = read_idx(images_path, IdxKind::images);
  if (images.shape[0] != labels.shape[0]) {
    fail(labels_path, "holds " + count_of(labels.shape[0], "label") + ", but " + images_path + " holds " +
                          count_of(images.shape[0], "image"));
  }
  const auto greatest = std::max_element(labels.values.begin(), labels.values.end());
  if (classes > 0 && *greatest >= classes) {
    const auto wrong = std::find_if(labels.values.begin(), labels.values.end(), [&](int l) { return l >= classes; });
    fail(labels_path, "at offset " + std::to_string(8 + (wrong - labels.values.begin())) + ": label " +
                          std::to_string(*wrong) + " is outside 0 to " + std::to_string(classes - 1));
  }
  Shape sample = images.shape.without_rows();
  if (sample.rank() == 2) sample = Shape{sample[0], sample[1], 1};
  std::vector<std::int32_t> wide(labels.values.begin(), labels.values.end());
  return Dataset::classified(name, std::move(sample), std::move(images.values), std::move(wide),
                             classes > 0 ? classes : *greatest + 1);
}

Dataset datasets::idx(const std::string& images_path, const std::string& labels_path) {
  return read_idx_pair(images_path, images_path, labels_path, 0);
}

}  // namespace gradus
