#include "help_specs.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <gradus/augmentation.hpp>
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

std::string text_of(const FieldInfo& field) {
  const std::string standard = value_text(field.default_value);
  return field.name + (standard.empty() ? "" : "=" + standard) + " (" + field.help + ")";
}

std::string line_of(const std::string& name, const std::string& text) {
  std::string line = "  " + name;
  line.resize(std::max(line.size() + 1, column), ' ');
  return line + wrapped(text, page_width, column) + "\n";
}

/// The options that all specs of a kind have under one help text; none where there is but one spec.
template <class Kind>
std::set<std::string> shared_options() {
  std::map<std::string, std::size_t> counts;
  const std::vector<std::string> names = Spec<Kind>::names();
  for (const std::string& name : names) {
    for (const FieldInfo& field : Spec<Kind>::make(name).describe()) ++counts[field.name + field.help];
  }
  std::set<std::string> shared;
  for (const auto& [option, count] : counts) {
    if (count == names.size() && count > 1) shared.insert(option);
  }
  return shared;
}

/// Dense                   units=0 (number of outputs), activation=linear (...), ...
template <class Kind>
std::string list_of(const std::string& title) {
  std::string text = title + "\n", of_all;
  const std::set<std::string> shared = shared_options<Kind>();
  const auto add = [](std::string& list, const FieldInfo& field) {
    list += (list.empty() ? "" : ", ") + text_of(field);
  };
  for (const std::string& name : Spec<Kind>::names()) {
    std::string own, common;
    for (const FieldInfo& field : Spec<Kind>::make(name).describe()) {
      if (field.name != "name") add(shared.count(field.name + field.help) == 0 ? own : common, field);
    }
    text += line_of(name, own.empty() ? "no options of its own" : own);
    if (of_all.empty()) of_all = common;
  }
  return text + (of_all.empty() ? "" : line_of("all of them", of_all)) + "\n";
}

std::string activations() {
  std::string names;
  for (const Activation activation : all_activations()) {
    names += (names.empty() ? "" : ", ") + std::string(activation_name(activation));
  }
  return "Activations\n  " + wrapped(names, page_width, 2) + "\n\n";
}

}  // namespace

std::string help_on_augmentation() {
  std::string text = "Options of --augment, each with its strength; all are off (0) by default\n";
  for (const FieldInfo& field : Spec<AugmentationKind>(Augmentation{}).describe()) {
    const std::string standard = value_text(field.default_value);
    const bool off = standard == "0" || standard == "false";
    text += line_of(field.name, field.help + (off ? "" : " (default " + standard + ")"));
  }
  return text + "\n";
}

std::string help_on_specs() {
  return list_of<LayerKind>("Layers, with their options and defaults; names may be written in small letters") +
         activations() + list_of<OptimizerKind>("Optimizers") +
         list_of<ScheduleKind>("Schedules, for an optimizer's learning_rate") + help_on_augmentation() +
         list_of<CallbackKind>("Callbacks, for recipes; the options above stand for them here") +
         list_of<LossKind>("Losses") + list_of<MetricKind>("Metrics") + list_of<InitializerKind>("Initializers") +
         list_of<RegularizerKind>("Regularizers") + list_of<ConstraintKind>("Constraints");
}

}  // namespace gradus::app
