#include <gradus/dataset.hpp>

#include <algorithm>
#include <cmath>
#include <variant>

#include <gradus/error.hpp>

#include "base/aligned.hpp"
#include "base/mapped_file.hpp"
#include "base/text.hpp"

namespace gradus {
namespace {

// Inputs that lie in a file.
struct OnDisk {
  std::shared_ptr<const MappedFile> file;
  std::uint64_t offset = 0;
  DType dtype = DType::uint8;

  [[nodiscard]] std::size_t size_of_number() const { return dtype == DType::uint8 ? 1 : sizeof(Real); }
  [[nodiscard]] const std::uint8_t* data() const { return file->bytes().data() + offset; }
};

// What never changes and is shared by copies, slices and renamed twins of a set.
struct Samples {
  std::variant<std::vector<std::uint8_t>, std::vector<Real>, OnDisk> inputs;
  std::vector<std::int32_t> labels;
  std::vector<Real> targets;
};

[[noreturn]] void fail(ErrorCode code, const std::string& name, const std::string& sentence) {
  throw Error(code, name.empty() ? sentence : name + ": " + sentence);
}

std::int64_t count_rows(const std::string& name, const Shape& sample_shape, std::size_t numbers) {
  const std::int64_t width = sample_shape.elements();
  if (width <= 0)
    fail(ErrorCode::invalid_argument, name, "a sample of shape " + sample_shape.to_string() + " is empty");
  const auto total = static_cast<std::int64_t>(numbers);
  if (total % width != 0) {
    fail(ErrorCode::bad_data, name,
         count_of(total, "number") + " do not make whole samples of shape " + sample_shape.to_string() + ", " +
             with_commas(width) + " each");
  }
  return total / width;
}

template <class T>
std::vector<T> gather(std::span<const T> values, std::int64_t width, std::int64_t begin,
                      std::span<const std::int64_t> rows) {
  std::vector<T> result(rows.size() * static_cast<std::size_t>(width));
  auto out = result.begin();
  for (const std::int64_t row : rows) {
    out = std::copy_n(values.begin() + static_cast<std::ptrdiff_t>((begin + row) * width), width, out);
  }
  return result;
}

}  // namespace

struct Dataset::Storage {
  std::string name{};
  Shape sample_shape{};
  bool classified = false;
  std::int64_t target_width = 0;
  std::shared_ptr<const Samples> samples{};
  std::vector<std::string> class_names{};
  std::vector<std::string> column_names{};
  std::shared_ptr<const TableSchema> table{};
  std::shared_ptr<const std::vector<Real>> weights{};  // by place in `samples`; null: every sample counts 1
  std::string preparation{};
  std::shared_ptr<const std::vector<std::string>> sample_names{};  // by place in `samples`; null: they have none
};

Dataset Dataset::owning(Storage storage, std::int64_t size) {
  Dataset set;
  set.storage_ = std::make_shared<const Storage>(std::move(storage));
  set.size_ = size;
  return set;
}

Dataset Dataset::owning_classified(Storage storage, std::int64_t size, std::int32_t classes) {
  const std::string& name = storage.name;
  const std::vector<std::int32_t>& labels = storage.samples->labels;
  if (classes < 1) fail(ErrorCode::invalid_argument, name, "there must be at least one class");
  if (static_cast<std::int64_t>(labels.size()) != size) {
    fail(ErrorCode::bad_data, name,
         count_of(size, "sample") + ", but " + count_of(static_cast<std::int64_t>(labels.size()), "label"));
  }
  const auto wrong = std::find_if(labels.begin(), labels.end(), [&](std::int32_t l) { return l < 0 || l >= classes; });
  if (wrong != labels.end()) {
    fail(ErrorCode::bad_data, name,
         "row " + std::to_string(wrong - labels.begin()) + ": label " + std::to_string(*wrong) + " is outside 0 to " +
             std::to_string(classes - 1));
  }
  storage.classified = true;
  storage.target_width = classes;
  for (std::int32_t c = 0; c < classes; ++c) storage.class_names.push_back(std::to_string(c));
  return owning(std::move(storage), size);
}

// A set without samples answers like one, too.
const Dataset::Storage& Dataset::storage() const {
  static const Storage none{.samples = std::make_shared<const Samples>()};
  return storage_ ? *storage_ : none;
}

Dataset Dataset::with(Storage storage) const {
  Dataset set = *this;
  set.storage_ = std::make_shared<const Storage>(std::move(storage));
  return set;
}

Dataset Dataset::classified(std::string name, Shape sample_shape, std::vector<std::uint8_t> inputs,
                            std::vector<std::int32_t> labels, std::int32_t classes) {
  const std::int64_t size = count_rows(name, sample_shape, inputs.size());
  prefer_huge_pages(inputs.data(), inputs.size() * sizeof inputs[0]);  // training reads the samples in random order
  Samples samples{std::move(inputs), std::move(labels), {}};
  return owning_classified({.name = std::move(name),
                            .sample_shape = std::move(sample_shape),
                            .samples = std::make_shared<const Samples>(std::move(samples))},
                           size, classes);
}

Dataset Dataset::classified(std::string name, Shape sample_shape, std::vector<Real> inputs,
                            std::vector<std::int32_t> labels, std::int32_t classes) {
  const std::int64_t size = count_rows(name, sample_shape, inputs.size());
  prefer_huge_pages(inputs.data(), inputs.size() * sizeof inputs[0]);  // training reads the samples in random order
  Samples samples{std::move(inputs), std::move(labels), {}};
  return owning_classified({.name = std::move(name),
                            .sample_shape = std::move(sample_shape),
                            .samples = std::make_shared<const Samples>(std::move(samples))},
                           size, classes);
}

namespace {

/// How many samples so many target numbers are for.
std::int64_t target_rows(const std::string& name, std::size_t numbers, std::int64_t target_width) {
  if (target_width < 1) fail(ErrorCode::invalid_argument, name, "a target must hold at least one number");
  const auto all = static_cast<std::int64_t>(numbers);
  if (all % target_width != 0) {
    fail(ErrorCode::bad_data, name,
         count_of(all, "target number") + " in all cannot be " + count_of(target_width, "target number") +
             " for each sample");
  }
  return all / target_width;
}

}  // namespace

Dataset Dataset::with_targets(std::string name, Shape sample_shape, std::vector<Real> inputs, std::vector<Real> targets,
                              std::int64_t target_width) {
  const std::int64_t size = count_rows(name, sample_shape, inputs.size());
  prefer_huge_pages(inputs.data(), inputs.size() * sizeof inputs[0]);  // training reads the samples in random order
  if (target_rows(name, targets.size(), target_width) != size) {
    fail(ErrorCode::bad_data, name,
         count_of(size, "sample") + " with " + count_of(target_width, "target number") + " each, but " +
             count_of(static_cast<std::int64_t>(targets.size()), "target number") + " in all");
  }
  Samples samples{std::move(inputs), {}, std::move(targets)};
  return owning({.name = std::move(name),
                 .sample_shape = std::move(sample_shape),
                 .target_width = target_width,
                 .samples = std::make_shared<const Samples>(std::move(samples))},
                size);
}

namespace {

std::int64_t count_on_disk(const std::string& name, const Shape& sample_shape, const OnDisk& inputs,
                           std::int64_t rows) {
  const std::uint64_t bytes = inputs.file->bytes().size();
  const auto row =
      static_cast<std::uint64_t>(std::max<std::int64_t>(sample_shape.elements(), 0)) * inputs.size_of_number();
  if (row == 0) fail(ErrorCode::invalid_argument, name, "a sample of shape " + sample_shape.to_string() + " is empty");
  if (inputs.offset % inputs.size_of_number() != 0) {
    fail(ErrorCode::unsupported, name,
         "the numbers lie at offset " + std::to_string(inputs.offset) + ", where they cannot be read in place");
  }
  if (inputs.offset > bytes || static_cast<std::uint64_t>(rows) > (bytes - inputs.offset) / row) {
    fail(ErrorCode::bad_data, name, "the file ends before " + count_of(rows, "sample"));
  }
  return rows;
}

}  // namespace

Dataset Dataset::on_disk(std::string name, Shape sample_shape, DType dtype, std::shared_ptr<const MappedFile> file,
                         std::uint64_t offset, std::vector<std::int32_t> labels, std::int32_t classes) {
  OnDisk inputs{std::move(file), offset, dtype};
  const std::int64_t size = count_on_disk(name, sample_shape, inputs, static_cast<std::int64_t>(labels.size()));
  Samples samples{std::move(inputs), std::move(labels), {}};
  return owning_classified({.name = std::move(name),
                            .sample_shape = std::move(sample_shape),
                            .samples = std::make_shared<const Samples>(std::move(samples))},
                           size, classes);
}

Dataset Dataset::on_disk(std::string name, Shape sample_shape, DType dtype, std::shared_ptr<const MappedFile> file,
                         std::uint64_t offset, std::vector<Real> targets, std::int64_t target_width) {
  OnDisk inputs{std::move(file), offset, dtype};
  const std::int64_t size = count_on_disk(name, sample_shape, inputs, target_rows(name, targets.size(), target_width));
  Samples samples{std::move(inputs), {}, std::move(targets)};
  return owning({.name = std::move(name),
                 .sample_shape = std::move(sample_shape),
                 .target_width = target_width,
                 .samples = std::make_shared<const Samples>(std::move(samples))},
                size);
}

bool Dataset::is_on_disk() const { return std::holds_alternative<OnDisk>(storage().samples->inputs); }

void Dataset::prefetch(std::int64_t begin, std::int64_t end) const {
  const auto* inputs = std::get_if<OnDisk>(&storage().samples->inputs);
  if (inputs == nullptr) return;
  const std::uint64_t row = static_cast<std::uint64_t>(sample_shape().elements()) * inputs->size_of_number();
  inputs->file->prefetch(inputs->offset + static_cast<std::uint64_t>(begin_ + begin) * row,
                         inputs->offset + static_cast<std::uint64_t>(begin_ + std::min(end, size_)) * row);
}

void Dataset::release() const {
  if (const auto* inputs = std::get_if<OnDisk>(&storage().samples->inputs)) inputs->file->release();
}

void Dataset::check_unchanged() const {
  if (const auto* inputs = std::get_if<OnDisk>(&storage().samples->inputs)) inputs->file->check();
}

const std::string& Dataset::preparation() const { return storage().preparation; }
Dataset Dataset::with_preparation(std::string preparation) const {
  Storage changed = storage();
  changed.preparation = std::move(preparation);
  return with(std::move(changed));
}

std::span<const std::string> Dataset::sample_names() const {
  if (!storage().sample_names) return {};
  return std::span(*storage().sample_names).subspan(static_cast<std::size_t>(begin_), static_cast<std::size_t>(size_));
}
Dataset Dataset::with_sample_names(std::vector<std::string> names) const {
  Storage changed = storage();
  changed.sample_names = nullptr;
  if (names.empty()) return with(std::move(changed));
  if (static_cast<std::int64_t>(names.size()) != size_) {
    fail(ErrorCode::invalid_argument, name(),
         count_of(static_cast<std::int64_t>(names.size()), "sample name") + " for " + count_of(size_, "sample"));
  }
  names.insert(names.begin(), static_cast<std::size_t>(begin_), std::string());
  changed.sample_names = std::make_shared<const std::vector<std::string>>(std::move(names));
  return with(std::move(changed));
}

const std::string& Dataset::name() const { return storage().name; }
const Shape& Dataset::sample_shape() const { return storage().sample_shape; }
bool Dataset::is_classified() const { return storage().classified; }
std::int64_t Dataset::target_width() const { return storage().target_width; }
const std::vector<std::string>& Dataset::class_names() const { return storage().class_names; }
const std::vector<std::string>& Dataset::column_names() const { return storage().column_names; }
std::shared_ptr<const TableSchema> Dataset::table() const { return storage().table; }

TensorView Dataset::inputs() const {
  if (!storage_) return {};
  const Shape shape = sample_shape().with_rows(size_);
  const auto width = static_cast<std::size_t>(sample_shape().elements());
  const std::size_t begin = static_cast<std::size_t>(begin_) * width, count = static_cast<std::size_t>(size_) * width;
  const auto& inputs = storage().samples->inputs;
  if (const auto* disk = std::get_if<OnDisk>(&inputs)) {
    const std::uint8_t* first = disk->data() + begin * disk->size_of_number();
    if (disk->dtype == DType::uint8) return {shape, std::span<const std::uint8_t>(first, count)};
    return {shape, std::span<const Real>(reinterpret_cast<const Real*>(first), count)};
  }
  if (const auto* bytes = std::get_if<std::vector<std::uint8_t>>(&inputs)) {
    return {shape, std::span(*bytes).subspan(begin, count)};
  }
  return {shape, std::span(std::get<std::vector<Real>>(inputs)).subspan(begin, count)};
}

std::span<const std::int32_t> Dataset::labels() const {
  if (!is_classified()) return {};
  return std::span(storage().samples->labels)
      .subspan(static_cast<std::size_t>(begin_), static_cast<std::size_t>(size_));
}

TensorView Dataset::targets() const {
  if (!storage_ || is_classified()) return {};
  const auto width = static_cast<std::size_t>(target_width());
  return {Shape{size_, target_width()},
          std::span<const Real>(storage().samples->targets)
              .subspan(static_cast<std::size_t>(begin_) * width, static_cast<std::size_t>(size_) * width)};
}

Dataset Dataset::with_class_names(std::vector<std::string> names) const {
  if (!is_classified() || static_cast<std::int64_t>(names.size()) != target_width()) {
    fail(ErrorCode::invalid_argument, name(),
         count_of(static_cast<std::int64_t>(names.size()), "class name") + " for " +
             with_commas(is_classified() ? target_width() : 0) + " classes");
  }
  Storage changed = storage();
  changed.class_names = std::move(names);
  return with(std::move(changed));
}

Dataset Dataset::with_column_names(std::vector<std::string> names) const {
  if (!names.empty() && static_cast<std::int64_t>(names.size()) != sample_shape().elements()) {
    fail(ErrorCode::invalid_argument, name(),
         count_of(static_cast<std::int64_t>(names.size()), "column name") + " for " +
             count_of(sample_shape().elements(), "column"));
  }
  Storage changed = storage();
  changed.column_names = std::move(names);
  return with(std::move(changed));
}

Dataset Dataset::with_name(std::string name) const {
  Storage changed = storage();
  changed.name = std::move(name);
  return with(std::move(changed));
}

Dataset Dataset::with_table(std::shared_ptr<const TableSchema> table) const {
  Storage changed = storage();
  changed.table = std::move(table);
  return with(std::move(changed));
}

Dataset Dataset::with_inputs(std::vector<std::uint8_t> bytes, std::vector<Real> reals) const {
  const std::size_t numbers = bytes.empty() ? reals.size() : bytes.size();
  if (count_rows(name(), sample_shape(), numbers) != size_ || (!bytes.empty() && !reals.empty())) {
    fail(ErrorCode::bad_data, name(), "expected the numbers of " + count_of(size_, "sample"));
  }
  const auto rows = [&](const auto& values, std::int64_t width) {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(begin_ * width);
    return std::vector(begin, begin + static_cast<std::ptrdiff_t>(size_ * width));
  };
  Samples samples;
  if (bytes.empty()) samples.inputs = std::move(reals);
  if (!bytes.empty()) samples.inputs = std::move(bytes);
  if (is_classified()) samples.labels = rows(storage().samples->labels, 1);
  if (!is_classified()) samples.targets = rows(storage().samples->targets, target_width());
  Storage changed = storage();
  changed.samples = std::make_shared<const Samples>(std::move(samples));
  if (changed.weights) changed.weights = std::make_shared<const std::vector<Real>>(rows(*changed.weights, 1));
  if (changed.sample_names) {
    changed.sample_names = std::make_shared<const std::vector<std::string>>(rows(*changed.sample_names, 1));
  }
  Dataset set = owning(std::move(changed), size_);
  set.one_hot_ = one_hot_;
  return set;
}

std::span<const Real> Dataset::sample_weights() const {
  if (!storage().weights) return {};
  return std::span(*storage().weights).subspan(static_cast<std::size_t>(begin_), static_cast<std::size_t>(size_));
}

Dataset Dataset::with_sample_weights(std::vector<Real> weights) const {
  Storage changed = storage();
  changed.weights = nullptr;
  if (weights.empty()) return with(std::move(changed));
  if (static_cast<std::int64_t>(weights.size()) != size_) {
    fail(ErrorCode::invalid_argument, name(),
         count_of(static_cast<std::int64_t>(weights.size()), "sample weight") + " for " + count_of(size_, "sample"));
  }
  const auto wrong = std::find_if(weights.begin(), weights.end(), [](Real w) { return !(w >= 0 && std::isfinite(w)); });
  if (wrong != weights.end()) {
    fail(ErrorCode::invalid_argument, name(),
         "row " + std::to_string(wrong - weights.begin()) + ": a sample weight must be a number of 0 or more, got " +
             std::to_string(*wrong));
  }
  weights.insert(weights.begin(), static_cast<std::size_t>(begin_), Real{1});
  changed.weights = std::make_shared<const std::vector<Real>>(std::move(weights));
  return with(std::move(changed));
}

Dataset Dataset::with_one_hot(OneHot values) const {
  Dataset set = *this;
  set.one_hot_ = values;
  return set;
}

Dataset Dataset::slice(std::int64_t begin, std::int64_t end) const {
  if (begin < 0 || begin > end || end > size_) {
    fail(ErrorCode::invalid_argument, name(),
         "samples " + std::to_string(begin) + " to " + std::to_string(end) + " are not all in a set of " +
             with_commas(size_));
  }
  Dataset part = *this;
  part.begin_ += begin;
  part.size_ = end - begin;
  return part;
}

Dataset Dataset::subset(std::span<const std::int64_t> indices) const {
  for (const std::int64_t index : indices) {
    if (index < 0 || index >= size_) {
      fail(ErrorCode::invalid_argument, name(),
           "sample " + std::to_string(index) + " is not in a set of " + with_commas(size_));
    }
  }
  const Samples& from = *storage().samples;
  Samples samples;
  const TensorView view = inputs();
  const std::int64_t numbers = sample_shape().elements();
  if (view.dtype() == DType::uint8) samples.inputs = gather(view.bytes(), numbers, 0, indices);
  if (view.dtype() == DType::real) samples.inputs = gather(view.reals(), numbers, 0, indices);
  if (is_classified()) samples.labels = gather(std::span(from.labels), 1, begin_, indices);
  if (!is_classified()) samples.targets = gather(std::span(from.targets), target_width(), begin_, indices);
  Storage chosen = storage();
  chosen.samples = std::make_shared<const Samples>(std::move(samples));
  if (chosen.weights)
    chosen.weights =
        std::make_shared<const std::vector<Real>>(gather(std::span<const Real>(*chosen.weights), 1, begin_, indices));
  if (chosen.sample_names) {
    chosen.sample_names = std::make_shared<const std::vector<std::string>>(
        gather(std::span<const std::string>(*chosen.sample_names), 1, begin_, indices));
  }
  Dataset set = owning(std::move(chosen), static_cast<std::int64_t>(indices.size()));
  set.one_hot_ = one_hot_;
  return set;
}

}  // namespace gradus
