#pragma once

#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gradus/error.hpp>

#include "base/nearest.hpp"
#include "base/text.hpp"
#include "formats/recipe.hpp"

/// How the tables of a recipe are read: what both recipe_toml.cpp and recipe_search.cpp need, and nobody else.
namespace gradus {

/// Where messages say something is wrong.
class RecipePlace {
 public:
  explicit RecipePlace(std::string file) : file_(std::move(file)) {}
  [[noreturn]] void fail(std::size_t line, const std::string& sentence) const {
    throw Error(ErrorCode::bad_data, file_ + ":" + std::to_string(line) + ": " + sentence);
  }
  [[noreturn]] void fail(const toml::node& node, const std::string& sentence) const {
    fail(node.source().begin.line, sentence);
  }
  /// Runs `read`; what it throws as a wrong argument is wrong in the file.
  template <class F>
  auto at(const toml::node& node, const std::string& key, F&& read) const {
    try {
      return read();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::invalid_argument) throw;
      fail(node, key + ": " + error.what());
    }
  }

 private:
  std::string file_;
};

inline std::string type_name(const toml::node& node) {
  if (node.is_table()) return "a table";
  if (node.is_array()) return "a list";
  if (node.is_string()) return "a text";
  if (node.is_boolean()) return "true or false";
  if (node.is_number()) return "a number";
  return "a date or time";
}

/// A table of the file; each key that is asked for is known, all others are mistakes.
class Section {
 public:
  Section(const toml::table& table, std::string place, const RecipePlace& source)
      : table_(table), place_(std::move(place)), source_(source) {}

  [[nodiscard]] const toml::node* find(const std::string& key) {
    known_.push_back(key);
    return table_.get(key);
  }
  [[nodiscard]] std::string path(const std::string& key) const { return place_.empty() ? key : place_ + "." + key; }
  [[noreturn]] void wrong(const toml::node& node, const std::string& key, const std::string& expected) const {
    source_.fail(node, path(key) + ": expected " + expected + ", got " + type_name(node));
  }
  /// The key is not there; where another is that looks as if it were meant, that one is named.
  [[noreturn]] void missing(const std::string& key, const std::string& what) const {
    const std::vector<std::string> wanted = {key};
    for (const auto& [found, node] : table_) {
      const std::string name(found.str());
      if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
      const std::string guess = did_you_mean(name, wanted);
      if (!guess.empty()) source_.fail(found.source().begin.line, "there is no key " + in_quotes(path(name)) + guess);
    }
    source_.fail(std::max<std::size_t>(1, table_.source().begin.line), "there is no " + path(key) + ": " + what);
  }

  void text(const std::string& key, std::string& value) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    if (!node->is_string()) wrong(*node, key, "a text");
    value = node->as_string()->get();
  }
  void flag(const std::string& key, bool& value) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    if (!node->is_boolean()) wrong(*node, key, "true or false");
    value = node->as_boolean()->get();
  }
  void whole(const std::string& key, std::int64_t& value, std::int64_t least, std::int64_t most) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    if (!node->is_integer()) wrong(*node, key, "a whole number");
    const std::int64_t given = node->as_integer()->get();
    if (given < least || given > most) {
      source_.fail(*node, path(key) + ": expected " + std::to_string(least) + " to " + std::to_string(most) + ", got " +
                              std::to_string(given));
    }
    value = given;
  }
  void seed(const std::string& key, std::uint64_t& value) {
    std::int64_t given = static_cast<std::int64_t>(value);
    whole(key, given, 0, std::numeric_limits<std::int64_t>::max());
    value = static_cast<std::uint64_t>(given);
  }
  void texts(const std::string& key, std::vector<std::string>& values) {
    const toml::node* node = find(key);
    if (node == nullptr) return;
    if (!node->is_array()) wrong(*node, key, "a list of texts");
    for (const toml::node& item : *node->as_array()) {
      if (!item.is_string()) wrong(item, key, "a list of texts");
      values.push_back(item.as_string()->get());
    }
  }
  /// A table within this one; null when it is not there.
  const toml::table* table(const std::string& key) {
    const toml::node* node = find(key);
    if (node == nullptr) return nullptr;
    if (!node->is_table()) wrong(*node, key, "a table");
    return node->as_table();
  }
  void check_keys() const {
    for (const auto& [key, node] : table_) {
      const std::string name(key.str());
      if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
      source_.fail(key.source().begin.line, "there is no key " + in_quotes(path(name)) + did_you_mean(name, known_));
    }
  }

 private:
  const toml::table& table_;
  std::string place_;
  const RecipePlace& source_;
  std::vector<std::string> known_;
};

inline Value value_of(const toml::node& node, const std::string& key, const RecipePlace& source) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* flag = node.as_boolean()) return flag->get();
  if (const auto* whole = node.as_integer()) return whole->get();
  if (const auto* number = node.as_floating_point()) return number->get();
  if (const auto* list = node.as_array()) {
    Value::List values;
    for (const toml::node& item : *list) values.push_back(value_of(item, key, source));
    return values;
  }
  if (const auto* table = node.as_table()) {
    Value::Object object;
    for (const auto& [name, item] : *table) object.emplace_back(std::string(name.str()), value_of(item, key, source));
    return object;
  }
  source.fail(node, key + ": a date or time has no meaning here");
}

inline double number_of(const toml::node& node, const std::string& key, const RecipePlace& source) {
  const auto number = node.value<double>();
  if (!node.is_number() || !number || !std::isfinite(*number)) {
    source.fail(node, key + ": expected a number, got " + type_name(node));
  }
  return *number;
}

/// The recipe that a table says; `file` names it in messages. Throws as parse_recipe.
Recipe recipe_from(const toml::table& table, const std::string& file);

}  // namespace gradus
