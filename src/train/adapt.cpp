#include <algorithm>

#include <gradus/error.hpp>

#include "data/table_inputs.hpp"
#include "train/batches.hpp"

namespace gradus {
namespace {

/// The model's layers below `layer`, as a model.
Sequential below(const Sequential& model, std::size_t layer) {
  const auto end = model.layers().begin() + static_cast<std::ptrdiff_t>(layer);
  Sequential lower(model.input_shape(), {model.layers().begin(), end});
  for (std::size_t i = 0; i < lower.weights().size(); ++i) lower.set_weight(i, model.weight(i));
  return lower;
}

/// Inputs of a table that are 0 or 1 by meaning, such as words, are no amounts: a Normalization that reads the samples
/// themselves leaves them as they are.
void leave_words(Sequential& model, std::size_t layer, const Dataset& data) {
  const std::int64_t width = data.sample_shape().elements();
  const std::vector<bool> amounts = amount_inputs(data.table().get(), width);
  const Sequential::State& s = model.state();
  for (std::size_t i = 0; i < s.parameters.size(); ++i) {
    const std::string& name = s.weights[i].name;
    if (s.parameters[i].layer != layer || (name != "mean" && name != "variance")) continue;
    Tensor values = model.weight(i);
    if (values.shape().elements() != width) continue;
    for (std::size_t f = 0; f < amounts.size(); ++f) {
      if (!amounts[f]) values.values()[f] = name == "variance" ? Real{1} : Real{0};
    }
    model.set_weight(i, values);
  }
}

void fit_layer(Sequential& model, std::size_t layer, const Dataset& data) {
  const TensorView inputs = data.inputs();
  constexpr std::int64_t rows_at_once = 1024;
  const Sequential lower = below(model, layer);
  const std::unique_ptr<LayerFit> fit = model.state().functions[layer]->fit_to_data();
  for (std::int64_t begin = 0; begin < inputs.rows(); begin += rows_at_once) {
    const std::int64_t rows = std::min(rows_at_once, inputs.rows() - begin);
    const Tensor values = lower.predict(inputs.slice(begin, begin + rows));
    fit->add(values.values().data(), rows);
    if (begin / rows_at_once % 16 == 15) data.release();
  }
  fit->finish(model.state().block.data());
  model.state().touch();
  if (layer == 0 && data.table() != nullptr) leave_words(model, layer, data);
}

}  // namespace

void adapt_layers(Sequential& model, const Dataset& data, bool again) {
  const Sequential::State& s = model.state();
  for (std::size_t i = 0; i < s.functions.size(); ++i) {
    if (s.functions[i]->fit_to_data() == nullptr) continue;
    if (again || !s.functions[i]->is_fitted(s.block.data())) fit_layer(model, i, data);
  }
}

void Sequential::adapt(const Dataset& data) {
  const auto refuse = [](const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); };
  if (data.empty()) refuse("adapt: the data set is empty");
  if (data.sample_shape().elements() != input_shape().elements()) {
    refuse("adapt: the model takes samples of shape " + input_shape().to_string() + ", but those of " + data.name() +
           " have shape " + data.sample_shape().to_string());
  }
  adapt_layers(*this, data, true);
}

}  // namespace gradus
