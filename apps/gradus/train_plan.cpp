#include "train_plan.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <tuple>

#include <gradus/error.hpp>

#include "base/atomic_file.hpp"
#include "base/nearest.hpp"
#include "base/text.hpp"
#include "class_weight_option.hpp"
#include "data/table.hpp"
#include "default_training.hpp"
#include "formats/model_formats.hpp"
#include "model/schedule_text.hpp"
#include "model/spec_text.hpp"
#include "terminal.hpp"
#include "train/initial_rows.hpp"

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

/// Samples that all should give the same teach nothing, whatever accuracy comes of them.
void check_targets_vary(const Dataset& train) {
  const auto same = [](const auto& values) {
    return std::adjacent_find(values.begin(), values.end(), std::not_equal_to<>()) == values.end();
  };
  const bool constant =
      train.is_classified() ? same(train.labels()) : same(train.targets().reals()) && train.target_width() == 1;
  const auto table = train.table();
  if (table && train.size() < 2) {
    throw Error(ErrorCode::bad_data, train.name() + ": there is one row only to learn from; two or more are needed");
  }
  if (train.size() < 2 || !constant) return;
  const std::string value = train.is_classified()
                                ? in_quotes(train.class_names()[static_cast<std::size_t>(train.labels()[0])])
                                : Value(static_cast<double>(train.targets().at(0))).to_string();
  throw Error(
      ErrorCode::bad_data,
      train.name() + ": " +
          (table ? "column " + in_quotes(table->columns[table->label()].name) + " has one value only, " + value
                 : "all samples have the same " + std::string(train.is_classified() ? "class, " : "target, ") + value) +
          ", so there is nothing to learn" + (table ? "; name the column to predict (--target)" : ""));
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
    if (!plan.from_recipe && !options.layers) settle_initial_rows(model, plan.parts.train);
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
  check_targets_vary(plan.parts.train);
  settle_without_recipe(recipe, options, plan.parts.train);
  apply_options(recipe, options, weighted);
  plan.by_trials = is_chosen_by_trials(options, plan.parts.train);
  tell_choice(plan, options.layers.has_value());
  if (!plan.by_trials) watch_validation(recipe, plan.parts, options);
  return plan;
}

}  // namespace gradus::app
