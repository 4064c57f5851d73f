#pragma once

#include <string>
#include <vector>

#include <gradus/model.hpp>

namespace gradus::keras {

/// What a config.json says of the network.
struct Config {
  std::string name;
  Shape input_shape;
  std::vector<Layer> layers;
  std::vector<std::string> keys;   ///< of each layer: the name of its group in the weights file
  const Value* compile = nullptr;  ///< within what was read
  std::vector<std::string> notes;  ///< what was left out
};

/// config.json as Keras 3.0 writes it.
Value config_to_keras(const Sequential& model);

/// Reads a Sequential, or a Functional model that is a chain. `root` must outlive the result. Throws `unsupported`
/// naming layer and class for what Gradus does not have, `bad_data` for what is no model. `keras_version` is that of
/// the writer, "3.0.0", for a word that changed its meaning; empty when unknown.
Config config_from_keras(const Value& root, const std::string& keras_version = {});

/// The names of the groups of the weights file: snake_case of each class, numbered per class from the second on.
std::vector<std::string> weight_keys(const std::vector<std::string>& class_names);

}  // namespace gradus::keras
