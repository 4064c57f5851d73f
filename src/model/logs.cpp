#include <algorithm>

#include <gradus/callbacks.hpp>
#include <gradus/model.hpp>

#include "model/missing_figure.hpp"

namespace gradus {
namespace {

template <class Entries>
auto find(Entries& entries, const std::string& name) {
  return std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.first == name; });
}

template <class Entries>
const auto& value_of(const Entries& entries, const std::string& name) {
  const auto found = find(entries, name);
  if (found != entries.end()) return found->second;
  std::string known;
  for (const auto& entry : entries) known += (known.empty() ? "" : ", ") + entry.first;
  throw MissingFigure("there is no figure '" + name + "'; there are: " + known);
}

}  // namespace

void Logs::set(const std::string& name, double value) {
  const auto found = find(entries_, name);
  if (found == entries_.end()) {
    entries_.emplace_back(name, value);
  } else {
    found->second = value;
  }
}

double Logs::at(const std::string& name) const { return value_of(entries_, name); }
bool Logs::contains(const std::string& name) const { return find(entries_, name) != entries_.end(); }

const std::vector<double>& History::at(const std::string& name) const { return value_of(entries_, name); }
bool History::contains(const std::string& name) const { return find(entries_, name) != entries_.end(); }

void History::append(const Logs& logs) {
  for (const auto& [name, value] : logs.entries()) {
    auto found = find(entries_, name);
    if (found == entries_.end()) found = entries_.insert(entries_.end(), {name, {}});
    found->second.push_back(value);
  }
}

}  // namespace gradus
