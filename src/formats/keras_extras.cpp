#include "formats/keras_extras.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "formats/held_out_value.hpp"
#include "formats/history_value.hpp"
#include "formats/keras_objects.hpp"
#include "formats/table_value.hpp"
#include "model/state.hpp"

namespace gradus::keras {
namespace {

constexpr std::int64_t format = 1;
/// Larger inputs or outputs are not stored.
constexpr std::int64_t most_sample_numbers = std::int64_t{1} << 18;
/// Outputs may differ from the stored ones by this share of the greatest: other processors round otherwise.
constexpr double sample_tolerance = 1e-3;

[[noreturn]] void damaged(const std::string& sentence) { throw Error(ErrorCode::bad_data, sentence); }

/// A field of the extras; nothing when it is missing.
template <class T>
std::optional<T> field_at(const Value& extras, const std::string& key) {
  const Value* value = extras.find(key);
  if (value == nullptr) return std::nullopt;
  try {
    return FieldType<T>::from_value(*value);
  } catch (const Error& error) {
    damaged("gradus." + key + ": " + error.what());
  }
}

/// The shortest number that reads back as the same float.
Value number(Real value) {
  if (!std::isfinite(value)) return static_cast<double>(value);
  const auto single = static_cast<float>(value);
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, single).ptr;
  double shortest = 0;
  std::from_chars(text, end, shortest);
  if (static_cast<float>(shortest) != single) return static_cast<double>(value);
  const bool whole = std::trunc(shortest) == shortest && std::abs(shortest) < 1e15;
  return whole && !(shortest == 0 && std::signbit(shortest)) ? Value(static_cast<std::int64_t>(shortest))
                                                             : Value(shortest);
}

template <class Values>
Value numbers(const Values& values) {
  Value::List list;
  list.reserve(values.size());
  for (const Real value : values) list.push_back(number(value));
  return list;
}

// --- the sample ---

Value sample_of(const Sequential& model) {
  const Tensor input = sample_input(model);
  const Tensor output = model.predict(input);
  return Value::Object{{"input", numbers(input.values())}, {"output", numbers(output.values())}};
}

bool sample_fits(const Sequential& model) {
  return model.input_shape().elements() <= most_sample_numbers &&
         model.output_shape().elements() <= most_sample_numbers;
}

std::vector<Real> reals_at(const Value& sample, const std::string& key, std::int64_t expected) {
  const auto values = field_at<std::vector<double>>(sample, key);
  if (!values || static_cast<std::int64_t>(values->size()) != expected) {
    damaged("gradus.sample." + key + ": expected " + count_of(expected, "number") + ", found " +
            std::to_string(values ? values->size() : 0));
  }
  return {values->begin(), values->end()};
}

// --- what Keras cannot say ---

Value layers_of(const Sequential& model, const Value& config) {
  const Config read = config_from_keras(config);
  Value::Object differing;
  for (std::size_t i = 0; i < read.layers.size(); ++i) {
    const Value::Object own = model.layers()[i].fields(), said = read.layers[i].fields();
    Value::Object fields;
    for (std::size_t f = 0; f < own.size(); ++f) {
      if (own[f] != said[f]) fields.push_back(own[f]);
    }
    if (!fields.empty()) differing.emplace_back(layer_name(model.layers()[i]), std::move(fields));
  }
  return differing;
}

Value compile_value(const CompileOptions& options) {
  Value::Object object = {{"optimizer", FieldType<Optimizer>::to_value(options.optimizer)},
                          {"loss", FieldType<Loss>::to_value(options.loss)}};
  for (const auto& [key, list] :
       {std::pair{"metrics", &options.metrics}, {"weighted_metrics", &options.weighted_metrics}}) {
    Value::List metrics;
    for (const Metric& metric : *list) metrics.push_back(FieldType<Metric>::to_value(metric));
    object.emplace_back(key, std::move(metrics));
  }
  return object;
}

bool same(const CompileOptions& a, const CompileOptions& b) {
  return a.optimizer == b.optimizer && a.loss == b.loss && a.metrics == b.metrics &&
         a.weighted_metrics == b.weighted_metrics;
}

/// The seed of the initial weights.
std::uint64_t seed_in(const Value& extras) {
  return static_cast<std::uint64_t>(field_at<std::int64_t>(extras, "seed").value_or(0));
}

/// The compile options where Keras could not say them.
std::optional<CompileOptions> compile_extras(const Value& extras) {
  const Value* compile = extras.find("compile");
  if (compile == nullptr) return std::nullopt;
  CompileOptions options;
  if (auto optimizer = field_at<Optimizer>(*compile, "optimizer")) options.optimizer = *optimizer;
  if (auto loss = field_at<Loss>(*compile, "loss")) options.loss = *loss;
  for (const auto& [key, target] :
       {std::pair{"metrics", &options.metrics}, {"weighted_metrics", &options.weighted_metrics}}) {
    const Value* metrics = compile->find(key);
    const auto* list = metrics == nullptr ? nullptr : metrics->get_if<Value::List>();
    try {
      for (const Value& metric : list == nullptr ? Value::List{} : *list) {
        target->push_back(FieldType<Metric>::from_value(metric));
      }
    } catch (const Error& error) {
      damaged(std::string("gradus.compile.") + key + ": " + error.what());
    }
  }
  return options;
}

/// What was kept from training, and what was not.
void add_held_out(const Sequential& model, Value::Object& extras) {
  const Sequential::State& state = model.state();
  if (state.held_out) extras.emplace_back("held_out", held_out_value(*state.held_out));
  if (!state.learnt_rows.empty()) extras.emplace_back("learnt_rows", learnt_rows_value(state.learnt_rows));
}

void apply_held_out(const Value& extras, Sequential& model) {
  const auto apply = [&](const char* key, auto&& set) {
    const Value* value = extras.find(key);
    if (value == nullptr) return;
    try {
      set(*value);
    } catch (const Error& error) {
      damaged(std::string("gradus.") + key + ": " + error.what());
    }
  };
  apply("held_out", [&](const Value& value) { model.set_held_out(held_out_from(value)); });
  apply("learnt_rows", [&](const Value& value) { model.state().learnt_rows = learnt_rows_from(value); });
}

/// Computes the sample again.
void check_sample(const Value& extras, const Sequential& model) {
  const Value* sample = extras.find("sample");
  if (sample == nullptr || !sample_fits(model)) return;
  Tensor input(model.input_shape().with_rows(1), reals_at(*sample, "input", model.input_shape().elements()));
  const std::vector<Real> expected = reals_at(*sample, "output", model.output_shape().elements());
  const Tensor output = model.predict(input);
  double greatest = 0;
  for (const Real value : expected) {
    if (std::isfinite(value)) greatest = std::max(greatest, static_cast<double>(std::abs(value)));
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double now = static_cast<double>(output.values()[i]), then = static_cast<double>(expected[i]);
    const bool both_odd = !std::isfinite(now) && !std::isfinite(then);
    if (both_odd || std::abs(now - then) <= sample_tolerance * greatest + 1e-6) continue;
    damaged("the model does not give what it gave when it was saved: for the sample input, output " +
            std::to_string(i) + " is " + Value(now).to_string() + ", and was " + Value(then).to_string());
  }
}

}  // namespace

/// How many values an Embedding at the input takes; 0 without one.
static std::int64_t places_at_input(const Sequential& model) {
  for (const Layer& layer : model.layers()) {
    if (const auto* embedding = layer.get_if<Embedding>()) return embedding->input_dim;
    if (layer.get_if<Flatten>() == nullptr && layer.get_if<Reshape>() == nullptr) return 0;
  }
  return 0;
}

Tensor sample_input(const Sequential& model) {
  const std::int64_t places = places_at_input(model);
  const Rescaling* scaling = model.layers().empty() ? nullptr : model.layers().front().get_if<Rescaling>();
  const bool bytes = scaling != nullptr && std::abs(scaling->scale) < 1.0 / 64;
  Tensor sample(model.input_shape().with_rows(1));
  std::uint32_t state = 1;
  for (Real& value : sample.values()) {
    state = state * 1664525u + 1013904223u;
    const std::uint32_t high = state >> 24;
    value = places > 0 ? static_cast<Real>(static_cast<std::int64_t>(high) % places)
            : bytes    ? static_cast<Real>(high)
                       : static_cast<Real>(static_cast<int>(high % 17) - 8) / 4;
  }
  return sample;
}

Value extras_of(const Sequential& model, const Value& config) {
  const Sequential::State& state = model.state();
  // A seed beyond 2^63 is the same 64 bits, read as a negative number.
  Value::Object extras = {{"format", format}, {"seed", static_cast<std::int64_t>(state.seed)}};
  if (state.epochs > 0) {
    extras.emplace_back("epochs", state.epochs);
    extras.emplace_back("seconds", state.history.seconds);
    extras.emplace_back("history", history_value(state.history));
  }
  if (!state.class_names.empty()) {
    extras.emplace_back("class_names", Value::List(state.class_names.begin(), state.class_names.end()));
  }
  if (state.table) extras.emplace_back("table", table_value(*state.table));
  if (!state.preparation.empty()) extras.emplace_back("preparation", state.preparation);
  add_held_out(model, extras);
  if (Value layers = layers_of(model, config); !layers.get_if<Value::Object>()->empty()) {
    extras.emplace_back("layers", std::move(layers));
  }
  if (state.compiled) {
    std::vector<std::string> notes;
    const auto said = compile_from_keras(config.find("compile_config"), model.output_shape().elements(), notes);
    if (!said || !same(*said, *state.compiled)) extras.emplace_back("compile", compile_value(*state.compiled));
  }
  if (sample_fits(model)) extras.emplace_back("sample", sample_of(model));
  return extras;
}

void apply_layer_extras(const Value& extras, Config& config) {
  const Value* layers = extras.find("layers");
  if (layers == nullptr) return;
  for (Layer& layer : config.layers) {
    const std::string name = layer_name(layer);
    const Value* found = layers->find(name);
    const auto* fields = found == nullptr ? nullptr : found->get_if<Value::Object>();
    if (fields == nullptr) continue;
    try {
      for (const auto& [field, value] : *fields) layer = layer.with(field, value);
    } catch (const Error& error) {
      damaged("gradus.layers." + name + ": " + error.what());
    }
  }
}

void apply_model_extras(const Value& extras, Sequential& model) {
  Sequential::State& state = model.state();
  state.epochs = std::max<std::int64_t>(0, field_at<std::int64_t>(extras, "epochs").value_or(0));
  if (const Value* names = extras.find("class_names")) {
    const auto* list = names->get_if<Value::List>();
    std::vector<std::string> texts;
    for (const Value& name : list == nullptr ? Value::List{} : *list) {
      const auto* text = name.get_if<std::string>();
      if (text == nullptr) damaged("gradus.class_names: expected texts, found " + name.to_string());
      texts.push_back(*text);
    }
    model.set_class_names(std::move(texts));
  }
  if (const Value* table = extras.find("table")) {
    try {
      auto schema = std::make_shared<const TableSchema>(table_from(*table));
      if (schema->width() != model.input_shape().elements()) {
        damaged("its rows have " + count_of(schema->width(), "number") + ", but the model takes " +
                std::to_string(model.input_shape().elements()));
      }
      state.table = std::move(schema);
    } catch (const Error& error) {
      damaged(std::string("gradus.table: ") + error.what());
    }
  }
  state.preparation = field_at<std::string>(extras, "preparation").value_or("");
  apply_held_out(extras, model);
  const Value* history = extras.find("history");
  if (history == nullptr || history->get_if<Value::Object>() == nullptr) return check_sample(extras, model);
  try {
    state.history = history_from(*history);
  } catch (const Error& error) {
    damaged(std::string("gradus.history.") + error.what());
  }
  state.history.seconds = field_at<double>(extras, "seconds").value_or(0);
  check_sample(extras, model);
}

Sequential build(const Config& config, const Value& extras) {
  return {config.input_shape, config.layers, {.seed = seed_in(extras), .name = config.name}};
}

void compile(const Config& config, const Value& extras, Sequential& model, std::vector<std::string>& notes) {
  if (const auto own = compile_extras(extras)) return model.compile(*own);
  const auto options = compile_from_keras(config.compile, model.output_shape().elements(), notes);
  if (!options) return;
  try {
    model.compile(*options);
  } catch (const Error& error) {
    notes.push_back(std::string("the model is not compiled: ") + error.what());
  }
}

Value portable_extras_of(const Sequential& model) {
  Value::Object extras = {{"format", format}};
  const std::vector<std::string>& names = model.class_names();
  if (!names.empty()) extras.emplace_back("class_names", Value::List(names.begin(), names.end()));
  add_held_out(model, extras);
  if (sample_fits(model)) extras.emplace_back("sample", sample_of(model));
  return extras;
}

}  // namespace gradus::keras
