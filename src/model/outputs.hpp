#pragma once

#include <vector>

#include <gradus/model.hpp>

namespace gradus {

/// The activation after which a model gives its numbers.
Activation last_activation(const std::vector<Layer>& layers);
/// Whether the outputs are numbers to be read as they are, and no answer to "which class": no names of classes, no last
/// activation, no loss that takes sums for classes.
bool gives_amounts(const Sequential& model);

}  // namespace gradus
