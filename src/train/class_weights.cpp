#include <algorithm>
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

namespace {

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(ErrorCode::invalid_argument, "class_weight: " + sentence);
}

/// "'no', 'yes'"
std::string classes_of(const Dataset& data) {
  constexpr std::size_t most = 12;
  const std::vector<std::string>& names = data.class_names();
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < most; ++i) text += (i == 0 ? "" : ", ") + in_quotes(names[i]);
  if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
  return text;
}

Real checked(const std::string& name, double weight) {
  if (!(weight >= 0 && std::isfinite(weight))) {
    refuse("class " + name + ": a weight must be a number of 0 or more, got " + Value(weight).to_string());
  }
  return static_cast<Real>(weight);
}

}  // namespace

std::vector<Real> ClassWeights::of(const Dataset& data) const {
  if (!data.is_classified()) refuse("the targets of " + data.name() + " are numbers, not classes");
  std::vector<Real> weights(static_cast<std::size_t>(data.target_width()), 1);
  for (const auto& [label, weight] : weights_) {
    if (label < 0 || label >= data.target_width()) {
      refuse("there is no class " + std::to_string(label) + "; " + data.name() + " has " +
             std::to_string(data.target_width()));
    }
    weights[static_cast<std::size_t>(label)] = checked(std::to_string(label), weight);
  }
  const std::vector<std::string>& names = data.class_names();
  for (const auto& [name, weight] : named_) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      refuse("there is no class " + in_quotes(name) + "; the classes of " + data.name() + " are " + classes_of(data));
    }
    weights[static_cast<std::size_t>(found - names.begin())] = checked(in_quotes(name), weight);
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
