#include <cmath>

#include <gradus/error.hpp>
#include <gradus/model.hpp>

#include "base/text.hpp"

namespace gradus {

ClassWeights::ClassWeights(std::string_view word) : balanced_(word == "balanced") {
  if (!balanced_) {
    throw Error(ErrorCode::invalid_argument,
                "class_weight: expected \"balanced\" or a weight for each class, got " + in_quotes(word));
  }
}

std::vector<Real> ClassWeights::of(const Dataset& data) const {
  const auto refuse = [](const std::string& sentence) {
    throw Error(ErrorCode::invalid_argument, "class_weight: " + sentence);
  };
  if (!data.is_classified()) refuse("the targets of " + data.name() + " are numbers, not classes");
  std::vector<Real> weights(static_cast<std::size_t>(data.target_width()), 1);
  for (const auto& [label, weight] : weights_) {
    if (label < 0 || label >= data.target_width()) {
      refuse("there is no class " + std::to_string(label) + "; " + data.name() + " has " +
             std::to_string(data.target_width()));
    }
    if (!(weight >= 0 && std::isfinite(weight))) {
      refuse("class " + std::to_string(label) + ": a weight must be a number of 0 or more, got " +
             Value(weight).to_string());
    }
    weights[static_cast<std::size_t>(label)] = static_cast<Real>(weight);
  }
  if (!balanced_) return weights;
  std::vector<std::int64_t> counts(weights.size());
  std::int64_t present = 0;
  for (const std::int32_t label : data.labels()) present += counts[static_cast<std::size_t>(label)]++ == 0 ? 1 : 0;
  for (std::size_t label = 0; label < counts.size(); ++label) {
    if (counts[label] == 0) continue;
    weights[label] = static_cast<Real>(static_cast<double>(data.size()) /
                                       (static_cast<double>(present) * static_cast<double>(counts[label])));
  }
  return weights;
}

}  // namespace gradus
