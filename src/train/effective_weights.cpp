#include "train/effective_weights.hpp"

#include <algorithm>
#include <string>

#include <gradus/error.hpp>

namespace gradus {

std::vector<Real> effective_weights(const Dataset& data, const ClassWeights& class_weight, const char* who) {
  std::vector<Real> weights(data.sample_weights().begin(), data.sample_weights().end());
  if (!class_weight.empty()) {
    const std::vector<Real> of_class = class_weight.of(data);
    weights.resize(static_cast<std::size_t>(data.size()), Real{1});
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] *= of_class[static_cast<std::size_t>(data.labels()[i])];
  }
  if (!weights.empty() && std::all_of(weights.begin(), weights.end(), [](Real weight) { return weight == 0; })) {
    throw Error(ErrorCode::invalid_argument, std::string(who) + ": all samples" +
                                                 (data.name().empty() ? "" : " of " + data.name()) +
                                                 " have the weight 0, so there is nothing to learn");
  }
  return weights;
}

}  // namespace gradus
