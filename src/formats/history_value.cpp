#include "formats/history_value.hpp"

#include <algorithm>

#include <gradus/error.hpp>

namespace gradus {

Value history_value(const History& history) {
  Value::Object object;
  for (const auto& [name, values] : history.entries()) {
    object.emplace_back(name, Value::List(values.begin(), values.end()));
  }
  return object;
}

History history_from(const Value& value) {
  History history;
  const auto* entries = value.get_if<Value::Object>();
  if (entries == nullptr) return history;
  std::vector<std::pair<std::string, std::vector<double>>> figures;
  std::size_t longest = 0;
  for (const auto& [name, values] : *entries) {
    try {
      figures.emplace_back(name, FieldType<std::vector<double>>::from_value(values));
    } catch (const Error& error) {
      throw Error(error.code(), name + ": " + error.what());
    }
    longest = std::max(longest, figures.back().second.size());
  }
  for (std::size_t epoch = 0; epoch < longest; ++epoch) {
    Logs logs;
    for (const auto& [name, values] : figures) {
      if (epoch < values.size()) logs.set(name, values[epoch]);
    }
    history.append(logs);
  }
  return history;
}

}  // namespace gradus
