#include "values.hpp"

#include <algorithm>
#include <charconv>

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

std::int64_t predicted_class(std::span<const Real> outputs) {
  if (outputs.size() == 1) return outputs[0] > Real{0.5} ? 1 : 0;
  return std::max_element(outputs.begin(), outputs.end()) - outputs.begin();
}

std::string class_name_of(const std::vector<std::string>& names, std::int64_t index) {
  const auto i = static_cast<std::size_t>(index);
  return i < names.size() ? names[i] : std::to_string(index);
}

}  // namespace gradus::app
