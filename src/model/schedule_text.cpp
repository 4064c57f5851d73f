#include "model/schedule_text.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <string>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "model/spec_text.hpp"

namespace gradus {
namespace {

/// Short names beside Keras's, and what they say by themselves.
struct Alias {
  const char* class_name;
  const char* options;
};
const std::map<std::string, Alias>& aliases() {
  static const std::map<std::string, Alias> all = {
      {"cosine", {"CosineDecay", ""}},
      {"restarts", {"CosineDecayRestarts", ""}},
      {"cosinerestarts", {"CosineDecayRestarts", ""}},
      {"step", {"ExponentialDecay", "staircase=true"}},
      {"exponential", {"ExponentialDecay", ""}},
      {"inversetime", {"InverseTimeDecay", ""}},
      {"polynomial", {"PolynomialDecay", ""}},
      {"linear", {"PolynomialDecay", "power=1"}},
      {"piecewise", {"PiecewiseConstantDecay", ""}},
  };
  return all;
}

/// "3epochs" and "3 epochs" in steps.
std::string in_steps(std::string_view text, std::int64_t steps_per_epoch) {
  std::string result;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t found = text.find("epoch", at);
    if (found == std::string_view::npos) break;
    std::size_t end = found;
    while (end > at && text[end - 1] == ' ') --end;
    std::size_t begin = end;
    while (begin > at && (std::isdigit(static_cast<unsigned char>(text[begin - 1])) != 0 || text[begin - 1] == '.')) {
      --begin;
    }
    const auto epochs = parse_real(text.substr(begin, end - begin));
    if (!epochs) break;
    result += text.substr(at, begin - at);
    result += std::to_string(std::llround(*epochs * static_cast<double>(steps_per_epoch)));
    at = found + std::string_view("epoch").size();
    if (at < text.size() && text[at] == 's') ++at;
  }
  return result + std::string(text.substr(at));
}

std::int64_t numbers_without_names(std::string_view rest) {
  std::int64_t count = 0;
  for (const std::string& word : split_text(std::string(rest), ' ')) {
    const std::string_view bare =
        trim(std::string_view(word).substr(std::min(word.find_first_not_of("(,"), word.size())));
    if (!bare.empty() && std::isdigit(static_cast<unsigned char>(bare.front())) != 0) ++count;
  }
  return count;
}

bool has_field(const Schedule& schedule, const char* name) {
  const Value::Object fields = schedule.fields();
  return std::any_of(fields.begin(), fields.end(), [&](const auto& field) { return field.first == name; });
}

}  // namespace

std::optional<Schedule> schedule_for(std::string_view text, const ScheduleRoom& room) {
  const std::string words = in_steps(trim(text), room.steps_per_epoch);
  const std::size_t end = std::min(words.find_first_of(" (,"), words.size());
  std::string name;
  for (const char c : words.substr(0, end)) {
    if (c != '_' && c != '-') name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (name == "constant") return std::nullopt;
  std::string spelled = words;
  if (const auto alias = aliases().find(name); alias != aliases().end()) {
    spelled = alias->second.class_name + words.substr(end) + " " + alias->second.options;
  }
  Schedule schedule = parse_schedule(spelled);
  const auto given = [&](const char* option) { return words.find(option) != std::string::npos; };
  // Numbers without a name fill the first fields: the rate, then the steps.
  const std::int64_t numbers = numbers_without_names(std::string_view(words).substr(end));
  const auto fill = [&](const char* option, const Value& value) {
    if (has_field(schedule, option) && !given(option)) schedule = schedule.with(option, value);
  };
  const std::int64_t all = std::max<std::int64_t>(1, room.steps_per_epoch * room.epochs);
  const auto* cosine = schedule.get_if<CosineDecay>();
  const bool warms = cosine != nullptr && cosine->warmup_steps > 0;
  if (warms && !cosine->warmup_target) {
    const std::int64_t warm = cosine->warmup_steps;
    schedule = schedule.with("warmup_target", numbers > 0 ? cosine->initial_learning_rate : room.learning_rate);
    if (!given("initial_learning_rate")) schedule = schedule.with("initial_learning_rate", 0.0);
    if (numbers < 2) fill("decay_steps", std::max<std::int64_t>(1, all - warm));
    return schedule;
  }
  if (numbers == 0) {
    fill("initial_learning_rate", room.learning_rate);
    fill("max_learning_rate", room.learning_rate);
  }
  if (numbers >= 2) return schedule;
  fill("total_steps", std::max<std::int64_t>(2, all));
  if (schedule.get_if<ExponentialDecay>() != nullptr) {
    fill("decay_steps", std::max<std::int64_t>(1, all / 3));
    fill("decay_rate", 0.1);
  }
  fill("decay_steps", all);
  fill("first_decay_steps", std::max<std::int64_t>(1, all / 7));  // three cosines of 1, 2 and 4 parts
  return schedule;
}

}  // namespace gradus
