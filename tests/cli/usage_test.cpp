#include <gtest/gtest.h>

#include <sstream>

#include <gradus/layers.hpp>

#include "cli/program.hpp"

namespace gradus::test {
namespace {

const std::vector<std::string> commands{"train", "evaluate", "predict", "inspect", "explain", "show"};

TEST(Usage, VersionGoesToStandardOutput) {
  const Finished finished = run(gradus({"--version"}));
  EXPECT_EQ(finished.status, 0);
  EXPECT_TRUE(finished.out.starts_with("gradus ")) << finished.out;
  EXPECT_EQ(finished.err, "");
}

TEST(Usage, NoCommandIsWrongUsage) {
  const Finished finished = run(gradus({}));
  EXPECT_EQ(finished.status, 2);
  EXPECT_EQ(finished.out, "");
  EXPECT_TRUE(contains(finished.err, "usage: gradus COMMAND")) << finished.err;
}

TEST(Usage, HelpListsTheCommands) {
  const Finished finished = run(gradus({"--help"}));
  EXPECT_EQ(finished.status, 0);
  EXPECT_EQ(finished.err, "");
  for (const std::string& command : commands) EXPECT_TRUE(contains(finished.out, "\n  " + command + " ")) << command;
}

TEST(Usage, EveryOptionWithAValueHasHelpAndADefault) {
  for (const std::string& command : commands) {
    const Finished finished = run(gradus({command, "--help"}));
    EXPECT_EQ(finished.status, 0);
    EXPECT_EQ(finished.err, "");
    std::istringstream lines(finished.out.substr(finished.out.find("\nOptions\n")));
    std::string line, option;
    bool has_default = true;
    const auto check = [&] { EXPECT_TRUE(has_default) << command << ": " << option; };
    while (std::getline(lines, line) && !line.starts_with("Layers")) {
      if (line.starts_with("  --") || line.starts_with("  -h")) {
        check();
        std::istringstream words(line);
        std::string value;
        words >> option >> value;
        // A metavar is written in capitals, or as choices.
        has_default = !(std::isupper(static_cast<unsigned char>(value[0])) || contains(value, "|"));
      }
      has_default = has_default || contains(line, "(default:");
      EXPECT_LE(line.size(), 100u) << line;
    }
    check();
  }
}

TEST(Usage, HelpOnTrainListsWhatIsRegistered) {
  const Finished finished = run(gradus({"train", "--help"}));
  for (const std::string& name : Layer::names()) EXPECT_TRUE(contains(finished.out, "\n  " + name)) << name;
  EXPECT_TRUE(contains(finished.out, "RMSprop"));
  EXPECT_TRUE(contains(finished.out, "rho=0.9"));
  EXPECT_TRUE(contains(finished.out, "CategoricalCrossentropy"));
}

struct Mistake {
  std::vector<std::string> arguments;
  int status;
  std::string answer;
};

class Mistakes : public ::testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, AreAnsweredWithTheNearestRightName) {
  const TemporaryDirectory directory;
  const Finished finished = run(gradus(GetParam().arguments), in(directory));
  expect_refusal(finished, GetParam().status, GetParam().answer);
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

INSTANTIATE_TEST_SUITE_P(
    All, Mistakes,
    ::testing::Values(
        Mistake{{"trian", "xor"}, 2, "did you mean 'train'?"}, Mistake{{"--versoin"}, 2, "did you mean '--version'?"},
        Mistake{{"train", "xor", "--epoch", "5"}, 2, "did you mean '--epochs'?"},
        Mistake{{"evaluate", "--jsn"}, 2, "did you mean '--json'?"},
        Mistake{{"train", "mnits"}, 3, "did you mean 'mnist'?"},
        Mistake{{"train", "keras-rmspop"}, 3, "did you mean 'keras-rmsprop'?"},
        Mistake{{"data", "info", "fashion_mnits"}, 3, "did you mean 'fashion_mnist'?"},
        Mistake{{"data", "lst"}, 2, "did you mean 'list'?"}, Mistake{{"recipes", "shw"}, 2, "did you mean 'show'?"},
        Mistake{{"recipes", "show", "tanh-sdg"}, 3, "did you mean 'tanh-sgd'?"},
        Mistake{{"train", "moons:100", "--layers", "dnse 8 relu"}, 2, "did you mean 'dense'?"},
        Mistake{{"train", "moons:100", "--layers", "dense 8 rlu"}, 2, "relu"},
        Mistake{{"train", "moons:100", "--optimizer", "rmsprp"}, 2, "did you mean 'rmsprop'?"},
        Mistake{{"train", "moons:100", "--loss", "mean_sqared_error"}, 2, "did you mean 'mean_squared_error'?"},
        Mistake{{"show", "digits:5", "--part", "tset"}, 2, "did you mean 'test'?"}));

class WrongValues : public ::testing::TestWithParam<Mistake> {};

TEST_P(WrongValues, AreNamed) {
  const TemporaryDirectory directory;
  expect_refusal(run(gradus(GetParam().arguments), in(directory)), GetParam().status, GetParam().answer);
}

INSTANTIATE_TEST_SUITE_P(
    All, WrongValues,
    ::testing::Values(
        Mistake{{"train", "xor", "--epochs", "many"}, 2, "--epochs: 'many' is not a whole number"},
        Mistake{{"train", "xor", "--epochs", "-1"}, 2, "--epochs: must be 0 or more"},
        Mistake{{"train", "xor", "--epochs"}, 2, "--epochs"},
        Mistake{{"train", "xor", "--batch-size", "0"}, 2, "--batch-size: must be 1 or more"},
        Mistake{{"train", "moons:100", "--learning-rate", "x"}, 2, "--learning-rate: 'x' is not a number"},
        Mistake{{"train"}, 2, "DATA|RECIPE is missing"}, Mistake{{"inspect"}, 2, "MODEL is missing"},
        Mistake{{"predict", "m.keras"}, 2, "FILE is missing"},
        Mistake{{"bench", "--threads", "99999"}, 2, "--threads must be 0 (all cores) or a number up to 4096"},
        Mistake{{"inspect", "a.keras", "b.keras"}, 2, "one word too many"},
        Mistake{{"show", "digits:5", "--grid", "3"}, 2, "such as 2x5"},
        Mistake{{"show", "digits:5", "--wrong"}, 2, "--wrong needs --model"},
        Mistake{{"inspect", "missing.keras"}, 3, "missing.keras"}, Mistake{{"train", "missing.csv"}, 3, "missing.csv"},
        Mistake{{"train", "missing.toml"}, 3, "missing.toml"}, Mistake{{"data"}, 2, "list, info or fetch"}));

TEST(Usage, WhatIsWrongInARecipesFileIsNamedThere) {
  const TemporaryDirectory directory;
  const std::string good =
      "[data]\nsource = \"moons:40\"\n[model]\nlayers = [\"dense 4 relu\", \"dense 2 softmax\"]\n[fit]\nepochs = 1\n";
  const auto train = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    directory.write("mine.toml", text);
    return run(gradus({"train", "mine.toml"}), in(directory));
  };
  expect_refusal(train("source", "sorce"), 3, "mine.toml:2: there is no key 'data.sorce'; did you mean 'source'?");
  expect_refusal(train("layers", "layer"), 3, "mine.toml:4: there is no key 'model.layer'; did you mean 'layers'?");
  expect_refusal(train("moons", "mons"), 3, "mine.toml: [data]: there is no data set called 'mons'");
  expect_refusal(train("dense 4", "dense -4"), 3, "mine.toml: dense: units must be 1 or more, got -4");
  expect_refusal(run(gradus({"recipes", "show", "quite-another"}), in(directory)), 3, "; there are ");
}

TEST(Usage, WhatCannotBeIsSaidBeforeTraining) {
  const TemporaryDirectory directory;
  const auto train = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"train", "moons:40"});
    return run(gradus(more), in(directory));
  };
  const Finished unknown = train({"--save", "m.txt"});
  expect_refusal(unknown, 3, "a model's file ends in .keras");
  EXPECT_FALSE(contains(unknown.err, "epoch")) << unknown.err;
  const Finished table = train({"--csv-log", "none/log.csv"});
  expect_refusal(table, 1, "none/log.csv: cannot write");
  EXPECT_FALSE(contains(table.err, "loss 0.")) << table.err;
  expect_refusal(train({"--epochs"}), 2, "--epochs needs a value, N: how often to go through the data");
  expect_refusal(train({"--label", "x"}), 2, "--label is for tables, and moons is none");
  expect_refusal(train({"--image-size", "8x8"}), 2, "--image-size is for folders of pictures, and moons is none");
  expect_refusal(train({"--k-fold", "2", "--test-split", "0.1"}), 2, "leave out --test-split");
  expect_refusal(run(gradus({"train", "xor", "--test-split", "0.1"}), in(directory)), 2,
                 "--test-split is for data without a test part, and a recipe says itself");
  expect_refusal(run(gradus({"train", "digits:100", "--test-split", "0.1"}), in(directory)), 2, "and digits has one");
  directory.write("rows.csv", "1,2,0\n3,4,1\n");
  expect_refusal(run(gradus({"train", "rows.csv:2"}), in(directory)), 2,
                 "rows.csv:2: no such file; ':2' goes with data sets that have a name");
  expect_refusal(run(gradus({"trian"}), in(directory)), 2, "did you mean 'train'?\n");
}

}  // namespace
}  // namespace gradus::test
