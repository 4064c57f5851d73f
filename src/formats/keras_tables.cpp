#include "formats/keras_tables.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "base/text.hpp"
#include "model/spec_text.hpp"

namespace gradus::keras {
namespace {

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// The class whose name, in lower case with underscores, is `written`; else `written` itself.
template <class Kind>
std::string class_of(const std::string& written) {
  for (const std::string& name : Spec<Kind>::names()) {
    if (snake_case(name) == written || lower(name) == lower(written)) return name;
  }
  return written;
}

using Aliases = std::map<std::string, std::string, std::less<>>;

std::string alias(const Aliases& aliases, const std::string& written) {
  const auto found = aliases.find(written);
  return found == aliases.end() ? written : found->second;
}

bool same_number(const Value& a, const Value& b) {
  const auto number = [](const Value& value, double& result) {
    if (const auto* whole = value.get_if<std::int64_t>()) return result = static_cast<double>(*whole), true;
    if (const auto* real = value.get_if<double>()) return result = *real, true;
    return false;
  };
  double x = 0, y = 0;
  return number(a, x) && number(b, y) && x == y;
}

}  // namespace

bool only_in_gradus(std::string_view class_name) {
  static constexpr std::array<std::string_view, 4> own = {"Given", "SquaredError", "Quadratic", "OneCycle"};
  return contains(own, class_name);
}

bool field_only_in_gradus(std::string_view field) {
  static constexpr std::array<std::string_view, 4> own = {"passes_error", "AUC.average", "Precision.average",
                                                          "Recall.average"};
  return contains(own, field);
}

bool draws_at_random(std::string_view initializer) {
  static constexpr std::array<std::string_view, 11> random = {
      "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "GlorotNormal", "GlorotUniform",
      "HeNormal",     "HeUniform",     "LecunNormal",     "LecunUniform",    "Orthogonal"};
  return contains(random, initializer);
}

std::string initializer_name(const std::string& written) {
  static const Aliases aliases = {{"OrthogonalInitializer", "Orthogonal"},
                                  {"zero", "Zeros"},
                                  {"one", "Ones"},
                                  {"normal", "RandomNormal"},
                                  {"uniform", "RandomUniform"},
                                  {"lecun_uniform", "LecunUniform"},
                                  {"LeCunNormal", "LecunNormal"},
                                  {"LeCunUniform", "LecunUniform"}};
  return class_of<InitializerKind>(alias(aliases, written));
}

std::string loss_name(const std::string& written) {
  static const Aliases aliases = {
      {"mse", "MeanSquaredError"},
      {"MSE", "MeanSquaredError"},
      {"bce", "BinaryCrossentropy"},
      {"BCE", "BinaryCrossentropy"},
      {"mae", "MeanAbsoluteError"},
      {"MAE", "MeanAbsoluteError"},
      {"mape", "MeanAbsolutePercentageError"},
      {"MAPE", "MeanAbsolutePercentageError"},
      {"msle", "MeanSquaredLogarithmicError"},
      {"MSLE", "MeanSquaredLogarithmicError"},
      {"kld", "KLDivergence"},
      {"KLD", "KLDivergence"},
      {"kullback_leibler_divergence", "KLDivergence"},
      {"huber_loss", "Huber"},
      {"logcosh", "LogCosh"},
  };
  const std::string name = class_of<LossKind>(alias(aliases, written));
  // Keras has no loss of this name; what a file means by it is somebody's own class.
  return only_in_gradus(name) ? "keras:" + name : name;
}

std::string optimizer_name(const std::string& written) {
  return class_of<OptimizerKind>(written.starts_with("Custom>") ? written.substr(7) : written);
}

std::string metric_name(const std::string& written) {
  // Keras chooses among these by the shapes when it is told "accuracy"; Gradus's accuracy does that itself. Its class
  // Accuracy is another thing: the share of outputs that equal their targets.
  static const Aliases aliases = {{"acc", "Accuracy"},
                                  {"accuracy", "Accuracy"},
                                  {"categorical_accuracy", "Accuracy"},
                                  {"CategoricalAccuracy", "Accuracy"},
                                  {"sparse_categorical_accuracy", "Accuracy"},
                                  {"SparseCategoricalAccuracy", "Accuracy"},
                                  {"sparse_top_k_categorical_accuracy", "TopKCategoricalAccuracy"},
                                  {"SparseTopKCategoricalAccuracy", "TopKCategoricalAccuracy"},
                                  {"mae", "MeanAbsoluteError"},
                                  {"MAE", "MeanAbsoluteError"},
                                  {"mse", "MeanSquaredError"},
                                  {"MSE", "MeanSquaredError"},
                                  {"Accuracy", "keras:Accuracy"}};
  const std::string name = alias(aliases, written);
  return name == "Accuracy" ? name : class_of<MetricKind>(name);
}

template <class Kind>
std::string rule_name(const std::string& written) {
  static const Aliases aliases = {{"l1_l2", "L1L2"}, {"NonNegative", "NonNeg"}, {"nonneg", "NonNeg"}};
  return class_of<Kind>(alias(aliases, written));
}
template std::string rule_name<RegularizerKind>(const std::string&);
template std::string rule_name<ConstraintKind>(const std::string&);

std::string activation_alias(const std::string& written) {
  if (written == "swish") return "silu";
  if (written == "hard_swish") return "hard_silu";
  return written.ends_with("_v2") ? written.substr(0, written.size() - 3) : written;
}

Value initializer_value(const std::string& field, const Value& written) {
  // Keras up to 2.2 said "normal" and meant the truncated one.
  if (field == "distribution" && written == Value("normal")) return "truncated_normal";
  return written;
}

bool is_neutral(std::string_view key, const Value& value) {
  static const std::map<std::string, Value::List, std::less<>> neutral = {
      // layers
      {"data_format", {"channels_last"}},
      {"groups", {1}},
      {"keepdims", {false}},
      {"rms_scaling", {false}},
      {"renorm", {false}},
      {"invert", {false}},
      {"quantization_config", {}},
      {"lora_rank", {}},
      // losses
      {"reduction", {"sum_over_batch_size", "auto"}},
      {"label_smoothing", {0}},
      {"ignore_class", {}},
      // metrics
      {"curve", {"ROC"}},
      {"multi_label", {false}},
      {"class_aggregation", {"uniform_average"}},
      {"num_regressors", {0}},
      // optimizers
      {"gradient_accumulation_steps", {1}},
      {"loss_scale_factor", {1}},
      {"decay", {0}},
  };
  const auto found = neutral.find(key);
  if (found == neutral.end() || value.is_null()) return true;
  return std::any_of(found->second.begin(), found->second.end(),
                     [&](const Value& each) { return each == value || same_number(each, value); });
}

const Value::Object& layer_defaults(std::string_view class_name) {
  static const std::map<std::string, Value::Object, std::less<>> defaults = {
      {"Conv2D", {{"data_format", "channels_last"}}},
      {"DepthwiseConv2D", {{"data_format", "channels_last"}}},
      {"MaxPooling2D", {{"data_format", "channels_last"}}},
      {"AveragePooling2D", {{"data_format", "channels_last"}}},
      {"GlobalMaxPooling2D", {{"data_format", "channels_last"}}},
      {"GlobalAveragePooling2D", {{"data_format", "channels_last"}}},
      {"Flatten", {{"data_format", "channels_last"}}},
  };
  static const Value::Object none;
  const auto found = defaults.find(class_name);
  return found == defaults.end() ? none : found->second;
}

}  // namespace gradus::keras
