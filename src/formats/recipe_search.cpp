#include "formats/recipe_search.hpp"

#include <algorithm>
#include <cmath>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "formats/recipe_table.hpp"
#include "formats/toml_text.hpp"
#include "model/spec_text.hpp"

namespace gradus {
namespace {

// --- the table search ---

SearchRange range_of(const std::string& key, const toml::node& node, const RecipePlace& source) {
  SearchRange range{.key = key};
  if (const toml::array* list = node.as_array()) {
    for (const toml::node& item : *list) range.values.push_back(value_of(item, key, source));
    if (range.values.empty()) source.fail(node, key + ": a list of values is empty");
    return range;
  }
  Section section(*node.as_table(), key, source);
  const toml::node *least = section.find("min"), *greatest = section.find("max");
  if (least == nullptr || greatest == nullptr) source.fail(node, key + ": a range needs min and max");
  range.least = number_of(*least, key + ".min", source);
  range.greatest = number_of(*greatest, key + ".max", source);
  range.whole = least->is_integer() && greatest->is_integer();
  std::string scale = "linear";
  section.text("scale", scale);
  if (scale != "linear" && scale != "log") source.fail(node, key + ".scale: expected \"linear\" or \"log\"");
  range.logarithmic = scale == "log";
  section.whole("steps", range.steps, 1, 100'000);
  section.check_keys();
  return range;
}

bool is_range(const toml::table& table) { return table.contains("min") || table.contains("max"); }

/// Tables within tables are keys with dots.
void read_values(const toml::table& table, const std::string& place, const RecipePlace& source,
                 std::vector<SearchRange>& ranges) {
  for (const auto& [name, node] : table) {
    const std::string key = place.empty() ? std::string(name.str()) : place + "." + std::string(name.str());
    if (key.starts_with("data") || key.starts_with("search")) {
      source.fail(node, "search.values: " + key + " cannot be searched over; the data stay as they are");
    }
    const toml::table* inner = node.as_table();
    if (inner != nullptr && !is_range(*inner)) {
      read_values(*inner, key, source, ranges);
    } else if (inner != nullptr || node.is_array()) {
      ranges.push_back(range_of(key, node, source));
    } else {
      source.fail(node, "search.values." + key + ": expected a list of values or {min = ..., max = ...}");
    }
  }
}

SearchOptions::Strategy strategy_of(const std::string& word, const toml::table& table, const RecipePlace& source) {
  if (word == "grid") return SearchOptions::Strategy::grid;
  if (word == "random") return SearchOptions::Strategy::random;
  if (word == "halving") return SearchOptions::Strategy::halving;
  source.fail(*table.get("strategy"),
              "search.strategy: expected \"grid\", \"random\" or \"halving\", got " + in_quotes(word));
}

void read_measure(Section& section, const toml::table& table, const Recipe& recipe, RecipeSearch& search,
                  const RecipePlace& source) {
  const bool accuracy = std::any_of(recipe.compile.metrics.begin(), recipe.compile.metrics.end(),
                                    [](const Metric& metric) { return metric.get_if<Accuracy>() != nullptr; });
  search.metric = accuracy ? "val_accuracy" : "val_loss";
  section.text("metric", search.metric);
  if (!search.metric.starts_with("val_")) search.metric = "val_" + search.metric;
  const bool small =
      search.metric.find("loss") != std::string::npos || search.metric.find("error") != std::string::npos;
  std::string goal = small ? "min" : "max";
  section.text("goal", goal);
  if (goal != "min" && goal != "max") source.fail(*table.get("goal"), "search.goal: expected \"min\" or \"max\"");
  search.options.greatest_is_best = goal == "max";
  if (const toml::node* node = section.find("validation"); node != nullptr) {
    search.validation = number_of(*node, "search.validation", source);
    if (!(*search.validation > 0 && *search.validation < 1)) {
      source.fail(*node, "search.validation: expected a share between 0 and 1");
    }
  }
  section.whole("folds", search.folds, 2, 1'000'000);
  if (search.folds > 0 && search.validation) source.fail(table, "search: folds or validation, not both");
}

// --- other values in a recipe ---

void put(toml::table& table, const std::string& key, const Value& value);
void put(toml::array& list, const Value& value);

/// A value goes where `accept` puts a node of its type.
template <class Accept>
void as_node(const Value& value, Accept&& accept) {
  if (const auto* text = value.get_if<std::string>()) return accept(toml::value<std::string>(*text));
  if (const auto* flag = value.get_if<bool>()) return accept(toml::value<bool>(*flag));
  if (const auto* whole = value.get_if<std::int64_t>()) return accept(toml::value<std::int64_t>(*whole));
  if (const auto* number = value.get_if<double>()) return accept(toml::value<double>(*number));
  if (const auto* list = value.get_if<Value::List>()) {
    toml::array array;
    for (const Value& item : *list) put(array, item);
    return accept(std::move(array));
  }
  const auto* object = value.get_if<Value::Object>();
  if (object == nullptr) return;  // null: the default
  toml::table table;
  const Value *class_name = value.find("class_name"), *config = value.find("config");
  if (class_name != nullptr && config != nullptr) {  // a spec within a spec
    put(table, "class", *class_name);
    object = config->get_if<Value::Object>();
  }
  for (const auto& [key, each] : *object) put(table, key, each);
  accept(std::move(table));
}

void put(toml::table& table, const std::string& key, const Value& value) {
  as_node(value, [&](auto&& node) { table.insert_or_assign(key, std::forward<decltype(node)>(node)); });
}
void put(toml::array& list, const Value& value) {
  as_node(value, [&](auto&& node) { list.push_back(std::forward<decltype(node)>(node)); });
}

template <class Kind>
Value table_of(const Spec<Kind>& spec) {
  return Value::Object{{"class_name", std::string(spec.class_name())}, {"config", spec.fields()}};
}

/// What the text under `path` says, as tables: the layers of a list, or a single layer, optimizer or loss.
Value parsed(const std::string& path, const std::string& text) {
  if (path == "compile.optimizer") return table_of(parse_optimizer(text));
  if (path == "compile.loss") return table_of(parse_loss(text));
  if (path == "model.layers") {
    Value::List layers;
    for (const Layer& layer : parse_layers(text)) layers.push_back(table_of(layer));
    return layers;
  }
  if (path.starts_with("model.layers.")) {
    const std::vector<Layer> layers = parse_layers(text);
    if (layers.size() == 1) return table_of(layers[0]);
    throw Error(ErrorCode::invalid_argument, "the text " + in_quotes(text) + " is of several layers; write each alone");
  }
  throw Error(ErrorCode::invalid_argument, path + " has no parts to change");
}

/// Texts in the list become one item a layer, so that layers can be counted.
void spread_layers(toml::array& list) {
  toml::array spread;
  for (toml::node& item : list) {
    if (const auto* text = item.as_string()) {
      for (const Layer& layer : parse_layers(text->get())) put(spread, table_of(layer));
    } else {
      spread.push_back(item);
    }
  }
  list = std::move(spread);
}

/// Sets what `names` from `depth` on lead to, within `node`, which lies at `path`.
void set_in(toml::node& node, const std::vector<std::string>& names, std::size_t depth, const std::string& path,
            const Value& value) {
  const std::string& name = names[depth];
  const std::string below = path.empty() ? name : path + "." + name;
  const bool last = depth + 1 == names.size();
  if (toml::table* table = node.as_table()) {
    if (last) return put(*table, name, value);
    if (!table->contains(name)) {
      if (depth > 0) throw Error(ErrorCode::invalid_argument, "the recipe says nothing of " + below);
      table->insert(name, toml::table{});
    }
    if (const auto* text = table->get(name)->as_string()) put(*table, name, parsed(below, text->get()));
    return set_in(*table->get(name), names, depth + 1, below, value);
  }
  toml::array* list = node.as_array();
  if (list == nullptr) throw Error(ErrorCode::invalid_argument, path + " has no parts to change");
  if (path == "model.layers") spread_layers(*list);
  const auto index = parse_int(name);
  if (!index || *index < 0 || *index >= static_cast<std::int64_t>(list->size())) {
    const std::string items =
        list->empty() ? " is an empty list" : " has items 0 to " + std::to_string(list->size() - 1);
    throw Error(ErrorCode::invalid_argument, path + items + ", so there is no " + name);
  }
  const auto at = static_cast<std::size_t>(*index);
  if (last) {
    as_node(value, [&](auto&& item) { list->replace(list->cbegin() + *index, std::forward<decltype(item)>(item)); });
    return;
  }
  set_in(*list->get(at), names, depth + 1, below, value);
}

}  // namespace

RecipeSearch parse_recipe_search(std::string_view text, const std::string& file) {
  const Recipe recipe = parse_recipe(text, file);
  const RecipePlace source(file);
  const toml::table whole = parse_toml(text, file);
  const toml::node* node = whole.get("search");
  if (node == nullptr) source.fail(1, "there is no table [search] that says what to try");
  if (!node->is_table()) source.fail(*node, "search: expected a table, got " + type_name(*node));
  const toml::table& table = *node->as_table();
  Section section(table, "search", source);
  RecipeSearch search;
  std::string strategy = "random";
  section.text("strategy", strategy);
  search.options.strategy = strategy_of(strategy, table, source);
  section.whole("trials", search.options.trials, 1, 100'000);
  section.seed("seed", search.options.seed);
  if (const toml::node* factor = section.find("factor")) {
    search.options.factor = number_of(*factor, "search.factor", source);
    if (!(search.options.factor > 1)) source.fail(*factor, "search.factor: expected a number above 1");
  }
  read_measure(section, table, recipe, search, source);
  search.options.epochs = recipe.fit.epochs;
  const toml::table* values = section.table("values");
  if (values == nullptr) section.missing("values", "list what is to be tried, as \"fit.batch_size\" = [32, 64]");
  read_values(*values, "", source, search.ranges);
  section.check_keys();
  source.at(*values, "search.values", [&] { return Search(search.ranges, search.options); });
  for (const SearchRange& range : search.ranges) {  // each key should lead somewhere: try a value
    const Value first = !range.values.empty() ? range.values[0]
                        : range.whole         ? Value(static_cast<std::int64_t>(range.least))
                                              : Value(range.least);
    (void)parse_recipe_with(text, file, {{range.key, first}});
  }
  return search;
}

Recipe parse_recipe_with(std::string_view text, const std::string& file, const Value::Object& values) {
  std::string with;
  try {
    toml::table table = parse_toml(text, file);
    for (const auto& [key, value] : values) {
      with += (with.empty() ? "" : ", ") + key + " = " + value.to_string();
      set_in(table, split_text(key, '.'), 0, "", value);
    }
    return recipe_from(table, file);
  } catch (const Error& error) {
    if (with.empty()) throw;
    // What was put in has no line of its own.
    std::string sentence = error.what();
    if (sentence.starts_with(file + ":")) sentence = sentence.substr(sentence.find(": ") + 2);
    throw Error(ErrorCode::bad_data, file + ": with " + with + ": " + sentence);
  }
}

}  // namespace gradus
