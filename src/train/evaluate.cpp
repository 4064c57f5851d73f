#include <algorithm>

#include <gradus/error.hpp>

#include "model/outputs.hpp"
#include "train/batches.hpp"
#include "train/measures.hpp"

namespace gradus {

kernels::Samples samples_of(const Dataset& data, const std::uint32_t* order) {
  const TensorView inputs = data.inputs();
  const bool bytes = inputs.dtype() == DType::uint8;
  const void* values = bytes ? static_cast<const void*>(inputs.bytes().data()) : inputs.reals().data();
  return {values, bytes, data.sample_shape().elements(), order, 1};
}

BatchTargets targets_of(const Dataset& data, const std::uint32_t* order, std::int64_t first) {
  BatchTargets targets{nullptr, nullptr, order, data.target_width(), data.one_hot()};
  if (!data.sample_weights().empty()) targets.weights = data.sample_weights().data() + first;
  if (data.is_classified()) {
    targets.labels = data.labels().data() + first;
  } else {
    targets.values = data.targets().reals().data() + first * targets.width;
  }
  return targets;
}

bool mostly_zero(const Dataset& data) {
  // A stride through the set, since files are often sorted by class.
  constexpr std::int64_t probes = 64;
  const std::int64_t count = std::min(probes, data.size());
  std::vector<std::uint32_t> some;
  for (std::int64_t i = 0; i < count; ++i) some.push_back(static_cast<std::uint32_t>(i * data.size() / count));
  return kernels::mostly_zero(samples_of(data, some.data()), count, data.sample_shape().elements());
}

void check_data(const Sequential& model, const Dataset& data, const std::string& what) {
  const auto refuse = [](const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); };
  if (!model.compiled()) refuse(what + ": the model has no loss yet; call compile first");
  if (data.empty()) refuse(what + ": the data set is empty");
  if (data.sample_shape().elements() != model.input_shape().elements()) {
    refuse(what + ": the model takes samples of shape " + model.input_shape().to_string() + ", but those of " +
           data.name() + " have shape " + data.sample_shape().to_string());
  }
  const std::int64_t n = model.output_shape().elements();
  const bool two_classes = data.is_classified() && data.target_width() == 2 && n == 1;
  if (data.target_width() != n && !two_classes) {
    refuse(what + ": the model has " + std::to_string(n) + (n == 1 ? " output" : " outputs") + ", but " + data.name() +
           " has " + std::to_string(data.target_width()) + (data.is_classified() ? " classes" : " targets a sample"));
  }
  const std::string why = model.state().loss->why_not(n, data.is_classified());
  if (!why.empty()) refuse(what + ": " + std::string(model.compiled()->loss.class_name()) + " " + why);
  for (const auto& metric : model.state().metrics) {
    const std::string unfit = metric->why_not(n, data.is_classified());
    if (!unfit.empty()) refuse(what + ": " + metric->name() + " " + unfit);
  }
}

Logs evaluate_in(Workspace& workspace, const Sequential::State& model, const Dataset& data, bool sparse,
                 ThreadPool* pool) {
  Measures measures(model);
  measures.begin(data.size());
  const double penalty = model.rules.penalty(model.whole_block());
  const kernels::Samples all = samples_of(data, nullptr);
  const std::int64_t size = all.bytes ? 1 : static_cast<std::int64_t>(sizeof(Real));
  std::int64_t unreleased = 0;
  for (std::int64_t begin = 0; begin < data.size(); begin += workspace.max_rows()) {
    const std::int64_t rows = std::min(workspace.max_rows(), data.size() - begin);
    kernels::Samples part = all;
    part.data = static_cast<const char*>(all.data) + begin * all.stride * size;
    workspace.set_batch(part, rows, sparse);
    workspace.forward_backward(targets_of(data, nullptr, begin), pool);
    measures.add(workspace, penalty);
    // A set on disk is read once through: what lies behind need not stay in memory.
    constexpr std::int64_t most_bytes = std::int64_t{16} << 20;
    unreleased += rows * all.stride * size;
    if (unreleased > most_bytes) data.release(), unreleased = 0;
  }
  data.check_unchanged();
  return measures.logs();
}

Logs Sequential::evaluate(const Dataset& data, const EvaluateOptions& options) const {
  check_data(*this, data, "evaluate");
  if (options.batch_size < 1) {
    throw Error(ErrorCode::invalid_argument,
                "evaluate: batch_size must be 1 or more, got " + std::to_string(options.batch_size));
  }
  ThreadPool pool(check_threads(options.threads, "evaluate: threads"));
  Workspace workspace(*state_, std::min(options.batch_size, data.size()), Workspace::Purpose::evaluate);
  return evaluate_in(workspace, *state_, data, mostly_zero(data), &pool);
}

ConfusionMatrix confusion_of(const Sequential& model, const Dataset& data, const Tensor& outputs) {
  const std::int64_t classes = std::max<std::int64_t>(model.output_shape().elements(), 2);
  if (!data.is_classified() || data.target_width() > classes) {
    throw Error(ErrorCode::invalid_argument, "a confusion matrix needs class labels below " + std::to_string(classes) +
                                                 "; " + data.name() + " has none such");
  }
  ConfusionMatrix matrix{classes, std::vector<std::int64_t>(static_cast<std::size_t>(classes * classes))};
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const std::int64_t truth = data.labels()[static_cast<std::size_t>(i)];
    ++matrix.counts[static_cast<std::size_t>(truth * classes + class_of(model, outputs.row(i)))];
  }
  return matrix;
}

ConfusionMatrix Sequential::confusion(const Dataset& data) const {
  return confusion_of(*this, data, predict(data.inputs()));
}

}  // namespace gradus
