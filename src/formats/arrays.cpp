// NumPy's arrays as data sets.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include <gradus/dataset.hpp>
#include <gradus/error.hpp>

#include "base/gzip.hpp"
#include "base/mapped_file.hpp"
#include "base/text.hpp"
#include "data/registry.hpp"
#include "formats/npy.hpp"
#include "formats/zip.hpp"

namespace gradus {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t largest = std::uint64_t{1} << 40;

[[noreturn]] void fail(const std::string& name, const std::string& sentence) {
  throw Error(ErrorCode::bad_data, name + ": " + sentence);
}

/// An array's bytes, in memory or on the disk.
struct Bytes {
  std::string name;
  HeldBytes content;
  ReadBudget budget;

  [[nodiscard]] std::span<const std::uint8_t> all() const { return content.all(); }
  /// Throws when the file was changed while it was read.
  void check() const {
    if (content.file() != nullptr) content.file()->check();
  }
};

Bytes bytes_of_file(const std::string& path) {
  InputFile file(path);
  if (!file.compressed()) return {path, std::make_shared<const MappedFile>(path), file.budget()};
  std::vector<std::uint8_t> unpacked = file.read_up_to(largest);
  return {path, std::move(unpacked), file.budget()};
}

using StaysOnDisk = std::function<bool(std::uint64_t)>;

Bytes bytes_of_member(const ZipReader& archive, const ZipReader::Member& member, const StaysOnDisk& on_disk) {
  const std::string name = archive.path() + ": " + member.name;
  if (!on_disk(member.size)) return {name, archive.read(member.name, largest), archive.budget()};
  TemporaryFile file;
  archive.read_pieces(member.name, largest, [&](std::span<const std::uint8_t> piece) { file.append(piece); });
  return {name, file.map(), archive.budget()};
}

// --- inputs ---

/// The samples of one part: numbers in memory, or a place in a file.
struct Inputs {
  std::string name;
  Shape shape{};  // of a sample
  std::int64_t rows = 0;
  DType dtype = DType::real;
  std::vector<std::uint8_t> bytes{};
  std::vector<Real> reals{};
  std::shared_ptr<const MappedFile> file{};
  std::uint64_t offset = 0;
};

Shape shape_of_sample(const NpyLayout& layout, const std::string& name) {
  if (layout.shape.rank() == 0 || layout.shape.elements() == 0) {
    fail(name, "an array of shape " + layout.shape.to_string() + " holds no samples");
  }
  if (layout.shape.rank() == 1) return Shape{1};
  const Shape sample = layout.shape.without_rows();
  return sample.rank() == 2 ? Shape{sample[0], sample[1], 1} : sample;
}

/// Numbers of another kind, as Reals in a file of their own.
void convert_to_file(Inputs& inputs, const NpyLayout& layout, std::span<const std::uint8_t> numbers,
                     const MappedFile* source) {
  constexpr std::size_t piece = std::size_t{1} << 20;
  TemporaryFile file;
  std::vector<Real> converted;
  const std::size_t count = numbers.size() / layout.type.bytes;
  for (std::size_t done = 0; done < count; done += piece) {
    converted.resize(std::min(piece, count - done));
    convert_numbers(layout.type, numbers.subspan(done * layout.type.bytes, converted.size() * layout.type.bytes),
                    converted);
    demand_finite(converted, inputs.shape.elements(), inputs.name, static_cast<std::int64_t>(done));
    file.append({reinterpret_cast<const std::uint8_t*>(converted.data()), converted.size() * sizeof(Real)});
    if (source != nullptr) source->release();
  }
  inputs.file = file.map();
}

/// Reads all numbers of a file once through, since they stay where they are.
void demand_finite_in_place(const Inputs& inputs, std::span<const std::uint8_t> numbers) {
  constexpr std::size_t piece = std::size_t{1} << 20;
  const std::span<const Real> values(reinterpret_cast<const Real*>(numbers.data()), numbers.size() / sizeof(Real));
  for (std::size_t done = 0; done < values.size(); done += piece) {
    demand_finite(values.subspan(done, std::min(piece, values.size() - done)), inputs.shape.elements(), inputs.name,
                  static_cast<std::int64_t>(done));
    inputs.file->release();
  }
}

Inputs read_inputs(Bytes source, const StaysOnDisk& on_disk) {
  const NpyLayout layout = npy_layout(source.all(), source.name);
  Inputs inputs{.name = source.name, .shape = shape_of_sample(layout, source.name), .rows = layout.shape[0]};
  const auto size = static_cast<std::size_t>(layout.shape.elements()) * layout.type.bytes;
  const auto numbers = source.all().subspan(static_cast<std::size_t>(layout.begin), size);
  const bool bytes = layout.type.kind == NumberType::Kind::unsigned_whole && layout.type.bytes == 1;
  const bool floats = layout.type.kind == NumberType::Kind::floating && layout.type.bytes == sizeof(float) &&
                      !layout.type.big_endian && sizeof(Real) == sizeof(float);
  if (bytes) inputs.dtype = DType::uint8;
  const std::uint64_t taken = bytes ? size : size / layout.type.bytes * sizeof(Real);
  if (on_disk(taken) && !layout.fortran_order) {
    const bool in_place = source.content.file() != nullptr && (bytes || (floats && layout.begin % sizeof(Real) == 0));
    if (in_place) {
      inputs.file = source.content.file();
      inputs.offset = layout.begin;
      if (floats) demand_finite_in_place(inputs, numbers);
    } else if (bytes) {
      TemporaryFile file;
      file.append(numbers);
      inputs.file = file.map();
    } else {
      convert_to_file(inputs, layout, numbers, source.content.file().get());
    }
  } else if (bytes && !layout.fortran_order) {
    source.budget.take(size, source.name);
    inputs.bytes.assign(numbers.begin(), numbers.end());
  } else {
    source.budget.take(size / layout.type.bytes, 2 * sizeof(Real), source.name);
    const Tensor tensor = decode_npy(source.all(), source.name);
    if (bytes) {
      for (const Real value : tensor.values()) inputs.bytes.push_back(static_cast<std::uint8_t>(value));
    } else {
      demand_finite(tensor.values(), inputs.shape.elements(), source.name);
      inputs.reals.assign(tensor.values().begin(), tensor.values().end());
    }
  }
  source.check();
  return inputs;
}

// --- targets ---

struct Targets {
  std::string name;
  std::int64_t rows = 0, width = 1;
  bool classes = false;
  std::vector<std::int32_t> labels{};
  std::vector<Real> values{};
  std::int32_t count = 0;  // of classes
};

/// The place of the 1 in each row; nothing when a row is not one-hot.
std::optional<std::vector<std::int32_t>> one_hot_labels(const Tensor& y, std::int64_t width) {
  std::vector<std::int32_t> labels;
  for (std::int64_t r = 0; r < y.shape()[0]; ++r) {
    std::int32_t label = -1;
    for (std::int64_t i = 0; i < width; ++i) {
      const Real value = y[r * width + i];
      if (value != 0 && (value != 1 || label >= 0)) return std::nullopt;
      if (value == 1) label = static_cast<std::int32_t>(i);
    }
    if (label < 0) return std::nullopt;
    labels.push_back(label);
  }
  return labels;
}

void read_labels(Targets& targets, const Tensor& y) {
  constexpr Real most = 100'000;
  for (std::int64_t r = 0; r < targets.rows; ++r) {
    const Real value = y[r];
    if (value < 0 || value >= most || value != std::nearbyint(value)) {
      fail(targets.name, "row " + std::to_string(r) + ": " + std::to_string(value) +
                             " is no class; classes are whole numbers from 0 to 99,999 (--regression: amounts)");
    }
    targets.labels.push_back(static_cast<std::int32_t>(value));
    targets.count = std::max(targets.count, targets.labels.back() + 1);
  }
}

Targets read_targets(Bytes source, std::optional<bool> regression) {
  const NpyLayout layout = npy_layout(source.all(), source.name);
  source.budget.take(static_cast<std::uint64_t>(layout.shape.elements()), 2 * sizeof(Real), source.name);
  const Tensor y = decode_npy(source.all(), source.name);
  source.check();
  if (y.shape().rank() == 0 || y.shape().elements() == 0) fail(source.name, "holds no targets");
  demand_finite(y.values(), y.shape().elements() / y.shape()[0], source.name);
  Targets targets{.name = source.name, .rows = y.shape()[0], .width = y.shape().elements() / y.shape()[0]};
  const bool whole =
      layout.type.kind == NumberType::Kind::signed_whole || layout.type.kind == NumberType::Kind::unsigned_whole;
  if (!regression.value_or(false) && targets.width > 1) {
    if (auto labels = one_hot_labels(y, targets.width)) {
      targets.classes = true;
      targets.labels = std::move(*labels);
      targets.count = static_cast<std::int32_t>(targets.width);
      return targets;
    }
  }
  targets.classes = targets.width == 1 && (regression ? !*regression : whole);
  if (targets.classes) {
    read_labels(targets, y);
  } else {
    targets.values.assign(y.values().begin(), y.values().end());
  }
  return targets;
}

Dataset joined(const std::string& name, Inputs inputs, Targets targets, std::int32_t classes) {
  if (inputs.rows != targets.rows) {
    fail(targets.name,
         count_of(targets.rows, "row") + ", but " + inputs.name + " has " + count_of(inputs.rows, "sample"));
  }
  if (inputs.file && targets.classes) {
    return Dataset::on_disk(name, inputs.shape, inputs.dtype, inputs.file, inputs.offset, std::move(targets.labels),
                            classes);
  }
  if (inputs.file) {
    return Dataset::on_disk(name, inputs.shape, inputs.dtype, inputs.file, inputs.offset, std::move(targets.values),
                            targets.width);
  }
  const bool bytes = inputs.dtype == DType::uint8;
  if (!targets.classes) {
    if (bytes) inputs.reals.assign(inputs.bytes.begin(), inputs.bytes.end());
    return Dataset::with_targets(name, inputs.shape, std::move(inputs.reals), std::move(targets.values), targets.width);
  }
  return bytes ? Dataset::classified(name, inputs.shape, std::move(inputs.bytes), std::move(targets.labels), classes)
               : Dataset::classified(name, inputs.shape, std::move(inputs.reals), std::move(targets.labels), classes);
}

// --- which array is which ---

/// Reads one part's arrays; `classes` grows to the greatest label so far.
struct Part {
  Inputs inputs;
  Targets targets;
};

TrainTest parts_to_sets(const std::string& name, Part train, std::optional<Part> test) {
  std::int32_t classes = train.targets.count;
  if (test) {
    const bool alike = train.targets.classes == test->targets.classes && train.targets.width == test->targets.width;
    if (!alike && !(train.targets.classes && test->targets.classes)) {
      fail(test->targets.name, "its targets are of another kind than those to train on");
    }
    if (!(train.inputs.shape == test->inputs.shape)) {
      fail(test->inputs.name, "samples of shape " + test->inputs.shape.to_string() + ", but those to train on have " +
                                  train.inputs.shape.to_string());
    }
    classes = std::max(classes, test->targets.count);
  }
  TrainTest sets{joined(name, std::move(train.inputs), std::move(train.targets), classes), {}};
  if (test) sets.test = joined(name, std::move(test->inputs), std::move(test->targets), classes);
  return sets;
}

struct Names {
  const char* inputs;
  const char* targets;
};
constexpr Names pairs[] = {{"x", "y"},           {"data", "labels"},    {"data", "targets"},   {"data", "target"},
                           {"images", "labels"}, {"images", "targets"}, {"inputs", "targets"}, {"features", "labels"}};

TrainTest read_archive(const std::string& path, std::optional<bool> regression, const StaysOnDisk& on_disk) {
  const ZipReader archive(path);
  std::string there;
  constexpr std::size_t most_named = 20;
  for (std::size_t i = 0; i < std::min(most_named, archive.members().size()); ++i) {
    there += (there.empty() ? "" : ", ") + archive.members()[i].name;
  }
  if (archive.members().size() > most_named) there += ", ...";
  const auto find = [&](const std::string& name) -> const ZipReader::Member* {
    for (const auto& member : archive.members()) {
      if (lower(member.name) == name + ".npy") return &member;
    }
    return nullptr;
  };
  const auto part = [&](const ZipReader::Member* x, const ZipReader::Member* y) -> Part {
    return {read_inputs(bytes_of_member(archive, *x, on_disk), on_disk),
            read_targets(bytes_of_member(archive, *y, [](std::uint64_t) { return false; }), regression)};
  };
  for (const Names& names : pairs) {
    const std::string x = names.inputs, y = names.targets;
    const auto* x_train = find(x + "_train");
    const auto* y_train = find(y + "_train");
    const auto* x_alone = find(x);
    const auto* y_alone = find(y);
    const std::string name = fs::path(path).filename().string();
    if (x_train != nullptr && y_train != nullptr) {
      const auto* x_test = find(x + "_test");
      const auto* y_test = find(y + "_test");
      std::optional<Part> test;
      if (x_test != nullptr && y_test != nullptr) test = part(x_test, y_test);
      return parts_to_sets(name, part(x_train, y_train), std::move(test));
    }
    if (x_alone != nullptr && y_alone != nullptr) return parts_to_sets(name, part(x_alone, y_alone), {});
  }
  fail(path, "expected arrays x and y, or x_train, y_train, x_test and y_test; there are " +
                 (there.empty() ? "none" : there));
}

/// The file beside `path` that holds its targets: y_train.npy of x_train.npy, labels.npy of images.npy.
std::string targets_beside(const std::string& path) {
  const fs::path file(path);
  const std::string name = file.filename().string(), small = lower(name);
  std::string tried;
  for (const Names& names : pairs) {
    const std::string x = names.inputs;
    const std::size_t at = x == "x" ? (small.starts_with("x") ? 0 : std::string::npos) : small.find(x);
    if (at == std::string::npos) continue;
    for (const bool capital : {false, true}) {
      std::string y = names.targets;
      if (capital) y[0] = static_cast<char>(y[0] - 'a' + 'A');
      std::string other = name;
      other.replace(at, x.size(), y);
      const fs::path candidate = file.parent_path() / other;
      if (fs::exists(candidate)) return candidate.string();
      if (!capital) tried += (tried.empty() ? "" : ", ") + candidate.string();
    }
  }
  throw Error(ErrorCode::not_found,
              path + ": the file of its targets is not there (" +
                  (tried.empty() ? "samples are in files such as x.npy, x_train.npy or images.npy" : "tried " + tried) +
                  ")");
}

TrainTest read_files(const std::string& path, std::optional<bool> regression, const StaysOnDisk& on_disk) {
  const auto part = [&](const std::string& x) -> Part {
    const std::string y = targets_beside(x);
    return {read_inputs(bytes_of_file(x), on_disk), read_targets(bytes_of_file(y), regression)};
  };
  const fs::path file(path);
  std::string test = file.filename().string();
  const std::size_t at = test.find("train");
  std::optional<Part> test_part;
  if (at != std::string::npos) {
    const std::string other = (file.parent_path() / test.replace(at, 5, "test")).string();
    if (fs::exists(other)) test_part = part(other);
  }
  return parts_to_sets(file.filename().string(), part(path), std::move(test_part));
}

TrainTest read_arrays(const std::string& path, std::optional<bool> regression, const StaysOnDisk& on_disk) {
  return lower(path).ends_with(".npz") ? read_archive(path, regression, on_disk)
                                       : read_files(path, regression, on_disk);
}

const bool registered = register_source(
    {.name = "NumPy arrays",
     .summary = "x and y in an .npz file, or in .npy files beside each other",
     .endings = {".npz", ".npy"},
     .load = [](const SourceRequest& r) {
       return read_arrays(r.path, r.csv.regression, [&](std::uint64_t bytes) { return r.stays_on_disk(bytes); });
     }});

}  // namespace

TrainTest datasets::arrays(const std::string& path, std::optional<bool> regression, bool on_disk) {
  return read_arrays(path, regression, [&](std::uint64_t) { return on_disk; });
}

}  // namespace gradus
