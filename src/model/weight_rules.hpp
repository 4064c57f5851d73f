#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "layers/layer.hpp"

namespace gradus {

/// What a model's weights cost beside the loss, and what they are brought back to after each step. Const once built:
/// the model owns one, its workspaces use it. Costs nothing where no weight has a rule.
class WeightRules {
 public:
  /// Takes the rules of a weight that lies where it will stay. Throws `invalid_argument` without the layer's name.
  void add(const Parameter& parameter);
  void clear() { penalized_.clear(), constrained_.clear(); }

  [[nodiscard]] bool has_penalties() const { return !penalized_.empty(); }
  [[nodiscard]] bool has_constraints() const { return !constrained_.empty(); }

  /// What all weights of the block cost, in their order.
  [[nodiscard]] double penalty(const Real* block) const;
  /// The same of the weights [begin, end), and adds its slope to their gradients.
  double add_gradient(const Real* block, std::int64_t begin, std::int64_t end, Real* gradients) const;

  /// Constraints are applied tile by tile: the norms of a tile need no other tile.
  [[nodiscard]] std::int64_t constraint_tiles() const;
  void constrain(Real* block, std::int64_t tile) const;

 private:
  struct Penalized {
    std::int64_t begin, end;
    std::unique_ptr<RegularizerFunction> function;
  };
  struct Constrained {
    std::int64_t offset, columns, stride;
    std::unique_ptr<ConstraintFunction> function;
    bool by_column = true;  ///< a norm for each column, or one over all columns
    /// Row numbers, group by group; the rows of a group share norms. Group g's are rows[starts[g]] to
    /// rows[starts[g + 1]].
    std::vector<std::int64_t> rows, starts;
    std::int64_t tiles = 1;
  };
  static constexpr std::int64_t tile_columns = 64;

  static Constrained grouped(const Parameter& parameter, std::unique_ptr<ConstraintFunction> function);
  static void constrain_group(const Constrained& c, Real* block, std::size_t group, std::int64_t first,
                              std::int64_t last);

  std::vector<Penalized> penalized_;
  std::vector<Constrained> constrained_;
};

}  // namespace gradus
