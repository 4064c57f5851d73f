#include "formats/keras_config.hpp"

#include <algorithm>
#include <functional>
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

void collect_names(const std::vector<Layer>& layers, std::set<std::string>& names) {
  for (const Layer& layer : layers) {
    names.insert(layer_name(layer));
    if (const auto* block = layer.get_if<Residual>()) collect_names(block->layers, names);
  }
}

/// A name for the input that no layer has.
std::string input_name(const Sequential& model) {
  std::set<std::string> taken;
  collect_names(model.layers(), taken);
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

/// The layers that feed this one: none for an input, two for a sum.
std::vector<std::string> sources_of(const Value& layer) {
  const std::string name = layer_name_of(layer);
  const Value::List& nodes = list_at(layer, "inbound_nodes", "layer " + in_quotes(name));
  std::vector<std::string> names;
  for (const Value& node : nodes) {
    const Value* arguments = node.find("args");
    collect_sources(arguments == nullptr ? node : *arguments, names);
  }
  const bool sum = text_at(layer, "class_name") == "Add" && names.size() == 2;
  if (nodes.size() > 1 || (names.size() > 1 && !sum)) {
    unsupported("layer " + in_quotes(name) + " is used " + std::to_string(nodes.size()) + " times and has " +
                std::to_string(names.size()) + " inputs; only a chain of layers can be read, and sums of a layer's " +
                "output with what a chain makes of it");
  }
  return names;
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

/// A Functional model from its input to its output, as layers one after another.
class Graph {
 public:
  struct Stretch {
    std::vector<Layer> layers;
    WeightGroups groups;
  };
  using Read = std::function<Layer(const Value& layer)>;

  Graph(const Value& config, const Value::List& layers, const std::map<const Value*, std::string>& keys, Read read)
      : keys_(keys),
        read_(std::move(read)),
        first_(only_name(config, "input_layers")),
        last_(only_name(config, "output_layers")) {
    for (const Value& layer : layers) {
      const std::vector<std::string> sources = sources_of(layer);
      if (sources.empty() && layer_name_of(layer) == first_) input_ = &layer;
      for (const std::string& source : sources) takers_[source].push_back(&layer);
    }
    if (input_ == nullptr) damaged("the model's input " + in_quotes(first_) + " is not among its layers");
    left_ = layers.size() - 1;
  }

  [[nodiscard]] const Value& input() const { return *input_; }

  Stretch follow() {
    Stretch all = follow(first_, last_);
    if (left_ > 0) {
      unsupported(std::to_string(left_) +
                  " layers of the model lie beside the way from its input to its output; only a " +
                  "chain can be read, and sums of a layer's output with what a chain makes of it");
    }
    return all;
  }

 private:
  /// From the output of layer `at` to that of layer `end`.
  Stretch follow(std::string at, const std::string& end) {
    Stretch stretch;
    while (at != end) {
      std::vector<const Value*>& takers = takers_[at];
      if (takers.empty() || left_ == 0) {
        unsupported("no chain of layers leads from " + in_quotes(first_) + " to " + in_quotes(last_));
      }
      const Value* sum = takers.size() > 1 ? take_sum(at, takers) : nullptr;
      const Value* layer = sum == nullptr ? takers.front() : sum;
      const std::string name = layer_name_of(*layer);
      if (sum == nullptr) {
        if (sources_of(*layer).size() != 1) {
          unsupported("the sum " + in_quotes(name) + " does not add to a layer's output what a chain makes of it");
        }
        stretch.layers.push_back(read_(*layer));
        stretch.groups.push_back({keys_.at(layer)});
      } else {
        std::vector<std::string> sources = sources_of(*sum);
        const std::string other = sources[0] == at ? sources[1] : sources[0];
        const Stretch inner = follow(at, other);
        stretch.layers.emplace_back(Residual{.layers = inner.layers, .name = name});
        stretch.groups.emplace_back();
        for (const auto& group : inner.groups) {
          stretch.groups.back().insert(stretch.groups.back().end(), group.begin(), group.end());
        }
      }
      --left_;
      at = name;
    }
    return stretch;
  }

  /// Of the layers that take the output of `at`, the sum that comes last: the others are within.
  const Value* take_sum(const std::string& at, std::vector<const Value*>& takers) {
    for (std::size_t i = takers.size(); i-- > 0;) {
      if (text_at(*takers[i], "class_name") != "Add") continue;
      const Value* sum = takers[i];
      takers.erase(takers.begin() + static_cast<std::ptrdiff_t>(i));
      return sum;
    }
    unsupported("layer " + in_quotes(at) + " feeds more than one layer; only a chain of layers can be read, and sums " +
                "of a layer's output with what a chain makes of it");
  }

  const std::map<const Value*, std::string>& keys_;
  Read read_;
  std::string first_, last_;
  const Value* input_ = nullptr;
  std::map<std::string, std::vector<const Value*>> takers_;  // by the layer whose output they take
  std::size_t left_ = 0;
};

// --- a chain as a graph ---

void add_layers(const std::vector<Layer>& layers, std::span<const std::unique_ptr<LayerFunction>> functions,
                std::string& source, std::vector<FileLayer>& all) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string name = layer_name(layers[i]), before = source;
    if (const auto* block = layers[i].get_if<Residual>()) {
      add_layers(block->layers, functions[i]->children(), source, all);
      all.push_back({name, nullptr, nullptr, functions[i]->input_shape(), {before, source}});
    } else {
      all.push_back({name, &layers[i], functions[i].get(), functions[i]->input_shape(), {source}});
    }
    source = name;
  }
}

Value tensor_of(const std::string& layer, const Shape& shape) {
  return Value::Object{{"class_name", "__keras_tensor__"},
                       {"config", Value::Object{{"shape", batch_shape(shape)},
                                                {"dtype", "float32"},
                                                {"keras_history", Value::List{layer, 0, 0}}}}};
}

Value::Object as_node(Value::Object layer, const std::string& name, const FileLayer* place) {
  Value::List nodes;
  if (place != nullptr) {
    Value::List tensors;
    for (const std::string& source : place->sources) tensors.push_back(tensor_of(source, place->input));
    const Value arguments = tensors.size() == 1 ? tensors.front() : Value(tensors);
    nodes.push_back(Value::Object{{"args", Value::List{arguments}}, {"kwargs", Value::Object{}}});
  }
  layer.emplace_back("name", name);
  layer.emplace_back("inbound_nodes", std::move(nodes));
  return layer;
}

Value input_layer(const Sequential& model) {
  return object("keras.layers", "InputLayer",
                {{"batch_shape", batch_shape(model.input_shape())},
                 {"dtype", "float32"},
                 {"sparse", false},
                 {"name", input_name(model)}});
}

Value graph_config(const Sequential& model) {
  const std::string input = input_name(model);
  const std::vector<FileLayer> all = file_layers(model);
  Value first = input_layer(model);
  Value::List layers = {as_node(std::move(std::get<Value::Object>(first.data)), input, nullptr)};
  for (const FileLayer& each : all) {
    if (each.spec != nullptr) {
      layers.push_back(as_node(layer_to_keras(*each.spec, each.input), each.name, &each));
      continue;
    }
    Value sum = object("keras.layers", "Add", {{"name", each.name}, {"trainable", true}, {"dtype", "float32"}});
    layers.push_back(as_node(std::move(std::get<Value::Object>(sum.data)), each.name, &each));
  }
  return Value::Object{{"name", model.name()},
                       {"trainable", true},
                       {"layers", std::move(layers)},
                       {"input_layers", Value::List{Value::List{input, 0, 0}}},
                       {"output_layers", Value::List{Value::List{all.back().name, 0, 0}}}};
}

Value chain_config(const Sequential& model) {
  Value::List layers = {input_layer(model)};
  for (std::size_t i = 0; i < model.layers().size(); ++i) {
    const Shape& input = i == 0 ? model.input_shape() : model.layer_output_shape(i - 1);
    layers.emplace_back(layer_to_keras(model.layers()[i], input));
  }
  return Value::Object{{"name", model.name()},
                       {"trainable", true},
                       {"dtype", "float32"},
                       {"layers", std::move(layers)},
                       {"build_input_shape", batch_shape(model.input_shape())}};
}

void collect_classes(const std::vector<Layer>& layers, std::vector<std::string>& classes) {
  for (const Layer& layer : layers) {
    const auto* block = layer.get_if<Residual>();
    if (block != nullptr) collect_classes(block->layers, classes);
    classes.emplace_back(block != nullptr ? "Add" : std::string(layer.class_name()));
  }
}

void collect_groups(const std::vector<Layer>& layers, const std::vector<std::string>& keys, std::size_t& next,
                    std::vector<std::string>& group) {
  for (const Layer& layer : layers) {
    if (const auto* block = layer.get_if<Residual>()) {
      collect_groups(block->layers, keys, next, group);
      ++next;  // the sum
    } else {
      group.push_back(keys[next++]);
    }
  }
}

// --- both ---

Shape input_shape(const Value& root, const Value* first) {
  if (first != nullptr) {
    if (auto shape = input_shape_of(*first)) return *shape;
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

WeightGroups weight_groups(const std::vector<Layer>& layers) {
  std::vector<std::string> classes;
  collect_classes(layers, classes);
  const std::vector<std::string> keys = weight_keys(classes);
  WeightGroups groups;
  std::size_t next = 0;
  for (const Layer& layer : layers) collect_groups({layer}, keys, next, groups.emplace_back());
  return groups;
}

std::vector<FileLayer> file_layers(const Sequential& model) {
  std::vector<FileLayer> all;
  std::string source = input_name(model);
  add_layers(model.layers(), model.state().functions, source, all);
  return all;
}

Value config_to_keras(const Sequential& model) {
  const std::vector<Layer>& layers = model.layers();
  const bool graph =
      std::any_of(layers.begin(), layers.end(), [](const Layer& layer) { return layer.get_if<Residual>() != nullptr; });
  Value config = graph ? graph_config(model) : chain_config(model);
  Value root = object(graph ? "keras.src.models.functional" : "keras", graph ? "Functional" : "Sequential",
                      std::move(std::get<Value::Object>(config.data)));
  auto& members = std::get<Value::Object>(root.data);
  if (graph) {
    for (auto& [key, value] : members) {
      if (key == "registered_name") value = "Functional";
    }
  }
  members.emplace_back("build_config", Value::Object{{"input_shape", batch_shape(model.input_shape())}});
  if (model.compiled()) {
    members.emplace_back("compile_config", compile_to_keras(*model.compiled(), model.output_shape().elements(),
                                                            model.state().iterations));
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
  std::vector<std::string> counted;  // the classes that keys are counted over: Sequential leaves out its input
  for (const Value& layer : layers) {
    if (!sequential || !is_input(layer)) counted.push_back(text_at(layer, "class_name"));
  }
  const std::vector<std::string> keys = weight_keys(counted);
  std::map<const Value*, std::string> key_of;
  std::size_t next = 0;
  for (const Value& layer : layers) {
    if (!sequential || !is_input(layer)) key_of[&layer] = keys[next++];
  }
  const auto read = [&](const Value& layer) { return layer_from_keras(layer, keras_version, result.notes); };
  if (!sequential) {
    Graph graph(*config, layers, key_of, read);
    Graph::Stretch all = graph.follow();
    result.layers = std::move(all.layers), result.keys = std::move(all.groups);
    result.input_shape = input_shape(root, &graph.input());
  } else {
    for (const Value& layer : layers) {
      if (&layer == &layers.front() && is_input(layer)) continue;
      result.layers.push_back(read(layer));
      result.keys.push_back({key_of[&layer]});
    }
    result.input_shape = input_shape(root, layers.empty() ? nullptr : &layers.front());
  }
  result.compile = root.find("compile_config");
  return result;
}

void check_size(const Config& config, std::int64_t numbers) {
  Shape shape = config.input_shape;
  for (const Layer& layer : config.layers) {
    const auto function = LayerRegistry::instance().find(layer.class_name()).maker.bind(layer, shape);
    for (const Parameter& parameter : function->parameters()) {
      if (parameter.shape.elements() > numbers) {
        damaged("layer " + in_quotes(layer_name(layer)) + " needs more numbers than the file holds");
      }
      numbers -= parameter.shape.elements();
    }
    shape = function->output_shape();
  }
}

}  // namespace gradus::keras
