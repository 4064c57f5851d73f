#include "formats/keras_weights.hpp"

#include <algorithm>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "formats/hdf5_writer.hpp"
#include "formats/keras_objects.hpp"
#include "model/state.hpp"

namespace gradus::keras {
namespace {

[[noreturn]] void damaged(const std::string& sentence) { throw Error(ErrorCode::bad_data, sentence); }

const std::string array_group = "/gradus/run/";

std::vector<float> floats(std::span<const Real> values) { return {values.begin(), values.end()}; }

/// Where the groups of the layers lie: by writer, and by the system it ran on.
std::string layers_prefix(const Hdf5Reader& file) {
  for (const char* group : {"/layers", "/_layer_checkpoint_dependencies"}) {
    if (file.has_group(group)) return std::string(group) + "/";
  }
  for (const std::string& name : file.children("/")) {
    for (const char* start : {"layers\\", "_layer_checkpoint_dependencies\\"}) {
      if (name.starts_with(start)) return std::string("/") + start;
    }
  }
  return "/layers/";
}

std::string list_of(const std::vector<Shape>& shapes) {
  std::string text;
  for (const Shape& shape : shapes) text += (text.empty() ? "" : ", ") + shape.to_string();
  return shapes.empty() ? "nothing" : text;
}

/// The datasets 0, 1, ... in a group of variables.
std::vector<std::string> variables_in(const Hdf5Reader& file, const std::string& group) {
  std::vector<std::string> paths;
  if (!file.has_group(group)) return paths;
  const std::size_t count = file.children(group).size();
  for (std::size_t i = 0; i < count; ++i) {
    paths.push_back(group + "/" + std::to_string(i));
    if (!file.has_dataset(paths.back()))
      damaged(group + " has " + count_of(static_cast<std::int64_t>(count), "member") + " but no dataset '" +
              std::to_string(i) + "'");
  }
  return paths;
}

std::vector<Shape> shapes_of(const Hdf5Reader& file, const std::vector<std::string>& paths) {
  std::vector<Shape> shapes;
  for (const std::string& path : paths) shapes.push_back(file.shape(path));
  return shapes;
}

std::vector<Shape> expected_shapes(const LayerFunction& layer) {
  std::vector<Shape> shapes;
  for (const Parameter& parameter : layer.parameters()) shapes.push_back(parameter.shape);
  return shapes;
}

/// Where a piece of the optimizer's state belongs.
struct SlotOfWeight {
  std::size_t slot;
  const PlacedParameter* weight;
};

/// Keras's order: the averages of the weights, what is written weight by weight, what is written slot by slot; or all
/// of it `slot_by_slot`.
std::vector<SlotOfWeight> slots_in_order(const Sequential::State& state, bool slot_by_slot) {
  std::vector<const PlacedParameter*> trained;
  for (const PlacedParameter& placed : state.parameters) {
    if (placed.parameter->trainable) trained.push_back(&placed);
  }
  std::vector<SlotOfWeight> order;
  const std::size_t own = state.optimizer->slots().size();
  const std::size_t interleaved = slot_by_slot ? 0 : std::min(own, state.optimizer->interleaved_slots());
  const auto all_of = [&](std::size_t slot) {
    for (const PlacedParameter* weight : trained) order.push_back({slot, weight});
  };
  for (std::size_t slot = own; slot < state.slots.size(); ++slot) all_of(slot);
  for (const PlacedParameter* weight : trained) {
    for (std::size_t slot = 0; slot < interleaved; ++slot) order.push_back({slot, weight});
  }
  for (std::size_t slot = interleaved; slot < own; ++slot) all_of(slot);
  return order;
}

void write_optimizer(const Sequential& model, Hdf5Writer& file) {
  const Sequential::State& state = model.state();
  const std::string vars = "/optimizer/vars";
  file.group(vars);
  file.text_attribute(vars, "name", lower(state.compiled->optimizer.class_name()));
  file.whole(vars + "/0", state.iterations);
  std::size_t index = 1;
  if (!keras_has_schedule(state.optimizer->learning_rate())) {
    const auto rate = static_cast<float>(state.optimizer->learning_rate().at(state.iterations));
    file.dataset(vars + "/" + std::to_string(index++), {}, std::span<const float>(&rate, 1));
  }
  for (const OptimizerArray& array : optimizer_arrays(model)) {
    file.dataset(vars + "/" + std::to_string(index++), array.values.shape(), floats(array.values.values()));
  }
}

/// A rate that was changed while training: by a callback of Keras, say.
void read_learning_rate(const Tensor& stored, Sequential& model, std::vector<std::string>& notes) {
  CompileOptions options = *model.compiled();
  const auto rate = static_cast<double>(stored[0]);
  const LearningRate& own = model.state().optimizer->learning_rate();
  if (own.schedule() != nullptr || static_cast<float>(own.number()) == static_cast<float>(rate)) return;
  try {
    options.optimizer = options.optimizer.with("learning_rate", rate);
    model.compile(std::move(options));
  } catch (const Error& error) {
    notes.push_back(std::string("the learning rate where training stopped was left out: ") + error.what());
  }
}

}  // namespace

std::vector<std::uint8_t> weights_to_keras(const Sequential& model, const std::vector<Tensor>& arrays) {
  const Sequential::State& state = model.state();
  const std::vector<FileLayer> layers = file_layers(model);
  std::vector<std::string> classes;
  for (const FileLayer& layer : layers) classes.push_back(layer.class_name());
  const std::vector<std::string> keys = weight_keys(classes);

  Hdf5Writer file;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string vars = "/layers/" + keys[i] + "/vars";
    file.group(vars);
    file.text_attribute(vars, "name", layers[i].name);
    if (layers[i].function == nullptr) continue;
    std::size_t index = 0;
    for (const Parameter& parameter : layers[i].function->parameters()) {
      write_weight(state, parameter, vars + "/" + std::to_string(index++), file);
    }
  }
  if (state.compiled) write_optimizer(model, file);
  file.group("/vars");
  file.text_attribute("/vars", "name", state.name);
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    file.dataset(array_group + std::to_string(i), arrays[i].shape(), floats(arrays[i].values()));
  }
  return file.bytes();
}

void write_weight(const Sequential::State& state, const Parameter& parameter, const std::string& path,
                  Hdf5Writer& file) {
  Tensor values(parameter.shape);
  unpack(parameter, state.whole_block(), values.values());
  if (parameter.whole) {
    file.whole(path, static_cast<std::int64_t>(values[0]));
  } else {
    file.dataset(path, parameter.shape, floats(values.values()));
  }
}

std::vector<Tensor> read_arrays(const Hdf5Reader& file) {
  std::vector<Tensor> arrays;
  while (file.has_dataset(array_group + std::to_string(arrays.size()))) {
    arrays.push_back(file.read(array_group + std::to_string(arrays.size())));
  }
  return arrays;
}

std::vector<OptimizerArray> optimizer_arrays(const Sequential& model) {
  const Sequential::State& state = model.state();
  std::vector<std::string> names = state.optimizer->slots();
  names.emplace_back("average");
  std::vector<OptimizerArray> arrays;
  for (const auto& [slot, placed] : slots_in_order(state, false)) {
    const Parameter& weight = *placed->parameter;
    Tensor values(weight.shape);
    unpack(weight, state.slots[slot].data(), values.values());
    arrays.push_back({layer_name(state.specs[placed->layer]), weight.name, names.at(slot), std::move(values)});
  }
  return arrays;
}

WeightPaths paths_by_key(const Hdf5Reader& file, const WeightGroups& keys) {
  const std::string prefix = layers_prefix(file);
  WeightPaths paths;
  for (const std::vector<std::string>& groups : keys) {
    std::vector<std::string>& all = paths.emplace_back();
    for (const std::string& key : groups) {
      const std::vector<std::string> here = variables_in(file, prefix + key + "/vars");
      all.insert(all.end(), here.begin(), here.end());
    }
  }
  return paths;
}

std::vector<std::string> optimizer_paths(const Hdf5Reader& file) { return variables_in(file, "/optimizer/vars"); }

void check_weights(const Shape& input_shape, const std::vector<Layer>& layers, const Hdf5Reader& file,
                   const WeightPaths& paths) {
  Shape shape = input_shape;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string layer = "layer " + in_quotes(layer_name(layers[i])) + ": ";
    std::unique_ptr<LayerFunction> function;
    try {
      function = LayerRegistry::instance().find(layers[i].class_name()).maker.bind(layers[i], shape);
    } catch (const Error& error) {
      damaged(layer + error.what());
    }
    shape = function->output_shape();
    const std::vector<Shape> expected = expected_shapes(*function), found = shapes_of(file, paths[i]);
    if (expected != found) {
      damaged(layer + "expected weights of shape " + list_of(expected) + ", but the file holds " + list_of(found) +
              (paths[i].empty() ? "" : " from " + paths[i].front() + " on"));
    }
  }
}

void read_weights(const Hdf5Reader& file, const WeightPaths& paths, Sequential& model, const ChangeWeight& change) {
  std::size_t next = 0;
  for (std::size_t layer = 0; layer < paths.size(); ++layer) {
    for (const std::string& path : paths[layer]) {
      Tensor weight = file.read(path);
      if (change) change(model.layers()[layer], weight);
      model.set_weight(next++, weight);
    }
  }
}

void read_optimizer(const Hdf5Reader& file, const std::vector<std::string>& paths, bool slot_by_slot, Sequential& model,
                    std::vector<std::string>& notes) {
  if (!model.compiled() || paths.empty()) return;
  const std::vector<Shape> found = shapes_of(file, paths);
  if (found[0].rank() != 0) {  // Keras up to 2.0 has no step count with some optimizers
    notes.emplace_back("the optimizer's state in the file begins with no step count and was left out");
    return;
  }
  const std::int64_t iterations = file.read_whole(paths[0]);
  if (iterations < 0) damaged(paths[0] + ": " + std::to_string(iterations) + " steps of training");

  const std::size_t slots = slots_in_order(model.state(), slot_by_slot).size();
  // Keras 3 puts the learning rate behind the step count, unless a schedule gives it; Keras 2 never does.
  const bool has_rate = found.size() >= 2 && found[1].rank() == 0 && found.size() != slots + 1;
  if (has_rate) read_learning_rate(file.read(paths[1]), model, notes);
  Sequential::State& state = model.state();
  const std::vector<SlotOfWeight> order = slots_in_order(state, slot_by_slot);
  const std::size_t first = has_rate ? 2 : 1;
  state.iterations = iterations;
  if (found.size() == first && !order.empty()) return;  // built, but not trained yet
  // Keras 2.1.3 to 2.3 put an empty vhat of one number behind Adam's, for each weight.
  std::size_t size = found.size();
  if (slot_by_slot) {
    while (size > first + order.size() && found[size - 1] == Shape{1}) --size;
  }
  bool fits = size == first + order.size();
  for (std::size_t i = 0; fits && i < order.size(); ++i) fits = found[first + i] == order[i].weight->parameter->shape;
  if (!fits) {
    notes.push_back("the optimizer's state in the file does not fit " +
                    std::string(state.compiled->optimizer.class_name()) + " and was left out");
    return;
  }
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Tensor values = file.read(paths[first + i]);
    pack(*order[i].weight->parameter, values.values(), state.slots[order[i].slot].data());
  }
}

}  // namespace gradus::keras
