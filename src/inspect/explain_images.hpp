#pragma once

#include <optional>
#include <vector>

#include "inspect/explain.hpp"

namespace gradus {

/// What explain says of layers that look at images through windows, and of those that normalise. Sums are those of the
/// formulas in layers.hpp, one loop for each of their letters.

/// Fills in the formula, the activation and what the layer makes of `x`, samples of shape `input`: its sums `z` where
/// it has an activation, its outputs `a` where it has none. False: the layer is of another kind.
bool forward_image(const Layer& spec, const Shape& input, const std::vector<double>& x, ExplainedLayer& layer);

/// Fills in the gradients of the weights from dL/dz, where the layer has an activation, or dL/da; returns dL/dx.
/// Nothing: the layer is of another kind.
std::optional<std::vector<double>> backward_image(const Layer& spec, const Shape& input, const std::vector<double>& x,
                                                  ExplainedLayer& layer);

}  // namespace gradus
