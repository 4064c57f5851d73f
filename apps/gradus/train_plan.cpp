#include "train_plan.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <tuple>

#include <gradus/error.hpp>

#include "base/atomic_file.hpp"
#include "base/nearest.hpp"
#include "base/text.hpp"
#include "class_weight_option.hpp"
#include "data/table.hpp"
#include "formats/model_formats.hpp"
#include "model/outputs.hpp"
#include "model/schedule_text.hpp"
#include "model/spec_text.hpp"
#include "terminal.hpp"

namespace gradus::app {

namespace {

constexpr double usual_test_split = 0.2;
constexpr std::int64_t least_for_test_split = 50;

/// The recipe of this name or file; nothing when DATA is no recipe.
std::optional<Recipe> find_recipe(const std::string& name, const std::optional<std::string>& text) {
  if (name.ends_with(".toml")) return text ? parse_recipe(*text, name) : read_recipe(name);
  const auto& all = recipes();
  const bool known = std::any_of(all.begin(), all.end(), [&](const EmbeddedRecipe& r) { return r.name == name; });
  if (!known) return std::nullopt;
  return built_in_recipe(name);
}

/// A word that is neither a recipe nor a data set is answered with the nearest of both.
void check_name(const std::string& name) {
  if (name.find_first_of("/.") != std::string::npos) return;
  std::vector<std::string> known;
  for (const datasets::SourceInfo& source : datasets::list()) known.push_back(source.name);
  const std::string stem = name.substr(0, name.find(':'));
  if (std::find(known.begin(), known.end(), stem) != known.end() || std::filesystem::exists(name)) return;
  for (const EmbeddedRecipe& recipe : recipes()) known.emplace_back(recipe.name);
  throw Error(ErrorCode::not_found, "there is no recipe and no data set " + in_quotes(name) +
                                        did_you_mean(stem, known) +
                                        " ('gradus recipes' and 'gradus data list' name them)");
}

/// "houses" of "data/houses.csv.gz", "photos" of "data/photos/", "moons" of "moons:400".
std::string stem_of(std::string data) {
  while (data.size() > 1 && data.back() == '/') data.pop_back();
  std::string name = std::filesystem::path(data).filename().string();
  name = name.substr(0, name.find(':'));
  const std::size_t dot = name.find('.', 1);
  return dot == std::string::npos ? name : name.substr(0, dot);
}

/// Before hours of training.
void check_writable(const std::string& path) {
  (void)format_of(path);
  try {
    if (std::filesystem::is_directory(path)) throw Error(ErrorCode::io, path + " is a directory");
    const AtomicFile probe(path);
  } catch (const Error& error) {
    throw Error(ErrorCode::io, "the model could not be saved there: " + std::string(error.what()));
  }
}

bool is_mnist(const std::string& source) { return source == "mnist" || source.starts_with("mnist:"); }

/// The data, or the built-in digits where MNIST cannot be had.
TrainTest load_or_draw(DataOptions options) {
  try {
    return load_data(options);
  } catch (const Error& error) {
    if (!is_mnist(options.data) || (error.code() != ErrorCode::not_found && error.code() != ErrorCode::io)) throw;
    note(
        "MNIST can be neither found nor fetched ('gradus data fetch mnist' says why), so the built-in digits take its "
        "place.");
  }
  options.data.replace(0, std::string("mnist").size(), "digits");
  return load_data(options);
}

/// An option that changes nothing is a mistake, not a wish.
void check_test_split(const TrainOptions& options, const std::string& what) {
  if (options.test_split) throw UsageError("--test-split is for data without a test part, and " + what);
}

/// Data without a test part lose some rows to one, so that the model can be measured on what it has not seen.
void split_off_test(TrainPlan& plan, TrainTest& parts, const TrainOptions& options) {
  if (!parts.test.empty()) return check_test_split(options, parts.train.name() + " has one");
  const double share = options.test_split.value_or(parts.train.size() < least_for_test_split ? 0 : usual_test_split);
  if (share == 0) return;
  plan.held_out = HeldOut::of(parts.train, share, plan.recipe.build.seed, parts.train.is_classified());
  std::tie(parts.train, parts.test) = plan.held_out->split(parts.train);
  note("A share of " + percent(share, 0) + " of the rows, " +
       (plan.held_out->tail ? "the last ones" : "drawn at random") + ", is kept to test on (--test-split 0: none).");
}

/// Of data without a recipe the test part is split off first, then the validation part from what is left to train on.
Recipe::Parts load_parts(TrainPlan& plan, const TrainOptions& options) {
  Recipe& recipe = plan.recipe;
  DataOptions source = options.data;
  source.data = recipe.data.source;
  source.csv = recipe.data.csv;
  if (!plan.from_recipe && !options.k_fold) {
    source.csv.test_split = options.test_split.value_or(usual_test_split);
    source.csv.test_split_from = options.test_split ? 0 : least_for_test_split;
    source.csv.test_seed = recipe.build.seed;
  }
  TrainTest first = load_or_draw(source);
  if (!plan.from_recipe && !options.k_fold) split_off_test(plan, first, options);
  if (options.data.targets) recipe.data.one_hot = first.train.one_hot();
  TrainTest second;
  if (recipe.data.test == recipe.data.source) recipe.data.test.clear();
  if (!recipe.data.test.empty()) {
    source.data = recipe.data.test;
    second = load_or_draw(source);
  }
  return recipe.parts(first, second);
}

double greatest_input(const Dataset& data) {
  double greatest = 0;
  const TensorView inputs = data.inputs();
  // Of a set on disk the first rows are enough to look at.
  const std::int64_t count =
      data.is_on_disk() ? std::min<std::int64_t>(inputs.shape().elements(), 1 << 20) : inputs.shape().elements();
  for (std::int64_t i = 0; i < count; ++i) greatest = std::max(greatest, std::abs(static_cast<double>(inputs.at(i))));
  return greatest;
}

/// A spec by its class name, with its defaults; nothing when there is none of that name.
template <class Kind>
std::vector<Spec<Kind>> if_known(const std::string& class_name) {
  const std::vector<std::string> names = Spec<Kind>::names();
  if (std::find(names.begin(), names.end(), class_name) == names.end()) return {};
  return {Spec<Kind>::make(class_name)};
}

/// What brings these samples to numbers near 1, in one row when a dense layer comes next: bytes of images are divided
/// by 255, columns of a table get mean 0 and variance 1.
std::vector<Layer> preparation(const Dataset& data, bool rescale, bool flatten) {
  std::vector<Layer> layers;
  const bool image = data.sample_shape().rank() > 1;
  const double greatest = rescale && !image ? greatest_input(data) : 0;
  if (greatest > 1) layers = if_known<LayerKind>("Normalization");
  if (greatest > 10 && layers.empty()) layers.emplace_back(Rescaling{.scale = 1 / greatest});
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

/// The layers that were asked for, and in front of them what they need to see these data.
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

/// Says in a line what was made of a table's label, and which network pictures get.
void tell_choice(const Recipe& recipe, const Dataset& data, bool own_layers) {
  if (are_pictures(data) && !own_layers) note("Layers: " + layers_text(recipe.layers));
  if (!data.table()) return;
  const ColumnSchema& label = data.table()->columns[data.table()->label()];
  note(label.name + ": " +
       (data.is_classified() ? "one of " + std::to_string(data.target_width()) + " classes" : std::string("a number")) +
       "; " + std::string(recipe.compile.loss.class_name()) + "; layers " + layers_text(recipe.layers));
}

/// What suits data that come without a recipe.
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

/// A callback given by its options: "3 monitor=val_accuracy". It takes the place of the recipe's of the same class.
void set_callback(Recipe& recipe, const std::string& class_name, const std::optional<std::string>& words,
                  const char* main_option = nullptr) {
  if (!words) return;
  CallbackSpec spec = main_option == nullptr ? parse_spec<CallbackKind>(class_name + " " + *words)
                                             : CallbackSpec::make(class_name, {{main_option, *words}});
  (void)make_callback(spec);  // refuses what is out of range
  std::erase_if(recipe.callbacks, [&](const CallbackSpec& each) { return each.class_name() == class_name; });
  recipe.callbacks.push_back(std::move(spec));
}

void apply_callbacks(Recipe& recipe, const TrainOptions& options) {
  set_callback(recipe, "EarlyStopping", options.early_stopping);
  set_callback(recipe, "ReduceLROnPlateau", options.reduce_lr);
  set_callback(recipe, "CSVLogger", options.csv_log, "filename");
  set_callback(recipe, "TensorBoard", options.tensorboard, "log_dir");
  set_callback(recipe, "ModelCheckpoint", options.model_checkpoint, "filepath");
}

/// `weighted`: the data are known to have weights.
void apply_options(Recipe& recipe, const TrainOptions& options, bool weighted) {
  apply_callbacks(recipe, options);
  if (options.schedule) {
    recipe.schedule = *options.schedule;
    (void)schedule_for(recipe.schedule, {});  // refuses what is mistyped
  }
  if (options.optimizer) recipe.compile.optimizer = parse_optimizer(*options.optimizer);
  if (options.learning_rate) {
    recipe.compile.optimizer = recipe.compile.optimizer.with("learning_rate", *options.learning_rate);
  }
  if (options.loss) recipe.compile.loss = parse_loss(*options.loss);
  if (options.metrics) recipe.compile.metrics = parse_metrics(*options.metrics);
  // Rows of different weight are measured both ways.
  if (weighted && (options.metrics || recipe.compile.weighted_metrics.empty())) {
    recipe.compile.weighted_metrics = recipe.compile.metrics;
  }
  if (options.class_weight) recipe.fit.class_weight = class_weight_option(*options.class_weight);
  if (options.epochs) recipe.fit.epochs = *options.epochs;
  if (options.batch_size) recipe.fit.batch_size = *options.batch_size;
  if (options.augment) recipe.fit.augmentation = augmentation_option(*options.augment);
  if (options.threads) recipe.fit.threads = *options.threads;
  if (options.no_shuffle) recipe.fit.shuffle = false;
  if (options.seed) recipe.build.seed = recipe.fit.seed = static_cast<std::uint64_t>(*options.seed);
}

/// Whether the plan is that of a recipe's file, which is then to be named where something in it is wrong.
bool of_file(const TrainOptions& options) { return options.data.data.ends_with(".toml"); }

}  // namespace

Sequential model_of(const TrainPlan& plan, const TrainOptions& options) {
  const bool changed = options.layers || options.optimizer || options.learning_rate || options.loss ||
                       options.metrics || options.class_weight;
  const ClassWeights& weights = plan.recipe.fit.class_weight;
  try {
    if (!weights.empty()) (void)weights.of(plan.parts.train);  // a class that does not exist
    Sequential model = plan.recipe.model(plan.parts.train);
    model.set_held_out(plan.held_out);
    return model;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_argument || !of_file(options) || changed) throw;
    throw Error(ErrorCode::bad_data, options.data.data + ": " + error.what());
  }
}

TrainPlan make_plan(const TrainOptions& options) {
  TrainPlan plan;
  if (std::optional<Recipe> found = find_recipe(options.data.data, options.recipe_text)) {
    plan.recipe = std::move(*found);
    plan.from_recipe = true;
    check_test_split(options, "a recipe says itself what it is measured on");
    if (options.data_instead) {
      plan.recipe.data.source = *options.data_instead;
      plan.recipe.data.test.clear();
    }
  } else {
    check_name(options.data.data);
    plan.recipe.name = stem_of(options.data.data);
    plan.recipe.data.source = options.data.data;
  }
  Recipe& recipe = plan.recipe;
  plan.save_path = options.save.value_or(recipe.name + ".keras");
  if (!options.no_model) check_writable(plan.save_path);
  // What is mistyped should be found before a download.
  if (options.layers) (void)parse_layers(*options.layers);
  apply_options(recipe, options, false);

  if (options.validation_split) {
    recipe.data.validate_on_test = false;
    recipe.data.validation_rows = 0;
    recipe.data.validation_fraction = *options.validation_split;
  }
  try {
    plan.parts = load_parts(plan, options);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found || !of_file(options) || options.data_instead) throw;
    throw Error(error.code(), options.data.data + ": [data]: " + error.what());
  }
  const bool weighted = !plan.parts.train.sample_weights().empty();
  if (plan.from_recipe) {
    if (options.metrics || options.data.weight) apply_options(recipe, options, weighted);
    if (options.layers) recipe.layers = layers_from(*options.layers, recipe.layers, plan.parts.train);
    return plan;
  }
  settle_without_recipe(recipe, options, plan.parts.train);
  apply_options(recipe, options, weighted);
  tell_choice(recipe, plan.parts.train, options.layers.has_value());
  if (!options.validation_split && plan.parts.validation.empty()) plan.parts.validation = plan.parts.test;
  return plan;
}

}  // namespace gradus::app
