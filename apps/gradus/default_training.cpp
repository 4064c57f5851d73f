#include "default_training.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "data/table.hpp"
#include "data/table_giveaway.hpp"
#include "interrupt.hpp"
#include "model/outputs.hpp"
#include "model/spec_text.hpp"
#include "terminal.hpp"

namespace gradus::app {

namespace {

/// What brings these samples to numbers near 1, in one row when a dense layer comes next: bytes of images are divided
/// by 255, columns of a table get mean 0 and variance 1.
std::vector<Layer> preparation(const Dataset& data, bool rescale, bool flatten) {
  std::vector<Layer> layers;
  const bool image = data.sample_shape().rank() > 1;
  if (rescale && !image) layers.emplace_back(Normalization{});
  if (rescale && image && data.inputs().dtype() == DType::uint8) layers.emplace_back(Rescaling{.scale = 1.0 / 255});
  if (flatten && image) layers.emplace_back(Flatten{});
  return layers;
}

bool is_rescaling(const Layer& layer) { return layer.get_if<Rescaling>() != nullptr; }
/// Brings inputs of any size to numbers near 1, or needs them as they are.
bool takes_any_size(const Layer& layer) {
  return is_rescaling(layer) || layer.get_if<Normalization>() != nullptr || layer.get_if<Embedding>() != nullptr;
}
/// Leaves the shape alone, whatever it is.
bool takes_any_shape(const Layer& layer) {
  return layer.get_if<Dropout>() != nullptr || layer.get_if<GaussianNoise>() != nullptr ||
         layer.get_if<ActivationLayer>() != nullptr || layer.get_if<ReLU>() != nullptr ||
         layer.get_if<LeakyReLU>() != nullptr || layer.get_if<ELU>() != nullptr || is_rescaling(layer);
}

}  // namespace

std::vector<Layer> layers_from(const std::string& text, const std::vector<Layer>& of_recipe, const Dataset& data) {
  const std::vector<Layer> wanted = parse_layers(text);
  const bool rescales = std::any_of(wanted.begin(), wanted.end(), takes_any_size);
  const auto first = std::find_if_not(wanted.begin(), wanted.end(), takes_any_shape);
  const bool flatten = first != wanted.end() && first->get_if<Dense>() != nullptr;
  const bool recipe_rescales = !rescales && !of_recipe.empty() && is_rescaling(of_recipe[0]);
  std::vector<Layer> layers;
  if (recipe_rescales) layers.push_back(of_recipe[0]);
  for (const Layer& layer : preparation(data, !rescales && !recipe_rescales, flatten)) layers.push_back(layer);
  layers.insert(layers.end(), wanted.begin(), wanted.end());
  return layers;
}

namespace {

/// Mean and standard deviation of all targets.
std::pair<double, double> spread_of_targets(const Dataset& data) {
  const auto values = data.targets().reals();
  const auto count = static_cast<double>(values.size());
  double mean = 0, squares = 0;
  for (const Real value : values) mean += static_cast<double>(value) / count;
  for (const Real value : values) squares += std::pow(static_cast<double>(value) - mean, 2) / count;
  return {mean, squares > 0 ? std::sqrt(squares) : 1};
}

/// Targets that are numbers have a unit: the last layer gives it to outputs that are near 0 and 1 before, so that a
/// network need not grow weights of a price's size. Nothing is added to layers that end in a Rescaling.
void give_unit(std::vector<Layer>& layers, const Dataset& data) {
  if (data.is_classified() || (!layers.empty() && is_rescaling(layers.back()))) return;
  const auto [mean, deviation] = spread_of_targets(data);
  layers.emplace_back(Rescaling{.scale = deviation, .offset = mean});
}

/// Photographs and drawings, whose content may lie anywhere in them: what comes from a folder, and all in colour.
/// Digits and the like, centred and of one size, are learnt as well and faster by dense layers.
bool are_pictures(const Dataset& data) {
  const Shape& shape = data.sample_shape();
  constexpr std::int64_t least_side = 8;  // smaller ones leave nothing to pool
  return shape.rank() == 3 && (!data.preparation().empty() || shape[2] == 3) &&
         std::min(shape[0], shape[1]) >= least_side;
}

/// Up to three convolutions of 3x3, each with twice the filters of the one before and half the size, down to some four
/// pixels a side.
std::vector<Layer> picture_layers(const Dataset& data) {
  constexpr std::int64_t most = 3, least_side = 8;
  std::vector<Layer> layers = preparation(data, true, false);
  std::int64_t side = std::min(data.sample_shape()[0], data.sample_shape()[1]);
  for (std::int64_t i = 0; i < most && side >= least_side; ++i, side /= 2) {
    layers.emplace_back(Conv2D{.filters = 16 << i, .kernel_size = 3, .padding = Padding::same, .activation = relu});
    layers.emplace_back(MaxPooling2D{});
  }
  layers.emplace_back(Flatten{});
  layers.emplace_back(Dropout{.rate = 0.25});
  layers.emplace_back(Dense{.units = 64, .activation = relu});
  layers.emplace_back(Dense{.units = data.target_width(), .activation = data.is_classified() ? softmax : linear});
  return layers;
}

std::vector<Layer> usual_layers(const Dataset& data) {
  if (are_pictures(data)) return picture_layers(data);
  std::vector<Layer> layers = preparation(data, true, true);
  if (data.sample_shape().rank() > 1) {
    layers.emplace_back(Dense{.units = 128, .activation = relu});
  } else {
    layers.emplace_back(Dense{.units = 32, .activation = relu});
    layers.emplace_back(Dense{.units = 32, .activation = relu});
  }
  layers.emplace_back(Dense{.units = data.target_width(), .activation = data.is_classified() ? softmax : linear});
  return layers;
}

/// "dense 32 relu, dense 1"
std::string layers_text(const std::vector<Layer>& layers) {
  std::string text;
  for (const Layer& layer : layers) {
    text += (text.empty() ? "" : ", ") + snake_case(layer.class_name());
    if (const auto* convolution = layer.get_if<Conv2D>()) {
      text += " " + std::to_string(convolution->filters) + " " + std::to_string(convolution->kernel_size.height) + "x" +
              std::to_string(convolution->kernel_size.width) + " " +
              std::string(activation_name(convolution->activation));
    }
    if (const auto* dense = layer.get_if<Dense>()) {
      text += " " + std::to_string(dense->units);
      if (dense->activation != linear) text += " " + std::string(activation_name(dense->activation));
    }
  }
  return text;
}

}  // namespace

namespace {

/// "Inputs: amounts area, rooms; words district (5), garden (2); dates sold"
std::string inputs_text(const TableSchema& table) {
  constexpr std::size_t most_named = 12;
  const auto list = [&](ColumnRole role, const std::string& what) {
    std::string names;
    std::size_t count = 0;
    for (const ColumnSchema& column : table.columns) {
      if (column.role != role || ++count > most_named) continue;
      names += (names.empty() ? " " : ", ") + column.name;
      if (role == ColumnRole::words) names += " (" + std::to_string(column.width()) + ")";
    }
    if (count > most_named) names += " and " + std::to_string(count - most_named) + " more";
    return names.empty() ? "" : "; " + what + names;
  };
  return "Inputs: " +
         (list(ColumnRole::number, "amounts") + list(ColumnRole::words, "words") + list(ColumnRole::date, "dates"))
             .substr(2);
}

}  // namespace

void tell_choice(const TrainPlan& plan, bool own_layers) {
  const Recipe& recipe = plan.recipe;
  const Dataset& data = plan.parts.train;
  if (are_pictures(data) && !own_layers) note("Layers: " + layers_text(recipe.layers));
  if (!data.table()) return;
  const TableSchema& table = *data.table();
  const ColumnSchema& label = table.columns[table.label()];
  note(label.name + ": " +
       (data.is_classified() ? "one of " + std::to_string(data.target_width()) + " classes" +
                                   (parse_int(label.categories.front()) ? " (--regression: an amount)" : "")
                             : std::string("an amount")) +
       "; " + std::string(recipe.compile.loss.class_name()) +
       (plan.by_trials ? "" : "; layers " + layers_text(recipe.layers)));
  if (!table.image) note(inputs_text(table));
  for (const std::string& remark : giveaway_remarks(data)) note(remark);
}

void settle_without_recipe(Recipe& recipe, const TrainOptions& options, const Dataset& data) {
  const bool image = data.sample_shape().rank() > 1;
  recipe.layers = options.layers ? layers_from(*options.layers, {}, data) : usual_layers(data);
  recipe.compile.optimizer = Adam{.learning_rate = image ? 0.001 : 0.01};
  const auto* last = recipe.layers.back().get_if<Dense>();
  recipe.compile.loss =
      usual_loss(last_activation(recipe.layers), last == nullptr ? 2 : last->units, data.is_classified());
  give_unit(recipe.layers, data);
  if (data.is_classified()) {
    recipe.compile.metrics = {Accuracy{}};
  } else {
    recipe.compile.metrics = {metrics::MeanAbsoluteError{}, R2Score{}};
  }
  if (are_pictures(data)) {
    recipe.fit.batch_size = 32;
    const std::int64_t steps_each = (data.size() + recipe.fit.batch_size - 1) / recipe.fit.batch_size;
    recipe.fit.epochs = std::clamp<std::int64_t>(1500 / std::max<std::int64_t>(steps_each, 1), 5, 60);
    return;
  }
  recipe.fit.batch_size = image ? 128 : 32;
  // Small sets need many passes: some 2000 steps for images, 3000 for rows.
  const std::int64_t steps = (data.size() + recipe.fit.batch_size - 1) / recipe.fit.batch_size;
  const std::int64_t passes = (image ? 2000 : 3000) / std::max<std::int64_t>(steps, 1);
  recipe.fit.epochs = image ? std::clamp<std::int64_t>(passes, 5, 100) : std::clamp<std::int64_t>(passes, 10, 500);
}

bool is_chosen_by_trials(const TrainOptions& o, const Dataset& data) {
  constexpr std::int64_t least_samples = 20, most_numbers = std::int64_t{1} << 26;
  const bool settled = o.quick || o.find_lr || o.no_shuffle || o.layers || o.optimizer || o.learning_rate ||
                       o.schedule || o.loss || o.epochs || o.batch_size || o.augment || o.validation_split ||
                       o.early_stopping || o.reduce_lr || o.csv_log || o.tensorboard || o.model_checkpoint ||
                       o.checkpoint || o.resume;
  return !settled && data.sample_shape().rank() == 1 && !data.is_on_disk() && data.size() >= least_samples &&
         data.inputs().shape().elements() <= most_numbers;
}

TableTrainingOptions table_training_options(const Recipe& recipe) {
  return {.seed = recipe.build.seed,
          .threads = recipe.fit.threads,
          .class_weight = recipe.fit.class_weight,
          .metrics = recipe.compile.metrics,
          .weighted_metrics = recipe.compile.weighted_metrics,
          .interrupted = [] { return InterruptGuard::interrupted(); }};
}

void watch_validation(Recipe& recipe, Recipe::Parts& parts, const TrainOptions& options) {
  constexpr double usual_share = 0.15, most_samples = 5000;
  constexpr std::int64_t least_samples = 20;
  if (options.find_lr || options.k_fold) return;
  const bool can_be_cut = !parts.train.is_on_disk() && parts.train.size() >= least_samples;
  if (!options.validation_split && parts.validation.empty() && can_be_cut) {
    const double share = std::min(usual_share, most_samples / static_cast<double>(parts.train.size()));
    auto [train, validation] = parts.train.split(share, recipe.build.seed, parts.train.is_classified());
    parts.train = std::move(train);
    parts.validation = std::move(validation);
  }
  if (parts.validation.empty() || options.early_stopping) return;
  // Epochs that were asked for are all trained.
  const std::int64_t patience = options.epochs ? *options.epochs : std::max<std::int64_t>(10, recipe.fit.epochs / 4);
  recipe.callbacks.push_back(CallbackSpec(EarlyStoppingOptions{.patience = patience, .restore_best_weights = true}));
}

}  // namespace gradus::app
