#pragma once

#include <memory>

#include "layers/layer.hpp"

namespace gradus {

/// The function that computes a convolution and the maximum above it in one go, where that is what these two are and it
/// is better than one after the other; else null. It copies what it needs of both, offsets of weights included.
std::unique_ptr<LayerFunction> pooled_convolution(const LayerFunction& below, const LayerFunction& above);

}  // namespace gradus
