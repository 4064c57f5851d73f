#include <algorithm>
#include <optional>

#include <gradus/error.hpp>

#include "base/nearest.hpp"
#include "base/text.hpp"
#include "cli.hpp"
#include "commands.hpp"
#include "formats/model_formats.hpp"
#include "inputs.hpp"
#include "inspect/numbers.hpp"
#include "model/state.hpp"
#include "terminal.hpp"
#include "values.hpp"

namespace gradus::app {

namespace {

/// The indices, into weights(), of a layer's weights.
std::vector<std::size_t> weights_of(const Sequential& model, std::size_t layer) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < model.weights().size(); ++i) {
    if (model.weights()[i].layer == layer_name(model.layers()[layer])) indices.push_back(i);
  }
  return indices;
}

std::int64_t parameters_of(const Sequential& model, std::size_t layer) {
  std::int64_t count = 0;
  for (const std::size_t i : weights_of(model, layer)) count += model.weights()[i].shape.elements();
  return count;
}

Value layer_value(const Sequential& model, std::size_t index) {
  Value::List weights;
  for (const std::size_t i : weights_of(model, index)) {
    const WeightInfo& info = model.weights()[i];
    weights.emplace_back(
        Value::Object{{"name", info.name}, {"shape", shape_value(info.shape)}, {"trainable", info.trainable}});
  }
  return Value::Object{
      {"name", layer_name(model.layers()[index])}, {"class_name", std::string(model.layers()[index].class_name())},
      {"config", model.layers()[index].fields()},  {"output_shape", shape_value(model.layer_output_shape(index))},
      {"parameters", parameters_of(model, index)}, {"weights", std::move(weights)}};
}

Value model_value(const Sequential& model) {
  Value::List layers;
  for (std::size_t i = 0; i < model.layers().size(); ++i) layers.push_back(layer_value(model, i));
  Value::Object object{{"name", model.name()},
                       {"input_shape", shape_value(model.input_shape())},
                       {"output_shape", shape_value(model.output_shape())},
                       {"layers", std::move(layers)},
                       {"parameters", model.parameters()},
                       {"weights_sha256", model.weights_sha256()},
                       {"class_names", list_value(model.class_names())}};
  if (model.compiled().has_value()) {
    object.emplace_back("optimizer", spec_value(model.compiled()->optimizer));
    object.emplace_back("loss", spec_value(model.compiled()->loss));
  }
  object.emplace_back("history", history_value(model.history()));
  return object;
}

void print_model(const Sequential& model) {
  print(shows_utf8() ? model.summary() : boxes_in_ascii(model.summary()));
  std::string line = "Input " + model.input_shape().to_string();
  if (model.compiled().has_value()) {
    line += ", trained with " + std::string(model.compiled()->optimizer.class_name()) + " on " +
            std::string(model.compiled()->loss.class_name());
  }
  print(line + "\nWeights sha256 " + model.weights_sha256() + "\n");
}

/// A layer by its number from 0, or by its name.
std::size_t find_layer(const Sequential& model, const std::string& wanted) {
  const std::vector<Layer>& layers = model.layers();
  if (const auto number = parse_int(wanted)) {
    if (*number >= 0 && *number < static_cast<std::int64_t>(layers.size())) return static_cast<std::size_t>(*number);
    throw UsageError("--layer: the model has layers 0 to " + std::to_string(layers.size() - 1) + ", got " + wanted);
  }
  std::vector<std::string> names;
  for (const Layer& layer : layers) names.push_back(layer_name(layer));
  const auto found = std::find(names.begin(), names.end(), wanted);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  throw UsageError("--layer: there is no layer " + in_quotes(wanted) + did_you_mean(wanted, names));
}

/// The numbers of a weight as lists in lists.
Value nested(const Tensor& weight, std::size_t axis, std::int64_t& next) {
  if (axis == weight.shape().rank()) return json_number(weight[next++]);
  Value::List list;
  for (std::int64_t i = 0; i < weight.shape()[axis]; ++i) list.push_back(nested(weight, axis + 1, next));
  return list;
}

std::vector<double> doubles(const Tensor& tensor) { return {tensor.values().begin(), tensor.values().end()}; }

Value weight_value(const WeightInfo& info, const Tensor& weight) {
  const Statistics statistics = statistics_of(doubles(weight));
  std::int64_t next = 0;
  return Value::Object{{"name", info.name},         {"shape", shape_value(info.shape)}, {"min", statistics.min},
                       {"max", statistics.max},     {"mean", statistics.mean},          {"std", statistics.stddev},
                       {"zeros", statistics.zeros}, {"values", nested(weight, 0, next)}};
}

void print_weight(const WeightInfo& info, const Tensor& weight, const ArrayFormat& format) {
  const std::vector<double> values = doubles(weight);
  const Statistics s = statistics_of(values);
  print(info.name + " " + info.shape.to_string() + "\n" + array_text(values, info.shape, format) + "\n");
  print("min " + number_text(s.min) + ", max " + number_text(s.max) + ", mean " + number_text(s.mean) + ", std " +
        number_text(s.stddev) + ", " + with_commas(info.shape.elements()) + " numbers, " + with_commas(s.zeros) +
        " of them 0\n\n");
}

int inspect_layer(const Sequential& model, std::size_t index, bool full, bool json) {
  const Layer& layer = model.layers()[index];
  if (json) {
    Value::List weights;
    for (const std::size_t i : weights_of(model, index)) {
      weights.push_back(weight_value(model.weights()[i], model.weight(i)));
    }
    print_json(Value::Object{{"layer", static_cast<std::int64_t>(index)},
                             {"name", layer_name(layer)},
                             {"class_name", std::string(layer.class_name())},
                             {"config", layer.fields()},
                             {"output_shape", shape_value(model.layer_output_shape(index))},
                             {"parameters", parameters_of(model, index)},
                             {"weights", std::move(weights)}});
    return done;
  }
  print("Layer " + std::to_string(index) + ", " + layer_name(layer) + " (" + std::string(layer.class_name()) +
        "), gives " + model.layer_output_shape(index).to_string() + "\n\n");
  ArrayFormat format;
  if (full) format.whole_up_to = model.parameters();
  for (const std::size_t i : weights_of(model, index)) print_weight(model.weights()[i], model.weight(i), format);
  if (weights_of(model, index).empty()) print("It has no weights.\n");
  return done;
}

}  // namespace

int inspect(const Words& words) {
  std::string path;
  std::optional<std::string> layer;
  bool json = false, full = false;
  Arguments arguments("inspect", "Shows a model's layers, or one layer's weights with their shape and statistics.");
  arguments.word("MODEL", path, "a model: " + readable_endings())
      .option("--layer", "N", layer, "show the weights of this layer: its number from 0, or its name", "none")
      .flag("--full", full, "with --layer: every number, however many there are")
      .flag("--json", json, "print one JSON object; with --layer every number is in it");
  if (!arguments.parse(words)) return done;
  const Sequential model = load_model(path);
  if (layer) return inspect_layer(model, find_layer(model, *layer), full, json);
  if (json) {
    print_json(model_value(model));
  } else {
    print_model(model);
  }
  return done;
}

}  // namespace gradus::app
