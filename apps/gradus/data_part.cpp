#include "data_part.hpp"

#include <span>
#include <tuple>
#include <vector>

#include "base/text.hpp"
#include "cli.hpp"

namespace gradus::app {

namespace {

template <class T>
std::vector<T> appended(std::span<const T> first, std::span<const T> second) {
  std::vector<T> all(first.begin(), first.end());
  all.insert(all.end(), second.begin(), second.end());
  return all;
}

std::vector<Real> weights_of(const Dataset& data) {
  if (data.sample_weights().empty()) return std::vector<Real>(static_cast<std::size_t>(data.size()), Real{1});
  return {data.sample_weights().begin(), data.sample_weights().end()};
}

/// Bytes as bytes where both parts have them, else reals.
template <class T>
std::vector<T> numbers_of(const TensorView& inputs) {
  std::vector<T> numbers(static_cast<std::size_t>(inputs.shape().elements()));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<T>(inputs.at(static_cast<std::int64_t>(i)));
  }
  return numbers;
}

template <class T>
Dataset joined_as(const TrainTest& both) {
  const Dataset &a = both.train, &b = both.test;
  const std::vector<T> x = numbers_of<T>(a.inputs()), y = numbers_of<T>(b.inputs());
  std::vector<T> inputs = appended<T>(x, y);
  Dataset all;
  if (a.is_classified()) {
    all = Dataset::classified(a.name(), a.sample_shape(), std::move(inputs), appended(a.labels(), b.labels()),
                              static_cast<std::int32_t>(a.target_width()))
              .with_class_names(a.class_names());
  } else {
    all = Dataset::with_targets(a.name(), a.sample_shape(), {inputs.begin(), inputs.end()},
                                appended(a.targets().reals(), b.targets().reals()), a.target_width());
  }
  if (!a.sample_weights().empty() || !b.sample_weights().empty()) {
    all = all.with_sample_weights(appended<Real>(weights_of(a), weights_of(b)));
  }
  return all.with_column_names(a.column_names())
      .with_table(a.table())
      .with_preparation(a.preparation())
      .with_one_hot(a.one_hot());
}

/// The samples of both parts, the training part first.
Dataset joined(const TrainTest& both) {
  if (both.train.is_on_disk() || both.test.is_on_disk()) {
    throw UsageError("--part all: " + both.train.name() +
                     " lies on the disk in two parts; ask for --part train, then for --part test");
  }
  const bool bytes = both.train.is_classified() && both.train.inputs().dtype() == DType::uint8 &&
                     both.test.inputs().dtype() == DType::uint8;
  return bytes ? joined_as<std::uint8_t>(both) : joined_as<Real>(both);
}

std::string no_such_part(const Dataset& data, const std::optional<HeldOut>& kept) {
  if (!kept) return data.name() + " has no test part, and no record of one that was kept from training";
  return data.name() + " is not what the model's test part was kept from (" + kept->data + ", " +
         count_of(kept->samples, "sample") + "), or has changed since, if only in its order. Without --part all " +
         count_of(data.size(), "sample") + " are looked at";
}

}  // namespace

Dataset choose_part(const TrainTest& both, const std::string& wanted, const std::optional<HeldOut>& kept,
                    DataPart& part) {
  TrainTest parts = both;
  part = {wanted, false};
  if (wanted != "all" && parts.test.empty() && kept && kept->is_of(parts.train)) {
    std::tie(parts.train, parts.test) = kept->split(both.train);
    part.kept = true;
  }
  if (wanted == "auto") part.name = parts.test.empty() ? "all" : "test";
  if (part.name == "all") return parts.test.empty() ? parts.train : joined(parts);
  // Of a set that was never split all samples are for training, unless a model's record says that others were.
  const bool missing = parts.test.empty() && (part.name == "test" || kept);
  if (missing) throw UsageError(no_such_part(parts.train, kept));
  return part.name == "train" ? parts.train : parts.test;
}

std::string part_name(const Dataset& data, const DataPart& part) {
  const std::string what = part.name == "test" ? "test part" : part.name == "train" ? "training part" : "all samples";
  return data.name() + " (" + what + ")";
}

}  // namespace gradus::app
