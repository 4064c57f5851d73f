#include <cstdio>

#include <gradus/error.hpp>
#include <gradus/model.hpp>

#include "model/callback_registry.hpp"

namespace gradus {

namespace {
constexpr std::string_view own = ModelCheckpointOptions::class_name;
Monitor monitor_of(const ModelCheckpointOptions& o) { return {own, o.monitor, o.mode}; }

/// A number by what stands behind the colon: "", "02d", ".4f".
std::string formatted(double value, const std::string& how, bool whole, const std::string& path) {
  const auto digits = [](const std::string& text) { return text.find_first_not_of("0123456789") == std::string::npos; };
  char text[512];
  if (whole && (how.empty() || how.back() == 'd') && digits(how.substr(0, how.empty() ? 0 : how.size() - 1))) {
    const std::string flags = how.empty() ? "" : how.substr(0, how.size() - 1);
    if (flags.size() <= 2) {
      std::snprintf(text, sizeof text, ("%" + flags + "lld").c_str(), static_cast<long long>(value));
      return text;
    }
  }
  if (how.empty()) return Value(value).to_string();
  if (how.size() >= 3 && how.size() <= 4 && how[0] == '.' && how.back() == 'f' &&
      digits(how.substr(1, how.size() - 2))) {
    std::snprintf(text, sizeof text, ("%" + how).c_str(), value);
    return text;
  }
  throw Error(ErrorCode::invalid_argument, std::string(own) + ": filepath '" + path + "': '" + how +
                                               "' is no way to write a number; 02d or .4f are");
}

/// Fills in what stands in braces.
std::string filled_in(const std::string& path, std::int64_t epoch, const Logs& logs) {
  std::string name;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '{') {
      name += path[i];
      continue;
    }
    const std::size_t end = path.find('}', i);
    if (end == std::string::npos) {
      throw Error(ErrorCode::invalid_argument, std::string(own) + ": filepath '" + path + "': a '{' without its '}'");
    }
    const std::string inside = path.substr(i + 1, end - i - 1);
    const std::size_t colon = inside.find(':');
    const std::string figure = inside.substr(0, colon),
                      how = colon == std::string::npos ? "" : inside.substr(colon + 1);
    const bool is_epoch = figure == "epoch";
    name += formatted(is_epoch ? static_cast<double>(epoch) : logs.at(figure), how, is_epoch, path);
    i = end;
  }
  return name;
}
}  // namespace

ModelCheckpoint::ModelCheckpoint(ModelCheckpointOptions options) : options_(std::move(options)) {
  (void)monitor_of(options_);
  demand_of_callback(!options_.filepath.empty(), own, "filepath", "the name of a file", options_.filepath);
  const bool weights = options_.filepath.ends_with(".weights.h5");
  demand_of_callback(
      weights == options_.save_weights_only, own, "filepath",
      options_.save_weights_only ? "a name that ends in .weights.h5" : "a name that does not end in .weights.h5",
      options_.filepath);
  best_ = options_.initial_value_threshold;
}

bool ModelCheckpoint::on_epoch_end(const TrainingState& state, const Logs& logs) {
  if (options_.save_best_only) {
    const Monitor monitor = monitor_of(options_);
    const double now = monitor.value(logs);
    if (!monitor.better(now, best_, 0)) return true;
    best_ = now;
  }
  model().save(filled_in(options_.filepath, state.epoch + 1, logs));
  return true;
}

CallbackMemory ModelCheckpoint::memory() const {
  return {Value::Object{{"best", FieldType<std::optional<double>>::to_value(best_)}}, {}};
}

void ModelCheckpoint::restore(const CallbackMemory& memory) {
  const Value* best = memory.values.find("best");
  best_ = FieldType<std::optional<double>>::from_value(best == nullptr ? Value() : *best);
}

namespace {
[[maybe_unused]] const bool registered = register_callback<ModelCheckpointOptions, ModelCheckpoint>(__FILE__);
}  // namespace

}  // namespace gradus
