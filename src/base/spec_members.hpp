#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gradus/error.hpp>

#include "base/nearest.hpp"
#include "base/spec_registry.hpp"

/// The registry of a kind, and the parts of Spec<KIND> that need it: compiled once, in the file that uses the macro.
namespace gradus {

template <class Kind>
SpecRegistry<Kind>& SpecRegistry<Kind>::instance() {
  static SpecRegistry registry;
  return registry;
}

template <class Kind>
bool SpecRegistry<Kind>::add(Spec<Kind> defaults, std::shared_ptr<const SpecFields<Kind>> fields, Maker<Kind> maker,
                             std::string_view file) {
  const std::string name(defaults.class_name());
  entries_.emplace(name, Entry{std::move(defaults), std::move(fields), std::move(maker), std::string(file)});
  return true;
}

template <class Kind>
auto SpecRegistry<Kind>::find(std::string_view class_name) const -> const Entry& {
  const auto found = entries_.find(class_name);
  if (found != entries_.end()) return found->second;
  throw Error(ErrorCode::invalid_argument, "there is no " + std::string(Kind::name) + " '" + std::string(class_name) +
                                               "'" + did_you_mean(class_name, Spec<Kind>::names()));
}

template <class Kind>
std::vector<std::string> Spec<Kind>::names() {
  std::vector<std::string> names;
  for (const auto& [name, entry] : SpecRegistry<Kind>::instance().entries()) names.push_back(name);
  return names;
}

template <class Kind>
Value::Object Spec<Kind>::fields() const {
  return SpecRegistry<Kind>::instance().find(class_name()).fields->values(*this);
}

template <class Kind>
std::vector<FieldInfo> Spec<Kind>::describe() const {
  return SpecRegistry<Kind>::instance().find(class_name()).fields->describe();
}

template <class Kind>
Spec<Kind> Spec<Kind>::with(std::string_view field, const Value& value) const {
  std::optional<Spec> changed;
  try {
    changed = SpecRegistry<Kind>::instance().find(class_name()).fields->with(*this, field, value);
  } catch (const Error& error) {
    throw Error(error.code(), std::string(class_name()) + ": " + std::string(field) + ": " + error.what());
  }
  if (changed) return *std::move(changed);
  std::vector<std::string> known;
  for (const auto& [name, unused] : fields()) known.push_back(name);
  throw Error(ErrorCode::invalid_argument,
              std::string(class_name()) + " has no option '" + std::string(field) + "'" + did_you_mean(field, known));
}

template <class Kind>
Spec<Kind> Spec<Kind>::make(std::string_view class_name, const Value::Object& fields) {
  Spec spec = SpecRegistry<Kind>::instance().find(class_name).defaults;
  for (const auto& [name, value] : fields) spec = spec.with(name, value);
  return spec;
}

template <class Kind>
Spec<Kind> FieldType<Spec<Kind>>::from_value(const Value& value) {
  if (const auto* name_only = value.get_if<std::string>()) return Spec<Kind>::make(*name_only);
  const Value* class_name = value.find("class_name");
  const Value* config = value.find("config");
  const auto* text = class_name == nullptr ? nullptr : class_name->get_if<std::string>();
  if (text == nullptr) {
    throw Error(ErrorCode::invalid_argument,
                "expected the name of one of the " + std::string(Kind::name) + "s, got " + value.to_string());
  }
  const auto* fields = config == nullptr ? nullptr : config->get_if<Value::Object>();
  return Spec<Kind>::make(*text, fields == nullptr ? Value::Object{} : *fields);
}

}  // namespace gradus

/// Once for each kind.
#define GRADUS_INSTANTIATE_SPEC(KIND)                                                                           \
  template class gradus::SpecRegistry<gradus::KIND>;                                                            \
  template std::vector<std::string> gradus::Spec<gradus::KIND>::names();                                        \
  template gradus::Value::Object gradus::Spec<gradus::KIND>::fields() const;                                    \
  template std::vector<gradus::FieldInfo> gradus::Spec<gradus::KIND>::describe() const;                         \
  template gradus::Spec<gradus::KIND> gradus::Spec<gradus::KIND>::with(std::string_view, const Value&) const;   \
  template gradus::Spec<gradus::KIND> gradus::Spec<gradus::KIND>::make(std::string_view, const Value::Object&); \
  template gradus::Spec<gradus::KIND> gradus::FieldType<gradus::Spec<gradus::KIND>>::from_value(const Value&);
