#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gradus/error.hpp>
#include <gradus/spec.hpp>

#include "base/nearest.hpp"

namespace gradus {

/// What a room knows of one of its specs beside its fields: how to make the thing itself, and examples to test it
/// with. Each room specialises this for its kind.
template <class Kind>
struct Maker;

/// The specs of one kind by class name. A .cpp file adds its own with one line at its end; nothing else lists them.
template <class Kind>
class SpecRegistry {
 public:
  struct Entry {
    Spec<Kind> defaults;
    Maker<Kind> maker;
    std::string file;  ///< the source file that registered it, for the test that compares registry and folder
  };

  static SpecRegistry& instance() {
    static SpecRegistry registry;
    return registry;
  }

  bool add(const Spec<Kind>& defaults, Maker<Kind> maker, std::string_view file) {
    entries_.emplace(std::string(defaults.class_name()), Entry{defaults, std::move(maker), std::string(file)});
    return true;
  }

  /// Throws `invalid_argument` naming the nearest right name.
  const Entry& find(std::string_view class_name) const {
    const auto found = entries_.find(std::string(class_name));
    if (found != entries_.end()) return found->second;
    throw Error(ErrorCode::invalid_argument, "there is no " + std::string(Kind::name) + " '" + std::string(class_name) +
                                                 "'" + did_you_mean(class_name, Spec<Kind>::names()));
  }

  [[nodiscard]] const std::map<std::string, Entry>& entries() const { return entries_; }

 private:
  std::map<std::string, Entry> entries_;
};

template <class Kind>
std::vector<std::string> Spec<Kind>::names() {
  std::vector<std::string> names;
  for (const auto& [name, entry] : SpecRegistry<Kind>::instance().entries()) names.push_back(name);
  return names;
}

template <class Kind>
Spec<Kind> Spec<Kind>::with(std::string_view field, const Value& value) const {
  std::shared_ptr<const Box> changed;
  try {
    changed = box_->with(field, value);
  } catch (const Error& error) {
    throw Error(error.code(), std::string(class_name()) + ": " + std::string(field) + ": " + error.what());
  }
  if (changed) return Spec(std::move(changed));
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

/// Once a room, in its registry.cpp: the parts of Spec<KIND> that need the registry.
#define GRADUS_INSTANTIATE_SPEC(KIND)                                                                           \
  template std::vector<std::string> gradus::Spec<gradus::KIND>::names();                                        \
  template gradus::Spec<gradus::KIND> gradus::Spec<gradus::KIND>::with(std::string_view, const Value&) const;   \
  template gradus::Spec<gradus::KIND> gradus::Spec<gradus::KIND>::make(std::string_view, const Value::Object&); \
  template gradus::Spec<gradus::KIND> gradus::FieldType<gradus::Spec<gradus::KIND>>::from_value(const Value&);
