#include "data/table_inputs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string_view>

namespace gradus {

std::vector<bool> amount_inputs(const TableSchema* schema, std::int64_t width) {
  if (schema == nullptr || schema->image) return std::vector<bool>(static_cast<std::size_t>(width), true);
  std::vector<bool> amounts = schema->amounts();
  amounts.resize(static_cast<std::size_t>(width), true);
  return amounts;
}

namespace {

/// "x2" before "x10".
bool before_as_people_count(std::string_view a, std::string_view b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (!digit(a[i]) || !digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
      continue;
    }
    const auto number = [&](std::string_view text, std::size_t& at) {
      while (at < text.size() && text[at] == '0') ++at;
      const std::size_t begin = at;
      while (at < text.size() && digit(text[at])) ++at;
      return text.substr(begin, at - begin);
    };
    const std::string_view m = number(a, i), n = number(b, j);
    if (m.size() != n.size()) return m.size() < n.size();
    if (m != n) return m < n;
  }
  return a.size() - i < b.size() - j;
}

}  // namespace

std::vector<std::int64_t> inputs_by_name(const TableSchema* schema, std::int64_t width) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(width));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  if (schema == nullptr || !schema->header || schema->image) return order;
  std::vector<std::string_view> names;
  for (const ColumnSchema& column : schema->columns) {
    names.resize(names.size() + static_cast<std::size_t>(column.width()), column.name);
  }
  if (static_cast<std::int64_t>(names.size()) != width) return order;
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return before_as_people_count(names[static_cast<std::size_t>(a)], names[static_cast<std::size_t>(b)]);
  });
  return order;
}

bool varies(double least, double greatest) {
  constexpr double rounding = 4 * static_cast<double>(std::numeric_limits<Real>::epsilon());
  return greatest - least > rounding * std::max(std::abs(least), std::abs(greatest));
}

}  // namespace gradus
