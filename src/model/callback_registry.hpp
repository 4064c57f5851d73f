#pragma once

#include <functional>
#include <memory>
#include <string>

#include <gradus/callbacks.hpp>

#include "base/spec_registry.hpp"

namespace gradus {

template <>
struct Maker<CallbackKind> {
  /// Throws `invalid_argument` naming the option that is out of its range.
  std::function<std::unique_ptr<Callback>(const CallbackSpec&)> make;
};
using CallbackRegistry = SpecRegistry<CallbackKind>;

/// For the registration line at the end of a callback's file: C is built from options S.
template <class S, class C>
bool register_callback(std::string_view file) {
  return CallbackRegistry::instance().add(S{}, {[](const CallbackSpec& spec) -> std::unique_ptr<Callback> {
                                            return std::make_unique<C>(*spec.get_if<S>());
                                          }},
                                          file);
}

/// Throws `invalid_argument` "CALLBACK: OPTION must be WHAT, got VALUE" unless `good`.
void demand_of_callback(bool good, std::string_view callback, const std::string& option, const std::string& what,
                        const Value& value);

/// A figure that should fall or rise.
class Monitor {
 public:
  /// Throws `invalid_argument` when `mode` is none, or "auto" and the name does not tell.
  Monitor(std::string_view callback, std::string figure, const std::string& mode);
  /// Throws `invalid_argument`, naming the figures that there are, when this one is not measured.
  [[nodiscard]] double value(const Logs& logs) const;
  /// Whether `now` is better than `reference` by more than `delta`; nothing is worse than any number.
  [[nodiscard]] bool better(double now, const std::optional<double>& reference, double delta) const;

 private:
  std::string callback_, figure_;
  bool falls_ = true;
};

}  // namespace gradus
