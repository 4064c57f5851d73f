#include "model/outputs.hpp"

#include <algorithm>

namespace gradus {

Activation last_activation(const std::vector<Layer>& layers) {
  if (layers.empty()) return Activation::linear;
  const Value::Object fields = layers.back().fields();
  const auto found = std::find_if(fields.begin(), fields.end(), [](const auto& f) { return f.first == "activation"; });
  return found == fields.end() ? Activation::linear : activation_from_name(*found->second.get_if<std::string>());
}

bool gives_amounts(const Sequential& model) {
  return model.class_names().empty() && last_activation(model.layers()) == Activation::linear &&
         (!model.compiled().has_value() || !model.compiled()->loss.class_name().ends_with("Crossentropy"));
}

}  // namespace gradus
