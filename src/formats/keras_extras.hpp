#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gradus/model.hpp>

#include "formats/keras_config.hpp"

/// What Keras has no place for: the key "gradus" of metadata.json, which Keras never reads.
///
///   "gradus": {
///     "format": 1,
///     "seed": 7,                                  of the initial weights
///     "epochs": 5,                                trained so far
///     "seconds": 3.2,                             of training, together
///     "history": {"loss": [...], ...},            one number an epoch
///     "class_names": ["0", "1", ...],
///     "layers": {"dense": {"kernel_initializer": {...}}},   fields that Keras cannot say, as Gradus has them
///     "compile": {"optimizer": {...}, "loss": {...}, "metrics": [...]},   only when Keras cannot say it
///     "held_out": {...}, "learnt_rows": {...}     which samples were kept from training: formats/held_out_value.hpp
///     "sample": {"input": [...], "output": [...]} what the model gave for an input when it was saved
///   }
///
/// Each key may be missing.
namespace gradus::keras {

/// The value of "gradus" for a model whose config.json is `config`.
Value extras_of(const Sequential& model, const Value& config);

/// The model, not yet trained: its layers, name and seed.
Sequential build(const Config& config, const Value& extras);
/// As Gradus wrote it, else as Keras did; options that do not fit leave the model as it is, and `notes` says so.
void compile(const Config& config, const Value& extras, Sequential& model, std::vector<std::string>& notes);

/// Gives the layers of `config` back what Keras could not say.
void apply_layer_extras(const Value& extras, Config& config);
/// History, class names, epochs, which samples were kept from training. Then computes the sample again: throws
/// `bad_data` when the outputs are not those that were stored.
void apply_model_extras(const Value& extras, Sequential& model);

/// What formats that are not Keras's have a place for: class names, which samples were kept from training, and the
/// sample.
Value portable_extras_of(const Sequential& model);
/// An input made by rule: bytes for a network that scales bytes down first, else quarters from -2 to 2.
Tensor sample_input(const Sequential& model);

}  // namespace gradus::keras
