#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <gradus/model.hpp>

namespace gradus {

/// The activation after which a model gives its numbers.
Activation last_activation(const std::vector<Layer>& layers);
/// Whether the outputs are numbers to be read as they are, and no answer to "which class": no names of classes, no last
/// activation, no loss that takes sums for classes.
bool gives_amounts(const Sequential& model);

/// One number a class, from what a model that answers "which class" gives for a sample: outputs that are sums (no last
/// activation, and a loss from_logits or none) go through the softmax or sigmoid that the loss would take them through;
/// a single output is the probability of the second of two classes, and two numbers come back.
std::vector<Real> probabilities_of(const Sequential& model, std::span<const Real> outputs);
/// The class that these outputs name: the likeliest, of equals the first.
std::int64_t class_of(const Sequential& model, std::span<const Real> outputs);

}  // namespace gradus
