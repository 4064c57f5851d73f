#include "formats/recipe_search.hpp"

#include <filesystem>
#include <limits>
#include <optional>
#include <tuple>

#include <gradus/cross_validation.hpp>
#include <gradus/error.hpp>
#include <gradus/search.hpp>

#include "base/atomic_file.hpp"
#include "base/gzip.hpp"
#include "base/sha256.hpp"
#include "base/text.hpp"
#include "cli.hpp"
#include "commands.hpp"
#include "formats/json.hpp"
#include "inspect/numbers.hpp"
#include "interrupt.hpp"
#include "learnt.hpp"
#include "model/missing_figure.hpp"
#include "recipe_callbacks.hpp"
#include "terminal.hpp"
#include "train_plan.hpp"
#include "values.hpp"

namespace gradus::app {

namespace {

struct SearchCommand {
  std::string recipe;
  std::optional<std::string> directory, save;
  std::optional<std::int64_t> trials, seed, threads, top;
  bool restart = false, json = false;
};

Value result_value(const Search::Result& result) {
  return Value::Object{{"trial", result.run.trial},
                       {"round", result.run.round},
                       {"epochs", result.run.epochs},
                       {"score", result.score ? Value(*result.score) : Value()},
                       {"figures", figures_object(result.figures)},
                       {"seconds", result.seconds},
                       {"error", result.error.empty() ? Value() : Value(result.error)}};
}

Search::Result result_from(const Value& value) {
  const auto whole = [&](const char* key) {
    const Value* found = value.find(key);
    return found == nullptr ? std::int64_t{-1} : FieldType<std::int64_t>::from_value(*found);
  };
  Search::Result result{{whole("trial"), whole("round"), whole("epochs")}, {}, {}, 0, {}};
  if (const Value* score = value.find("score")) result.score = FieldType<std::optional<double>>::from_value(*score);
  if (const Value* seconds = value.find("seconds")) result.seconds = FieldType<double>::from_value(*seconds);
  const Value *error = value.find("error"), *figures = value.find("figures");
  if (error != nullptr && !error->is_null()) result.error = FieldType<std::string>::from_value(*error);
  const auto* entries = figures == nullptr ? nullptr : figures->get_if<Value::Object>();
  for (const auto& [name, figure] : entries == nullptr ? Value::Object{} : *entries) {
    constexpr double not_finite = std::numeric_limits<double>::quiet_NaN();
    result.figures.set(name, figure.is_null() ? not_finite : FieldType<double>::from_value(figure));
  }
  return result;
}

/// What a search has found so far, in a file beside the recipe: written anew, in one step, after each run.
class StateFile {
 public:
  /// `identity` says of which search the file is.
  StateFile(std::string path, std::string identity) : path_(std::move(path)), identity_(std::move(identity)) {}
  [[nodiscard]] const std::string& path() const { return path_; }

  void load(Search& search) const {
    if (!std::filesystem::exists(path_)) return;
    const std::string wrong = try_to_load(search);
    if (wrong.empty()) return;
    throw Error(ErrorCode::bad_data, path_ + " " + wrong +
                                         ". To start over and replace it, add --restart; to keep it, name another "
                                         "directory with --dir");
  }
  void save(const Search& search) const {
    Value::List results;
    for (const Search::Result& result : search.results()) results.push_back(result_value(result));
    write_file_atomically(path_, write_json(Value::Object{{"search", identity_}, {"results", std::move(results)}}, 1));
  }

 private:
  /// What is wrong with the file, or nothing.
  std::string try_to_load(Search& search) const {
    constexpr std::uint64_t most_bytes = std::uint64_t{64} << 20;
    const std::vector<std::uint8_t> bytes = read_file(path_, most_bytes);
    try {
      const Value state = read_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path_);
      const Value *identity = state.find("search"), *results = state.find("results");
      const auto* list = results == nullptr ? nullptr : results->get_if<Value::List>();
      if (identity == nullptr || list == nullptr) return "is not the state of a search";
      if (!(*identity == Value(identity_))) {
        return "holds the runs of another search: the recipe or an option has changed since";
      }
      for (const Value& result : *list) search.add(result_from(result));
    } catch (const Error& error) {
      return "cannot be read: " + std::string(error.what());
    }
    return "";
  }

  std::string path_, identity_;
};

/// A recipe with its search, and the data that all trials share.
struct Task {
  std::string path, text;
  RecipeSearch wanted;
  TrainPlan plan;

  [[nodiscard]] Recipe recipe(const Search& search, const Search::Run& run) const {
    Recipe recipe = parse_recipe_with(text, path, search.point(run.trial));
    if (wanted.options.strategy == SearchOptions::Strategy::halving) recipe.fit.epochs = run.epochs;
    recipe.fit.threads = plan.recipe.fit.threads;
    return recipe;
  }
};

std::string values_text(const Value::Object& values) {
  std::string text;
  for (const auto& [key, value] : values) {
    const auto* plain = value.get_if<std::string>();
    text += (text.empty() ? "" : ", ") + key + " = " + (plain != nullptr ? *plain : value.to_string());
  }
  return text;
}

Logs last_figures(const History& history) {
  Logs logs;
  for (const auto& [name, values] : history.entries()) logs.set(name, values.back());
  return logs;
}

Search::Result run_trial(const Task& task, const Search& search, const Search::Run& run) {
  const Recipe recipe = task.recipe(search, run);
  const Recipe::Parts& parts = task.plan.parts;
  StopOnInterrupt stop;
  std::string label = "trial-" + std::to_string(run.trial);
  if (task.wanted.options.strategy == SearchOptions::Strategy::halving) label += "-round-" + std::to_string(run.round);
  std::optional<RecipeCallbacks> callbacks;
  Search::Result result{run, {}, {}, 0, {}};
  if (task.wanted.folds > 0) {
    FitOptions fit = recipe.fit;
    fit.callbacks = {&stop};
    const CrossValidation validation =
        cross_validate([&](const Dataset& train, std::int64_t) { return recipe.model(train); }, parts.train,
                       {.folds = task.wanted.folds,
                        .seed = recipe.fit.seed,
                        .fit = fit,
                        .callbacks =
                            [&](std::int64_t fold) {
                              callbacks.emplace(recipe.callbacks, label + "-fold-" + std::to_string(fold + 1), note);
                              return callbacks->all();
                            },
                        .interrupted = [] { return InterruptGuard::interrupted(); }});
    for (const auto& [name, value] : validation.mean.entries()) result.figures.set("val_" + name, value);
    for (const auto& fold : validation.folds) result.seconds += fold.history.seconds;
  } else {
    FitOptions fit = recipe.fit_options(parts);
    callbacks.emplace(recipe.callbacks, label, note);
    fit.callbacks = callbacks->all();
    fit.callbacks.push_back(&stop);
    Sequential model = recipe.model(parts.train);
    const History history = model.fit(parts.train, fit);
    result.figures = last_figures(history);
    result.seconds = history.seconds;
    // Of the model as it would be saved: a callback may have gone back to the weights of an earlier epoch.
    if (!parts.validation.empty()) {
      const Logs measured = model.evaluate(parts.validation, {.threads = fit.threads});
      for (const auto& [figure, value] : measured.entries()) result.figures.set("val_" + figure, value);
    }
  }
  if (!InterruptGuard::interrupted()) result.score = result.figures.at(task.wanted.metric);
  return result;
}

/// A trial whose network cannot be built or whose numbers leave their range is a result as well: a bad one.
Search::Result run_or_fail(const Task& task, const Search& search, const Search::Run& run) {
  try {
    return run_trial(task, search, run);
  } catch (const MissingFigure&) {
    throw;  // no trial has it: the recipe asks for what it does not measure
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_finite && error.code() != ErrorCode::invalid_argument) throw;
    return {run, {}, {}, 0, error.what()};
  }
}

void announce(const Task& task, const Search& search, const StateFile& state) {
  note(task.plan.recipe.name + ": " + count_of(search.trials(), "combination") + ", " + count_of(search.runs(), "run") +
       " in all, compared by " + task.wanted.metric +
       (task.wanted.folds > 0
            ? " over " + count_of(task.wanted.folds, "fold")
            : " on " + count_of(task.plan.parts.validation.size(), "sample") + " kept from training"));
  if (!search.results().empty()) {
    note("Going on after " + count_of(static_cast<std::int64_t>(search.results().size()), "run") + " in " +
         state.path() + ".");
  }
}

void tell(const Search& search, const Search::Result& result, const std::string& metric) {
  const auto number = static_cast<std::int64_t>(search.results().size());
  const std::string found = result.score ? metric + " " + number_text(*result.score, 4) : "failed: " + result.error;
  note("run " + std::to_string(number) + "/" + std::to_string(search.runs()) + "  trial " +
       std::to_string(result.run.trial) + "  " + found + "  " + duration(result.seconds) + "  " +
       values_text(search.point(result.run.trial)));
}

/// Runs what is left to run; false when Ctrl-C ended it.
bool run_all(const Task& task, Search& search, const StateFile& state) {
  const InterruptGuard guard;
  while (const auto run = search.next()) {
    Search::Result result = run_or_fail(task, search, *run);
    if (InterruptGuard::interrupted()) return false;
    search.add(std::move(result));
    state.save(search);
    tell(search, search.results().back(), task.wanted.metric);
  }
  return true;
}

void print_ranking(const Search& search, const std::string& metric, std::int64_t top) {
  print("rank  " + metric + "  epochs  trial  values\n");
  std::int64_t rank = 0;
  for (const std::size_t index : search.ranking()) {
    if (++rank > top) break;
    const Search::Result& result = search.results()[index];
    std::string score = result.score ? number_text(*result.score, 4) : "failed";
    score.insert(0, metric.size() - std::min(metric.size(), score.size()), ' ');
    char head[32], tail[48];
    std::snprintf(head, sizeof head, "%4lld  ", static_cast<long long>(rank));
    std::snprintf(tail, sizeof tail, "  %6lld  %5lld  ", static_cast<long long>(result.run.epochs),
                  static_cast<long long>(result.run.trial));
    print(head + score + tail + values_text(search.point(result.run.trial)) + "\n");
  }
}

/// Whether a callback decides by what is measured on validation samples.
bool needs_validation(const std::vector<CallbackSpec>& callbacks) {
  return std::any_of(callbacks.begin(), callbacks.end(), [](const CallbackSpec& callback) {
    if (const auto* kept = callback.get_if<ModelCheckpointOptions>(); kept != nullptr && !kept->save_best_only) {
      return false;
    }
    const Value fields = callback.fields();
    const Value* monitor = fields.find("monitor");
    const auto* figure = monitor == nullptr ? nullptr : monitor->get_if<std::string>();
    return figure != nullptr && figure->starts_with("val_");
  });
}

/// Trains the best combination once more, as its trial was, and saves it. Its figures on the test part.
Value save_best(const Task& task, const Search& search, const std::string& path) {
  const Search::Result& best = search.results()[search.ranking().front()];
  if (!best.score) throw Error(ErrorCode::not_finite, "every trial failed, so there is no best model to save");
  const Recipe recipe = task.recipe(search, best.run);
  Recipe::Parts parts = task.plan.parts;
  if (task.wanted.folds > 0 && needs_validation(recipe.callbacks)) {
    // As in a fold: a callback looks at samples that are not learnt from.
    std::tie(parts.train, parts.validation) =
        parts.train.split(1.0 / static_cast<double>(task.wanted.folds), recipe.fit.seed);
    note("The best is trained anew on " + count_of(parts.train.size(), "sample") + "; the callbacks look at " +
         count_of(parts.validation.size(), "other") + ".");
  }
  Sequential model = recipe.model(parts.train);
  FitOptions fit = recipe.fit_options(parts);
  const RecipeCallbacks callbacks(recipe.callbacks, {}, note);
  fit.callbacks = callbacks.all();
  count_validation(model, parts);
  model.fit(parts.train, fit);
  model.save(path);
  note("The best is trained anew and saved in " + path + ".");
  if (parts.test.empty()) return {};
  const Logs test = model.evaluate(parts.test, {.threads = recipe.fit.threads});
  Value::Object object = figures_object(test);
  object.emplace_back("samples", parts.test.size());
  Learnt(model, parts.test, {"test", false}).add_to(object);
  return object;
}

Value search_value(const Task& task, const Search& search, const StateFile& state, const SearchCommand& command,
                   const Value& test, bool interrupted) {
  Value::List ranked;
  for (const std::size_t index : search.ranking()) {
    Value value = result_value(search.results()[index]);
    auto& object = std::get<Value::Object>(value.data);
    object.emplace_back("values", search.point(search.results()[index].run.trial));
    ranked.push_back(std::move(value));
  }
  return Value::Object{{"recipe", task.path},
                       {"metric", task.wanted.metric},
                       {"runs", static_cast<std::int64_t>(search.results().size())},
                       {"ranking", std::move(ranked)},
                       {"model", command.save && !interrupted ? Value(*command.save) : Value()},
                       {"test", test},
                       {"state", state.path()},
                       {"interrupted", interrupted}};
}

Task make_task(const SearchCommand& command) {
  if (!command.recipe.ends_with(".toml")) {
    throw UsageError("expected the .toml file of a recipe with a table [search], got " + in_quotes(command.recipe));
  }
  Task task;
  task.path = command.recipe;
  constexpr std::uint64_t most_bytes = std::uint64_t{1} << 20;
  const std::vector<std::uint8_t> bytes = read_file(task.path, most_bytes);
  task.text.assign(bytes.begin(), bytes.end());
  task.wanted = parse_recipe_search(task.text, task.path);
  if (command.trials) task.wanted.options.trials = *command.trials;
  if (command.seed) task.wanted.options.seed = static_cast<std::uint64_t>(*command.seed);
  TrainOptions options;
  options.data.data = task.path;
  options.threads = command.threads;
  options.save = command.save;
  options.no_model = !command.save;
  // What is measured while choosing must not be the test part.
  const Recipe recipe = parse_recipe(task.text, task.path);
  const bool own = recipe.data.validation_rows > 0 || recipe.data.validation_fraction > 0;
  if (task.wanted.folds == 0 && (task.wanted.validation || !own)) {
    options.validation_split = task.wanted.validation.value_or(0.2);
  }
  task.plan = make_plan(options);
  if (task.wanted.folds > 0) task.plan.parts.validation = {};
  return task;
}

std::string identity_of(const Task& task) {
  const SearchOptions& options = task.wanted.options;
  const std::string text = task.text + "\n" + std::to_string(options.trials) + " " + std::to_string(options.seed);
  Sha256 hash;
  hash.update({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  return hash.hex();
}

std::string state_path(const SearchCommand& command) {
  const std::filesystem::path recipe(command.recipe);
  const std::filesystem::path directory =
      command.directory ? std::filesystem::path(*command.directory) : recipe.parent_path();
  return (directory / (recipe.stem().string() + ".search.json")).string();
}

}  // namespace

int search(const Words& words) {
  SearchCommand command;
  Arguments arguments("search",
                      "Tries values for the options of a recipe and says which are best. The recipe's table [search] "
                      "names them; docs/usage.md says how. What was interrupted goes on where it was.");
  arguments.word("RECIPE", command.recipe, "a .toml file with a table [search]")
      .option("--trials", "N", command.trials, "how many combinations are drawn", "the recipe's, else 20", 1)
      .option("--seed", "N", command.seed, "of what is drawn", "the recipe's, else 0", 0)
      .option("--dir", "DIRECTORY", command.directory, "where the state of the search is kept, as NAME.search.json",
              "the recipe's directory")
      .option("--save", "FILE", command.save, "train the best anew and save it", "nothing is saved")
      .option("--top", "N", command.top, "how many of the best are shown", "10", 1)
      .option("--threads", "N", command.threads, "threads to compute with; the results do not depend on it",
              "all cores", 0)
      .flag("--restart", command.restart, "start over: results that are kept from before are replaced")
      .flag("--json", command.json, "print one JSON object");
  if (!arguments.parse(words)) return done;

  const Task task = make_task(command);
  Search search(task.wanted.ranges, task.wanted.options);
  const StateFile state(state_path(command), identity_of(task));
  if (!command.restart) state.load(search);
  announce(task, search, state);
  const bool complete = run_all(task, search, state);
  if (!complete) {
    note("Interrupted; the same command goes on after " +
         count_of(static_cast<std::int64_t>(search.results().size()), "run") + " (" + state.path() + ").");
    if (command.json) print_json(search_value(task, search, state, command, {}, true));
    return was_interrupted;
  }
  const Value test = command.save ? save_best(task, search, *command.save) : Value();
  if (command.json) {
    print_json(search_value(task, search, state, command, test, false));
    return done;
  }
  print_ranking(search, task.wanted.metric, command.top.value_or(10));
  if (const Value* accuracy = test.find("accuracy")) {
    print("Test accuracy of the best " + percent(FieldType<double>::from_value(*accuracy)) + "\n");
  }
  if (!command.save) note("Next: the same command with --save best.keras trains the best once more and keeps it.");
  return done;
}

}  // namespace gradus::app
