#include "cross_validation.hpp"

#include <optional>

#include <gradus/cross_validation.hpp>

#include "base/text.hpp"
#include "cli.hpp"
#include "commands.hpp"
#include "interrupt.hpp"
#include "recipe_callbacks.hpp"
#include "terminal.hpp"
#include "values.hpp"

namespace gradus::app {

namespace {

Value validation_value(const TrainPlan& plan, const CrossValidation& validation) {
  Value::List folds;
  for (const CrossValidation::Fold& fold : validation.folds) {
    Value::Object object = figures_object(fold.figures);
    object.emplace_back("training_samples", fold.training_samples);
    object.emplace_back("samples", fold.test_samples);
    object.emplace_back("seconds", fold.history.seconds);
    folds.emplace_back(std::move(object));
  }
  return Value::Object{{"recipe", plan.from_recipe ? Value(plan.recipe.name) : Value()},
                       {"data", plan.parts.train.name()},
                       {"folds", std::move(folds)},
                       {"mean", figures_object(validation.mean)},
                       {"standard_deviation", figures_object(validation.standard_deviation)},
                       {"interrupted", validation.interrupted}};
}

void print_folds(const CrossValidation& validation) {
  std::int64_t number = 0;
  for (const CrossValidation::Fold& fold : validation.folds) {
    std::string line = "fold " + std::to_string(++number);
    for (const auto& [name, value] : fold.figures.entries()) line += "  " + name + " " + figure_text(name, value, 4);
    print(line + "  on " + count_of(fold.test_samples, "sample") + "\n");
  }
  for (const auto& [name, value] : validation.mean.entries()) {
    print("mean " + name + " " + figure_text(name, value, 4) + ", standard deviation " +
          figure_text(name, validation.standard_deviation.at(name), 4) + "\n");
  }
}

}  // namespace

int cross_validate_plan(const TrainPlan& plan, const TrainOptions& options) {
  const Recipe& recipe = plan.recipe;
  const Dataset& data = plan.parts.train;
  note("Cross-validation on " + data.name() + ": " + with_commas(data.size()) + " samples in " +
       std::to_string(*options.k_fold) + " folds, " + count_of(recipe.fit.epochs, "epoch") + " each.");
  Progress progress;
  StopOnInterrupt stop;
  FitOptions fit = recipe.fit;
  fit.callbacks = {&progress, &stop};
  std::optional<RecipeCallbacks> callbacks;
  const InterruptGuard guard;
  const CrossValidation validation = cross_validate(
      [&](const Dataset& train, std::int64_t fold) {
        note("Fold " + std::to_string(fold + 1) + " of " + std::to_string(*options.k_fold));
        return recipe.model(train);
      },
      data,
      {.folds = *options.k_fold,
       .seed = recipe.fit.seed,
       .fit = fit,
       .callbacks =
           [&](std::int64_t fold) {
             callbacks.emplace(recipe.callbacks, "fold-" + std::to_string(fold + 1));
             return callbacks->all();
           },
       .interrupted = [] { return InterruptGuard::interrupted(); }});
  progress.clear();
  if (validation.interrupted) {
    note("Interrupted after " + count_of(static_cast<std::int64_t>(validation.folds.size()), "fold") + ".");
  }
  if (options.json) {
    print_json(validation_value(plan, validation));
  } else if (!validation.folds.empty()) {
    print_folds(validation);
  }
  if (validation.interrupted) return was_interrupted;
  note("Next: the same command without --k-fold, and with --save m.keras, trains one network and keeps it.");
  return done;
}

}  // namespace gradus::app
