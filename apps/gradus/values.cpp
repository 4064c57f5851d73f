#include "values.hpp"

#include <charconv>

#include "inspect/numbers.hpp"
#include "terminal.hpp"

namespace gradus::app {

Value json_number(Real value) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, value);
  auto number = static_cast<double>(value);
  std::from_chars(text, end.ptr, number);
  return number;
}

Value shape_value(const Shape& shape) { return list_value(shape.sizes()); }

Value history_value(const History& history) {
  Value::Object object;
  for (const auto& [name, values] : history.entries()) object.emplace_back(name, list_value(values));
  return object;
}

Value::Object figures_object(const Logs& logs) {
  Value::Object object;
  for (const auto& [name, value] : logs.entries()) object.emplace_back(name, value);
  return object;
}

std::string figure_text(const std::string& name, double value, int digits) {
  return name.ends_with("accuracy") ? percent(value) : number_text(value, digits);
}

std::string class_name_of(const std::vector<std::string>& names, std::int64_t index) {
  const auto i = static_cast<std::size_t>(index);
  return i < names.size() ? names[i] : std::to_string(index);
}

}  // namespace gradus::app
