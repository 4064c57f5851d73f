#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gradus/spec.hpp>

/// Where Keras's names and Gradus's part ways, and what Keras writes beside what a spec holds.
namespace gradus::keras {

/// Gradus's own classes; Keras refuses a file that names one.
bool only_in_gradus(std::string_view class_name);
/// Fields of layers, and of metrics as "AUC.average", that Keras lacks; it refuses a config that has one.
bool field_only_in_gradus(std::string_view field);
/// Initializers that take a seed in Keras.
bool draws_at_random(std::string_view initializer);

/// Keras's spelling to Gradus's class name, or itself: "glorot_uniform", "OrthogonalInitializer"; "mse",
/// "mean_squared_error", "MeanSquaredError"; "rmsprop", "Custom>RMSprop"; "acc", "SparseCategoricalAccuracy".
std::string initializer_name(const std::string& written);
std::string loss_name(const std::string& written);
std::string optimizer_name(const std::string& written);
std::string metric_name(const std::string& written);
/// Of a regularizer or a constraint: "l2", "l1_l2", "max_norm".
template <class Kind>
std::string rule_name(const std::string& written);
/// "softmax_v2" -> "softmax", "swish" -> "silu", "hard_swish" -> "hard_silu".
std::string activation_alias(const std::string& written);
/// A field of an initializer in today's words.
Value initializer_value(const std::string& field, const Value& written);

/// Whether an option that Gradus does not have stands at the value that changes nothing. Options that only say how a
/// layer is trained, built or named are always neutral.
bool is_neutral(std::string_view key, const Value& value);

/// What Keras 3.0 writes beside a spec's fields: options that Gradus lacks, at the values that change nothing.
const Value::Object& layer_defaults(std::string_view class_name);

}  // namespace gradus::keras
