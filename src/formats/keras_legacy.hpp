#pragma once

#include <string>

#include <gradus/spec.hpp>

/// What Keras 1 and 2 called otherwise than Keras 3, both ways.
namespace gradus::keras {

/// A layer's object in today's words; itself where nothing differs.
Value modern_layer(const Value& layer);
/// The `model_config` and `training_config` of an `.h5` file as one object in the shape of config.json.
Value modern_model(const Value& model_config, const Value& training_config);

/// What config.json says, for an `.h5` that both tf.keras 2 and Keras 3 load: model_config and training_config; the
/// latter is null when the model is not compiled.
Value legacy_model(const Value& config);
Value legacy_training(const Value& config);

}  // namespace gradus::keras
