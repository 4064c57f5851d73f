#pragma once

#include <string>
#include <vector>

#include <gradus/model.hpp>

namespace gradus::app {

/// A number as JSON shows it: the shortest text that gives the same 32-bit number.
Value json_number(Real value);
Value shape_value(const Shape& shape);
template <class T>
Value list_value(const std::vector<T>& values) {
  return Value::List(values.begin(), values.end());
}
/// {"loss": [...], "accuracy": [...]}
Value history_value(const History& history);
/// {"loss": 0.1, "accuracy": 0.98}
Value::Object figures_object(const Logs& logs);
/// "97.04 %" of accuracies, other figures in so many digits.
std::string figure_text(const std::string& name, double value, int digits = 6);

/// {"class_name": "Dense", "config": {"units": 90, ...}}
template <class Kind>
Value spec_value(const Spec<Kind>& spec) {
  return Value::Object{{"class_name", std::string(spec.class_name())}, {"config", spec.fields()}};
}

/// The name of class `index`, or the number where there are no names.
std::string class_name_of(const std::vector<std::string>& names, std::int64_t index);

}  // namespace gradus::app
