#include "train/table_member.hpp"

#include <algorithm>
#include <cmath>

namespace gradus {
namespace {

/// The rows as a set of their own, units that do not vary among them set to 0.
Dataset training_part(const Dataset& data, const std::vector<std::int64_t>& rows, std::vector<bool>& varying) {
  const Dataset part = data.subset(rows);
  const std::span<const Real> values = part.inputs().reals();
  const std::size_t width = varying.size();
  bool all = true;
  for (std::size_t u = 0; u < width; ++u) {
    varying[u] = false;
    for (std::size_t i = u; i < values.size() && !varying[u]; i += width) varying[u] = values[i] != values[u];
    all = all && varying[u];
  }
  if (all) return part;
  std::vector<Real> changed(values.begin(), values.end());
  for (std::size_t i = 0; i < changed.size(); ++i) {
    if (!varying[i % width]) changed[i] = 0;
  }
  return part.with_inputs({}, std::move(changed));
}

std::vector<Layer> layers_of(const TableNetwork& network, std::int64_t outputs, bool classes) {
  std::vector<Layer> layers;
  for (const std::int64_t units : network.hidden) {
    layers.emplace_back(Dense{.units = units, .activation = relu, .kernel_initializer = HeUniform{}});
    if (network.dropout > 0) layers.emplace_back(Dropout{.rate = network.dropout});
  }
  layers.emplace_back(Dense{.units = outputs, .activation = classes ? softmax : linear});
  return layers;
}

/// What stands for the sums before the softmax: equal to them but for a number that a row has in common.
std::vector<Real> logarithms(std::span<const Real> probabilities) {
  constexpr Real least = static_cast<Real>(1e-15);
  std::vector<Real> result;
  for (const Real p : probabilities) result.push_back(std::log(std::max(p, least)));
  return result;
}

class AsksForInterrupt : public Callback {
 public:
  explicit AsksForInterrupt(const std::function<bool()>& interrupted) : asked_(interrupted) {}
  bool on_epoch_end(const TrainingState&, const Logs&) override { return !(asked_ && asked_()); }

 private:
  const std::function<bool()>& asked_;
};

}  // namespace

TableMember train_member(const EncodedTable& table, const TableNetwork& network, const std::vector<std::int64_t>& rows,
                         const std::vector<std::int64_t>& left_out, const MemberOptions& options) {
  const std::int64_t width = table.data.sample_shape().elements(), outputs = table.data.target_width();
  const bool classes = table.data.is_classified();
  std::vector<bool> varying(static_cast<std::size_t>(width));
  const Dataset train = training_part(table.data, rows, varying);
  const Dataset validation = table.data.subset(left_out);
  Sequential model({width}, layers_of(network, outputs, classes), {.seed = options.seed});
  Tensor first = model.weight(0);
  const std::size_t columns = first.values().size() / varying.size();
  for (std::size_t i = 0; i < first.values().size(); ++i) {
    if (!varying[i / columns] || network.hidden.empty()) first.values()[i] = 0;
  }
  model.set_weight(0, first);

  const std::int64_t steps = options.epochs * ((train.size() + options.batch_size - 1) / options.batch_size);
  const CosineDecay schedule{.initial_learning_rate = network.learning_rate / 10,
                             .decay_steps = std::max<std::int64_t>(1, steps - steps / 10),
                             .warmup_target = network.learning_rate,
                             .warmup_steps = steps / 10};
  Loss loss = MeanSquaredError{};
  if (classes) loss = CategoricalCrossentropy{};
  model.compile({.optimizer = AdamW{.learning_rate = schedule, .weight_decay = network.weight_decay},
                 .loss = loss,
                 .metrics = {}});
  EarlyStopping best({.patience = std::max<std::int64_t>(10, options.epochs / 3), .restore_best_weights = true});
  AsksForInterrupt interrupt(options.interrupted);
  TableMember member;
  member.history = model.fit(train, {.epochs = options.epochs,
                                     .batch_size = options.batch_size,
                                     .seed = options.seed,
                                     .validation_data = validation,
                                     .threads = 1,
                                     .callbacks = {&best, &interrupt}});
  member.best_epoch = best.best_epoch();
  const Tensor answers = model.predict(validation.inputs());
  const std::span<const Real> values = answers.values();
  member.outputs = classes ? logarithms(values) : std::vector<Real>(values.begin(), values.end());
  for (std::size_t i = 0; i < model.weights().size(); i += 2) {
    member.kernels.push_back(model.weight(i));
    member.biases.push_back(model.weight(i + 1));
  }
  return member;
}

namespace {

/// A matrix under construction, in double.
struct Matrix {
  std::int64_t rows, columns;
  std::vector<double> values = std::vector<double>(static_cast<std::size_t>(rows * columns));
  double& at(std::int64_t r, std::int64_t c) { return values[static_cast<std::size_t>(r * columns + c)]; }
};

Tensor tensor_of(const Matrix& matrix, Shape shape) {
  Tensor tensor(std::move(shape));
  std::transform(matrix.values.begin(), matrix.values.end(), tensor.values().begin(),
                 [](double x) { return static_cast<Real>(x); });
  return tensor;
}

/// A member layer by layer: what is to be written in the merged network's columns and rows.
class Part {
 public:
  Part(const WeightedMember& member, std::size_t depth) : m_(*member.member), weight_(member.weight), depth_(depth) {
    if (own() == 0 && depth > 0) split_ = true;
  }
  /// Units in hidden layer `layer` of the merged network.
  [[nodiscard]] std::int64_t units(std::size_t layer) const {
    if (split_) return 2 * outputs();
    return columns(std::min(layer, own() - 1));
  }
  /// Writes the layer into the merged one; `first` is the row that its inputs begin at, `column` its first unit.
  void write(std::size_t layer, Matrix& kernel, Matrix& bias, std::int64_t first, std::int64_t column) const {
    if (layer == depth_) return write_last(kernel, bias, first);
    if (split_ && layer == 0) {
      copy(0, kernel, bias, first, column, 1);
      return copy(0, kernel, bias, first, column + outputs(), -1);
    }
    if (layer < own()) return copy(layer, kernel, bias, first, column, 1);
    for (std::int64_t i = 0; i < units(layer); ++i) kernel.at(first + i, column + i) = 1;  // handed up
  }

 private:
  [[nodiscard]] std::size_t own() const { return m_.kernels.size() - 1; }
  [[nodiscard]] std::int64_t outputs() const { return columns(own()); }
  [[nodiscard]] std::int64_t columns(std::size_t layer) const { return m_.biases[layer].shape().elements(); }

  void copy(std::size_t layer, Matrix& kernel, Matrix& bias, std::int64_t first, std::int64_t column,
            double factor) const {
    const std::int64_t count = columns(layer);
    const std::span<const Real> k = m_.kernels[layer].values(), b = m_.biases[layer].values();
    for (std::size_t i = 0; i < k.size(); ++i) {
      kernel.at(first + static_cast<std::int64_t>(i) / count, column + static_cast<std::int64_t>(i) % count) +=
          factor * static_cast<double>(k[i]);
    }
    for (std::int64_t i = 0; i < count; ++i) {
      bias.at(0, column + i) += factor * static_cast<double>(b[static_cast<std::size_t>(i)]);
    }
  }
  void write_last(Matrix& kernel, Matrix& bias, std::int64_t first) const {
    if (!split_) return copy(own(), kernel, bias, first, 0, weight_);
    for (std::int64_t i = 0; i < outputs(); ++i) {
      kernel.at(first + i, i) += weight_;
      kernel.at(first + outputs() + i, i) -= weight_;
    }
  }

  const TableMember& m_;
  double weight_;
  std::size_t depth_;
  bool split_ = false;
};

/// The units of all encodings, each once, and where those of each member begin.
std::vector<EncodedUnit> all_units(const std::vector<WeightedMember>& members, std::vector<std::int64_t>& begins) {
  std::vector<EncodedUnit> units;
  std::vector<std::pair<const void*, std::int64_t>> known;
  for (const WeightedMember& each : members) {
    const auto found =
        std::find_if(known.begin(), known.end(), [&](const auto& pair) { return pair.first == each.units; });
    if (found != known.end()) {
      begins.push_back(found->second);
      continue;
    }
    begins.push_back(static_cast<std::int64_t>(units.size()));
    known.emplace_back(each.units, begins.back());
    units.insert(units.end(), each.units->begin(), each.units->end());
  }
  return units;
}

/// Units are brought between 0 and 1 by relu6(6 u) / 6.
constexpr double top = 6;

/// What is done to a unit after relu6 goes into the kernel that reads it.
void fold_in(const std::vector<EncodedUnit>& units, Matrix& kernel, Matrix& bias) {
  for (std::int64_t r = 0; r < kernel.rows; ++r) {
    const EncodedUnit& unit = units[static_cast<std::size_t>(r)];
    for (std::int64_t c = 0; c < kernel.columns; ++c) {
      double& w = kernel.at(r, c);
      bias.at(0, c) -= unit.mean * unit.scale * w;
      w *= unit.scale / top;
    }
  }
}

}  // namespace

MergedLayers merge(const std::vector<WeightedMember>& members, std::int64_t inputs, std::int64_t outputs,
                   Activation last) {
  MergedLayers merged;
  const auto add = [&](const Matrix& kernel, const Matrix& bias, Activation activation) {
    merged.layers.emplace_back(Dense{.units = kernel.columns, .activation = activation});
    merged.weights.push_back(tensor_of(kernel, {kernel.rows, kernel.columns}));
    merged.weights.push_back(tensor_of(bias, {bias.columns}));
  };
  std::vector<std::int64_t> begins;
  const std::vector<EncodedUnit> units = all_units(members, begins);
  const auto count = static_cast<std::int64_t>(units.size());
  Matrix kernel{inputs, count}, bias{1, count};
  for (std::int64_t u = 0; u < count; ++u) {
    kernel.at(units[static_cast<std::size_t>(u)].input, u) = units[static_cast<std::size_t>(u)].slope * top;
    bias.at(0, u) = units[static_cast<std::size_t>(u)].offset * top;
  }
  add(kernel, bias, relu6);

  std::size_t depth = 0;
  for (const WeightedMember& each : members) depth = std::max(depth, each.member->kernels.size() - 1);
  std::vector<Part> parts;
  for (const WeightedMember& each : members) parts.emplace_back(each, depth);
  std::int64_t below = count;
  for (std::size_t layer = 0; layer <= depth; ++layer) {
    std::int64_t width = layer == depth ? outputs : 0, column = 0;
    for (const Part& part : parts) width += layer == depth ? 0 : part.units(layer);
    Matrix next{below, width}, next_bias{1, width};
    for (std::size_t p = 0; p < parts.size(); ++p) {
      parts[p].write(layer, next, next_bias, begins[p], column);
      begins[p] = column;
      if (layer < depth) column += parts[p].units(layer);
    }
    if (layer == 0) fold_in(units, next, next_bias);
    add(next, next_bias, layer == depth ? last : relu);
    below = width;
  }
  return merged;
}

}  // namespace gradus
