#pragma once

#include <vector>

#include <gradus/model.hpp>

namespace gradus {

/// Several models that answer as one: the mean of their outputs. Models that were trained from different first weights,
/// or are built differently, make different mistakes, and the mean of their probabilities makes fewer (Hansen, Salamon
/// 1990). Const, and for any number of threads at a time, as its models are.
class Ensemble {
 public:
  /// Throws `invalid_argument` when there is no model, or when two differ in the number of inputs, in the shape of the
  /// outputs or in the names of their classes; it names both by their places, counted from 1.
  explicit Ensemble(std::vector<Sequential> models);

  [[nodiscard]] const std::vector<Sequential>& models() const { return models_; }
  /// The mean of the models' outputs for each row, added up in the order of the models: (rows, ...output_shape).
  [[nodiscard]] Tensor predict(const TensorView& inputs) const;
  /// Loss and metrics of the mean, as the first model is compiled. Throws as Sequential::evaluate does.
  [[nodiscard]] Logs evaluate(const Dataset& data, const EvaluateOptions& options = {}) const;
  /// How often each class of `data` was taken for which, by the mean. Throws as Sequential::confusion does.
  [[nodiscard]] ConfusionMatrix confusion(const Dataset& data) const;

 private:
  std::vector<Sequential> models_;
};

}  // namespace gradus
