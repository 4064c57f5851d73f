#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gradus/model.hpp>

#include "formats/hdf5_reader.hpp"
#include "formats/keras_config.hpp"

namespace gradus::keras {

/// model.weights.h5: every layer's weights and, when the model is compiled, the optimizer's state.
std::vector<std::uint8_t> weights_to_keras(const Sequential& model);

/// Compares what the layers of `config` need with what the file holds, before a model is made and memory is taken.
/// Throws `bad_data` naming the layer, what it expects and what was found.
void check_weights(const Config& config, const Hdf5Reader& file);
/// Sets all weights of a model built from `config`; check_weights has passed.
void read_weights(const Config& config, const Hdf5Reader& file, Sequential& model);
/// Continues the optimizer of a compiled model where the file stands. What does not fit its optimizer is left out, and
/// `notes` says so, as in Keras.
void read_optimizer(const Hdf5Reader& file, Sequential& model, std::vector<std::string>& notes);

}  // namespace gradus::keras
