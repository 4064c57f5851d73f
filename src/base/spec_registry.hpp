#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gradus/spec.hpp>

namespace gradus {

/// What a room knows of one of its specs beside its fields: how to make the thing itself, and examples to test it
/// with. Each room specialises this for its kind.
template <class Kind>
struct Maker;

/// Short ways to write long things, kept out of the descriptions of a hundred classes.
void add_value(Value::Object& object, std::string_view name, Value value);
void add_info(std::vector<FieldInfo>& infos, std::string_view name, std::string_view type, Value value,
              std::string_view help);

/// How the fields of one class of specs are read and set.
template <class Kind>
class SpecFields {
 public:
  virtual ~SpecFields() = default;
  [[nodiscard]] virtual Value::Object values(const Spec<Kind>& spec) const = 0;
  [[nodiscard]] virtual std::vector<FieldInfo> describe() const = 0;
  /// A copy with `field` set; nothing when there is no such field.
  [[nodiscard]] virtual std::optional<Spec<Kind>> with(const Spec<Kind>& spec, std::string_view field,
                                                       const Value& value) const = 0;
};

template <DescribedSpec S>
class SpecFieldsOf final : public SpecFields<typename S::Kind> {
 public:
  using Any = Spec<typename S::Kind>;

  [[nodiscard]] Value::Object values(const Any& spec) const override {
    const S& s = *spec.template get_if<S>();
    Value::Object object;
    S::fields([&]<class T>(std::string_view name, T S::*member, std::string_view) {
      add_value(object, name, FieldType<T>::to_value(s.*member));
    });
    return object;
  }
  [[nodiscard]] std::vector<FieldInfo> describe() const override {
    std::vector<FieldInfo> infos;
    const S defaults{};
    S::fields([&]<class T>(std::string_view name, T S::*member, std::string_view help) {
      add_info(infos, name, FieldType<T>::name, FieldType<T>::to_value(defaults.*member), help);
    });
    return infos;
  }
  [[nodiscard]] std::optional<Any> with(const Any& spec, std::string_view field, const Value& value) const override {
    std::optional<Any> changed;
    S::fields([&]<class T>(std::string_view name, T S::*member, std::string_view) {
      if (name != field) return;
      S copy = *spec.template get_if<S>();
      copy.*member = FieldType<T>::from_value(value);
      changed = std::move(copy);
    });
    return changed;
  }
};

/// The specs of one kind by class name. A .cpp file adds its own with one line at its end; nothing else lists them.
template <class Kind>
class SpecRegistry {
 public:
  struct Entry {
    Spec<Kind> defaults;
    std::shared_ptr<const SpecFields<Kind>> fields;
    Maker<Kind> maker;
    std::string file;  ///< the source file that registered it, for the test that compares registry and folder
  };

  static SpecRegistry& instance();
  template <DescribedSpec S>
  bool add(S defaults, Maker<Kind> maker, std::string_view file) {
    return add(std::move(defaults), std::make_shared<SpecFieldsOf<S>>(), std::move(maker), file);
  }
  /// Throws `invalid_argument` naming the nearest right name.
  const Entry& find(std::string_view class_name) const;
  [[nodiscard]] const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }

 private:
  bool add(Spec<Kind> defaults, std::shared_ptr<const SpecFields<Kind>> fields, Maker<Kind> maker,
           std::string_view file);

  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace gradus
