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
///     "sample": {"input": [...], "output": [...]} what the model gave for an input when it was saved
///   }
///
/// Each key may be missing.
namespace gradus::keras {

/// The value of "gradus" for a model whose config.json is `config`.
Value extras_of(const Sequential& model, const Value& config);

/// Gives the layers of `config` back what Keras could not say.
void apply_layer_extras(const Value& extras, Config& config);
/// The seed of the initial weights.
std::uint64_t seed_in(const Value& extras);
/// The compile options where Keras could not say them.
std::optional<CompileOptions> compile_extras(const Value& extras);
/// History, class names, epochs.
void apply_model_extras(const Value& extras, Sequential& model);
/// Computes the sample again. Throws `bad_data` when the outputs are not those that were stored.
void check_sample(const Value& extras, const Sequential& model);

}  // namespace gradus::keras
