#include "help_specs.hpp"

#include <gradus/model.hpp>

#include "terminal.hpp"

namespace gradus::app {

namespace {

constexpr std::size_t page_width = 100, column = 24;

/// A default as one types it: a spec by its name, text without quotes.
std::string value_text(const Value& value) {
  if (const Value* class_name = value.find("class_name")) return value_text(*class_name);
  if (const auto* text = value.get_if<std::string>()) return *text;
  return value.to_string();
}

/// Dense                   units 0, activation linear, ...
template <class Kind>
std::string list_of(const std::string& title) {
  std::string text = title + "\n";
  for (const std::string& name : Spec<Kind>::names()) {
    std::string fields;
    for (const FieldInfo& field : Spec<Kind>::make(name).describe()) {
      if (field.name == "name") continue;
      const std::string standard = value_text(field.default_value);
      fields += (fields.empty() ? "" : ", ") + field.name + (standard.empty() ? "" : "=" + standard) + " (" +
                field.help + ")";
    }
    std::string line = "  " + name;
    line.resize(std::max(line.size() + 1, column), ' ');
    text += line + wrapped(fields.empty() ? "no options" : fields, page_width, column) + "\n";
  }
  return text + "\n";
}

std::string activations() {
  std::string names;
  for (const Activation activation : all_activations()) {
    names += (names.empty() ? "" : ", ") + std::string(activation_name(activation));
  }
  return "Activations\n  " + wrapped(names, page_width, 2) + "\n\n";
}

}  // namespace

std::string help_on_specs() {
  return list_of<LayerKind>("Layers, with their options and defaults; names may be written in small letters") +
         activations() + list_of<OptimizerKind>("Optimizers") + list_of<LossKind>("Losses") +
         list_of<MetricKind>("Metrics") + list_of<InitializerKind>("Initializers") +
         list_of<RegularizerKind>("Regularizers") + list_of<ConstraintKind>("Constraints");
}

}  // namespace gradus::app
