#include "inspect/explain.hpp"

#include "base/text.hpp"
#include "cli.hpp"
#include "commands.hpp"
#include "formats/model_formats.hpp"
#include "inputs.hpp"
#include "learnt.hpp"
#include "terminal.hpp"
#include "values.hpp"

namespace gradus::app {

namespace {

Value layer_value(const ExplainedLayer& layer) {
  Value::Object object{{"name", layer.name},
                       {"class_name", layer.class_name},
                       {"formula", layer.formula},
                       {"output_shape", shape_value(layer.output_shape)},
                       {"z", list_value(layer.z)},
                       {"a", list_value(layer.a)},
                       {"dL/da", list_value(layer.a_gradient)},
                       {"dL/dz", list_value(layer.z_gradient)}};
  Value::List weights;
  for (const ExplainedWeight& weight : layer.weights) {
    weights.emplace_back(Value::Object{{"name", weight.name},
                                       {"shape", shape_value(weight.shape)},
                                       {"values", list_value(weight.values)},
                                       {"gradient", list_value(weight.gradient)}});
  }
  object.emplace_back("weights", std::move(weights));
  return object;
}

Value explanation_value(const Explanation& explanation) {
  Value::List layers;
  for (const ExplainedLayer& layer : explanation.layers) layers.push_back(layer_value(layer));
  Value::Object object{{"input_shape", shape_value(explanation.input_shape)},
                       {"input", list_value(explanation.input)},
                       {"layers", std::move(layers)},
                       {"loss_name", explanation.loss_name},
                       {"loss", explanation.loss},
                       {"target", list_value(explanation.target)},
                       {"label", explanation.label}};
  if (!explanation.no_gradient.empty()) object.emplace_back("no_gradient", explanation.no_gradient);
  return object;
}

}  // namespace

int explain_sample(const Words& words) {
  std::string model_path;
  DataOptions data_options;
  std::optional<std::int64_t> index;
  bool json = false;
  Arguments arguments(
      "explain",
      "Follows one sample through a network: the input, each layer's sums z and outputs a, the cost, and "
      "back again the slope of the cost along each of these numbers and each weight. Small networks "
      "are written in full, to be checked by hand.");
  arguments.word("MODEL", model_path, "a model: " + readable_endings());
  add_data_options(arguments, data_options, true);
  arguments.option("--index", "N", index, "which sample, counted from 0", "0", 0)
      .flag("--json", json, "print one JSON object, with every number; arrays are row after row");
  if (!arguments.parse(words)) return done;

  Sequential model = load_model(model_path);
  DataPart part;
  const Dataset data = data_for_model(model, data_options, part);
  prepare_to_evaluate(model, data.is_classified());
  const Explanation explanation = explain(model, data, index.value_or(0));
  const Learnt learnt(model, data.slice(index.value_or(0), index.value_or(0) + 1), part);
  if (json) {
    Value::Object object{{"data", data.name()}, {"part", part.name}, {"index", index.value_or(0)}};
    learnt.add_to(object);
    Value rest = explanation_value(explanation);
    for (auto& entry : std::get<Value::Object>(rest.data)) object.push_back(std::move(entry));
    print_json(object);
    return done;
  }
  print("Sample " + std::to_string(index.value_or(0)) + " of " + part_name(data, part) + learnt.text() + "\n\n" +
        explanation_text(explanation));
  return done;
}

}  // namespace gradus::app
