#pragma once

#include <string>
#include <vector>

#include "formats/model_formats.hpp"

namespace gradus {

/// Keras 3's `.keras`: a zip archive of metadata.json, config.json and model.weights.h5. A file of this name that is in
/// truth HDF5, as TensorFlow up to 2.11 wrote, is read as such.
LoadedModel read_keras(const std::string& path);
void write_keras(const Sequential& model, const std::string& path);

/// What a checkpoint holds beside the model: where the run stands, under the key gradus.run of metadata.json, and
/// arrays in the group /gradus/run of the weights' file. Keras looks at neither.
struct KerasAdditions {
  Value run;
  std::vector<Tensor> arrays;
};
void write_keras_checkpoint(const Sequential& model, const std::string& path, const KerasAdditions& additions);
LoadedModel read_keras_checkpoint(const std::string& path, KerasAdditions& additions);
/// KerasAdditions::run alone. Throws `bad_data` when there is none.
Value read_keras_run(const std::string& path);

/// Keras's older `.h5`, of Keras 1 and 2, tf.keras and Keras 3's legacy writer; written for tf.keras 2 and Keras 3.
LoadedModel read_keras_h5(const std::string& path);
void write_keras_h5(const Sequential& model, const std::string& path);

/// Keras 3's `.weights.h5`: the weights member of a `.keras` file on its own.
void write_keras_weights(const Sequential& model, const std::string& path);
/// Weights alone from HDF5: `.weights.h5` of Keras 3, or what save_weights of Keras 1 and 2 wrote; and the weights of a
/// whole `.h5`.
void read_keras_weights(const std::string& path, Sequential& model, std::vector<std::string>& notes);

}  // namespace gradus
