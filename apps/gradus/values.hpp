#pragma once

#include <span>
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

/// {"class_name": "Dense", "config": {"units": 90, ...}}
template <class Kind>
Value spec_value(const Spec<Kind>& spec) {
  return Value::Object{{"class_name", std::string(spec.class_name())}, {"config", spec.fields()}};
}

/// The value of a spec's field as text; empty when it has no such field or it is no text.
template <class Kind>
std::string text_field(const Spec<Kind>& spec, const std::string& name) {
  for (const auto& [field, value] : spec.fields()) {
    if (field != name) continue;
    const auto* text = value.template get_if<std::string>();
    return text == nullptr ? std::string() : *text;
  }
  return {};
}

/// The class that a model's outputs for one sample name: the greatest, or the side of 1/2 that a single one is on.
std::int64_t predicted_class(std::span<const Real> outputs);
/// The name of class `index`, or the number where there are no names.
std::string class_name_of(const std::vector<std::string>& names, std::int64_t index);

}  // namespace gradus::app
