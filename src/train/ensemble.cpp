#include <gradus/ensemble.hpp>

#include <gradus/error.hpp>

#include "train/batches.hpp"

namespace gradus {
namespace {

std::string listed(const std::vector<std::string>& names) {
  return Value(Value::List(names.begin(), names.end())).to_string();
}

void check_pair(const Sequential& first, const Sequential& other, std::size_t place) {
  const auto refuse = [&](const std::string& what, const std::string& a, const std::string& b) {
    throw Error(ErrorCode::invalid_argument, "the models of an ensemble must agree: number 1 has " + what + " " + a +
                                                 ", number " + std::to_string(place) + " has " + b);
  };
  if (first.input_shape().elements() != other.input_shape().elements()) {
    refuse("inputs of shape", first.input_shape().to_string(), other.input_shape().to_string());
  }
  if (first.output_shape() != other.output_shape()) {
    refuse("outputs of shape", first.output_shape().to_string(), other.output_shape().to_string());
  }
  const auto &a = first.class_names(), &b = other.class_names();
  if (!a.empty() && !b.empty() && a != b) refuse("the classes", listed(a), listed(b));
}

/// The mean outputs as samples with the targets of `data`, for a model that hands on what it gets.
Dataset answers(const Ensemble& ensemble, const Dataset& data) {
  const Tensor outputs = ensemble.predict(data.inputs());
  const Shape shape = ensemble.models()[0].output_shape();
  const std::span<const Real> values = outputs.values();
  std::vector<Real> inputs(values.begin(), values.end());
  const std::vector<Real> weights(data.sample_weights().begin(), data.sample_weights().end());
  if (!data.is_classified()) {
    const std::span<const Real> targets = data.targets().reals();
    return Dataset::with_targets(data.name(), shape, std::move(inputs), {targets.begin(), targets.end()},
                                 data.target_width())
        .with_sample_weights(weights);
  }
  const auto labels = data.labels();
  return Dataset::classified(data.name(), shape, std::move(inputs), {labels.begin(), labels.end()},
                             static_cast<std::int32_t>(data.target_width()))
      .with_one_hot(data.one_hot())
      .with_class_names(data.class_names())
      .with_sample_weights(weights);
}

Sequential hands_on(const Sequential& like) {
  Sequential model{like.output_shape(), {ActivationLayer{}}};
  if (like.compiled()) model.compile(*like.compiled());
  return model;
}

}  // namespace

Ensemble::Ensemble(std::vector<Sequential> models) : models_(std::move(models)) {
  if (models_.empty()) throw Error(ErrorCode::invalid_argument, "an ensemble needs at least one model");
  for (std::size_t i = 1; i < models_.size(); ++i) check_pair(models_[0], models_[i], i + 1);
}

Tensor Ensemble::predict(const TensorView& inputs) const {
  Tensor sum = models_[0].predict(inputs);
  if (models_.size() == 1) return sum;
  const std::span<Real> mean = sum.values();
  for (std::size_t m = 1; m < models_.size(); ++m) {
    const Tensor outputs = models_[m].predict(inputs);
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += outputs.values()[i];
  }
  for (Real& value : mean) value /= static_cast<Real>(models_.size());
  return sum;
}

Logs Ensemble::evaluate(const Dataset& data, const EvaluateOptions& options) const {
  if (models_.size() == 1) return models_[0].evaluate(data, options);
  return hands_on(models_[0]).evaluate(answers(*this, data), options);
}

ConfusionMatrix Ensemble::confusion(const Dataset& data) const {
  return confusion_of(models_[0], data, predict(data.inputs()));
}

}  // namespace gradus
