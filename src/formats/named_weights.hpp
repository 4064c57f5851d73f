#pragma once

#include <string>
#include <vector>

#include "formats/model_formats.hpp"
#include "formats/npy.hpp"

namespace gradus {

/// The weights under the names that they have in files of named arrays: "dense/kernel".
NamedTensors named_weights(const Sequential& model);

/// Sets a model's weights from arrays under names. These are, in this order,
///   the model's own;
///   numpy's for a list, arr_0, arr_1, ..., in the model's order, as np.savez(file, *model.get_weights()) gives them;
///   PyTorch's, "fc1.weight", "bn1.running_mean": by the layers' names where they are the same, else in the natural
///   order of the names, products and normalizations each for themselves. Kernels are turned as Keras has them:
///   (out, in) to (in, out), (out, in, rows, columns) to (rows, columns, in, out), and behind a Flatten from channels
///   first to channels last.
/// Throws `bad_data` naming the weight that is missing or has another shape; what was not used is in the result.
std::vector<std::string> set_named_weights(Sequential& model, const NamedTensors& arrays);

/// safetensors that say their network in `__metadata__`, as Gradus writes them, are whole models; others, and `.npz`,
/// are weights alone.
LoadedModel read_safetensors_model(const std::string& path);
void write_safetensors_model(const Sequential& model, const std::string& path);
void read_safetensors_weights(const std::string& path, Sequential& model, std::vector<std::string>& notes);
void write_npz_weights(const Sequential& model, const std::string& path);
void read_npz_weights(const std::string& path, Sequential& model, std::vector<std::string>& notes);

}  // namespace gradus
