#pragma once

#include <optional>
#include <string>
#include <vector>

#include <gradus/model.hpp>

/// Keras's objects (layers, initializers, losses, optimizers, metrics) as JSON, and Gradus's specs. The way between
/// them goes over names alone: a spec's class name and field names are Keras's, so that a new layer needs nothing here.
/// What differs stands in the tables of keras_objects.cpp.
namespace gradus::keras {

/// {"module": ..., "class_name": ..., "config": ..., "registered_name": null}
Value object(const std::string& module, const std::string& class_name, Value::Object config);

/// A shape as Keras has it, the open size of the batch in front: [null, 28, 28, 1].
Value batch_shape(const Shape& shape);

/// The layer in Keras's words, as a file of Keras 3.0 has it; `input` is the shape of the samples that it gets.
Value::Object layer_to_keras(const Layer& layer, const Shape& input);
/// Throws `unsupported`, naming layer and class, for a class that Gradus does not have and for an option that it lacks
/// and that would change what the layer gives. Options that only concern training are left out and said in `notes`.
/// Layers of Keras 1 and 2 are read in their words; `keras_version` is the writer's, empty when unknown.
Layer layer_from_keras(const Value& object, const std::string& keras_version, std::vector<std::string>& notes);
/// The shape of samples that an InputLayer, or a first layer of Keras 2, asks for; nothing when it names none.
/// Throws `unsupported` when a size is left open.
std::optional<Shape> input_shape_of(const Value& layer_object);

/// `outputs`: how many numbers the model gives a sample; `steps`: how many the optimizer has made.
Value::Object compile_to_keras(const CompileOptions& options, std::int64_t outputs, std::int64_t steps);
/// Nothing when the model was not compiled, or in a way that Gradus lacks; then `notes` says why.
std::optional<CompileOptions> compile_from_keras(const Value* compile_config, std::int64_t outputs,
                                                 std::vector<std::string>& notes);

/// Whether Keras is told of a schedule: the rate is one, and Keras has it. Else it is told a number.
bool keras_has_schedule(const LearningRate& rate);

/// The text under `key`; empty when there is none.
std::string text_at(const Value& object, std::string_view key);

}  // namespace gradus::keras
