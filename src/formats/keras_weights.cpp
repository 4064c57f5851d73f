#include "formats/keras_weights.hpp"

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "formats/hdf5_writer.hpp"
#include "model/state.hpp"

namespace gradus::keras {
namespace {

[[noreturn]] void damaged(const std::string& sentence) { throw Error(ErrorCode::bad_data, sentence); }

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

/// The shapes of the datasets 0, 1, ... in a group of variables.
std::vector<Shape> shapes_in(const Hdf5Reader& file, const std::string& group) {
  std::vector<Shape> shapes;
  if (!file.has_group(group)) return shapes;
  const std::size_t count = file.children(group).size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::string path = group + "/" + std::to_string(i);
    if (!file.has_dataset(path))
      damaged(group + " has " + count_of(static_cast<std::int64_t>(count), "member") + " but no dataset '" +
              std::to_string(i) + "'");
    shapes.push_back(file.shape(path));
  }
  return shapes;
}

std::vector<Shape> expected_shapes(const LayerFunction& layer) {
  std::vector<Shape> shapes;
  for (const Parameter& parameter : layer.parameters()) shapes.push_back(parameter.shape);
  return shapes;
}

/// Keras's order of the optimizer's state: weight by weight or slot by slot.
struct SlotOfWeight {
  std::size_t slot;
  const Parameter* weight;
};
std::vector<SlotOfWeight> slots_in_order(const Sequential::State& state) {
  std::vector<const Parameter*> trained;
  for (const PlacedParameter& placed : state.parameters) {
    if (placed.parameter->trainable) trained.push_back(placed.parameter);
  }
  std::vector<SlotOfWeight> order;
  const std::size_t slots = state.slots.size();
  const bool interleaved = state.optimizer->slots_interleaved();
  const std::size_t outer = interleaved ? trained.size() : slots, inner = interleaved ? slots : trained.size();
  for (std::size_t i = 0; i < outer; ++i) {
    for (std::size_t j = 0; j < inner; ++j) {
      order.push_back(interleaved ? SlotOfWeight{j, trained[i]} : SlotOfWeight{i, trained[j]});
    }
  }
  return order;
}

void write_optimizer(const Sequential::State& state, Hdf5Writer& file) {
  const std::string vars = "/optimizer/vars";
  file.group(vars);
  file.text_attribute(vars, "name", lower(state.compiled->optimizer.class_name()));
  file.whole(vars + "/0", state.iterations);
  const auto rate = static_cast<float>(state.optimizer->learning_rate());
  file.dataset(vars + "/1", {}, std::span<const float>(&rate, 1));
  std::size_t index = 2;
  for (const auto& [slot, weight] : slots_in_order(state)) {
    Tensor values(weight->shape);
    unpack(*weight, state.slots[slot].data(), values.values());
    file.dataset(vars + "/" + std::to_string(index++), weight->shape, floats(values.values()));
  }
}

/// A rate that was changed while training: by a callback of Keras, say.
void read_learning_rate(const Hdf5Reader& file, Sequential& model, std::vector<std::string>& notes) {
  const Tensor stored = file.read("/optimizer/vars/1");
  CompileOptions options = *model.compiled();
  const auto rate = static_cast<double>(stored[0]);
  if (static_cast<float>(model.state().optimizer->learning_rate()) == static_cast<float>(rate)) return;
  try {
    options.optimizer = options.optimizer.with("learning_rate", rate);
    model.compile(std::move(options));
  } catch (const Error& error) {
    notes.push_back(std::string("the learning rate where training stopped was left out: ") + error.what());
  }
}

}  // namespace

std::vector<std::uint8_t> weights_to_keras(const Sequential& model) {
  const Sequential::State& state = model.state();
  std::vector<std::string> classes;
  for (const Layer& layer : state.specs) classes.emplace_back(layer.class_name());
  const std::vector<std::string> keys = weight_keys(classes);

  Hdf5Writer file;
  for (std::size_t i = 0; i < state.specs.size(); ++i) {
    const std::string vars = "/layers/" + keys[i] + "/vars";
    file.group(vars);
    file.text_attribute(vars, "name", layer_name(state.specs[i]));
    std::size_t index = 0;
    for (const Parameter& parameter : state.functions[i]->parameters()) {
      Tensor values(parameter.shape);
      unpack(parameter, state.block.data(), values.values());
      file.dataset(vars + "/" + std::to_string(index++), parameter.shape, floats(values.values()));
    }
  }
  if (state.compiled) write_optimizer(state, file);
  file.group("/vars");
  file.text_attribute("/vars", "name", state.name);
  return file.bytes();
}

void check_weights(const Config& config, const Hdf5Reader& file) {
  const std::string prefix = layers_prefix(file);
  Shape shape = config.input_shape;
  for (std::size_t i = 0; i < config.layers.size(); ++i) {
    const std::string layer = "layer " + in_quotes(layer_name(config.layers[i])) + ": ";
    std::unique_ptr<LayerFunction> function;
    try {
      function = LayerRegistry::instance().find(config.layers[i].class_name()).maker.bind(config.layers[i], shape);
    } catch (const Error& error) {
      damaged(layer + error.what());
    }
    shape = function->output_shape();
    const std::string group = prefix + config.keys[i] + "/vars";
    const std::vector<Shape> expected = expected_shapes(*function), found = shapes_in(file, group);
    if (expected != found) {
      damaged(layer + "expected weights of shape " + list_of(expected) + ", but " + group + " holds " + list_of(found));
    }
  }
}

void read_weights(const Config& config, const Hdf5Reader& file, Sequential& model) {
  const std::string prefix = layers_prefix(file);
  const Sequential::State& state = model.state();
  std::size_t before = state.specs.size(), index = 0;
  for (std::size_t i = 0; i < state.parameters.size(); ++i) {
    const std::size_t layer = state.parameters[i].layer;
    index = layer == before ? index + 1 : 0;
    before = layer;
    model.set_weight(i, file.read(prefix + config.keys[layer] + "/vars/" + std::to_string(index)));
  }
}

void read_optimizer(const Hdf5Reader& file, Sequential& model, std::vector<std::string>& notes) {
  const std::string vars = "/optimizer/vars";
  if (!model.compiled() || !file.has_group(vars)) return;
  const std::vector<Shape> found = shapes_in(file, vars);
  if (found.empty()) return;
  const std::int64_t iterations = file.read_whole(vars + "/0");
  if (iterations < 0) damaged(vars + "/0: " + std::to_string(iterations) + " steps of training");

  const std::size_t slots = slots_in_order(model.state()).size();
  // Keras 3 puts the learning rate behind the step count, unless a schedule gives it; Keras 2 never does.
  const bool has_rate = found.size() >= 2 && found[1].rank() == 0 && found.size() != slots + 1;
  if (has_rate) read_learning_rate(file, model, notes);
  Sequential::State& state = model.state();
  const std::vector<SlotOfWeight> order = slots_in_order(state);
  state.iterations = iterations;
  const std::size_t first = has_rate ? 2 : 1;
  if (found.size() == first && !order.empty()) return;  // built, but not trained yet
  bool fits = found.size() == first + order.size();
  for (std::size_t i = 0; fits && i < order.size(); ++i) fits = found[first + i] == order[i].weight->shape;
  if (!fits) {
    notes.push_back("the optimizer's state in the file does not fit " +
                    std::string(state.compiled->optimizer.class_name()) + " and was left out");
    return;
  }
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Tensor values = file.read(vars + "/" + std::to_string(first + i));
    pack(*order[i].weight, values.values(), state.slots[order[i].slot].data());
  }
}

}  // namespace gradus::keras
