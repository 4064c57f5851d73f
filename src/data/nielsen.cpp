// mnist.pkl.gz of Nielsen's book and of the deeplearning.net tutorials: three pairs of images and labels.

#include <cmath>
#include <filesystem>
#include <limits>

#include <gradus/error.hpp>

#include "base/byte_reader.hpp"
#include "base/text.hpp"
#include "data/pickle.hpp"
#include "data/registry.hpp"

namespace gradus {
namespace {

using Kind = PickleValue::Kind;

constexpr std::array<const char*, 3> part_names = {"training", "validation", "test"};

[[noreturn]] void fail(const std::string& path, const std::string& sentence) {
  throw Error(ErrorCode::bad_data, path + ": " + sentence);
}

// An array of the pickle, checked against its bytes.
struct Array {
  const PickleValue* value;
  std::int64_t rows;
  std::int64_t width;
};

std::int64_t item_size(const std::string& path, const PickleValue& dtype) {
  for (const char* known : {"f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}) {
    if (dtype.text == known) return dtype.text[1] - '0';
  }
  throw Error(ErrorCode::unsupported, path + ": numbers of numpy's type " + in_quotes(dtype.text) + " are not read");
}

Array checked(const std::string& path, const PickleValue& value, const std::string& what) {
  if (value.kind != Kind::array || value.data == nullptr) fail(path, "the " + what + " are no array");
  std::uint64_t bytes = static_cast<std::uint64_t>(item_size(path, *value.dtype));
  const std::uint64_t have = value.data->text.size();
  if (value.shape.empty()) fail(path, "the " + what + " are a single number");
  for (const std::int64_t size : value.shape) {
    if (size <= 0) fail(path, "the " + what + " are empty");
    if (bytes > have / static_cast<std::uint64_t>(size)) {
      fail(path, "the " + what + " have " + count_of(static_cast<std::int64_t>(have), "byte") +
                     ", fewer than their shape says");
    }
    bytes *= static_cast<std::uint64_t>(size);
  }
  if (bytes != have) {
    fail(path, "the " + what + " have " + count_of(static_cast<std::int64_t>(have), "byte") + ", their shape says " +
                   with_commas(static_cast<std::int64_t>(bytes)));
  }
  const std::int64_t rows = value.shape[0];
  return {&value, rows, static_cast<std::int64_t>(bytes) / item_size(path, *value.dtype) / rows};
}

template <class T, class Take>
void each_of(const Array& array, Take take) {
  const std::string& data = array.value->data->text;
  ByteReader reader("array", std::span(reinterpret_cast<const std::uint8_t*>(data.data()), data.size()));
  const bool big = array.value->dtype->byte_order == '>';
  const std::int64_t count = array.rows * array.width;
  for (std::int64_t i = 0; i < count; ++i) {
    const T value = big ? reader.be<T>() : reader.le<T>();
    // In Fortran's order the first index runs fastest; a row's further axes are taken for one.
    const std::int64_t at = array.value->fortran_order ? i % array.rows * array.width + i / array.rows : i;
    take(at, value);
  }
}

// Calls `take(position, number)` for each number of the array.
template <class Take>
void each(const Array& array, Take take) {
  const std::string& type = array.value->dtype->text;
  if (type == "f4") return each_of<float>(array, take);
  if (type == "f8") return each_of<double>(array, take);
  if (type == "i1") return each_of<std::int8_t>(array, take);
  if (type == "i2") return each_of<std::int16_t>(array, take);
  if (type == "i4") return each_of<std::int32_t>(array, take);
  if (type == "i8") return each_of<std::int64_t>(array, take);
  if (type == "u2") return each_of<std::uint16_t>(array, take);
  if (type == "u4") return each_of<std::uint32_t>(array, take);
  if (type == "u8") return each_of<std::uint64_t>(array, take);
  return each_of<std::uint8_t>(array, take);
}

struct Parts {
  std::array<Array, 3> images;
  std::array<Array, 3> labels;
};

Parts parts_of(const std::string& path, const PickleValue& root) {
  const auto is_sequence_of = [](const PickleValue& value, std::size_t size) {
    return value.kind == Kind::sequence && value.items.size() == size;
  };
  if (!is_sequence_of(root, 3)) fail(path, "is not three pairs of images and labels (training, validation, test)");
  Parts parts{};
  for (std::size_t p = 0; p < 3; ++p) {
    const std::string name = part_names[p];
    const PickleValue& pair = *root.items[p];
    if (!is_sequence_of(pair, 2)) fail(path, "the " + name + " part is not a pair of images and labels");
    parts.images[p] = checked(path, *pair.items[0], name + " images");
    parts.labels[p] = checked(path, *pair.items[1], name + " labels");
    if (parts.images[p].width != parts.images[0].width) fail(path, "the " + name + " images have another size");
    if (parts.images[p].value->fortran_order && parts.images[p].value->shape.size() > 2) {
      fail(path, "the " + name + " images are in Fortran's order with more than two axes");
    }
    if (parts.labels[p].rows != parts.images[p].rows || parts.labels[p].width != 1) {
      fail(path, count_of(parts.images[p].rows, name + " image") + ", but " +
                     count_of(parts.labels[p].rows * parts.labels[p].width, "label"));
    }
  }
  return parts;
}

// Bytes as they stand, or floats that are 256ths; false for anything else.
bool read_bytes(const Array& images, std::vector<std::uint8_t>& pixels, std::size_t begin) {
  const bool floats = images.value->dtype->text[0] == 'f';
  bool exact = true;
  each(images, [&](std::int64_t at, auto number) {
    const double value = static_cast<double>(number) * (floats ? 256 : 1);
    const bool fits = value >= 0 && value <= 255 && value == static_cast<int>(value);
    exact = exact && fits;
    pixels[begin + static_cast<std::size_t>(at)] = fits ? static_cast<std::uint8_t>(value) : std::uint8_t{0};
  });
  return exact;
}

void read_reals(const std::string& path, const Array& images, std::vector<Real>& pixels, std::size_t begin) {
  each(images, [&](std::int64_t at, auto number) {
    const auto value = static_cast<Real>(number);
    if (!std::isfinite(value)) fail(path, "a pixel of image " + std::to_string(at / images.width) + " is not finite");
    pixels[begin + static_cast<std::size_t>(at)] = value;
  });
}

void read_labels(const std::string& path, const Parts& parts, std::size_t p, std::vector<std::int32_t>& labels) {
  constexpr int classes = 10;
  const std::size_t begin = labels.size();
  labels.resize(begin + static_cast<std::size_t>(parts.labels[p].rows));
  each(parts.labels[p], [&](std::int64_t at, auto number) {
    const double value = static_cast<double>(number);
    if (!(value >= 0 && value < classes && value == static_cast<int>(value))) {
      fail(path, std::string("label ") + std::to_string(at) + " of the " + part_names[p] + " part is outside 0 to 9");
    }
    labels[begin + static_cast<std::size_t>(at)] = static_cast<std::int32_t>(value);
  });
}

// Training and validation lie one behind the other, so that they can also be one set.
struct Loaded {
  Dataset train_and_validation;
  std::int64_t train_rows;
  Dataset test;
};

Dataset set_of(const std::string& path, const Parts& parts, std::size_t first, std::size_t end, bool as_bytes) {
  std::vector<std::int32_t> labels;
  std::vector<std::uint8_t> bytes;
  std::vector<Real> reals;
  for (std::size_t p = first; p < end; ++p) {
    const std::size_t begin = as_bytes ? bytes.size() : reals.size();
    const std::size_t size = begin + static_cast<std::size_t>(parts.images[p].rows * parts.images[p].width);
    if (as_bytes) {
      bytes.resize(size);
      (void)read_bytes(parts.images[p], bytes, begin);
    } else {
      reals.resize(size);
      read_reals(path, parts.images[p], reals, begin);
    }
    read_labels(path, parts, p, labels);
  }
  const std::int64_t width = parts.images[0].width;
  const Shape shape = width == 28 * 28 ? Shape{28, 28, 1} : Shape{width};
  const std::string name = std::filesystem::path(path).filename().string();
  if (as_bytes) return Dataset::classified(name, shape, std::move(bytes), std::move(labels), 10);
  return Dataset::classified(name, shape, std::move(reals), std::move(labels), 10);
}

Loaded load_pickle(const std::string& path) {
  PickleReader reader(path);
  const Parts parts = parts_of(path, reader.read());
  bool as_bytes = true;
  for (const Array& images : parts.images) {
    std::vector<std::uint8_t> scratch(static_cast<std::size_t>(images.rows * images.width));
    as_bytes = as_bytes && read_bytes(images, scratch, 0);
  }
  return {set_of(path, parts, 0, 2, as_bytes), parts.images[0].rows, set_of(path, parts, 2, 3, as_bytes)};
}

}  // namespace

datasets::NielsenSplit datasets::nielsen_pickle(const std::string& path) {
  const Loaded loaded = load_pickle(path);
  const Dataset& both = loaded.train_and_validation;
  return {both.slice(0, loaded.train_rows), both.slice(loaded.train_rows, both.size()), loaded.test};
}

namespace {

const bool registered = register_source({.name = "pickle file",
                                         .summary = "Nielsen's mnist.pkl.gz",
                                         .endings = {".pkl", ".pkl.gz"},
                                         .load = [](const SourceRequest& r) {
                                           Loaded loaded = load_pickle(r.path);
                                           return TrainTest{loaded.train_and_validation, loaded.test};
                                         }});

}  // namespace
}  // namespace gradus
