#include <algorithm>
#include <charconv>

#include <gradus/error.hpp>

#include "base/atomic_file.hpp"
#include "base/gzip.hpp"
#include "base/text.hpp"
#include "formats/hdf5_reader.hpp"
#include "formats/hdf5_writer.hpp"
#include "formats/in_file.hpp"
#include "formats/json.hpp"
#include "formats/keras.hpp"
#include "formats/keras_config.hpp"
#include "formats/keras_extras.hpp"
#include "formats/keras_legacy.hpp"
#include "formats/keras_objects.hpp"
#include "formats/keras_weights.hpp"
#include "model/state.hpp"

/// Keras's HDF5 files of whole models:
///
///   /                        model_config, training_config (JSON), keras_version, backend; "gradus", which Keras
///   passes
///                            over: what metadata.json holds in a `.keras` file
///   /model_weights           layer_names
///   /model_weights/LAYER     weight_names; below it the weights under these names
///   /optimizer_weights       weight_names
///
/// Everything is found through the lists of names, in their order; names alone say nothing.
namespace gradus {
namespace {

constexpr std::uint64_t largest_file = std::uint64_t{1} << 40;
constexpr const char* model_group = "/model_weights";
constexpr const char* optimizer_group = "/optimizer_weights";
constexpr const char* extras_attribute = "gradus";
/// A later Keras takes what an earlier one wrote.
constexpr const char* written_version = "3.0.0";
constexpr const char* written_backend = "tensorflow";

/// JSON in ASCII alone: what lies beyond stands in texts, where it may be written as \uXXXX.
std::string ascii(const std::string& json) {
  std::string out;
  const auto escape = [&](std::uint32_t unit) {
    static constexpr const char* digits = "0123456789abcdef";
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += digits[(unit >> shift) & 15u];
  };
  for (std::size_t i = 0; i < json.size();) {
    const auto first = static_cast<std::uint8_t>(json[i]);
    const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length == 1) {
      out += json[i++];
      continue;
    }
    std::uint32_t letter = first & (0x7fu >> length);
    for (std::size_t k = 1; k < length && i + k < json.size(); ++k) {
      letter = letter << 6 | (static_cast<std::uint8_t>(json[i + k]) & 0x3fu);
    }
    i += length;
    if (letter >= 0x10000) {
      escape(0xd800 + ((letter - 0x10000) >> 10));
      letter = 0xdc00 + ((letter - 0x10000) & 0x3ff);
    }
    escape(letter);
  }
  return out;
}

// --- writing ---

void write_layers(const Sequential& model, Hdf5Writer& file) {
  const std::vector<keras::FileLayer> layers = keras::file_layers(model);
  std::vector<std::string> layer_names;
  for (const keras::FileLayer& layer : layers) layer_names.push_back(layer.name);
  file.group(model_group);
  file.text_attribute(model_group, "backend", written_backend, Hdf5Writer::Letters::ascii);
  file.text_attribute(model_group, "keras_version", written_version, Hdf5Writer::Letters::ascii);
  file.text_list_attribute(model_group, "layer_names", layer_names);
  for (const keras::FileLayer& layer : layers) {
    const std::string group = std::string(model_group) + "/" + layer.name;
    std::vector<std::string> weight_names;
    file.group(group);
    for (const Parameter& parameter :
         layer.function == nullptr ? std::vector<Parameter>{} : layer.function->parameters()) {
      weight_names.push_back(layer.name + "/" + parameter.name + ":0");
      keras::write_weight(model.state(), parameter, group + "/" + weight_names.back(), file);
    }
    file.text_list_attribute(group, "weight_names", weight_names);
  }
  const std::string top = std::string(model_group) + "/top_level_model_weights";
  file.group(top);
  file.text_list_attribute(top, "weight_names", {});
}

/// In the order and under the names of Keras 3; others read the model and begin the optimizer anew, with a warning.
void write_optimizer(const Sequential& model, Hdf5Writer& file) {
  const Sequential::State& state = model.state();
  const std::string name = lower(state.compiled->optimizer.class_name());
  const std::string group = std::string(optimizer_group) + "/";
  std::vector<std::string> names = {name + "/iteration"};
  file.whole(group + names[0], state.iterations);
  if (!keras::keras_has_schedule(state.optimizer->learning_rate())) {
    const auto rate = static_cast<float>(state.optimizer->learning_rate().at(state.iterations));
    names.push_back(name + "/learning_rate");
    file.dataset(group + names.back(), {}, std::span<const float>(&rate, 1));
  }
  for (const keras::OptimizerArray& array : keras::optimizer_arrays(model)) {
    names.push_back(name + "/" + array.layer + "_" + array.weight + "_" + array.slot);
    const std::vector<float> numbers(array.values.values().begin(), array.values.values().end());
    file.dataset(group + names.back(), array.values.shape(), numbers);
  }
  file.text_list_attribute(optimizer_group, "weight_names", names);
}

// --- reading ---

/// Where the weights named in the lists of `group` lie, for each layer that has any.
keras::WeightPaths paths_by_name(const Hdf5Reader& file, const std::string& group,
                                 const std::vector<std::string>& layer_names) {
  keras::WeightPaths paths;
  for (const std::string& layer : layer_names) {
    const std::string place = group + "/" + layer;
    std::vector<std::string> found;
    for (const std::string& name :
         file.text_list_attribute(place, "weight_names").value_or(std::vector<std::string>{})) {
      found.push_back(place + "/" + name);
    }
    if (!found.empty()) paths.push_back(std::move(found));
  }
  return paths;
}

/// How many layers with weights a file has for this one.
std::size_t weighted_layers(const LayerFunction& function) {
  if (function.children().empty()) return function.parameters().empty() ? 0 : 1;
  std::size_t count = 0;
  for (const auto& child : function.children()) count += weighted_layers(*child);
  return count;
}

/// The same, one entry a layer of the network, weights or none. Keras goes by the order, and so does this.
keras::WeightPaths spread(keras::WeightPaths named, const Shape& input_shape, const std::vector<Layer>& layers) {
  keras::WeightPaths paths;
  std::size_t next = 0;
  Shape shape = input_shape;
  for (const Layer& layer : layers) {
    const std::unique_ptr<LayerFunction> function = in_file("layer " + in_quotes(layer_name(layer)), [&] {
      return LayerRegistry::instance().find(layer.class_name()).maker.bind(layer, shape);
    });
    shape = function->output_shape();
    paths.emplace_back();
    for (std::size_t left = weighted_layers(*function); left > 0; --left, ++next) {
      if (next < named.size()) paths.back().insert(paths.back().end(), named[next].begin(), named[next].end());
    }
  }
  if (next != named.size()) {
    throw Error(ErrorCode::bad_data, "the network has " + count_of(static_cast<std::int64_t>(next), "layer") +
                                         " with weights, the file has those of " + std::to_string(named.size()));
  }
  return paths;
}

struct Version {
  int major = 0, minor = 0;
  explicit Version(const std::string& text) {
    const auto* end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, major);
    if (first.ptr != end && *first.ptr == '.') std::from_chars(first.ptr + 1, end, minor);
  }
  [[nodiscard]] bool before(int wanted_major, int wanted_minor) const {
    return major < wanted_major || (major == wanted_major && minor < wanted_minor);
  }
};

/// Theano turned its kernels around before it laid them over the image. Such files say no backend, and Theano's names
/// have no ":0".
bool from_theano(const Hdf5Reader& file, const keras::WeightPaths& paths) {
  const auto backend = file.text_attribute("/", "backend");
  if (backend) return *backend == "theano";
  return !paths.empty() && !paths.front().empty() && !paths.front().front().ends_with(":0");
}

/// Turns the kernel of a convolution, (height, width, in, out), by 180 degrees.
void turn_kernel(const Layer& layer, Tensor& weight) {
  if (!layer.class_name().ends_with("Conv2D") || weight.shape().rank() != 4) return;
  const std::int64_t places = weight.shape()[0] * weight.shape()[1], depth = weight.shape()[2] * weight.shape()[3];
  const std::span<Real> values = weight.values();
  for (std::int64_t a = 0; a < places / 2; ++a) {
    const auto other = values.begin() + (places - 1 - a) * depth;
    std::swap_ranges(values.begin() + a * depth, values.begin() + (a + 1) * depth, other);
  }
}

Value json_attribute(const Hdf5Reader& file, const std::string& name) {
  const auto text = file.text_attribute("/", name);
  return text ? read_json(*text, name) : Value();
}

bool has_legacy_names(const Hdf5Reader& file) { return file.text_list_attribute("/", "layer_names").has_value(); }

LoadedModel read_model_h5(const Hdf5Reader& file) {
  const Value model_config = json_attribute(file, "model_config");
  if (model_config.is_null()) {
    const bool weights = has_legacy_names(file) || file.has_group("/layers") || file.has_group("/layer_0") ||
                         file.has_group("/_layer_checkpoint_dependencies");
    if (weights) throw Error(ErrorCode::unsupported, weights_alone);
    throw Error(ErrorCode::bad_data, "an HDF5 file, but no model of Keras: it has no model_config");
  }
  const std::string version = file.text_attribute("/", "keras_version").value_or("1");
  const Value root = keras::modern_model(model_config, json_attribute(file, "training_config"));
  Value extras = json_attribute(file, extras_attribute);
  if (extras.is_null()) extras = Value::Object{};

  keras::Config config = keras::config_from_keras(root, version);
  keras::apply_layer_extras(extras, config);
  const auto layer_names = file.text_list_attribute(model_group, "layer_names");
  if (!layer_names) throw Error(ErrorCode::bad_data, std::string(model_group) + " has no layer_names");
  const keras::WeightPaths named = paths_by_name(file, model_group, *layer_names);
  const keras::WeightPaths paths = spread(named, config.input_shape, config.layers);
  keras::check_weights(config.input_shape, config.layers, file, paths);

  LoadedModel loaded{keras::build(config, extras), std::move(config.notes)};
  keras::read_weights(file, paths, loaded.model, from_theano(file, named) ? turn_kernel : keras::ChangeWeight());
  keras::compile(config, extras, loaded.model, loaded.notes);
  if (file.has_group(optimizer_group)) {
    const auto names = file.text_list_attribute(optimizer_group, "weight_names").value_or(std::vector<std::string>{});
    std::vector<std::string> state;
    for (const std::string& name : names) state.push_back(std::string(optimizer_group) + "/" + name);
    // tf.keras up to 2.10, and later its optimizers.legacy, whose names begin "Adam/iter".
    const bool old = Version(version).before(2, 11) || (!names.empty() && names[0].find("iter:") != std::string::npos);
    keras::read_optimizer(file, state, old, loaded.model, loaded.notes);
  }
  keras::apply_model_extras(extras, loaded.model);
  return loaded;
}

}  // namespace

LoadedModel read_keras_h5(const std::string& path) {
  const std::vector<std::uint8_t> bytes = read_file(path, largest_file);
  return in_file(path, [&] { return read_model_h5(Hdf5Reader(bytes)); });
}

void write_keras_h5(const Sequential& model, const std::string& path) {
  AtomicFile out(path);
  const Value config = keras::config_to_keras(model);
  Hdf5Writer file;
  using Letters = Hdf5Writer::Letters;
  file.text_attribute("/", "keras_version", written_version);
  file.text_attribute("/", "backend", written_backend);
  file.text_attribute("/", "model_config", ascii(write_python_json(keras::legacy_model(config))), Letters::ascii);
  const Value training = keras::legacy_training(config);
  if (!training.is_null()) {
    file.text_attribute("/", "training_config", ascii(write_python_json(training)), Letters::ascii);
  }
  file.text_attribute("/", extras_attribute, write_python_json(keras::extras_of(model, config)));
  write_layers(model, file);
  if (model.compiled()) write_optimizer(model, file);
  out.write(file.bytes());
  out.commit();
}

void write_keras_weights(const Sequential& model, const std::string& path) {
  AtomicFile file(path);
  file.write(keras::weights_to_keras(model));
  file.commit();
}

void read_keras_weights(const std::string& path, Sequential& model, std::vector<std::string>& notes) {
  const std::vector<std::uint8_t> bytes = read_file(path, largest_file);
  in_file(path, [&] {
    const Hdf5Reader file(bytes);
    const bool keras3 = !has_legacy_names(file) && !file.has_group(model_group);
    keras::WeightPaths paths;
    if (keras3) {
      paths = keras::paths_by_key(file, keras::weight_groups(model.layers()));
    } else {
      const std::string group = has_legacy_names(file) ? "/" : model_group;
      const auto names = file.text_list_attribute(group, "layer_names").value_or(std::vector<std::string>{});
      paths = spread(paths_by_name(file, group == "/" ? "" : group, names), model.input_shape(), model.layers());
    }
    keras::check_weights(model.input_shape(), model.layers(), file, paths);
    const bool turn = !keras3 && from_theano(file, paths);
    keras::read_weights(file, paths, model, turn ? turn_kernel : keras::ChangeWeight());
    if (keras3) keras::read_optimizer(file, keras::optimizer_paths(file), false, model, notes);
  });
}

}  // namespace gradus
