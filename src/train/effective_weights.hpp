#pragma once

#include <vector>

#include <gradus/model.hpp>

namespace gradus {

/// How much each sample counts: its own weight times that of its class; empty where all count alike. Throws
/// `invalid_argument`, with `who` in front, when none counts, and as ClassWeights::of does.
std::vector<Real> effective_weights(const Dataset& data, const ClassWeights& class_weight, const char* who);

}  // namespace gradus
