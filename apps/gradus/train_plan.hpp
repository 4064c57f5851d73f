#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "formats/recipe.hpp"
#include "inputs.hpp"

namespace gradus::app {

/// What `gradus train` was told. Whatever is not given comes from the recipe, or is chosen to suit the data.
struct TrainOptions {
  DataOptions data;  ///< data.data is DATA or RECIPE
  std::optional<std::string> data_instead, layers, optimizer, loss, metrics, class_weight, augment, save;
  std::optional<std::int64_t> epochs, batch_size, seed, threads, k_fold;
  std::optional<double> learning_rate, validation_split, test_split;
  std::optional<std::string> schedule, early_stopping, reduce_lr, csv_log, tensorboard, model_checkpoint;
  std::optional<std::string> checkpoint, every, resume;
  std::optional<std::int64_t> keep;
  std::optional<std::string> recipe_text;  ///< of a resumed run: the recipe as it was, whatever the file says now
  bool no_shuffle = false, json = false, find_lr = false, quick = false;
  bool no_model = false;  ///< nothing will be saved
};

/// A run that is ready to start.
struct TrainPlan {
  Recipe recipe;  ///< with everything in it that the options say
  bool from_recipe = false;
  bool by_trials = false;  ///< the network is chosen by trials in place of recipe.layers: gradus/table_training.hpp
  Recipe::Parts parts;
  std::optional<HeldOut> held_out{};  ///< how parts.test was split off, where it was
  std::string save_path;
};

/// Finds the recipe or the data, loads them and settles what is open. When MNIST can be neither found nor fetched, the
/// built-in digits take its place, and it says so. Throws before any data are loaded when the model's file could not be
/// written.
TrainPlan make_plan(const TrainOptions& options);

/// The network of the plan, before training. What cannot be built in a recipe's file is wrong in that file.
Sequential model_of(const TrainPlan& plan, const TrainOptions& options);

}  // namespace gradus::app
