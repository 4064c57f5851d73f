#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>

#include <gradus/error.hpp>

#include "base/gzip.hpp"
#include "base/text.hpp"
#include "formats/recipe_table.hpp"
#include "formats/toml_text.hpp"
#include "model/schedule_text.hpp"
#include "model/spec_text.hpp"

namespace gradus {
namespace {

constexpr std::uint64_t largest_recipe = std::uint64_t{1} << 20;

template <class Kind>
Spec<Kind> spec_of(const toml::node& node, const std::string& key, const RecipePlace& source) {
  return source.at(node, key, [&] {
    if (const auto* text = node.as_string()) return parse_spec<Kind>(text->get());
    if (!node.is_table()) {
      throw Error(ErrorCode::invalid_argument, "expected a text or a table, got " + type_name(node));
    }
    Value::Object fields = *value_of(node, key, source).template get_if<Value::Object>();
    const auto name =
        std::find_if(fields.begin(), fields.end(), [](const auto& field) { return field.first == "class"; });
    const auto* text = name == fields.end() ? nullptr : name->second.template get_if<std::string>();
    if (text == nullptr) {
      throw Error(ErrorCode::invalid_argument, "expected a key class that names the " + std::string(Kind::name));
    }
    const std::string class_name = *text;
    fields.erase(name);
    return make_spec<Kind>(class_name, fields);
  });
}

std::vector<Layer> layers_of(const toml::node& node, const std::string& key, const RecipePlace& source) {
  if (const auto* text = node.as_string()) {
    return source.at(node, key, [&] { return parse_layers(text->get()); });
  }
  if (!node.is_array()) source.fail(node, key + ": expected a list of layers, got " + type_name(node));
  std::vector<Layer> layers;
  for (const toml::node& item : *node.as_array()) {
    if (const auto* text = item.as_string()) {
      for (Layer& layer : source.at(item, key, [&] { return parse_layers(text->get()); })) {
        layers.push_back(std::move(layer));
      }
    } else {
      layers.push_back(spec_of<LayerKind>(item, key, source));
    }
  }
  return layers;
}

void read_csv_options(Section& data, datasets::CsvOptions& csv, const RecipePlace& source) {
  const toml::table* table = data.table("csv");
  if (table == nullptr) return;
  Section section(*table, "data.csv", source);
  const auto optional_flag = [&](const std::string& key, std::optional<bool>& value) {
    bool given = false;
    const bool present = table->contains(key);
    section.flag(key, given);
    if (present) value = given;
  };
  optional_flag("header", csv.header);
  optional_flag("regression", csv.regression);
  const auto column = [&](const std::string& key, std::string& name) {
    const toml::node* node = section.find(key);
    if (node == nullptr) return;
    if (node->is_integer()) {
      name = std::to_string(node->as_integer()->get());
    } else if (node->is_string()) {
      name = node->as_string()->get();
    } else {
      section.wrong(*node, key, "the name or the number of a column");
    }
  };
  column("label", csv.label);
  column("weight", csv.weight);
  section.text("missing", csv.missing);
  std::string separator;
  section.text("separator", separator);
  if (separator.size() > 1) source.fail(*table->get("separator"), "data.csv.separator: expected one character");
  if (!separator.empty()) csv.separator = separator[0];
  std::int64_t classes = csv.classes;
  section.whole("classes", classes, 0, std::numeric_limits<std::int32_t>::max());
  csv.classes = static_cast<std::int32_t>(classes);
  std::string decimal;
  section.text("decimal", decimal);
  if (!decimal.empty() && decimal != "." && decimal != ",") {
    source.fail(*table->get("decimal"), "data.csv.decimal: expected \".\" or \",\"");
  }
  if (!decimal.empty()) csv.decimal = decimal[0];
  section.whole("text_as_words", csv.text_as_words, 0, std::numeric_limits<std::int32_t>::max());
  section.texts("categorical", csv.categorical);
  section.texts("numeric", csv.numeric);
  section.texts("date", csv.date);
  section.texts("ignore", csv.ignore);
  section.check_keys();
}

void read_validation(Section& section, Recipe::Data& data, const RecipePlace& source) {
  const toml::node* node = section.find("validation");
  if (node == nullptr) return;
  const std::string key = "data.validation";
  if (node->is_string() && node->as_string()->get() == "test") {
    data.validate_on_test = true;
  } else if (node->is_integer() && node->as_integer()->get() > 0) {
    data.validation_rows = node->as_integer()->get();
  } else if (node->is_floating_point() && node->as_floating_point()->get() > 0 &&
             node->as_floating_point()->get() < 1) {
    data.validation_fraction = node->as_floating_point()->get();
  } else {
    source.fail(*node, key + ": expected \"test\", a number of rows, or a fraction between 0 and 1");
  }
}

void read_data(Section& recipe, Recipe::Data& data, const RecipePlace& source) {
  const toml::table* table = recipe.table("data");
  if (table == nullptr) recipe.missing("data", "say what the network learns from");
  Section section(*table, "data", source);
  section.text("source", data.source);
  if (data.source.empty()) section.missing("source", "name a data set or a file");
  section.text("test", data.test);
  read_validation(section, data, source);
  if (const toml::node* node = section.find("one_hot"); node != nullptr) {
    const toml::array* pair = node->as_array();
    if (pair == nullptr || pair->size() != 2) source.fail(*node, "data.one_hot: expected [on, off], as [0.99, 0.01]");
    data.one_hot = {number_of((*pair)[0], "data.one_hot", source), number_of((*pair)[1], "data.one_hot", source)};
  }
  read_csv_options(section, data.csv, source);
  section.check_keys();
}

void read_model(Section& recipe, Recipe& result, const RecipePlace& source) {
  const toml::table* table = recipe.table("model");
  if (table == nullptr) recipe.missing("model", "say what the network is made of");
  Section section(*table, "model", source);
  if (const toml::node* node = section.find("input"); node != nullptr) {
    result.input_shape = source.at(*node, "model.input", [&] {
      Shape shape = FieldType<Shape>::from_value(value_of(*node, "model.input", source));
      if (shape.rank() == 0 || shape.elements() < 1) {
        throw Error(ErrorCode::invalid_argument, "expected sizes of 1 or more, got " + shape.to_string());
      }
      return shape;
    });
  }
  section.seed("seed", result.build.seed);
  section.text("name", result.build.name);
  const toml::node* layers = section.find("layers");
  if (layers == nullptr) section.missing("layers", "list the layers, as [\"dense 90 relu\", \"dense 10 softmax\"]");
  result.layers = layers_of(*layers, "model.layers", source);
  if (result.layers.empty()) source.fail(*layers, "model.layers: a network has one layer or more");
  section.check_keys();
}

void read_compile(Section& recipe, CompileOptions& compile, const RecipePlace& source) {
  const toml::table* table = recipe.table("compile");
  if (table == nullptr) return;
  Section section(*table, "compile", source);
  if (const toml::node* node = section.find("optimizer"); node != nullptr) {
    compile.optimizer = spec_of<OptimizerKind>(*node, "compile.optimizer", source);
  }
  if (const toml::node* node = section.find("loss"); node != nullptr) {
    compile.loss = spec_of<LossKind>(*node, "compile.loss", source);
  }
  for (const auto& [key, metrics] :
       {std::pair{"metrics", &compile.metrics}, {"weighted_metrics", &compile.weighted_metrics}}) {
    const toml::node* node = section.find(key);
    if (node == nullptr) continue;
    if (!node->is_array()) section.wrong(*node, key, "a list");
    for (const toml::node& item : *node->as_array()) {
      metrics->push_back(spec_of<MetricKind>(item, section.path(key), source));
    }
  }
  section.check_keys();
}

// "balanced", or {no = 1.0, yes = 5.0}: classes by name.
ClassWeights class_weights_of(const toml::node& node, const RecipePlace& source) {
  const std::string key = "fit.class_weight";
  if (const auto* word = node.as_string()) {
    return source.at(node, key, [&] { return ClassWeights(word->get()); });
  }
  if (!node.is_table())
    source.fail(node, key + ": expected \"balanced\" or a table of weights, got " + type_name(node));
  std::map<std::string, double> weights;
  for (const auto& [name, weight] : *node.as_table()) weights[std::string(name.str())] = number_of(weight, key, source);
  return weights;
}

void read_fit(Section& recipe, Recipe& result, const RecipePlace& source) {
  FitOptions& fit = result.fit;
  const toml::table* table = recipe.table("fit");
  if (table == nullptr) return;
  constexpr std::int64_t most = 1'000'000'000;
  Section section(*table, "fit", source);
  section.whole("epochs", fit.epochs, 0, most);
  section.whole("batch_size", fit.batch_size, 1, most);
  section.flag("shuffle", fit.shuffle);
  section.seed("seed", fit.seed);
  if (const toml::node* node = section.find("class_weight"); node != nullptr) {
    fit.class_weight = class_weights_of(*node, source);
  }
  section.text("schedule", result.schedule);
  if (!result.schedule.empty()) {
    source.at(*table->get("schedule"), "fit.schedule", [&] { return schedule_for(result.schedule, {}); });
  }
  if (const toml::node* node = section.find("callbacks"); node != nullptr) {
    if (!node->is_array()) section.wrong(*node, "callbacks", "a list");
    for (const toml::node& item : *node->as_array()) {
      result.callbacks.push_back(spec_of<CallbackKind>(item, "fit.callbacks", source));
      source.at(item, "fit.callbacks", [&] { return make_callback(result.callbacks.back()); });
    }
  }
  section.check_keys();
}

void read_augmentation(Section& recipe, FitOptions& fit, const RecipePlace& source) {
  const toml::table* table = recipe.table("augmentation");
  if (table == nullptr) return;
  Value::Object fields;
  for (const auto& [key, node] : *table) {
    fields.emplace_back(std::string(key.str()), value_of(node, "augmentation", source));
    fit.augmentation = source.at(node, "augmentation", [&] { return augmentation_from(fields); });
  }
}

Recipe recipe_of(const toml::table& table, const RecipePlace& source) {
  Recipe recipe;
  Section section(table, "", source);
  section.text("title", recipe.title);
  section.text("summary", recipe.summary);
  section.text("source", recipe.source);
  read_data(section, recipe.data, source);
  read_model(section, recipe, source);
  read_compile(section, recipe.compile, source);
  read_fit(section, recipe, source);
  read_augmentation(section, recipe.fit, source);
  (void)section.find("search");  // recipe_search.cpp reads it
  section.check_keys();
  return recipe;
}

}  // namespace

Recipe recipe_from(const toml::table& table, const std::string& file) {
  Recipe recipe = recipe_of(table, RecipePlace(file));
  recipe.name = std::filesystem::path(file).stem().string();
  return recipe;
}

Recipe parse_recipe(std::string_view text, const std::string& file) {
  const RecipePlace source(file);
  if (text.size() > largest_recipe) source.fail(1, "a recipe of more than 1 MiB");
  return recipe_from(parse_toml(text, file), file);
}

Recipe read_recipe(const std::string& path) {
  const std::vector<std::uint8_t> bytes = read_file(path, largest_recipe);
  return parse_recipe({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

}  // namespace gradus
