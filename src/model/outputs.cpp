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

std::vector<Real> probabilities_of(const Sequential& model, std::span<const Real> outputs) {
  std::vector<Real> shares(outputs.begin(), outputs.end());
  if (gives_sums(model)) {
    if (is_binary(model)) {
      for (Real& x : shares) x = static_cast<Real>(1 / (1 + std::exp(-static_cast<double>(x))));
    } else {
      const std::int64_t width = model.output_shape()[model.output_shape().rank() - 1];
      const auto count = static_cast<std::int64_t>(shares.size());
      for (std::int64_t i = 0; i + width <= count; i += width) {
        kernels::softmax(shares.data() + i, width, shares.data() + i);
      }
    }
  }
  if (shares.size() == 1) return {1 - shares[0], shares[0]};
  return shares;
}

std::int64_t class_of(const Sequential& model, std::span<const Real> outputs) {
  // Softmax and sigmoid keep the order, so of several the greatest sum is the likeliest as well.
  if (outputs.size() > 1) return std::max_element(outputs.begin(), outputs.end()) - outputs.begin();
  const std::vector<Real> shares = probabilities_of(model, outputs);
  return shares[1] > shares[0] ? 1 : 0;
}

}  // namespace gradus
