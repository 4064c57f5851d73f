#include "base/nearest.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <vector>

namespace gradus {
namespace {

char folded(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return c == '-' ? '_' : c;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Row i holds the distances from the first i letters of `a` to every beginning of `b`; three rows suffice.
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = folded(a[i - 1]) == folded(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      const bool swapped =
          i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) && folded(a[i - 2]) == folded(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::optional<std::string> nearest(std::string_view name, std::span<const std::string> candidates) {
  constexpr std::size_t longest = 64;  // nobody mistypes more, and the work grows with the square
  if (name.empty() || name.size() > longest) return std::nullopt;
  const std::string* best = nullptr;
  std::size_t best_distance = 0;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > longest) continue;
    std::size_t distance = edit_distance(name, candidate);
    const std::size_t allowed = std::max<std::size_t>(1, std::max(name.size(), candidate.size()) / 3);
    if (distance > allowed) {
      // A beginning of three letters or more points at its word, behind all that are mistyped by little.
      if (name.size() < 3 || edit_distance(name, candidate.substr(0, name.size())) != 0) continue;
      distance = allowed + 1;
    }
    if (distance >= std::max(name.size(), candidate.size())) continue;  // not one letter in common
    if (best == nullptr || distance < best_distance) {
      best = &candidate;
      best_distance = distance;
    }
  }
  if (best == nullptr) return std::nullopt;
  return *best;
}

std::string did_you_mean(std::string_view name, std::span<const std::string> candidates) {
  const auto guess = nearest(name, candidates);
  return guess ? "; did you mean '" + *guess + "'?" : "";
}

std::string no_such_file(const std::string& path) {
  namespace fs = std::filesystem;
  constexpr std::size_t most = 10'000;  // names that are looked at
  const fs::path asked(path);
  std::vector<std::string> names;
  std::error_code ignored;
  const fs::path directory = asked.has_parent_path() ? asked.parent_path() : fs::path(".");
  for (fs::directory_iterator at(directory, ignored), end; !ignored && at != end && names.size() < most;
       at.increment(ignored)) {
    // Endings alike do not make 'a.keras' of 'm.keras'.
    const std::array stem{at->path().stem().string()};
    if (nearest(asked.stem().string(), stem)) names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end());  // a directory has no order
  const auto guess = nearest(asked.filename().string(), names);
  return path + ": no such file" +
         (guess ? "; did you mean '" + (asked.parent_path() / *guess).string() + "'?" : std::string());
}

}  // namespace gradus
