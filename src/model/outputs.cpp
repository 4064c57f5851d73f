#include "model/outputs.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/kernels.hpp"

namespace gradus {
namespace {

bool is_from_logits(const Loss& loss) {
  const Value::Object fields = loss.fields();
  return std::any_of(fields.begin(), fields.end(),
                     [](const auto& field) { return field.first == "from_logits" && field.second == Value(true); });
}

/// Whether the outputs are the sums before a softmax or a sigmoid. Without a loss nothing else makes classes of them.
bool gives_sums(const Sequential& model) {
  return last_activation(model.layers()) == Activation::linear &&
         (!model.compiled().has_value() || is_from_logits(model.compiled()->loss));
}

bool is_binary(const Sequential& model) {
  return model.output_shape().elements() == 1 ||
         (model.compiled().has_value() && model.compiled()->loss.class_name().starts_with("Binary"));
}

}  // namespace

Activation last_activation(const std::vector<Layer>& layers) {
  if (layers.empty()) return Activation::linear;
  if (layers.back().get_if<Softmax>() != nullptr) return Activation::softmax;
  const Value::Object fields = layers.back().fields();
  const auto found = std::find_if(fields.begin(), fields.end(), [](const auto& f) { return f.first == "activation"; });
  return found == fields.end() ? Activation::linear : activation_from_name(*found->second.get_if<std::string>());
}

bool gives_amounts(const Sequential& model) {
  return model.class_names().empty() && last_activation(model.layers()) == Activation::linear &&
         (!model.compiled().has_value() || !model.compiled()->loss.class_name().ends_with("Crossentropy"));
}

bool gives_probabilities(const Sequential& model) {
  const Activation last = last_activation(model.layers());
  const bool alone = model.output_shape().elements() == 1;
  if (last == Activation::softmax || last == Activation::log_softmax) return true;
  return last == Activation::sigmoid ? alone : gives_sums(model) && (alone || !is_binary(model));
}

bool are_finite(std::span<const Real> outputs) {
  return std::all_of(outputs.begin(), outputs.end(), [](Real value) { return std::isfinite(value); });
}

std::vector<Real> probabilities_of(const Sequential& model, std::span<const Real> outputs) {
  std::vector<Real> shares(outputs.begin(), outputs.end());
  const bool logarithms = last_activation(model.layers()) == Activation::log_softmax;
  if (gives_sums(model) && is_binary(model)) {
    for (Real& x : shares) x = static_cast<Real>(1 / (1 + std::exp(-static_cast<double>(x))));
  } else if (logarithms || gives_sums(model)) {
    // softmax(log_softmax(z)) is e^log_softmax(z), and adds up to 1 for the mean of several models as well.
    const std::int64_t width = model.output_shape()[model.output_shape().rank() - 1];
    const auto count = static_cast<std::int64_t>(shares.size());
    for (std::int64_t i = 0; i + width <= count; i += width) {
      kernels::softmax(shares.data() + i, width, shares.data() + i);
    }
  }
  if (shares.size() == 1 && gives_probabilities(model)) return {1 - shares[0], shares[0]};
  return shares;
}

std::int64_t class_of(const Sequential& model, std::span<const Real> outputs) {
  // Softmax and sigmoid keep the order, so of several the greatest sum is the likeliest as well.
  if (outputs.size() > 1) return std::max_element(outputs.begin(), outputs.end()) - outputs.begin();
  return probabilities_of(model, outputs).back() > Real{0.5} ? 1 : 0;
}

}  // namespace gradus
