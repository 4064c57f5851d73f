#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gradus/model.hpp>

#include "formats/hdf5_reader.hpp"
#include "formats/hdf5_writer.hpp"
#include "formats/keras_config.hpp"

namespace gradus::keras {

/// model.weights.h5: every layer's weights and, when the model is compiled, the optimizer's state.
/// `arrays` go to /gradus/run/0, 1, ...
std::vector<std::uint8_t> weights_to_keras(const Sequential& model, const std::vector<Tensor>& arrays = {});
/// Those arrays.
std::vector<Tensor> read_arrays(const Hdf5Reader& file);

/// One weight as a dataset.
void write_weight(const Sequential::State& state, const Parameter& parameter, const std::string& path,
                  Hdf5Writer& file);

/// Where the weights of each layer lie in a file: paths of datasets, in Keras's order.
using WeightPaths = std::vector<std::vector<std::string>>;
/// In the layout of Keras 3, `keys` being the names of each layer's groups.
WeightPaths paths_by_key(const Hdf5Reader& file, const WeightGroups& keys);
/// The optimizer's state in the layout of Keras 3.
std::vector<std::string> optimizer_paths(const Hdf5Reader& file);

/// Compares what layers need with what the file holds, before a model is made and memory is taken. Throws `bad_data`
/// naming the layer, what it expects and what was found.
void check_weights(const Shape& input_shape, const std::vector<Layer>& layers, const Hdf5Reader& file,
                   const WeightPaths& paths);
/// Sets all weights of a model of these layers; check_weights has passed. `change` may do something to each as it
/// comes from the file.
using ChangeWeight = std::function<void(const Layer& layer, Tensor& weight)>;
void read_weights(const Hdf5Reader& file, const WeightPaths& paths, Sequential& model, const ChangeWeight& change = {});

/// Continues the optimizer of a compiled model where the file stands. What does not fit its optimizer is left out, and
/// `notes` says so, as in Keras. `slot_by_slot`: the order of Keras before 2.11, all of one slot before the next.
void read_optimizer(const Hdf5Reader& file, const std::vector<std::string>& paths, bool slot_by_slot, Sequential& model,
                    std::vector<std::string>& notes);

/// One array of the optimizer's state after the step count and the learning rate, in the order of Keras 3.
struct OptimizerArray {
  std::string layer, weight, slot;  ///< "dense", "kernel", "momentum"
  Tensor values;
};
std::vector<OptimizerArray> optimizer_arrays(const Sequential& model);

}  // namespace gradus::keras
