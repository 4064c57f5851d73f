#include "formats/keras_config.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "formats/keras_objects.hpp"
#include "model/spec_text.hpp"
#include "model/state.hpp"

namespace gradus::keras {
namespace {

[[noreturn]] void damaged(const std::string& sentence) { throw Error(ErrorCode::bad_data, sentence); }
[[noreturn]] void unsupported(const std::string& sentence) { throw Error(ErrorCode::unsupported, sentence); }

Value batch_shape(const Shape& shape) {
  Value::List sizes = {Value()};
  for (const std::int64_t size : shape.sizes()) sizes.emplace_back(size);
  return sizes;
}

const Value::List& list_at(const Value& object, std::string_view key, const std::string& what) {
  const Value* value = object.find(key);
  const auto* list = value == nullptr ? nullptr : value->get_if<Value::List>();
  if (list == nullptr) damaged(what + " has no list of " + std::string(key));
  return *list;
}

std::string layer_name_of(const Value& layer) {
  const Value* config = layer.find("config");
  const std::string name = config == nullptr ? "" : text_at(*config, "name");
  return name.empty() ? text_at(layer, "name") : name;
}

bool is_input(const Value& layer) { return text_at(layer, "class_name") == "InputLayer"; }

/// A name for the input that no layer has.
std::string input_name(const Sequential& model) {
  std::set<std::string> taken;
  for (const Layer& layer : model.layers()) taken.insert(layer_name(layer));
  std::string name = "input_layer";
  for (int i = 1; taken.count(name) != 0; ++i) name = "input_layer_" + std::to_string(i);
  return name;
}

// --- Functional models ---

/// The names of the layers whose outputs `value` holds, wherever they stand in it: Keras 3's tensors have a
/// keras_history, Keras 2's connections begin with the name.
void collect_sources(const Value& value, std::vector<std::string>& names) {
  if (text_at(value, "class_name") == "__keras_tensor__") {
    const Value* config = value.find("config");
    const Value* history = config == nullptr ? nullptr : config->find("keras_history");
    const auto* steps = history == nullptr ? nullptr : history->get_if<Value::List>();
    const auto* name = steps == nullptr || steps->empty() ? nullptr : steps->front().get_if<std::string>();
    if (name == nullptr) damaged("a connection between layers names no layer");
    names.push_back(*name);
  } else if (const auto* list = value.get_if<Value::List>()) {
    const bool connection = list->size() >= 3 && list->front().get_if<std::string>() != nullptr;
    if (connection) {
      names.push_back(*list->front().get_if<std::string>());
      return;
    }
    for (const Value& each : *list) collect_sources(each, names);
  } else if (const auto* object = value.get_if<Value::Object>()) {
    for (const auto& [key, each] : *object) collect_sources(each, names);
  }
}

/// The one layer that feeds this one; empty for an input.
std::string source_of(const Value& layer) {
  const std::string name = layer_name_of(layer);
  const Value::List& nodes = list_at(layer, "inbound_nodes", "layer " + in_quotes(name));
  if (nodes.empty()) return {};
  std::vector<std::string> names;
  for (const Value& node : nodes) {
    const Value* arguments = node.find("args");
    collect_sources(arguments == nullptr ? node : *arguments, names);
  }
  if (nodes.size() != 1 || names.size() != 1) {
    unsupported("layer " + in_quotes(name) + " is used " + std::to_string(nodes.size()) + " times and has " +
                std::to_string(names.size()) + " inputs; only a chain of layers can be read");
  }
  return names.front();
}

std::string only_name(const Value& config, std::string_view key) {
  const Value* value = config.find(key);
  std::vector<std::string> names;
  if (value != nullptr) collect_sources(*value, names);
  if (names.size() != 1) {
    unsupported("the model has " + std::to_string(names.size()) + " " + std::string(key) + "; one can be read");
  }
  return names.front();
}

/// The layers of a Functional model from its input to its output.
std::vector<const Value*> chain_of(const Value& config, const Value::List& layers) {
  std::map<std::string, const Value*> next;  // by the name of the layer before
  const Value* at = nullptr;
  const std::string first = only_name(config, "input_layers");
  for (const Value& layer : layers) {
    const std::string source = source_of(layer);
    if (source.empty()) {
      if (layer_name_of(layer) == first) at = &layer;
    } else if (!next.emplace(source, &layer).second) {
      unsupported("layer " + in_quotes(source) + " feeds more than one layer; only a chain of layers can be read");
    }
  }
  if (at == nullptr) damaged("the model's input " + in_quotes(first) + " is not among its layers");
  std::vector<const Value*> chain = {at};
  const std::string last = only_name(config, "output_layers");
  while (layer_name_of(*at) != last) {
    const auto found = next.find(layer_name_of(*at));
    if (found == next.end() || chain.size() > layers.size()) {
      unsupported("no chain of layers leads from " + in_quotes(first) + " to " + in_quotes(last));
    }
    at = found->second;
    chain.push_back(at);
  }
  if (chain.size() != layers.size()) {
    unsupported(std::to_string(layers.size() - chain.size()) +
                " layers of the model lie beside the way from its input to its output; only a chain can be read");
  }
  return chain;
}

// --- both ---

Shape input_shape(const Value& root, const std::vector<const Value*>& chain) {
  if (!chain.empty()) {
    if (auto shape = input_shape_of(*chain.front())) return *shape;
  }
  // Keras 3 says the shape of an unnamed input in one of two places; both as the InputLayer does.
  const Value* config = root.find("config");
  const Value* build = root.find("build_config");
  for (const Value* written :
       {config->find("build_input_shape"), build == nullptr ? nullptr : build->find("input_shape")}) {
    if (written == nullptr) continue;
    const Value as_layer = Value::Object{{"config", Value::Object{{"batch_shape", *written}}}};
    if (auto shape = input_shape_of(as_layer)) return *shape;
  }
  unsupported("the model does not say what shape its inputs have: it was saved before it was built");
}

}  // namespace

std::vector<std::string> weight_keys(const std::vector<std::string>& class_names) {
  std::map<std::string, int> counts;
  std::vector<std::string> keys;
  for (const std::string& class_name : class_names) {
    const std::string base = snake_case(class_name);
    const int number = counts[base]++;
    keys.push_back(number == 0 ? base : base + "_" + std::to_string(number));
  }
  return keys;
}

Value config_to_keras(const Sequential& model) {
  const Value shape = batch_shape(model.input_shape());
  Value::List layers = {
      object("keras.layers", "InputLayer",
             {{"batch_shape", shape}, {"dtype", "float32"}, {"sparse", false}, {"name", input_name(model)}})};
  for (std::size_t i = 0; i < model.layers().size(); ++i) {
    const Shape& input = i == 0 ? model.input_shape() : model.layer_output_shape(i - 1);
    layers.emplace_back(layer_to_keras(model.layers()[i], input));
  }
  Value root = object("keras", "Sequential",
                      {{"name", model.name()},
                       {"trainable", true},
                       {"dtype", "float32"},
                       {"layers", std::move(layers)},
                       {"build_input_shape", shape}});
  auto& members = std::get<Value::Object>(root.data);
  members.emplace_back("build_config", Value::Object{{"input_shape", shape}});
  if (model.compiled()) {
    members.emplace_back("compile_config", compile_to_keras(*model.compiled(), model.output_shape().elements()));
  }
  return root;
}

Config config_from_keras(const Value& root, const std::string& keras_version) {
  const std::string class_name = text_at(root, "class_name");
  const Value* config = root.find("config");
  if (class_name.empty() || config == nullptr) damaged("describes no model");
  if (class_name != "Sequential" && class_name != "Functional" && class_name != "Model") {
    unsupported("models of class " + in_quotes(class_name) +
                " are not supported; Sequential and chains of Functional are");
  }
  Config result;
  result.name = text_at(*config, "name");
  const Value::List& layers = list_at(*config, "layers", "the model");
  const bool sequential = class_name == "Sequential";
  std::vector<const Value*> chain;
  std::vector<std::string> counted;  // the classes that keys are counted over: Sequential leaves out its input
  for (const Value& layer : layers) {
    if (sequential) chain.push_back(&layer);
    if (!sequential || !is_input(layer)) counted.push_back(text_at(layer, "class_name"));
  }
  if (!sequential) chain = chain_of(*config, layers);
  const std::vector<std::string> keys = weight_keys(counted);

  std::map<const Value*, std::string> key_of;
  std::size_t next = 0;
  for (const Value& layer : layers) {
    if (!sequential || !is_input(layer)) key_of[&layer] = keys[next++];
  }
  for (const Value* layer : chain) {
    if (layer == chain.front() && is_input(*layer)) continue;
    result.layers.push_back(layer_from_keras(*layer, keras_version, result.notes));
    result.keys.push_back(key_of[layer]);
  }
  result.input_shape = input_shape(root, chain);
  result.compile = root.find("compile_config");
  return result;
}

}  // namespace gradus::keras
