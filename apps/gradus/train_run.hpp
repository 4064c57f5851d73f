#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gradus/checkpoints.hpp>

#include "commands.hpp"
#include "train_plan.hpp"

namespace gradus::app {

/// The words of a command line, with those of the run that `--resume DIR` names in front of them, so that what is given
/// now counts; and "--every 5 epochs" made one word of. When a run is resumed, names of files are again those of the
/// directory that it was started in, and `recipe` receives the recipe's text as it was.
Words complete_words(const Words& words, std::optional<std::string>& recipe);

/// The directory of checkpoints that the options ask for, held; null when they ask for none. `words`: what a resumed
/// run is to begin with.
std::unique_ptr<Checkpoints> open_checkpoints(const TrainOptions& options, const Words& words,
                                              std::function<void(const std::string&)> on_trouble);

/// A learning-rate range test, printed.
int find_rate(const TrainPlan& plan, const Sequential& model, bool json);

}  // namespace gradus::app
