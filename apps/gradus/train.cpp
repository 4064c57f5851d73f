#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include <gradus/error.hpp>
#include <gradus/table_training.hpp>

#include "base/text.hpp"
#include "cli.hpp"
#include "commands.hpp"
#include "cross_validation.hpp"
#include "default_training.hpp"
#include "help_specs.hpp"
#include "inspect/numbers.hpp"
#include "interrupt.hpp"
#include "learnt.hpp"
#include "recipe_callbacks.hpp"
#include "terminal.hpp"
#include "train_plan.hpp"
#include "train_run.hpp"
#include "values.hpp"

namespace gradus::app {

namespace {

void declare(Arguments& arguments, TrainOptions& options) {
  add_data_options(arguments, options.data, false, "DATA|RECIPE",
                   "a name from 'gradus data list' or 'gradus recipes', a folder of pictures, a file of data (.csv, "
                   ".tsv, .npz, .npy, IDX, .pkl), or a .toml file with a recipe");
  arguments.option("--data", "DATA", options.data_instead, "with a recipe: train on these data instead", "the recipe's")
      .option("--layers", "LIST", options.layers,
              "the network, layers with commas between: \"dense 90 relu, dense 10 softmax\". Rescaling and flattening "
              "are put in front where the data need them",
              "the recipe's; for a folder of pictures three convolutions, for other images a hidden layer of 128 "
              "units; for "
              "rows a network is chosen by trials")
      .option("--optimizer", "OPTIMIZER", options.optimizer, "what turns gradients into steps: \"sgd momentum=0.9\"",
              "the recipe's, else adam")
      .option("--learning-rate", "R", options.learning_rate, "step size of the optimizer",
              "the recipe's; else 0.001, 0.01 for rows", 0, 1e30)
      .option("--schedule", "SCHEDULE", options.schedule,
              "how the learning rate changes: \"cosine warmup_steps=1epoch\", \"step decay_steps=10epochs "
              "decay_rate=0.5\", one_cycle, exponential, restarts, piecewise, polynomial, constant. What is left out "
              "fits the run: from the learning rate on, over all epochs",
              "the recipe's, else constant")
      .option("--loss", "LOSS", options.loss, "what is made small",
              "the recipe's, else the one that goes with the last activation")
      .option("--metrics", "LIST", options.metrics, "what is measured beside the loss: \"accuracy, f1_score macro\"",
              "the recipe's, else accuracy for classes")
      .option("--class-weight", "WEIGHTS", options.class_weight,
              "how much the samples of each class count: balanced for all classes alike, or classes by name, as "
              "no:1,yes:9; one that is left out counts 1, one whose name holds a comma stands in quotes",
              "all samples alike")
      .option(
          "--epochs", "N", options.epochs, "how often to go through the data",
          "the recipe's; else 5 epochs of MNIST, more of smaller sets: some 2000 steps, 1500 for a folder of pictures, "
          "3000 for rows",
          0)
      .option("--batch-size", "N", options.batch_size, "samples a step",
              "the recipe's; else 128 samples, 32 for rows and pictures", 1)
      .option("--seed", "N", options.seed,
              "of the first weights and the order of the samples: equal seeds give equal "
              "weights, to the bit",
              "the recipe's, else 0", 0)
      .option("--threads", "N", options.threads, "threads to compute with; the weights do not depend on it",
              "all cores", 0)
      .flag("--no-shuffle", options.no_shuffle, "take the samples in their own order in every epoch")
      .flag("--quick", options.quick,
            "rows: train one network with two hidden layers of 32 units in place of trials. So does any option that "
            "settles the network or the run, such as --layers, --epochs, --optimizer or --checkpoint; it is followed, "
            "and the rest is as without it")
      .option(
          "--validation-split", "F", options.validation_split,
          "share of the training samples, drawn at random, that is not trained on but measured after each epoch; "
          "without a recipe the weights of the best epoch are kept",
          "the recipe's, else 0.15, 5000 samples at most; 0 for fewer than 20 samples and what does not fit in memory",
          0, 0.95)
      .option("--test-split", "F", options.test_split, "of data without a test part: the share kept to test on",
              "0.2, and 0 for fewer than 50 rows", 0, 0.95)
      .option("--augment", "OPTIONS", options.augment,
              "vary the samples in every epoch, options with commas between: \"shift 2, rotate 10, horizontal_flip\"; "
              "all are listed below; \"none\" for none",
              "the recipe's, else none")
      .option("--k-fold", "K", options.k_fold,
              "train K networks, each on all training samples but a K-th, and measure it on those; nothing is saved",
              "one network is trained", 2)
      .option("--early-stopping", "PATIENCE", options.early_stopping,
              "end after so many epochs without a better val_loss: \"3\", \"5 monitor=val_accuracy "
              "restore_best_weights\"",
              "the recipe's, else none")
      .option("--reduce-lr-on-plateau", "PATIENCE", options.reduce_lr,
              "lower the learning rate after so many epochs without a better val_loss: \"5\", \"5 factor=0.5\"",
              "the recipe's, else none")
      .option("--csv-log", "FILE", options.csv_log, "write the figures of each epoch to a table", "none")
      .option("--tensorboard", "DIR", options.tensorboard, "write event files that TensorBoard shows", "none")
      .option("--save-each", "FILE", options.model_checkpoint,
              "save the model after every epoch; {epoch:02d} and {val_loss:.4f} are filled in", "none")
      .option("--checkpoint", "DIR", options.checkpoint,
              "keep the run in this directory, so that it can be killed at any moment and resumed to the same bits",
              "none")
      .option("--every", "'N UNIT'", options.every, "how often: \"1 epoch\", \"500 steps\", \"60 seconds\"", "1 epoch")
      .option("--keep", "K", options.keep, "how many checkpoints; older ones go away", "3", 1)
      .option("--resume", "DIR", options.resume,
              "go on with the run of these checkpoints; DATA and all other options are then known, and what is given "
              "changes them",
              "none")
      .flag("--find-lr", options.find_lr,
            "do not train: show how the loss changes while the learning rate grows, and propose a rate")
      .option("--save", "FILE", options.save, "where the model goes, as a Keras model file", "NAME.keras")
      .flag("--json", options.json, "print one JSON object")
      .more_help(help_on_specs);
}

void announce_trials(const TrainPlan& plan) {
  const Dataset& train = plan.parts.train;
  note("Training on " + train.name() + ": " + with_commas(train.size()) + " samples of " +
       train.sample_shape().to_string() +
       (train.is_classified() ? ", " + std::to_string(train.target_width()) + " classes" : "") +
       "; networks of several kinds are tried, which takes up to some seconds (--quick: one plain network).");
}

/// The network that trials choose, and in a line what was tried.
Sequential run_trials(const TrainPlan& plan, History& history) {
  const Recipe& recipe = plan.recipe;
  TableTraining result = train_table(plan.parts.train, table_training_options(recipe));
  std::string tried;
  for (const TriedNetwork& each : result.tried) {
    tried += (tried.empty() ? "" : "; ") + each.name + ": " + figure_text("val_loss", each.validation, 4) +
             (each.share > 0 ? " (share " + percent(each.share, 0) + ")" : "");
  }
  note("Tried, with the loss on samples left out of training: " + tried + ". The model is the mean of " +
       count_of(result.networks, "network") + ": " + figure_text("val_loss", result.validation, 4) + ".");
  history = result.model.history();
  return std::move(result.model);
}

void announce(const TrainPlan& plan, const Sequential& model) {
  const Recipe& recipe = plan.recipe;
  if (plan.from_recipe) note(recipe.name + ": " + recipe.title);
  const Dataset& train = plan.parts.train;
  if (recipe.fit.epochs == 0) return note("Nothing is trained: the weights are as they were given or drawn.");
  note("Training on " + train.name() + ": " + with_commas(train.size()) + " samples of " +
       train.sample_shape().to_string() +
       (train.is_classified() ? ", " + std::to_string(train.target_width()) + " classes" : "") + "; " +
       with_commas(model.parameters()) + " weights, " + count_of(recipe.fit.epochs, "epoch") + ", batches of " +
       with_commas(recipe.fit.batch_size) + ", " + std::string(recipe.compile.optimizer.class_name()) + ", " +
       std::string(recipe.compile.loss.class_name()));
}

/// Whether the callback decides by what is measured on the validation samples.
bool looks_at_validation(const CallbackSpec& callback) {
  const Value fields = callback.fields();
  const Value* monitor = fields.find("monitor");
  const auto* figure = monitor == nullptr ? nullptr : monitor->get_if<std::string>();
  const bool decides = callback.class_name() == "EarlyStopping" || callback.class_name() == "ReduceLROnPlateau";
  return decides && figure != nullptr && figure->starts_with("val_");
}

/// What is chosen by the test part is not measured by it.
void tell_chosen_on_test(const TrainPlan& plan) {
  const auto& all = plan.recipe.callbacks;
  const auto found = std::find_if(all.begin(), all.end(), looks_at_validation);
  if (found == all.end() || !validates_on_test(plan.parts)) return;
  note(std::string(found->class_name()) +
       " decides by the test part, so the test figures flatter the model; --validation-split 0.2 gives it other "
       "samples.");
}

/// How many epochs the model has seen, the last perhaps in part.
std::int64_t epochs_of(const History& history) {
  return history.entries().empty() ? 0 : static_cast<std::int64_t>(history.entries()[0].second.size());
}

/// Saves the model; where its place has become unfit for it meanwhile, among the temporary files, and says so: training
/// took its time.
void save(const TrainPlan& plan, const Sequential& model) {
  try {
    model.save(plan.save_path);
  } catch (const Error& error) {
    const std::filesystem::path wanted = plan.save_path;
    const std::string name = wanted.stem().string() + "-" + std::to_string(getpid()) + wanted.extension().string();
    std::error_code failed;
    const std::string instead = (std::filesystem::temp_directory_path(failed) / name).string();
    try {
      model.save(instead);
    } catch (const Error&) {
      throw error;
    }
    throw Error(ErrorCode::io, std::string(error.what()) + "; the model is saved in " + instead + " instead");
  }
}

/// A run that failed in the middle leaves the last good weights.
void keep_good_weights(const TrainPlan& plan, const Sequential& model) {
  const std::int64_t epochs = epochs_of(model.history());
  const std::string weights = "The weights after epoch " + std::to_string(epochs);
  try {
    save(plan, model);
    note(weights + " are saved in " + plan.save_path + ".");
  } catch (const Error& error) {
    // What the run failed of is still to be told.
    note(weights + ": " + error.what());
  }
}

History run(const TrainPlan& plan, Sequential& model, Progress& progress, RunKeeper* keeper) {
  FitOptions fit = plan.recipe.fit_options(plan.parts);
  if (fit.epochs == 0) return {};
  StopOnInterrupt stop;
  fit.callbacks = {&progress, &stop};
  const RecipeCallbacks callbacks(plan.recipe.callbacks, {}, [&progress](const std::string& sentence) {
    progress.clear();
    note(sentence);
  });
  for (Callback* callback : callbacks.all()) fit.callbacks.push_back(callback);
  fit.keeper = keeper;
  count_validation(model, plan.parts);
  try {
    return model.fit(plan.parts.train, fit);
  } catch (const Error& error) {
    progress.clear();
    // A run that is refused has weights that it did not train, if any: they must not replace a model.
    if (stop.epochs() > 0) keep_good_weights(plan, model);
    throw;
  }
}

/// What was measured, and on which part: data without a test part are measured on what was trained on.
Value measured_value(const Logs& logs, const Dataset& data, const DataPart& part, const Learnt& learnt) {
  Value::Object object = figures_object(logs);
  object.emplace_back("samples", data.size());
  object.emplace_back("data", data.name());
  object.emplace_back("part", part.name);
  learnt.add_to(object);
  return object;
}

Value result_value(const TrainPlan& plan, const Sequential& model, const History& history, const Value& test,
                   bool interrupted) {
  return Value::Object{{"model", plan.save_path},
                       {"recipe", plan.from_recipe ? Value(plan.recipe.name) : Value()},
                       {"data", plan.parts.train.name()},
                       {"epochs", epochs_of(history)},
                       {"seconds", history.seconds},
                       {"history", history_value(history)},
                       {"test", test},
                       {"parameters", model.parameters()},
                       {"interrupted", interrupted},
                       {"weights_sha256", model.weights_sha256()}};
}

void print_measured(const DataPart& part, const Logs& logs, const Dataset& data, const Learnt& learnt) {
  std::string line = part.name == "test" ? "Test" : "Training";
  for (const auto& [name, value] : logs.entries()) {
    const bool of_one_class = name.find('/') != std::string::npos;
    if (name == "loss" || of_one_class) continue;
    line += " " + name + " " + figure_text(name, value, 4) + ",";
  }
  line += " loss " + number_text(logs.at("loss"), 4) + " on " + with_commas(data.size()) + " samples of " +
          data.name() + learnt.text();
  print(line + "\n");
}

void suggest(const TrainPlan& plan) {
  const bool image = plan.parts.train.sample_shape().rank() > 1;
  note("Next: gradus inspect " + plan.save_path + " shows what is in it; gradus predict " + plan.save_path +
       (image ? " image.png reads an image." : " rows.csv reads rows of numbers."));
}

int report_interrupt(const TrainPlan& plan, const Sequential& model, const History& history, bool json,
                     const std::string& checkpoints) {
  note((plan.by_trials ? "Interrupted"
                       : "Interrupted in epoch " + std::to_string(epochs_of(history)) + " of " +
                             std::to_string(plan.recipe.fit.epochs)) +
       "; the weights so far are saved in " + plan.save_path + "." +
       (checkpoints.empty() ? "" : " To go on: gradus train --resume " + checkpoints));
  if (json) print_json(result_value(plan, model, history, Value(), true));
  return was_interrupted;
}

}  // namespace

int train(const Words& words) {
  TrainOptions options;
  Arguments arguments("train",
                      "Trains a network and saves it. With a recipe everything is settled, and options change "
                      "what they name; with data alone, a network is chosen that suits them.");
  declare(arguments, options);
  const Words complete = complete_words(words, options.recipe_text);
  if (!arguments.parse(complete)) return done;
  if (options.k_fold && options.save) throw UsageError("--k-fold measures and saves nothing; leave out --save");
  if (options.k_fold && options.test_split) {
    throw UsageError("--k-fold measures on each fold in turn, so no test part is split off; leave out --test-split");
  }
  if (options.k_fold && (options.checkpoint || options.resume)) throw UsageError("--k-fold cannot be resumed");
  options.no_model = options.k_fold.has_value() || options.find_lr;
  Progress progress;
  const std::unique_ptr<Checkpoints> checkpoints =
      open_checkpoints(options, complete, [&progress](const std::string& sentence) {
        progress.clear();
        note(sentence);
      });
  const TrainPlan plan = make_plan(options);
  if (options.k_fold) return cross_validate_plan(plan, options);
  if (options.find_lr) return find_rate(plan, model_of(plan, options), options.json);
  tell_chosen_on_test(plan);

  std::optional<Sequential> trained;
  History history;
  bool interrupted = false;
  {
    const InterruptGuard guard;
    if (plan.by_trials) {
      announce_trials(plan);
      trained = run_trials(plan, history);
      trained->set_held_out(plan.held_out);
    } else {
      trained = model_of(plan, options);
      announce(plan, *trained);
      history = run(plan, *trained, progress, checkpoints.get());
    }
    save(plan, *trained);
    interrupted = InterruptGuard::interrupted();
  }
  const Sequential& model = *trained;
  if (interrupted) {
    const std::string directory = options.resume ? *options.resume : options.checkpoint.value_or("");
    return report_interrupt(plan, model, history, options.json, directory);
  }

  const bool has_test = !plan.parts.test.empty();
  const DataPart part{has_test ? "test" : "train", plan.held_out.has_value()};
  const Dataset& measured = has_test ? plan.parts.test : plan.parts.train;
  const Logs logs = model.evaluate(measured, {.threads = plan.recipe.fit.threads});
  const Learnt learnt(model, measured, part);
  if (options.json) {
    print_json(result_value(plan, model, history, measured_value(logs, measured, part, learnt), false));
    return done;
  }
  print_measured(part, logs, measured, learnt);
  print("Saved in " + plan.save_path + " (" + with_commas(model.parameters()) + " weights, trained in " +
        duration(history.seconds) + ")\n");
  suggest(plan);
  return done;
}

}  // namespace gradus::app
