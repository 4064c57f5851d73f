#include "formats/named_weights.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "formats/in_file.hpp"
#include "formats/json.hpp"
#include "formats/keras_config.hpp"
#include "formats/keras_extras.hpp"
#include "formats/safetensors.hpp"
#include "formats/torch_weights.hpp"

namespace gradus {
namespace {

constexpr const char* config_key = "gradus.config";
constexpr const char* extras_key = "gradus.extras";

std::string weight_name(const WeightInfo& info) { return info.layer + "/" + info.name; }

const Tensor* find(const NamedTensors& arrays, const std::string& name) {
  const auto found = std::find_if(arrays.begin(), arrays.end(), [&](const auto& each) { return each.first == name; });
  return found == arrays.end() ? nullptr : &found->second;
}

void set_checked(Sequential& model, std::size_t index, const std::string& name, const Tensor& value) {
  const WeightInfo& info = model.weights()[index];
  if (value.shape() != info.shape) {
    throw Error(ErrorCode::bad_data, in_quotes(name) + " has shape " + value.shape().to_string() + ", " +
                                         weight_name(info) + " needs " + info.shape.to_string());
  }
  model.set_weight(index, value);
}

}  // namespace

NamedTensors named_weights(const Sequential& model) {
  NamedTensors arrays;
  for (std::size_t i = 0; i < model.weights().size(); ++i) {
    arrays.emplace_back(weight_name(model.weights()[i]), model.weight(i));
  }
  return arrays;
}

std::vector<std::string> set_named_weights(Sequential& model, const NamedTensors& arrays) {
  const std::vector<WeightInfo>& weights = model.weights();
  const bool numbered = !arrays.empty() && find(arrays, "arr_0") != nullptr;
  if (numbered) {
    if (arrays.size() != weights.size()) {
      throw Error(ErrorCode::bad_data, "it has " + count_of(static_cast<std::int64_t>(arrays.size()), "array") +
                                           ", the model " + std::to_string(weights.size()) + " weights");
    }
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const std::string name = "arr_" + std::to_string(i);
      const Tensor* array = find(arrays, name);
      if (array == nullptr) throw Error(ErrorCode::bad_data, "there is no array " + in_quotes(name));
      set_checked(model, i, name, *array);
    }
    return {};
  }
  if (is_torch(arrays)) return set_torch_weights(model, arrays);
  std::set<std::string> used;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::string name = weight_name(weights[i]);
    const Tensor* array = find(arrays, name);
    if (array == nullptr) {
      throw Error(ErrorCode::bad_data, "there is no array " + in_quotes(name) +
                                           (arrays.empty() ? "" : "; the first is " + in_quotes(arrays[0].first)));
    }
    set_checked(model, i, name, *array);
    used.insert(name);
  }
  std::vector<std::string> notes;
  for (const auto& [name, unused] : arrays) {
    if (used.count(name) == 0) notes.push_back("the array " + in_quotes(name) + " was left out");
  }
  return notes;
}

// --- files ---

void write_safetensors_model(const Sequential& model, const std::string& path) {
  const Value config = keras::config_to_keras(model);
  write_safetensors(path, {named_weights(model),
                           {{config_key, write_python_json(config)},
                            {extras_key, write_python_json(keras::extras_of(model, config))}}});
}

LoadedModel read_safetensors_model(const std::string& path) {
  const Safetensors content = read_safetensors(path);
  const auto metadata = [&](const char* key) {
    const auto found = std::find_if(content.metadata.begin(), content.metadata.end(),
                                    [&](const auto& each) { return each.first == key; });
    return found == content.metadata.end() ? Value() : read_json(found->second, key);
  };
  return in_file(path, [&] {
    const Value root = metadata(config_key);
    if (root.is_null()) throw Error(ErrorCode::unsupported, weights_alone);
    Value extras = metadata(extras_key);
    if (extras.is_null()) extras = Value::Object{};
    keras::Config config = keras::config_from_keras(root);
    keras::apply_layer_extras(extras, config);
    // Names and shapes are held against the file before memory is taken for the network.
    std::int64_t numbers = 0;
    for (const auto& [name, tensor] : content.tensors) numbers += tensor.shape().elements();
    keras::check_size(config, numbers);
    LoadedModel loaded{keras::build(config, extras), std::move(config.notes)};
    for (std::string& note : set_named_weights(loaded.model, content.tensors)) loaded.notes.push_back(std::move(note));
    keras::compile(config, extras, loaded.model, loaded.notes);
    keras::apply_model_extras(extras, loaded.model);
    return loaded;
  });
}

void read_safetensors_weights(const std::string& path, Sequential& model, std::vector<std::string>& notes) {
  const Safetensors content = read_safetensors(path);
  notes = in_file(path, [&] { return set_named_weights(model, content.tensors); });
}

void write_npz_weights(const Sequential& model, const std::string& path) { write_npz(path, named_weights(model)); }

void read_npz_weights(const std::string& path, Sequential& model, std::vector<std::string>& notes) {
  const NamedTensors arrays = read_npz(path);
  notes = in_file(path, [&] { return set_named_weights(model, arrays); });
}

}  // namespace gradus
