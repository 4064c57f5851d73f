#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "cli/program.hpp"

namespace gradus::test {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

/// A recipe whose runs take a moment: `epochs` of them in each.
std::string recipe(int epochs, const std::string& search = "strategy = \"random\"\ntrials = 6\n", int samples = 300) {
  return "[data]\nsource = \"moons:" + std::to_string(samples) +
         "\"\n[model]\nlayers = [\"dense 16 tanh\", \"dense 2 softmax\"]\n"
         "[compile]\noptimizer = \"adam 0.01\"\nmetrics = [\"accuracy\"]\nloss = \"categorical_crossentropy\"\n"
         "[fit]\nepochs = " +
         std::to_string(epochs) + "\n[search]\n" + search +
         "[search.values]\n\"compile.optimizer.learning_rate\" = {min = 1e-4, max = 0.1, scale = \"log\"}\n"
         "\"model.layers.0.units\" = [4, 8, 16]\n";
}

/// The ranking without what differs from run to run.
std::string ranking_of(const Finished& finished) {
  std::string text;
  const Value json = json_of(finished);
  for (const Value& result : list(at(json, "ranking"))) {
    for (const char* key : {"trial", "round", "epochs", "score", "figures", "values"}) {
      text += at(result, key).to_string() + " ";
    }
    text += "\n";
  }
  return text;
}

TEST(SearchCommand, PrintsTheBestFirst) {
  const TemporaryDirectory directory;
  write(directory / "mine.toml", recipe(3));
  const Finished finished = run(gradus({"search", "mine.toml"}), in(directory));
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_TRUE(contains(finished.out, "rank  val_accuracy  epochs  trial  values\n   1  ")) << finished.out;
  EXPECT_TRUE(contains(finished.err, "run 6/6  trial 5  val_accuracy ")) << finished.err;
  EXPECT_TRUE(contains(finished.err, "60 samples kept from training")) << finished.err;
  const Value json = json_of(run(gradus({"search", "mine.toml", "--json"}), in(directory)));
  const auto& ranking = list(at(json, "ranking"));
  ASSERT_EQ(ranking.size(), 6U);
  for (std::size_t i = 1; i < 6; ++i) {
    EXPECT_GE(number(at(ranking[i - 1], "score")), number(at(ranking[i], "score")));
  }
}

TEST(SearchCommand, GoesOnWhereItWasKilled) {
  const TemporaryDirectory killed, whole;
  const std::string text = recipe(320, "strategy = \"halving\"\ntrials = 6\nfactor = 2\n", 1500);
  for (const TemporaryDirectory* directory : {&killed, &whole}) write(*directory / "mine.toml", text);
  {
    Process process(gradus({"search", "mine.toml", "--json"}), in(killed));
    ASSERT_TRUE(process.wait_for("run 3/")) << "two runs are on the disk by then";
    process.send(SIGKILL);
    EXPECT_EQ(process.finish().signal, SIGKILL);
  }
  const Finished rest = run(gradus({"search", "mine.toml", "--json", "--threads", "1"}), in(killed));
  ASSERT_EQ(rest.status, 0) << rest.err;
  EXPECT_TRUE(contains(rest.err, "Going on after ")) << rest.err;
  EXPECT_FALSE(contains(rest.err, "run 2/")) << "what was done is not done again";
  const Finished once = run(gradus({"search", "mine.toml", "--json"}), in(whole));
  ASSERT_EQ(once.status, 0) << once.err;
  EXPECT_EQ(ranking_of(rest), ranking_of(once));
}

TEST(SearchCommand, SavesTheBestAsItsTrialWas) {
  const TemporaryDirectory directory;
  write(directory / "mine.toml", recipe(4, "strategy = \"grid\"\nmetric = \"loss\"\n") + "");
  std::string text = recipe(4, "strategy = \"grid\"\nmetric = \"loss\"\n");
  const std::string range = "{min = 1e-4, max = 0.1, scale = \"log\"}";
  text.replace(text.find(range), range.size(), "[0.001, 0.05]");
  write(directory / "mine.toml", text);
  const Finished finished = run(gradus({"search", "mine.toml", "--json", "--save", "best.keras"}), in(directory));
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Value json = json_of(finished);
  const Value& best = list(at(json, "ranking")).front();
  EXPECT_TRUE(fs::exists(directory / "best.keras"));
  EXPECT_EQ(number(at(at(best, "values"), "compile.optimizer.learning_rate")), 0.05);
  const Finished look = run(gradus({"inspect", "best.keras", "--json"}), in(directory));
  EXPECT_TRUE(
      contains(look.out, number(at(at(best, "values"), "model.layers.0.units")) == 16 ? "\"units\":16" : "units"))
      << look.out;
}

TEST(SearchCommand, CrossValidatesEachCombination) {
  const TemporaryDirectory directory;
  write(directory / "mine.toml", recipe(2, "trials = 2\nfolds = 3\n"));
  const Finished finished = run(gradus({"search", "mine.toml", "--json"}), in(directory));
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_TRUE(contains(finished.err, "over 3 folds")) << finished.err;
  EXPECT_EQ(list(at(json_of(finished), "ranking")).size(), 2U);
}

TEST(SearchCommand, SavesTheBestOfFoldsWithEarlyStopping) {
  const TemporaryDirectory directory;
  std::string text = recipe(3, "trials = 2\nfolds = 3\n");
  text.insert(text.find("[search]"),
              "callbacks = [{class = \"EarlyStopping\", monitor = \"val_loss\", patience = 1}]\n");
  write(directory / "mine.toml", text);
  const Finished finished = run(gradus({"search", "mine.toml", "--save", "best.keras", "--json"}), in(directory));
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_TRUE(contains(finished.err, "the callbacks look at")) << finished.err;
  EXPECT_TRUE(fs::exists(directory / "best.keras"));
}

TEST(SearchCommand, RefusesWhatItCannotDo) {
  const TemporaryDirectory directory;
  write(directory / "mine.toml", recipe(1));
  write(directory / "plain.toml", recipe(1).substr(0, recipe(1).find("[search]")));
  expect_refusal(run(gradus({"search", "keras-rmsprop"}), in(directory)), 2, ".toml");
  expect_refusal(run(gradus({"search", "plain.toml"}), in(directory)), 3, "[search]");
  expect_refusal(run(gradus({"search", "none.toml"}), in(directory)), 3, "none.toml");
  ASSERT_EQ(run(gradus({"search", "mine.toml", "--trials", "1"}), in(directory)).status, 0);
  expect_refusal(run(gradus({"search", "mine.toml", "--trials", "2"}), in(directory)), 3, "another search");
  expect_refusal(run(gradus({"search", "mine.toml", "--trials", "2"}), in(directory)), 3, "add --restart");
  std::string watching = recipe(2);
  watching.replace(watching.find("epochs = 2\n"), 11,
                   "epochs = 2\ncallbacks = [\"early_stopping 1 monitor=val_auc\"]\n");
  write(directory / "watching.toml", watching);
  const Finished unmeasured = run(gradus({"search", "watching.toml"}), in(directory));
  expect_refusal(unmeasured, 2, "there is no figure 'val_auc'");
  EXPECT_FALSE(contains(unmeasured.err, "run 1/")) << "no trial is to blame";
  std::string empty = recipe(2);
  empty.replace(empty.find("epochs = 2\n"), 11, "epochs = 2\ncallbacks = []\n");
  write(directory / "empty.toml", empty + "\"fit.callbacks.0\" = [\"early_stopping 1\", \"early_stopping 2\"]\n");
  expect_refusal(run(gradus({"search", "empty.toml"}), in(directory)), 3,
                 "fit.callbacks is an empty list, so there is no 0");
  write(directory / "mine.search.json", "{}");
  expect_refusal(run(gradus({"search", "mine.toml"}), in(directory)), 3, "mine.search.json");
  write(directory / "mine.search.json", "half of a fi");
  expect_refusal(run(gradus({"search", "mine.toml"}), in(directory)), 3, "add --restart");
}

TEST(SearchCommand, StartsOverWhenToldTo) {
  const TemporaryDirectory directory;
  write(directory / "mine.toml", recipe(1));
  ASSERT_EQ(run(gradus({"search", "mine.toml", "--trials", "1"}), in(directory)).status, 0);
  write(directory / "mine.toml", recipe(2));
  expect_refusal(run(gradus({"search", "mine.toml", "--trials", "1"}), in(directory)), 3, "the recipe or an option");
  const Finished anew = run(gradus({"search", "mine.toml", "--trials", "1", "--restart", "--json"}), in(directory));
  ASSERT_EQ(anew.status, 0) << anew.err;
  EXPECT_EQ(number(at(json_of(anew), "runs")), 1);
  const Finished again = run(gradus({"search", "mine.toml", "--trials", "1"}), in(directory));
  EXPECT_EQ(again.status, 0) << "the state is that of the edited recipe now: " << again.err;
}

TEST(KFold, MeasuresEachFoldAndSavesNothing) {
  const TemporaryDirectory directory;
  const std::vector<std::string> command{"train",    "moons:100", "--layers", "dense 4 tanh, dense 2 softmax",
                                         "--k-fold", "4",         "--epochs", "2"};
  const Finished finished = run(gradus(command), in(directory));
  ASSERT_EQ(finished.status, 0) << finished.err;
  for (const char* words : {"fold 4  loss ", "on 25 samples", "mean accuracy ", "standard deviation "}) {
    EXPECT_TRUE(contains(finished.out, words)) << words << " in " << finished.out;
  }
  EXPECT_TRUE(contains(finished.err, "Next: ")) << finished.err;
  EXPECT_FALSE(fs::exists(directory / "moons.keras"));
  std::vector<std::string> json = command;
  json.emplace_back("--json");
  const Value value = json_of(run(gradus(json), in(directory)));
  EXPECT_EQ(list(at(value, "folds")).size(), 4U);
  json.insert(json.end(), {"--save", "m.keras"});
  expect_refusal(run(gradus(json), in(directory)), 2, "--k-fold");
}

/// The numbers of one column of a table of figures, one an epoch.
std::vector<double> column(const fs::path& path, const std::string& name) {
  std::ifstream file(path);
  std::string line;
  const auto cells = [&line] {
    std::vector<std::string> parts(1);
    for (const char c : line) {
      if (c == ',') {
        parts.emplace_back();
      } else {
        parts.back().push_back(c);
      }
    }
    return parts;
  };
  EXPECT_TRUE(std::getline(file, line)) << path;
  const std::vector<std::string> names = cells();
  const auto place = static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
  std::vector<double> values;
  while (std::getline(file, line)) values.push_back(std::stod(cells().at(place)));
  return values;
}

TEST(KFold, CallbacksActInEachFold) {
  const TemporaryDirectory directory;
  const Finished finished = run(gradus({"train", "moons:200", "--layers", "dense 8 tanh, dense 2 softmax",
                                        "--learning-rate", "0.5", "--optimizer", "sgd", "--k-fold", "3", "--epochs",
                                        "60", "--early-stopping", "2", "--csv-log", "log.csv"}),
                                in(directory));
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_FALSE(fs::exists(directory / "log.csv"));
  for (const char* name : {"fold-1-log.csv", "fold-2-log.csv", "fold-3-log.csv"}) {
    const std::vector<double> losses = column(directory / name, "val_loss");
    ASSERT_GE(losses.size(), 3U) << name;
    EXPECT_LT(losses.size(), 60U) << name << ": it did not stop";
    const auto best = std::min_element(losses.begin(), losses.end());
    EXPECT_EQ(losses.end() - best, 3) << name << ": two epochs after the best";
  }
}

TEST(SearchCommand, CallbacksOfTheRecipeActInEachTrial) {
  const TemporaryDirectory directory;
  std::string text = recipe(80, "strategy = \"grid\"\nmetric = \"val_loss\"\n");
  const std::string range = "{min = 1e-4, max = 0.1, scale = \"log\"}", epochs = "epochs = 80\n";
  text.replace(text.find(range), range.size(), "[0.2, 0.3]");
  text.replace(text.find(epochs), epochs.size(),
               epochs + "callbacks = [\"early_stopping 1 restore_best_weights\", \"csv_logger filename=logs.csv\"]\n");
  write(directory / "mine.toml", text);
  const Finished finished = run(gradus({"search", "mine.toml", "--json"}), in(directory));
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_FALSE(fs::exists(directory / "logs.csv")) << "trials do not write over one another";
  const Value json = json_of(finished);
  ASSERT_EQ(list(at(json, "ranking")).size(), 6U);
  for (const Value& trial : list(at(json, "ranking"))) {
    const std::string name = "trial-" + at(trial, "trial").to_string() + "-logs.csv";
    const std::vector<double> losses = column(directory / name, "val_loss");
    EXPECT_LT(losses.size(), 80U) << name << ": it did not stop";
    EXPECT_NEAR(number(at(trial, "score")), *std::min_element(losses.begin(), losses.end()), 1e-6)
        << "the score is that of the weights that are kept";
  }
}

}  // namespace
}  // namespace gradus::test
