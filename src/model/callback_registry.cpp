#include "model/callback_registry.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <gradus/error.hpp>
#include <gradus/model.hpp>

#include "base/nearest.hpp"
#include "base/spec_members.hpp"
#include "metrics/metric.hpp"
#include "model/missing_figure.hpp"

GRADUS_INSTANTIATE_SPEC(CallbackKind)

namespace gradus {
namespace {

/// Figures that a run may have: the loss and every metric by its usual name, of training and validation.
std::vector<std::string> usual_figures() {
  std::vector<std::string> names = {"loss"};
  for (const auto& [class_name, entry] : MetricRegistry::instance().entries()) {
    names.push_back(entry.maker.make(entry.defaults)->name());
  }
  const std::size_t count = names.size();
  for (std::size_t i = 0; i < count; ++i) names.push_back("val_" + names[i]);
  return names;
}

}  // namespace

Sequential& Callback::model() const {
  if (model_ != nullptr) return *model_;
  throw Error(ErrorCode::invalid_argument, "a callback has a model only while it runs");
}

std::unique_ptr<Callback> make_callback(const CallbackSpec& spec) {
  return CallbackRegistry::instance().find(spec.class_name()).maker.make(spec);
}

void demand_of_callback(bool good, std::string_view callback, const std::string& option, const std::string& what,
                        const Value& value) {
  if (good) return;
  throw Error(ErrorCode::invalid_argument,
              std::string(callback) + ": " + option + " must be " + what + ", got " + value.to_string());
}

Monitor::Monitor(std::string_view callback, std::string figure, const std::string& mode)
    : callback_(callback), figure_(std::move(figure)) {
  demand_of_callback(mode == "min" || mode == "max" || mode == "auto", callback, "mode", "min, max or auto", mode);
  if (mode != "auto") {
    falls_ = mode == "min";
    return;
  }
  const auto has = [&](auto... parts) { return ((figure_.find(parts) != std::string::npos) || ...); };
  falls_ = has("loss", "error", "entropy", "mae", "mse", "rmse", "hinge", "divergence", "poisson");
  const bool rises = has("acc", "auc", "precision", "recall", "f1", "top_k", "r2", "similarity", "iou");
  if (falls_ != rises) return;
  throw Error(ErrorCode::invalid_argument, callback_ + ": it is not clear whether '" + figure_ +
                                               "' should fall or rise; set mode to min or max" +
                                               did_you_mean(figure_, usual_figures()));
}

double Monitor::value(const Logs& logs) const {
  try {
    return logs.at(figure_);
  } catch (const MissingFigure& error) {
    throw MissingFigure(callback_ + ": " + error.what());
  }
}

bool Monitor::better(double now, const std::optional<double>& reference, double delta) const {
  if (!reference) return true;
  return falls_ ? now < *reference - delta : now > *reference + delta;
}

}  // namespace gradus
