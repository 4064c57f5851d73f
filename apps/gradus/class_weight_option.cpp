#include "class_weight_option.hpp"

#include <map>

#include "base/text.hpp"
#include "cli.hpp"

namespace gradus::app {

namespace {

[[noreturn]] void refuse(std::string_view part) {
  throw UsageError("--class-weight: expected balanced, or CLASS:WEIGHT with commas between, as no:1,yes:9, got " +
                   in_quotes(part) + " (a class whose name holds a comma stands in quotes)");
}

/// Takes "NAME:WEIGHT" from the front of `text`, with the comma behind it.
std::pair<std::string, double> take_weight(std::string_view& text) {
  const std::string_view whole = text;
  const bool quoted = text.front() == '"' || text.front() == '\'';
  const std::size_t quote = quoted ? text.find(text.front(), 1) : std::string_view::npos;
  if (quoted && quote == std::string_view::npos) refuse(whole);
  const std::size_t comma = text.find(',', quoted ? quote + 1 : 0);
  const std::string_view part = text.substr(0, comma);
  const std::size_t colon = part.rfind(':');
  if (colon == std::string_view::npos ||
      (quoted && (colon < quote || !trim(part.substr(quote + 1, colon - quote - 1)).empty()))) {
    refuse(part);
  }
  const std::string_view name = quoted ? part.substr(1, quote - 1) : trim(part.substr(0, colon));
  const auto weight = parse_real(trim(part.substr(colon + 1)));
  if (!weight || (name.empty() && !quoted)) refuse(part);
  text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  if (comma != std::string_view::npos && trim(text).empty()) refuse(whole);
  return {std::string(name), *weight};
}

}  // namespace

ClassWeights class_weight_option(const std::string& text) {
  if (trim(text) == "balanced") return ClassWeights("balanced");
  std::string_view left = trim(text);
  if (left.empty()) refuse(text);
  std::map<std::string, double> weights;
  while (!left.empty()) {
    const auto [name, weight] = take_weight(left);
    if (!weights.emplace(name, weight).second) throw UsageError("--class-weight: class " + in_quotes(name) + " twice");
    left = trim(left);
  }
  return weights;
}

}  // namespace gradus::app
