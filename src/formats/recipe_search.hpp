#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gradus/search.hpp>

#include "formats/recipe.hpp"

namespace gradus {

/// What a recipe's table `search` asks for:
///
///   [search]
///   strategy = "random"            # or "grid", "halving"
///   trials = 20                    # combinations that are drawn; a grid has its own number
///   metric = "val_loss"            # what is compared; default val_accuracy where accuracy is measured, else val_loss
///   goal = "max"                   # or "min"; default: max, and min for losses and errors
///   seed = 1
///   validation = 0.2               # share of the training part to measure on, drawn at random, or
///   folds = 5                      # a cross-validation for each combination; default: the recipe's, else 0.2
///   factor = 3                     # halving: one in three goes on, for three times the epochs
///   [search.values]                # any key of the recipe but those of data
///   "compile.optimizer.learning_rate" = { min = 1e-4, max = 1e-1, scale = "log" }
///   "model.layers.2.units" = [32, 64, 128]
///   "fit.batch_size" = { min = 16, max = 256, steps = 5, scale = "log" }   # whole, since both ends are
struct RecipeSearch {
  std::vector<SearchRange> ranges;
  SearchOptions options{};
  std::string metric{};  ///< "val_loss"
  std::optional<double> validation{};
  std::int64_t folds = 0;  ///< 0: no cross-validation
};

/// Reads the table. Throws `bad_data` as "file:line: sentence", also when there is no such table or the recipe is
/// wrong.
RecipeSearch parse_recipe_search(std::string_view toml, const std::string& file);

/// The recipe with other values under these keys, dots between the names of tables and the numbers of layers. Where the
/// recipe says a layer, optimizer or loss in one text, its options can be named all the same:
/// "compile.optimizer.learning_rate", "model.layers.0.units". Throws `bad_data` naming key and value.
Recipe parse_recipe_with(std::string_view toml, const std::string& file, const Value::Object& values);

}  // namespace gradus
