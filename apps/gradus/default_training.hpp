#pragma once

#include <string>
#include <vector>

#include <gradus/table_training.hpp>

#include "train_plan.hpp"

namespace gradus::app {

/// The layers that were asked for, and in front of them what they need to see these data.
std::vector<Layer> layers_from(const std::string& text, const std::vector<Layer>& of_recipe, const Dataset& data);

/// Network, loss, metrics, batches and epochs that suit data which come without a recipe.
void settle_without_recipe(Recipe& recipe, const TrainOptions& options, const Dataset& data);

/// Says in a line what was made of a table's label, and which network pictures get.
void tell_choice(const TrainPlan& plan, bool own_layers);

/// Whether the network is to be chosen by trials (gradus/table_training.hpp): rows in memory, and no option that
/// settles the network or the run.
bool is_chosen_by_trials(const TrainOptions& options, const Dataset& data);

TableTrainingOptions table_training_options(const Recipe& recipe);

/// A part of the training samples is measured after each epoch, and the weights of the epoch that does best on it are
/// kept. Nothing is done where the options say what is measured, and for sets on disk, whose last samples may be of one
/// class.
void watch_validation(Recipe& recipe, Recipe::Parts& parts, const TrainOptions& options);

}  // namespace gradus::app
