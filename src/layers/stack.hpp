#pragma once

#include <memory>
#include <span>
#include <vector>

#include "layers/layer.hpp"

namespace gradus {

/// One function of a pass, and which layer of the stack it belongs to.
struct StackedFunction {
  std::size_t layer = 0;
  const LayerFunction* function = nullptr;
};

/// The functions that a pass through these layers runs: views are left out, and in training a layer whose activation
/// has a slope that must be told from the sum becomes two, without the activation and the activation; a convolution and
/// a maximum that are better computed together become one, which belongs to the convolution. `made` keeps the functions
/// that this takes; it must outlive the result.
std::vector<StackedFunction> functions_of(std::span<const LayerFunction* const> layers, bool training,
                                          std::vector<std::unique_ptr<LayerFunction>>& made);

/// Whether any of its weights is trained.
bool has_trained_weights(const LayerFunction& function);

}  // namespace gradus
