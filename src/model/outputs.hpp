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

/// Whether what probabilities_of gives a sample are probabilities: within 0 to 1, and adding up to 1. So they are after
/// softmax, log_softmax, a single sigmoid, and of sums that go through softmax or a single sigmoid. Other outputs
/// (tanh, relu, linear, hinge's, several sigmoids) are scores: the greatest is the class, and they say no more than
/// that.
bool gives_probabilities(const Sequential& model);
/// Whether all outputs are finite; otherwise they name no class.
bool are_finite(std::span<const Real> outputs);

/// One number a class, from what a model that answers "which class" gives for a sample: outputs that are sums (no last
/// activation, and a loss from_logits or none) go through the softmax or sigmoid that the loss would take them through,
/// those of log_softmax through e^y. A single output is that of the second of two classes; where gives_probabilities
/// two numbers come back, else the score alone.
std::vector<Real> probabilities_of(const Sequential& model, std::span<const Real> outputs);
/// The class that these outputs name: the likeliest, of equals the first.
std::int64_t class_of(const Sequential& model, std::span<const Real> outputs);

}  // namespace gradus
