#include "formats/keras_legacy.hpp"

#include <algorithm>
#include <map>

#include "formats/keras_objects.hpp"

namespace gradus::keras {
namespace {

using Renamed = std::map<std::string, std::string, std::less<>>;

/// Class names of Keras 1.
const Renamed& classes() {
  static const Renamed table = {{"Convolution2D", "Conv2D"}};
  return table;
}

/// Keys of Keras 1 that any layer may have.
const Renamed& keys() {
  static const Renamed table = {{"init", "kernel_initializer"},
                                {"bias", "use_bias"},
                                {"W_regularizer", "kernel_regularizer"},
                                {"b_regularizer", "bias_regularizer"},
                                {"W_constraint", "kernel_constraint"},
                                {"b_constraint", "bias_constraint"},
                                {"border_mode", "padding"},
                                {"subsample", "strides"},
                                {"dim_ordering", "data_format"},
                                {"nb_filter", "filters"}};
  return table;
}

/// Keys of Keras 1 and 2 that mean something else in other layers.
const Renamed& keys_of(const std::string& class_name) {
  static const std::map<std::string, Renamed, std::less<>> by_class = {
      {"Dense", {{"output_dim", "units"}}},
      {"Dropout", {{"p", "rate"}}},
      {"LeakyReLU", {{"alpha", "negative_slope"}}},
  };
  static const Renamed none;
  const auto found = by_class.find(class_name);
  return found == by_class.end() ? none : found->second;
}

const std::string& renamed(const Renamed& table, const std::string& name) {
  const auto found = table.find(name);
  return found == table.end() ? name : found->second;
}

Value::Object without(const Value& object, std::initializer_list<std::string_view> keys) {
  Value::Object kept;
  const auto* members = object.get_if<Value::Object>();
  if (members == nullptr) return kept;
  for (const auto& member : *members) {
    if (std::find(keys.begin(), keys.end(), member.first) == keys.end()) kept.push_back(member);
  }
  return kept;
}

Value::Object* object_at(Value::Object& members, std::string_view key) {
  for (auto& [name, value] : members) {
    if (name == key) return std::get_if<Value::Object>(&value.data);
  }
  return nullptr;
}

/// Without what only Keras 3 writes around its objects, at any depth.
Value plain(const Value& value) {
  if (const auto* list = value.get_if<Value::List>()) {
    Value::List all;
    for (const Value& each : *list) all.push_back(plain(each));
    return all;
  }
  if (value.get_if<Value::Object>() == nullptr) return value;
  const bool wrapped = value.find("class_name") != nullptr && value.find("config") != nullptr;
  Value::Object members =
      wrapped ? without(value, {"module", "registered_name", "build_config", "compile_config"}) : without(value, {});
  for (auto& [name, each] : members) each = plain(each);
  return members;
}

/// Keras 3 says which tensors a layer takes, Keras 2 by which layers they are given: [[["conv", 0, 0, {}]]], in a list
/// for each time that the layer is used. Keras 3 reads both.
Value legacy_nodes(const Value& nodes) {
  Value::List all;
  for (const Value& node : *nodes.get_if<Value::List>()) {
    const Value& argument = node.find("args")->get_if<Value::List>()->front();
    const auto* several = argument.get_if<Value::List>();
    Value::List sources;
    for (const Value& tensor : several != nullptr ? *several : Value::List{argument}) {
      Value::List source = *tensor.find("config")->find("keras_history")->get_if<Value::List>();
      source.emplace_back(Value::Object{});
      sources.emplace_back(std::move(source));
    }
    all.emplace_back(std::move(sources));
  }
  return all;
}

/// What tf.keras up to 2.15 does not know, where it says nothing.
Value legacy_layer(const Value& written) {
  Value layer = plain(written);
  auto* members = std::get_if<Value::Object>(&layer.data);
  Value::Object* config = members == nullptr ? nullptr : object_at(*members, "config");
  if (config == nullptr) return layer;
  const std::string class_name = text_at(layer, "class_name");
  for (auto& [key, value] : *members) {
    if (key == "inbound_nodes") value = legacy_nodes(value);
  }
  for (auto& [key, value] : *config) {
    if (key == "batch_shape") key = "batch_input_shape";
    if (class_name == "LeakyReLU" && key == "negative_slope") key = "alpha";
  }
  std::erase_if(*config, [](const auto& member) {
    return member.first == "synchronized" || member.first == "rms_scaling" ||
           (member.first == "keepdims" && member.second == Value(false)) ||
           (member.first == "groups" && member.second == Value(1));
  });
  return layer;
}

}  // namespace

Value modern_layer(const Value& layer) {
  const auto* members = layer.get_if<Value::Object>();
  if (members == nullptr) return layer;
  Value::Object result = *members;
  const std::string class_name = renamed(classes(), text_at(layer, "class_name"));
  for (auto& [name, value] : result) {
    if (name == "class_name") value = class_name;
  }
  Value::Object* config = object_at(result, "config");
  if (config == nullptr) return result;
  Value rows, columns;
  for (auto& [key, value] : *config) {
    key = renamed(keys_of(class_name), renamed(keys(), key));
    if (key == "data_format" && value == Value("tf")) value = "channels_last";
    if (key == "data_format" && value == Value("th")) value = "channels_first";
    if (key == "nb_row") rows = value;
    if (key == "nb_col") columns = value;
  }
  if (!rows.is_null() && !columns.is_null()) config->emplace_back("kernel_size", Value::List{rows, columns});
  return result;
}

Value modern_model(const Value& model_config, const Value& training_config) {
  Value::Object root = without(model_config, {"config", "compile_config"});
  if (const Value* config = model_config.find("config")) {
    const bool bare = config->get_if<Value::List>() != nullptr;  // Keras up to 2.2.2
    root.emplace_back("config", bare ? Value(Value::Object{{"layers", *config}}) : *config);
  }
  if (training_config.get_if<Value::Object>() != nullptr) {
    Value::Object compile = without(training_config, {"optimizer_config"});
    if (const Value* optimizer = training_config.find("optimizer_config"))
      compile.emplace_back("optimizer", *optimizer);
    root.emplace_back("compile_config", std::move(compile));
  }
  return root;
}

Value legacy_model(const Value& config) {
  const Value* inner = config.find("config");
  Value::List layers;
  if (const Value* written = inner->find("layers")) {
    for (const Value& layer : *written->get_if<Value::List>()) layers.push_back(legacy_layer(layer));
  }
  Value::Object model = {{"name", *inner->find("name")}, {"layers", std::move(layers)}};
  for (const char* key : {"input_layers", "output_layers"}) {
    if (const Value* ends = inner->find(key)) model.emplace_back(key, *ends);
  }
  return Value::Object{{"class_name", text_at(config, "class_name")}, {"config", std::move(model)}};
}

Value legacy_training(const Value& config) {
  const Value* compile = config.find("compile_config");
  if (compile == nullptr) return {};
  Value::Object result;
  for (const auto& [key, value] : *compile->get_if<Value::Object>()) {
    if (key == "run_eagerly" || key == "steps_per_execution" || key == "jit_compile") continue;
    if (key != "optimizer") {
      result.emplace_back(key, plain(value));
      continue;
    }
    // tf.keras up to 2.10 stops at the options that it does not have, so those that say nothing are left out.
    Value optimizer = plain(value);
    Value::Object* options = object_at(std::get<Value::Object>(optimizer.data), "config");
    if (options != nullptr) {
      const bool averages = std::any_of(options->begin(), options->end(), [](const auto& member) {
        return member.first == "use_ema" && member.second == Value(true);
      });
      std::erase_if(*options, [&](const auto& member) {
        return member.second.is_null() || (!averages && (member.first == "use_ema" || member.first == "ema_momentum"));
      });
    }
    result.emplace_back("optimizer_config", std::move(optimizer));
  }
  return result;
}

}  // namespace gradus::keras
