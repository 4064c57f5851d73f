#include "model/spec_text.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include <gradus/error.hpp>
#include <gradus/window.hpp>

#include "base/nearest.hpp"
#include "base/text.hpp"
#include "data/augmentation.hpp"
#include "model/spec_words.hpp"

namespace gradus {
namespace {

[[noreturn]] void fail(const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); }

/// However it is spelled: capitals and underscores do not count.
std::optional<Activation> activation_of(std::string_view text) {
  for (const Activation each : all_activations()) {
    if (folded(activation_name(each)) == folded(text)) return each;
  }
  if (folded(text) == "swish") return Activation::silu;
  if (folded(text) == "hardswish") return Activation::hard_silu;
  return std::nullopt;
}

template <class Kind>
Value value_of_spec(std::string_view text) {
  return FieldType<Spec<Kind>>::to_value(parse_spec<Kind>(text));
}

/// "[dense 9 relu, dense 5]"
Value value_of_layers(std::string_view text) {
  const bool enclosed = text.size() >= 2 && text.front() == '[' && text.back() == ']';
  return FieldType<std::vector<Layer>>::to_value(parse_layers(enclosed ? text.substr(1, text.size() - 2) : text));
}

/// The value that `text` means in a field of this type.
Value value_of(std::string_view type, std::string_view text) {
  if (text.empty()) fail("a value is missing");
  const std::string plain = lower(text);
  if (type == FieldType<Average>::name) return plain;
  if (plain == "none" || plain == "null") return {};
  if (type == FieldType<bool>::name) {
    if (plain == "true" || plain == "yes" || plain == "on") return true;
    if (plain == "false" || plain == "no" || plain == "off") return false;
  }
  if (type == FieldType<Activation>::name) {
    const auto known = activation_of(text);
    return std::string(activation_name(known ? *known : activation_from_name(text)));
  }
  if (type == FieldType<Padding>::name) return plain;
  if (type == LayerKind::list_name) return value_of_layers(text);
  if (type == InitializerKind::name) return value_of_spec<InitializerKind>(text);
  if (type == RegularizerKind::name) return value_of_spec<RegularizerKind>(text);
  if (type == ConstraintKind::name) return value_of_spec<ConstraintKind>(text);
  if (type == LayerKind::name) return value_of_spec<LayerKind>(text);
  if (type == LossKind::name) return value_of_spec<LossKind>(text);
  if (type == OptimizerKind::name) return value_of_spec<OptimizerKind>(text);
  if (type == MetricKind::name) return value_of_spec<MetricKind>(text);
  if (type == ScheduleKind::name) return value_of_spec<ScheduleKind>(text);
  if (type == FieldType<LearningRate>::name && !number_of(text)) return value_of_spec<ScheduleKind>(text);
  if (type == FieldType<std::string>::name) return without_quotes(text);
  if (const auto number = number_of(text)) return *number;
  if (const auto list = list_of(text)) return *list;
  return without_quotes(text);
}

bool is_number_type(std::string_view type) {
  return type == FieldType<std::int64_t>::name || type == FieldType<double>::name || type == FieldType<Size2D>::name ||
         type == FieldType<LearningRate>::name;
}
bool is_list_type(std::string_view type) {
  return type == FieldType<Shape>::name || type == FieldType<std::vector<double>>::name ||
         type == FieldType<Size2D>::name;
}
/// The words that say a field's value without its name: "relu" can only be an activation. Empty for most types.
std::vector<std::string> words_of_type(std::string_view type) {
  std::vector<std::string> words;
  if (type == FieldType<Activation>::name) {
    for (const Activation each : all_activations()) words.emplace_back(activation_name(each));
    words.insert(words.end(), {"swish", "hard_swish"});
  }
  if (type == FieldType<Padding>::name) words = {"valid", "same"};
  if (type == FieldType<Average>::name) words = {"none", "micro", "macro", "weighted"};
  return words;
}

/// Puts words into the fields of a spec.
class Filler {
 public:
  /// `other_name` gives the option that other libraries call by a name, or "".
  Filler(std::string_view class_name, std::vector<FieldInfo> infos,
         std::string_view (*other_name)(std::string_view) = nullptr)
      : class_name_(class_name), infos_(std::move(infos)), other_name_(other_name) {}

  void word(const std::string& word) {
    const std::size_t equals = word.find('=');
    if (equals != std::string::npos && equals < word.find_first_of("([{\"'")) {
      return named(trim(word.substr(0, equals)), trim(std::string_view(word).substr(equals + 1)));
    }
    if (const auto number = number_of(word)) {
      // One number may stand for a list: a size of 2 both ways.
      const bool single = open(is_number_type) || !open(is_list_type);
      return single ? next(is_number_type, *number, "number", word) : next(is_list_type, *number, "number", word);
    }
    if (const auto list = list_of(word)) return next(is_list_type, *list, "list of numbers", word);
    if (flag(word) || choice(word) || stack(word)) return;
    unknown(word);
  }
  void named(std::string_view name, std::string_view text) {
    const FieldInfo& info = find(name);
    try {
      set(info, value_of(info.type, text));
    } catch (const Error& error) {
      throw Error(error.code(), info.name + ": " + error.what());
    }
  }
  /// A value from a table: texts stand for specs where the field is one.
  void typed(std::string_view name, const Value& value) {
    const auto* text = value.get_if<std::string>();
    const FieldInfo& info = find(name);
    if (text != nullptr && info.type != FieldType<std::string>::name) return named(name, *text);
    const Value* class_name = value.find("class");
    if (class_name == nullptr) return set(info, value);
    if (info.type == InitializerKind::name) return set(info, spec_from<InitializerKind>(*class_name, value));
    if (info.type == RegularizerKind::name) return set(info, spec_from<RegularizerKind>(*class_name, value));
    if (info.type == ConstraintKind::name) return set(info, spec_from<ConstraintKind>(*class_name, value));
    if (info.type == FieldType<LearningRate>::name) return set(info, spec_from<ScheduleKind>(*class_name, value));
    set(info, value);
  }
  Value::Object fields() && { return std::move(fields_); }

 private:
  const FieldInfo& find(std::string_view name) const {
    const auto found = std::find_if(infos_.begin(), infos_.end(),
                                    [&](const FieldInfo& info) { return folded(info.name) == folded(name); });
    if (found != infos_.end()) return *found;
    if (const std::string_view meant = other_name_ == nullptr ? "" : other_name_(name); !meant.empty()) {
      fail(class_name_ + " has no option " + in_quotes(name) + "; did you mean " + in_quotes(meant) + "?");
    }
    std::vector<std::string> names;
    for (const FieldInfo& info : infos_) names.push_back(info.name);
    fail(class_name_ + " has no option " + in_quotes(name) + did_you_mean(name, names));
  }
  /// {class = "RandomNormal", stddev = 0.1}
  template <class Kind>
  static Value spec_from(const Value& class_name, const Value& table) {
    Value::Object fields;
    for (const auto& [name, value] : *table.get_if<Value::Object>()) {
      if (name != "class") fields.emplace_back(name, value);
    }
    const std::string text = FieldType<std::string>::from_value(class_name);
    return FieldType<Spec<Kind>>::to_value(make_spec<Kind>(text, fields));
  }
  void set(const FieldInfo& info, Value value) {
    if (!set_.insert(info.name).second) fail(class_name_ + ": " + info.name + " is given twice");
    fields_.emplace_back(info.name, std::move(value));
  }
  /// Whether a field of such a type has no value yet.
  template <class Fits>
  [[nodiscard]] bool open(Fits fits) const {
    return std::any_of(infos_.begin(), infos_.end(),
                       [&](const FieldInfo& info) { return fits(info.type) && set_.count(info.name) == 0; });
  }
  template <class Fits>
  void next(Fits fits, const Value& value, const std::string& what, const std::string& word) {
    const auto found = std::find_if(infos_.begin(), infos_.end(), [&](const FieldInfo& info) {
      return fits(info.type) && set_.count(info.name) == 0;
    });
    if (found == infos_.end()) fail(class_name_ + " takes no further " + what + ": " + in_quotes(word));
    set(*found, value);
  }
  bool flag(const std::string& word) {
    for (const FieldInfo& info : infos_) {
      if (info.type != FieldType<bool>::name || folded(info.name) != folded(word)) continue;
      set(info, true);
      return true;
    }
    return false;
  }
  bool choice(const std::string& word) {
    for (const FieldInfo& info : infos_) {
      if (set_.count(info.name) != 0) continue;
      for (const std::string& each : words_of_type(info.type)) {
        if (folded(each) != folded(word)) continue;
        set(info, each);
        return true;
      }
    }
    return false;
  }
  bool stack(const std::string& word) {
    for (const FieldInfo& info : infos_) {
      if (info.type != LayerKind::list_name || word.front() != '[') continue;
      set(info, value_of_layers(word));
      return true;
    }
    return false;
  }
  [[noreturn]] void unknown(const std::string& word) const {
    std::vector<std::string> known;
    for (const FieldInfo& info : infos_) {
      if (info.type == FieldType<bool>::name) known.push_back(info.name);
      for (std::string& each : words_of_type(info.type)) known.push_back(std::move(each));
    }
    const auto guess = nearest(word, known);
    fail(class_name_ + " cannot take " + in_quotes(word) +
         (guess ? "; did you mean '" + *guess + "'?" : "; write options as name=value"));
  }

  std::string class_name_;
  std::vector<FieldInfo> infos_;
  std::string_view (*other_name_)(std::string_view);
  std::set<std::string> set_;
  Value::Object fields_;
};

/// Short names that people use beside Keras's.
template <class Kind>
std::string_view long_name(std::string_view name) {
  if constexpr (std::is_same_v<Kind, LossKind>) {
    if (name == "mse") return "MeanSquaredError";
    if (name == "mae") return "MeanAbsoluteError";
    if (name == "mape") return "MeanAbsolutePercentageError";
    if (name == "msle") return "MeanSquaredLogarithmicError";
    if (name == "kld") return "KLDivergence";
    if (name == "bce") return "BinaryCrossentropy";
    if (name == "cce") return "CategoricalCrossentropy";
    if (name == "scce") return "SparseCategoricalCrossentropy";
  }
  if constexpr (std::is_same_v<Kind, MetricKind>) {
    if (name == "acc") return "Accuracy";
    if (name == "mae") return "MeanAbsoluteError";
    if (name == "mse") return "MeanSquaredError";
    if (name == "rmse") return "RootMeanSquaredError";
    if (name == "r2") return "R2Score";
    if (name == "f1") return "F1Score";
    if (name == "topk") return "TopKCategoricalAccuracy";
  }
  return {};
}

template <class Kind>
std::optional<std::string> known_class_name(std::string_view name) {
  const std::string wanted = folded(name);
  if (const std::string_view known = long_name<Kind>(wanted); !known.empty()) return std::string(known);
  for (const std::string& known : Spec<Kind>::names()) {
    if (folded(known) == wanted) return known;
  }
  return std::nullopt;
}

template <class Kind>
Spec<Kind> parse_here(std::string_view text) {
  const std::size_t end = end_of_name(text);
  if (end == 0)
    fail("expected the name of one of the " + std::string(Kind::name) + (Kind::name == "loss" ? "es" : "s"));
  const std::string_view name = text.substr(0, end);
  if constexpr (std::is_same_v<Kind, LayerKind>) {
    // "relu" is the activation, "ReLU" the layer of that name.
    const auto known = activation_of(text);
    if (known && (activation_name(*known) == text || !known_class_name<Kind>(name))) {
      return Layer(ActivationLayer{.activation = *known});
    }
  }
  const std::string class_name = find_class_name<Kind>(name);
  Filler filler(class_name, Spec<Kind>::make(class_name).describe());
  for (const std::string& word : words_behind_name(text.substr(end))) filler.word(word);
  return Spec<Kind>::make(class_name, std::move(filler).fields());
}

template <class Kind>
std::vector<Spec<Kind>> parse_all(std::string_view text) {
  std::vector<Spec<Kind>> specs;
  if (trim(text).empty()) return specs;
  for (const std::string& part : parts_of(text, ',')) specs.push_back(parse_spec<Kind>(part));
  return specs;
}

}  // namespace

template <class Kind>
std::string find_class_name(std::string_view name) {
  if (auto known = known_class_name<Kind>(name)) return *known;
  std::vector<std::string> names;
  for (const std::string& known : Spec<Kind>::names()) {
    // RMSprop is rmsprop to people, though rm_sprop to Keras.
    const bool one_capital = known.size() > 1 && !(known[1] >= 'A' && known[1] <= 'Z');
    names.push_back(one_capital ? snake_case(known) : lower(known));
  }
  fail("there is no " + std::string(Kind::name) + " " + in_quotes(name) + did_you_mean(name, names));
}

template <class Kind>
Spec<Kind> parse_spec(std::string_view text) {
  text = trim(text);
  if (text.empty()) fail("a " + std::string(Kind::name) + " is missing");
  try {
    return parse_here<Kind>(text);
  } catch (const Error& error) {
    throw Error(error.code(), "in " + in_quotes(text, 80) + ": " + error.what());
  }
}

template <class Kind>
Spec<Kind> make_spec(std::string_view class_name, const Value::Object& fields) {
  const std::string known = find_class_name<Kind>(class_name);
  Filler filler(known, Spec<Kind>::make(known).describe());
  for (const auto& [name, value] : fields) filler.typed(name, value);
  return Spec<Kind>::make(known, std::move(filler).fields());
}

#define GRADUS_INSTANTIATE_SPEC_TEXT(KIND)                      \
  template std::string find_class_name<KIND>(std::string_view); \
  template Spec<KIND> parse_spec<KIND>(std::string_view);       \
  template Spec<KIND> make_spec<KIND>(std::string_view, const Value::Object&);
GRADUS_INSTANTIATE_SPEC_TEXT(LayerKind)
GRADUS_INSTANTIATE_SPEC_TEXT(InitializerKind)
GRADUS_INSTANTIATE_SPEC_TEXT(RegularizerKind)
GRADUS_INSTANTIATE_SPEC_TEXT(ConstraintKind)
GRADUS_INSTANTIATE_SPEC_TEXT(LossKind)
GRADUS_INSTANTIATE_SPEC_TEXT(OptimizerKind)
GRADUS_INSTANTIATE_SPEC_TEXT(MetricKind)
GRADUS_INSTANTIATE_SPEC_TEXT(ScheduleKind)
GRADUS_INSTANTIATE_SPEC_TEXT(CallbackKind)
#undef GRADUS_INSTANTIATE_SPEC_TEXT

namespace {

/// One option of an augmentation and its values: "elastic 34 4".
void fill_option(const std::string& part, const std::vector<FieldInfo>& infos, Filler& filler) {
  const std::vector<std::string> words = words_of(part);
  if (words.empty()) fail("an option is missing between two commas");
  const std::string name = folded(words[0]);
  std::vector<std::string> meant;
  for (const FieldInfo& info : infos) {
    if (folded(info.name) == name || info.name.starts_with(words[0] + "_")) meant.push_back(info.name);
  }
  if (words[0].find('=') != std::string::npos || (words.size() == 1 && !meant.empty())) {
    for (const std::string& word : words) filler.word(word);
    return;
  }
  if (meant.empty()) meant.push_back(words[0]);  // refused with the nearest right name
  if (words.size() == 1) filler.named(meant[0], "true");
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (i > meant.size()) fail(words[0] + " takes " + count_of(static_cast<std::int64_t>(meant.size()), "number"));
    filler.named(meant[i - 1], words[i]);
  }
}

}  // namespace

Augmentation parse_augmentation(std::string_view text) {
  const std::vector<FieldInfo> infos = AugmentationSpec(Augmentation{}).describe();
  Filler filler(Augmentation::class_name, infos, usual_augmentation);
  for (const std::string& part : parts_of(text, ',')) {
    try {
      fill_option(part, infos, filler);
    } catch (const Error& error) {
      throw Error(error.code(), "in " + in_quotes(part, 80) + ": " + error.what());
    }
  }
  return *AugmentationSpec::make(Augmentation::class_name, std::move(filler).fields()).get_if<Augmentation>();
}

Augmentation augmentation_from(const Value::Object& fields) {
  Filler filler(Augmentation::class_name, AugmentationSpec(Augmentation{}).describe(), usual_augmentation);
  for (const auto& [name, value] : fields) filler.typed(name, value);
  return *AugmentationSpec::make(Augmentation::class_name, std::move(filler).fields()).get_if<Augmentation>();
}

std::vector<Layer> parse_layers(std::string_view text) {
  std::vector<Layer> layers = parse_all<LayerKind>(text);
  if (layers.empty()) fail("no layers: write them as \"dense 90 relu, dense 10 softmax\"");
  return layers;
}
Layer parse_layer(std::string_view text) { return parse_spec<LayerKind>(text); }
Initializer parse_initializer(std::string_view text) { return parse_spec<InitializerKind>(text); }
Loss parse_loss(std::string_view text) { return parse_spec<LossKind>(text); }
Optimizer parse_optimizer(std::string_view text) { return parse_spec<OptimizerKind>(text); }
Schedule parse_schedule(std::string_view text) { return parse_spec<ScheduleKind>(text); }
std::vector<Metric> parse_metrics(std::string_view text) { return parse_all<MetricKind>(text); }

std::string snake_case(std::string_view name) {
  const auto is_upper = [&](std::size_t i) { return i < name.size() && name[i] >= 'A' && name[i] <= 'Z'; };
  const auto is_lower = [&](std::size_t i) { return i < name.size() && name[i] >= 'a' && name[i] <= 'z'; };
  std::string snake;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (i > 0 && is_upper(i) && (is_lower(i - 1) || is_lower(i + 1))) snake += '_';
    snake += is_upper(i) ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
  }
  return snake;
}

}  // namespace gradus
