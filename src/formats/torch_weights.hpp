#pragma once

#include <string>
#include <vector>

#include <gradus/model.hpp>

#include "formats/npy.hpp"

namespace gradus {

/// Whether these are the names of a PyTorch state_dict: "weight", "fc.bias", "layers.0.running_mean".
bool is_torch(const NamedTensors& arrays);

/// See set_named_weights.
std::vector<std::string> set_torch_weights(Sequential& model, const NamedTensors& arrays);

}  // namespace gradus
