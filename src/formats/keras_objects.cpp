#include "formats/keras_objects.hpp"

#include <algorithm>
#include <set>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "formats/keras_legacy.hpp"
#include "formats/keras_tables.hpp"
#include "model/spec_text.hpp"

namespace gradus::keras {
namespace {

[[noreturn]] void unsupported(const std::string& sentence) { throw Error(ErrorCode::unsupported, sentence); }

const Value::Object& config_of(const Value& object) {
  static const Value::Object none;
  const Value* config = object.find("config");
  const auto* fields = config == nullptr ? nullptr : config->get_if<Value::Object>();
  return fields == nullptr ? none : *fields;
}

template <class Kind>
bool exists(const std::string& class_name) {
  const std::vector<std::string> names = Spec<Kind>::names();
  return std::find(names.begin(), names.end(), class_name) != names.end();
}

/// A number that Keras wrapped: {"class_name": "__numpy__", "config": {"value": 0.5}}.
const Value& unwrapped(const Value& value) {
  if (text_at(value, "class_name") != "__numpy__") return value;
  const Value* config = value.find("config");
  const Value* inner = config == nullptr ? nullptr : config->find("value");
  return inner == nullptr ? value : *inner;
}

// --- initializers ---

Value initializer_to_keras(const Initializer& initializer) {
  const std::string own(initializer.class_name());
  if (only_in_gradus(own)) return object("keras.initializers", "Zeros", {});
  Value::Object config = initializer.fields();
  if (draws_at_random(own)) config.emplace_back("seed", Value());
  return object("keras.initializers", own, std::move(config));
}

/// How a weight started matters to new models alone, and is never run; what Gradus does not know is left at the
/// default.
std::optional<Initializer> initializer_from_keras(const Value& value) {
  std::string name = text_at(value, "class_name");
  if (const auto* text = value.get_if<std::string>()) name = *text;
  name = initializer_name(name);
  if (!exists<InitializerKind>(name)) return std::nullopt;
  try {
    Initializer initializer = Initializer::make(name);
    for (const auto& [field, unused] : initializer.fields()) {
      const Value* given = nullptr;
      for (const auto& [key, each] : config_of(value)) {
        if (key == field) given = &each;
      }
      if (given != nullptr) initializer = initializer.with(field, initializer_value(field, unwrapped(*given)));
    }
    return initializer;
  } catch (const Error&) {
    return std::nullopt;
  }
}

// --- regularizers and constraints ---

/// Null, or the spec as Keras writes it.
template <class Kind>
Value rule_to_keras(const std::string& module, const Value& value) {
  if (value.is_null()) return value;
  const Spec<Kind> rule = FieldType<Spec<Kind>>::from_value(value);
  return object(module, std::string(rule.class_name()), rule.fields());
}

/// What Gradus does not know plays no part, and the caller says so.
template <class Kind>
std::optional<Spec<Kind>> rule_from_keras(const Value& value) {
  const auto* text = value.get_if<std::string>();
  const std::string name = rule_name<Kind>(text != nullptr ? *text : text_at(value, "class_name"));
  if (!exists<Kind>(name)) return std::nullopt;
  Spec<Kind> rule = Spec<Kind>::make(name);
  for (const auto& [field, unused] : rule.fields()) {
    for (const auto& [key, given] : config_of(value)) {
      if (key == field && !unwrapped(given).is_null()) rule = rule.with(field, unwrapped(given));
    }
  }
  return rule;
}

template <class Kind>
Value rule_value(const Value& value) {
  const auto rule = value.is_null() ? std::nullopt : rule_from_keras<Kind>(value);
  return rule ? FieldType<Spec<Kind>>::to_value(*rule) : Value();
}

// --- activations ---

Value activation_from_keras(const Value& value) {
  if (value.is_null()) return "linear";
  std::string name;
  if (const auto* text = value.get_if<std::string>()) {
    name = *text;
  } else if (text_at(value, "class_name") == "function") {
    name = text_at(value, "config");
  } else if (config_of(value).empty() || text_at(value, "class_name") == "__lambda__") {
    name = snake_case(text_at(value, "class_name"));
  } else {
    unsupported("the activation " + text_at(value, "class_name") + " with options of its own is not supported");
  }
  name = activation_alias(name);
  for (const Activation activation : all_activations()) {
    if (activation_name(activation) == name) return name;
  }
  unsupported("the activation " + in_quotes(name) + " is not supported");
}

// --- specs from configs ---

/// Where `config` asks for something that the spec cannot say: "amsgrad"; empty when nowhere.
template <class Kind>
std::string beyond(const Spec<Kind>& spec, const Value::Object& config) {
  const Value::Object fields = spec.fields();
  for (const auto& [key, value] : config) {
    const bool known =
        std::any_of(fields.begin(), fields.end(), [&, wanted = key](const auto& f) { return f.first == wanted; });
    if (!known && !is_neutral(key, value)) return key + " = " + value.to_string();
  }
  return {};
}

/// Whether the field may be none.
template <class Kind>
bool takes_nothing(const Spec<Kind>& spec, const std::string& field) {
  try {
    (void)spec.with(field, Value());
    return true;
  } catch (const Error&) {
    return false;
  }
}

Value learning_rate_from_keras(const Value& value);

/// Sets the fields that the config has.
template <class Kind>
Spec<Kind> filled(Spec<Kind> spec, const Value::Object& config) {
  for (const FieldInfo& info : spec.describe()) {
    const auto found = std::find_if(config.begin(), config.end(), [&](const auto& f) { return f.first == info.name; });
    if (found == config.end()) continue;
    Value value = unwrapped(found->second);
    if (info.type == FieldType<Activation>::name) {
      value = activation_from_keras(value);
    } else if (info.type == InitializerKind::name) {
      const auto initializer = initializer_from_keras(value);
      if (!initializer) continue;
      value = FieldType<Initializer>::to_value(*initializer);
    } else if (info.type == RegularizerKind::name) {
      value = rule_value<RegularizerKind>(value);
    } else if (info.type == ConstraintKind::name) {
      value = rule_value<ConstraintKind>(value);
    } else if (info.type == FieldType<Average>::name && value.is_null() && std::is_same_v<Kind, MetricKind>) {
      if (info.default_value.is_null()) continue;
      value = "none";
    } else if (info.type == FieldType<LearningRate>::name) {
      value = learning_rate_from_keras(value);
    } else if (info.type == FieldType<std::int64_t>::name) {
      // tf.keras writes the axis of a BatchNormalization as [3], Keras 3 that of a Normalization, where none is [].
      const auto* list = value.get_if<Value::List>();
      if (list != nullptr && list->size() <= 1) value = list->empty() ? Value() : Value(list->front());
    }
    if (value.is_null() && !info.default_value.is_null() && !takes_nothing(spec, info.name)) continue;
    spec = spec.with(info.name, value);
  }
  return spec;
}

void check_dtype(const Value& config) {
  static const std::set<std::string> known = {"float32",  "float64",       "float16",
                                              "bfloat16", "mixed_float16", "mixed_bfloat16"};
  const Value* dtype = config.find("dtype");
  if (dtype == nullptr || dtype->is_null()) return;
  const Value* policy = dtype->find("config");
  const std::string name = policy == nullptr ? "" : text_at(*policy, "name");
  const auto* text = dtype->get_if<std::string>();
  const std::string& type = text == nullptr ? name : *text;
  if (known.count(type) == 0) unsupported("the number type " + in_quotes(type) + " is not supported");
}

void note_training_options(const std::string& layer, const Layer& spec, const Value::Object& config,
                           std::vector<std::string>& notes) {
  const Value::Object fields = spec.fields();
  for (const auto& [key, value] : config) {
    if (value.is_null()) continue;
    const bool taken = std::any_of(fields.begin(), fields.end(), [&, wanted = key](const auto& f) {
      return f.first == wanted && !f.second.is_null();
    });
    if ((key.ends_with("_regularizer") || key.ends_with("_constraint")) && !taken) {
      notes.push_back("layer '" + layer + "': its " + key + " plays no part in further training");
    }
    if (key == "trainable" && value == Value(false)) {
      notes.push_back("layer '" + layer + "' was frozen; further training changes it");
    }
  }
}

Layer known_layer(const std::string& class_name, const Value& object) {
  if (!exists<LayerKind>(class_name)) {
    if (class_name == "Lambda") unsupported("a Lambda layer holds Python code, which is never run");
    unsupported("layers of class " + in_quotes(class_name) + " are not supported");
  }
  const Value::Object& config = config_of(object);
  check_dtype(config);
  const Layer spec = Layer::make(class_name);
  if (const std::string key = beyond(spec, config); !key.empty())
    unsupported("the option " + key + " is not supported");
  return filled(spec, config);
}

/// The name stayed, the function did not: 0.2 x + 0.5 up to Keras 2, x / 6 + 0.5 from Keras 3 on, cut to 0 and 1.
void check_hard_sigmoid(const Layer& layer, const std::string& keras_version) {
  if (!keras_version.starts_with("1.") && !keras_version.starts_with("2.")) return;
  for (const auto& [field, value] : layer.fields()) {
    if (value == Value("hard_sigmoid")) {
      unsupported("the hard_sigmoid of Keras " + keras_version + " (0.2 x + 0.5) is not that of Keras 3 (x / 6 + 0.5)");
    }
  }
}

// --- losses ---

Value loss_to_keras(const Loss& loss) {
  const std::string name(loss.class_name());
  if (loss == Loss::make(name)) return snake_case(name);
  Value::Object config = {{"name", snake_case(name)}, {"reduction", "sum_over_batch_size"}};
  for (const auto& [field, value] : loss.fields()) config.emplace_back(field, value);
  return object("keras.losses", name, std::move(config));
}

/// The loss of a list or a table of one.
const Value& only_one(const Value& value) {
  if (const auto* list = value.get_if<Value::List>(); list != nullptr && list->size() == 1) return list->front();
  const auto* table = value.get_if<Value::Object>();
  const bool is_object = value.find("class_name") != nullptr;
  return table != nullptr && !is_object && table->size() == 1 ? table->front().second : value;
}

/// The name of a loss or metric that is written as a text, an object or a function.
std::string written_name(const Value& value) {
  if (const auto* text = value.get_if<std::string>()) return *text;
  const std::string class_name = text_at(value, "class_name");
  if (class_name == "function") return text_at(value, "config");
  const Value* config = value.find("config");
  const bool wrapped = class_name == "MeanMetricWrapper" && config != nullptr;  // tf.keras 2
  return wrapped ? text_at(*config, "fn") : class_name;
}

Loss loss_from_keras(const Value& written, double weight, std::int64_t outputs) {
  const Value& value = only_one(written);
  const std::string name = loss_name(written_name(value));
  if (!exists<LossKind>(name)) unsupported("the loss " + in_quotes(written_name(value)) + " is not supported");
  const Loss spec = Loss::make(name);
  if (const std::string key = beyond(spec, config_of(value)); !key.empty()) {
    unsupported("the loss " + name + " with " + key + " is not supported");
  }
  if (weight != 1 && name == "MeanSquaredError") {
    if (weight == static_cast<double>(outputs)) return SquaredError{};
    if (weight == static_cast<double>(outputs) / 2) return Quadratic{};
  }
  if (weight != 1) unsupported("a loss of weight " + Value(weight).to_string() + " is not supported");
  return filled(spec, config_of(value));
}

double loss_weight_of(const Value& compile_config) {
  const Value* written = compile_config.find("loss_weights");
  if (written == nullptr || written->is_null()) return 1;
  return FieldType<double>::from_value(only_one(*written));
}

// --- optimizers ---

Value learning_rate_to_keras(const Value& field, std::int64_t steps) {
  const LearningRate rate = FieldType<LearningRate>::from_value(field);
  if (!keras_has_schedule(rate)) return rate.at(steps);
  const std::string name(rate.schedule()->class_name());
  Value::Object config = rate.schedule()->fields();
  config.emplace_back("name", name);
  return object("keras.optimizers.schedules", name, std::move(config));
}

/// `steps`: how many have been done.
Value optimizer_to_keras(const Optimizer& optimizer, std::int64_t steps) {
  const std::string name(optimizer.class_name());
  Value::Object config = {{"name", lower(name)}};
  for (auto& [field, value] : optimizer.fields()) {
    config.emplace_back(field, field == "learning_rate" ? learning_rate_to_keras(value, steps) : value);
  }
  return object("keras.optimizers", name, std::move(config));
}

/// A number, or a schedule as Gradus writes it.
Value learning_rate_from_keras(const Value& value) {
  if (value.find("class_name") == nullptr) return value;
  const std::string name = text_at(value, "class_name");
  if (!exists<ScheduleKind>(name) || only_in_gradus(name)) {
    unsupported("the learning rate schedule " + in_quotes(name) + " is not supported");
  }
  const Schedule schedule = filled(Schedule::make(name), config_of(value));
  return FieldType<Schedule>::to_value(schedule);
}

Optimizer optimizer_from_keras(const Value& value) {
  const std::string name = optimizer_name(written_name(value));
  if (!exists<OptimizerKind>(name))
    unsupported("the optimizer " + in_quotes(written_name(value)) + " is not supported");
  const Optimizer spec = Optimizer::make(name);
  Value::Object config = config_of(value);
  for (auto& [key, each] : config) {
    if (key == "lr") key = "learning_rate";  // Keras up to 2.2
  }
  if (const std::string key = beyond(spec, config); !key.empty()) {
    unsupported("the optimizer " + name + " with " + key + " is not supported");
  }
  return filled(spec, config);
}

// --- metrics ---

/// Keras knows most by a name alone; options are written out.
Value metric_to_keras(const Metric& metric) {
  const std::string name(metric.class_name());
  if (metric.get_if<Accuracy>() != nullptr) return "accuracy";
  Value::Object config = {{"name", snake_case(name)}, {"dtype", "float32"}};
  for (auto& [field, value] : metric.fields()) {
    if (field_only_in_gradus(name + "." + field)) continue;
    config.emplace_back(field, value == Value("none") ? Value() : value);
  }
  return object("keras.metrics", name, std::move(config));
}

Value metrics_to_keras(const std::vector<Metric>& metrics) {
  Value::List written;
  for (const Metric& metric : metrics) written.push_back(metric_to_keras(metric));
  return written.empty() ? Value() : Value(std::move(written));
}

void add_metrics(const Value& value, std::vector<Metric>& metrics, std::vector<std::string>& notes) {
  if (const auto* list = value.get_if<Value::List>()) {
    for (const Value& each : *list) add_metrics(each, metrics, notes);
    return;
  }
  if (value.is_null()) return;
  const std::string name = metric_name(written_name(value));
  if (!exists<MetricKind>(name)) {
    notes.push_back("the metric " + in_quotes(written_name(value)) + " is not supported and was left out");
    return;
  }
  const Metric spec = Metric::make(name);
  if (const std::string key = beyond(spec, config_of(value)); !key.empty()) {
    notes.push_back("the metric " + name + " with " + key + " is not supported and was left out");
    return;
  }
  const Metric metric = filled(spec, config_of(value));
  if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end()) metrics.push_back(metric);
}

}  // namespace

Value batch_shape(const Shape& shape) {
  Value::List sizes = {Value()};
  for (const std::int64_t size : shape.sizes()) sizes.emplace_back(size);
  return sizes;
}

bool keras_has_schedule(const LearningRate& rate) {
  return rate.schedule() != nullptr && !only_in_gradus(rate.schedule()->class_name());
}

std::string text_at(const Value& object, std::string_view key) {
  const Value* value = object.find(key);
  const auto* text = value == nullptr ? nullptr : value->get_if<std::string>();
  return text == nullptr ? std::string() : *text;
}

Value object(const std::string& module, const std::string& class_name, Value::Object config) {
  return Value::Object{
      {"module", module}, {"class_name", class_name}, {"config", std::move(config)}, {"registered_name", Value()}};
}

Value::Object layer_to_keras(const Layer& layer, const Shape& input) {
  const std::string class_name(layer.class_name());
  Value::Object fields = layer.fields();
  Value::Object config = {{"name", Value()}, {"trainable", true}, {"dtype", "float32"}};
  for (const FieldInfo& info : layer.describe()) {
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.first == info.name; });
    // Keras writes the activity_regularizer of a layer only where there is one.
    if (field_only_in_gradus(info.name) || (info.name == "activity_regularizer" && found->second.is_null())) {
      continue;
    } else if (info.name == "name") {
      config.front().second = found->second;
    } else if (info.type == InitializerKind::name) {
      config.emplace_back(info.name, initializer_to_keras(FieldType<Initializer>::from_value(found->second)));
    } else if (info.type == RegularizerKind::name) {
      config.emplace_back(info.name, rule_to_keras<RegularizerKind>("keras.regularizers", found->second));
    } else if (info.type == ConstraintKind::name) {
      config.emplace_back(info.name, rule_to_keras<ConstraintKind>("keras.constraints", found->second));
    } else {
      config.emplace_back(info.name, found->second);
    }
  }
  for (const auto& [key, value] : layer_defaults(class_name)) config.emplace_back(key, value);
  Value written = object("keras.layers", class_name, std::move(config));
  Value::Object result = std::move(std::get<Value::Object>(written.data));
  result.emplace_back("build_config", Value::Object{{"input_shape", batch_shape(input)}});
  return result;
}

Layer layer_from_keras(const Value& written, const std::string& keras_version, std::vector<std::string>& notes) {
  const Value object = modern_layer(written);
  const std::string class_name = text_at(object, "class_name");
  const Value::Object& config = config_of(object);
  std::string name;
  if (const Value* value = object.find("config")) name = text_at(*value, "name");
  try {
    Layer layer = known_layer(class_name, object);
    check_hard_sigmoid(layer, keras_version);
    note_training_options(name, layer, config, notes);
    return layer;
  } catch (const Error& error) {
    throw Error(error.code() == ErrorCode::invalid_argument ? ErrorCode::bad_data : error.code(),
                "layer " + in_quotes(name.empty() ? class_name : name) + ": " + error.what());
  }
}

std::optional<Shape> input_shape_of(const Value& layer_object) {
  const Value* config = layer_object.find("config");
  if (config == nullptr) return std::nullopt;
  for (const char* key : {"batch_shape", "batch_input_shape"}) {
    const Value* written = config->find(key);
    const auto* list = written == nullptr ? nullptr : written->get_if<Value::List>();
    if (list == nullptr || list->empty()) continue;
    std::vector<std::int64_t> sizes;
    for (auto size = list->begin() + 1; size != list->end(); ++size) {
      const auto* number = size->get_if<std::int64_t>();
      if (number == nullptr || *number < 1) {
        unsupported("the input shape " + written->to_string() +
                    " leaves a size open; all but the first must be whole numbers of 1 or more");
      }
      sizes.push_back(*number);
    }
    return Shape(std::move(sizes));
  }
  return std::nullopt;
}

Value::Object compile_to_keras(const CompileOptions& options, std::int64_t outputs, std::int64_t steps) {
  Value loss = loss_to_keras(options.loss);
  Value weights;
  // What Keras lacks is its mean squared error times a number.
  if (options.loss.get_if<SquaredError>() != nullptr || options.loss.get_if<Quadratic>() != nullptr) {
    const double n = static_cast<double>(outputs);
    loss = "mean_squared_error";
    weights = Value::List{options.loss.get_if<Quadratic>() != nullptr ? n / 2 : n};
  }
  return {{"optimizer", optimizer_to_keras(options.optimizer, steps)},
          {"loss", std::move(loss)},
          {"loss_weights", std::move(weights)},
          {"metrics", metrics_to_keras(options.metrics)},
          {"weighted_metrics", metrics_to_keras(options.weighted_metrics)},
          {"run_eagerly", false},
          {"steps_per_execution", 1},
          {"jit_compile", false}};
}

std::optional<CompileOptions> compile_from_keras(const Value* config, std::int64_t outputs,
                                                 std::vector<std::string>& notes) {
  if (config == nullptr || config->find("loss") == nullptr || config->find("loss")->is_null()) return std::nullopt;
  try {
    CompileOptions options;  // Keras, too, trains by RMSprop when the file names no optimizer
    if (const Value* optimizer = config->find("optimizer"); optimizer != nullptr && !optimizer->is_null()) {
      options.optimizer = optimizer_from_keras(*optimizer);
    }
    options.loss = loss_from_keras(*config->find("loss"), loss_weight_of(*config), outputs);
    if (const Value* metrics = config->find("metrics")) add_metrics(*metrics, options.metrics, notes);
    if (const Value* weighted = config->find("weighted_metrics")) {
      add_metrics(*weighted, options.weighted_metrics, notes);
    }
    return options;
  } catch (const Error& error) {
    notes.push_back(std::string("the model is not compiled: ") + error.what());
    return std::nullopt;
  }
}

}  // namespace gradus::keras
