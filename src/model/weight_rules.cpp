#include "model/weight_rules.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include <gradus/error.hpp>

namespace gradus {
namespace {

template <class Kind>
auto made(const Spec<Kind>& spec) {
  try {
    return SpecRegistry<Kind>::instance().find(spec.class_name()).maker.make(spec);
  } catch (const Error& error) {
    throw Error(error.code(), std::string(spec.class_name()) + ": " + error.what());
  }
}

/// Which axes of a weight of this rank `axes` names.
std::vector<bool> reduced_axes(const Parameter& p, const std::vector<std::int64_t>& axes) {
  const auto rank = static_cast<std::int64_t>(p.shape.rank());
  std::vector<bool> reduced(p.shape.rank());
  for (const std::int64_t axis : axes) {
    if (axis < -rank || axis >= rank) {
      throw Error(ErrorCode::invalid_argument, p.name + " of shape " + p.shape.to_string() + " has no axis " +
                                                   std::to_string(axis) + " for its constraint");
    }
    reduced[static_cast<std::size_t>(axis < 0 ? axis + rank : axis)] = true;
  }
  return reduced;
}

}  // namespace

void WeightRules::add(const Parameter& p) {
  if (!p.trainable) return;
  if (p.regularizer) penalized_.push_back({p.offset, p.offset + p.size(), made(*p.regularizer)});
  if (p.constraint) constrained_.push_back(grouped(p, made(*p.constraint)));
}

WeightRules::Constrained WeightRules::grouped(const Parameter& p, std::unique_ptr<ConstraintFunction> function) {
  Constrained c{p.offset, p.columns(), p.stride(), std::move(function), true, {}, {0}, 1};
  std::vector<bool> reduced(p.shape.rank(), true);
  if (const auto* axes = c.function->axes()) {
    reduced = reduced_axes(p, *axes);
    c.by_column = reduced.empty() || !reduced.back();
  }
  // Rows that differ along reduced axes alone belong together.
  std::map<std::int64_t, std::vector<std::int64_t>> groups;
  for (std::int64_t row = 0; row < p.rows(); ++row) {
    std::int64_t rest = row, group = 0, place = 1;
    for (std::size_t axis = p.shape.rank() < 2 ? 0 : p.shape.rank() - 1; axis-- > 0;) {
      const std::int64_t size = p.shape[axis];
      if (!reduced[axis]) group += rest % size * place, place *= size;
      rest /= size;
    }
    groups[group].push_back(row);
  }
  for (const auto& [group, rows] : groups) {
    c.rows.insert(c.rows.end(), rows.begin(), rows.end());
    c.starts.push_back(static_cast<std::int64_t>(c.rows.size()));
  }
  if (c.by_column) c.tiles = (c.columns + tile_columns - 1) / tile_columns;
  return c;
}

double WeightRules::penalty(const Real* block) const {
  double sum = 0;
  for (const Penalized& p : penalized_) sum += p.function->add(block + p.begin, p.end - p.begin, 1, nullptr);
  return sum;
}

double WeightRules::add_gradient(const Real* block, std::int64_t begin, std::int64_t end, Real* gradients) const {
  double sum = 0;
  for (const Penalized& p : penalized_) {
    const std::int64_t from = std::max(begin, p.begin), to = std::min(end, p.end);
    if (from < to) sum += p.function->add(block + from, to - from, 1, gradients + from);
  }
  return sum;
}

std::int64_t WeightRules::constraint_tiles() const {
  std::int64_t tiles = 0;
  for (const Constrained& c : constrained_) tiles += c.tiles;
  return tiles;
}

void WeightRules::constrain(Real* block, std::int64_t tile) const {
  for (const Constrained& c : constrained_) {
    if (tile >= c.tiles) {
      tile -= c.tiles;
      continue;
    }
    const std::int64_t first = c.by_column ? tile * tile_columns : 0;
    const std::int64_t last = c.by_column ? std::min(c.columns, first + tile_columns) : c.columns;
    for (std::size_t group = 0; group + 1 < c.starts.size(); ++group) constrain_group(c, block, group, first, last);
    return;
  }
}

// Columns [first, last) of one group of rows, rows in ascending order.
void WeightRules::constrain_group(const Constrained& c, Real* block, std::size_t group, std::int64_t first,
                                  std::int64_t last) {
  const auto each_row = [&](auto&& visit) {
    for (std::int64_t i = c.starts[group]; i < c.starts[group + 1]; ++i) {
      visit(block + c.offset + c.rows[static_cast<std::size_t>(i)] * c.stride);
    }
  };
  if (c.function->axes() == nullptr) {
    each_row([&](Real* w) {
      std::transform(w + first, w + last, w + first, [&](Real x) { return c.function->number(x); });
    });
    return;
  }
  double sums[tile_columns] = {};
  each_row([&](const Real* w) {
    for (std::int64_t i = first; i < last; ++i) {
      const double x = static_cast<double>(w[i]);
      sums[c.by_column ? i - first : 0] += x * x;
    }
  });
  for (double& sum : sums) sum = c.function->factor(std::sqrt(sum));
  each_row([&](Real* w) {
    for (std::int64_t i = first; i < last; ++i) w[i] *= static_cast<Real>(sums[c.by_column ? i - first : 0]);
  });
}

}  // namespace gradus
