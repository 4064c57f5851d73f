#pragma once

#include <string>
#include <vector>

#include "formats/model_formats.hpp"

namespace gradus {

/// Keras 3's `.keras`: a zip archive of metadata.json, config.json and model.weights.h5. A file of this name that is in
/// truth HDF5, as TensorFlow up to 2.11 wrote, is read as such.
LoadedModel read_keras(const std::string& path);
void write_keras(const Sequential& model, const std::string& path);

/// Keras's older `.h5`, of Keras 1 and 2, tf.keras and Keras 3's legacy writer; written for tf.keras 2 and Keras 3.
LoadedModel read_keras_h5(const std::string& path);
void write_keras_h5(const Sequential& model, const std::string& path);

/// Keras 3's `.weights.h5`: the weights member of a `.keras` file on its own.
void write_keras_weights(const Sequential& model, const std::string& path);
/// Weights alone from HDF5: `.weights.h5` of Keras 3, or what save_weights of Keras 1 and 2 wrote; and the weights of a
/// whole `.h5`.
void read_keras_weights(const std::string& path, Sequential& model, std::vector<std::string>& notes);

}  // namespace gradus
