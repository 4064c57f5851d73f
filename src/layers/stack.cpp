#include "layers/stack.hpp"

#include <algorithm>

#include "layers/pooled_convolution.hpp"

namespace gradus {

std::vector<StackedFunction> functions_of(std::span<const LayerFunction* const> layers, bool training,
                                          std::vector<std::unique_ptr<LayerFunction>>& made) {
  std::vector<StackedFunction> functions;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const LayerFunction& layer = *layers[i];
    if (layer.is_view(training)) continue;
    const Activation activation = layer.final_activation();
    if (!training || layer.keeps_sum() || !kernels::slope_needs_sum(activation)) {
      functions.push_back({i, &layer});
      if (i + 1 == layers.size()) continue;
      if (auto joined = pooled_convolution(layer, *layers[i + 1]); joined != nullptr) {
        made.push_back(std::move(joined));
        functions.back().function = made.back().get();
        ++i;
      }
      continue;
    }
    made.push_back(layer.without_activation());
    functions.push_back({i, made.back().get()});
    made.push_back(LayerRegistry::instance()
                       .find(ActivationLayer::class_name)
                       .maker.bind(ActivationLayer{.activation = activation}, layer.output_shape()));
    functions.push_back({i, made.back().get()});
  }
  return functions;
}

bool has_trained_weights(const LayerFunction& function) {
  return std::any_of(function.parameters().begin(), function.parameters().end(),
                     [](const Parameter& p) { return p.trainable; });
}

}  // namespace gradus
