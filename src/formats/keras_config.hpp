#pragma once

#include <string>
#include <vector>

#include <gradus/model.hpp>

#include "layers/layer.hpp"

namespace gradus::keras {

/// The names of a layer's groups in the weights file: one, or for a Residual those of the layers within.
using WeightGroups = std::vector<std::vector<std::string>>;

/// What a config.json says of the network.
struct Config {
  std::string name;
  Shape input_shape;
  std::vector<Layer> layers;
  WeightGroups keys;               ///< of each layer
  const Value* compile = nullptr;  ///< within what was read
  std::vector<std::string> notes;  ///< what was left out
};

/// A layer as a file has it. A Residual is a fork there, which ends in an Add.
struct FileLayer {
  std::string name;
  const Layer* spec = nullptr;              ///< null for the Add that ends a Residual
  const LayerFunction* function = nullptr;  ///< likewise
  Shape input;
  std::vector<std::string> sources;  ///< the layers that feed it
  [[nodiscard]] std::string class_name() const { return spec == nullptr ? "Add" : std::string(spec->class_name()); }
};
/// The layers in the order of a file, those within a Residual before its Add.
std::vector<FileLayer> file_layers(const Sequential& model);

/// config.json as Keras 3.0 writes it: a Sequential, or a Functional model where a layer is a Residual.
Value config_to_keras(const Sequential& model);

/// Reads a Sequential, or a Functional model that is a chain, of which parts may be Residual. `root` must outlive the
/// result. Throws `unsupported` naming layer and class for what Gradus does not have, `bad_data` for what is no model.
/// `keras_version` is that of the writer, "3.0.0", for a word that changed its meaning; empty when unknown.
Config config_from_keras(const Value& root, const std::string& keras_version = {});

/// Throws `bad_data` when the layers need more weights than `numbers`, those that a file holds: before memory is taken.
void check_size(const Config& config, std::int64_t numbers);

/// The names of the groups of the weights file: snake_case of each class, numbered per class from the second on.
std::vector<std::string> weight_keys(const std::vector<std::string>& class_names);
/// The same for the layers of a model.
WeightGroups weight_groups(const std::vector<Layer>& layers);

}  // namespace gradus::keras
