#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "cli/program.hpp"

namespace gradus::test {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> quick{"train",    "digits:300", "--layers", "dense 12 relu, dense 10 softmax",
                                     "--epochs", "2",          "--save",   "m.keras"};

std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return gradus(std::move(arguments));
}

TEST(Train, PrintsOneJsonObject) {
  const TemporaryDirectory directory;
  const Finished finished = run(with(quick, {"--json"}), in(directory));
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Value result = json_of(finished);
  EXPECT_EQ(text(at(result, "model")), "m.keras");
  EXPECT_EQ(number(at(result, "epochs")), 2);
  EXPECT_GT(number(at(result, "seconds")), 0);
  const Value& history = at(result, "history");
  for (const char* figure : {"loss", "accuracy", "val_loss", "val_accuracy"}) {
    EXPECT_EQ(list(at(history, figure)).size(), 2u) << figure;
  }
  const Value& test = at(result, "test");
  EXPECT_EQ(number(at(test, "samples")), 50);
  EXPECT_GT(number(at(test, "loss")), 0);
  EXPECT_GE(number(at(test, "accuracy")), 0);
  EXPECT_EQ(text(at(result, "weights_sha256")).size(), 64u);
  EXPECT_EQ(finished.out.find('\n'), finished.out.size() - 1);
  EXPECT_TRUE(fs::exists(directory / "m.keras"));
}

TEST(Train, WritesOnePlainLineAnEpochWithoutATerminal) {
  const TemporaryDirectory directory;
  const Finished finished = run(with(quick, {}), in(directory));
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_TRUE(contains(finished.err, "\nepoch 1/2  loss ")) << finished.err;
  EXPECT_TRUE(contains(finished.err, "\nepoch 2/2  loss ")) << finished.err;
  EXPECT_TRUE(contains(finished.err, "samples/s"));
  EXPECT_FALSE(contains(finished.err, "\r"));
  EXPECT_FALSE(contains(finished.err + finished.out, "\x1b"));
  EXPECT_TRUE(contains(finished.out, "Test accuracy ")) << finished.out;
  EXPECT_TRUE(contains(finished.out, "m.keras")) << finished.out;
  EXPECT_FALSE(contains(finished.out, "epoch 1")) << finished.out;
}

TEST(Train, MovesABarOnATerminal) {
  const TemporaryDirectory directory;
  RunOptions options = in(directory);
  options.terminal = true;
  const Finished finished = run(with(quick, {"--epochs", "6", "--batch-size", "1"}), options);
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_TRUE(contains(finished.err, "\repoch 1/6  ")) << finished.err;
  EXPECT_TRUE(contains(finished.err, " left")) << finished.err;
  EXPECT_TRUE(contains(finished.err, "\x1b[32m")) << "a green bar";
  EXPECT_TRUE(contains(finished.err, "epoch 6/6  loss ")) << finished.err;
}

TEST(Train, ObeysNoColor) {
  const TemporaryDirectory directory;
  RunOptions options = in(directory);
  options.terminal = true;
  options.without.clear();
  options.variables["NO_COLOR"] = "1";
  const Finished finished = run(with(quick, {}), options);
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_TRUE(contains(finished.err, "\r"));
  EXPECT_FALSE(contains(finished.err, "\x1b"));
}

std::int64_t bytes_beyond_ascii(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0x80U) != 0; });
}

// What a bar is made of: in color a line; without colors or without UTF-8 plain characters that are not blank.
TEST(Train, DrawsABarThatTheTerminalCanShow) {
  const TemporaryDirectory directory;
  const auto said_with = [&](const std::map<std::string, std::string>& variables) {
    RunOptions options = in(directory);
    options.terminal = true;
    for (const auto& [name, value] : variables) options.variables[name] = value;
    // The bar is drawn after the first batch of each epoch: a third of it.
    const Finished finished = run(with(quick, {"--batch-size", "100"}), options);
    EXPECT_EQ(finished.status, 0) << finished.err;
    return finished.err;
  };
  const std::string line = "\xE2\x94\x81";
  EXPECT_TRUE(contains(said_with({}), line));
  for (const auto& [name, value] : {std::pair{"NO_COLOR", "1"}, std::pair{"TERM", "dumb"}}) {
    const std::string said = said_with({{name, value}});
    EXPECT_TRUE(contains(said, "/2  #")) << said;
    EXPECT_TRUE(contains(said, "#.")) << said;
    EXPECT_FALSE(contains(said, "\x1b")) << said;
    EXPECT_EQ(bytes_beyond_ascii(said), 0) << said;
  }
  const std::string ascii = said_with({{"LC_ALL", "C"}});
  EXPECT_TRUE(contains(ascii, "\x1b[32m#")) << ascii;
  EXPECT_EQ(bytes_beyond_ascii(ascii), 0) << ascii;
}

TEST(Train, SaysSomeTwentyLinesAtMostWithoutATerminal) {
  const TemporaryDirectory directory;
  const auto lines_of = [&](const std::vector<std::string>& more) {
    const Finished finished =
        run(with({"train", "moons:60", "--layers", "dense 2 softmax", "--save", "m.keras"}, more), in(directory));
    EXPECT_EQ(finished.status, 0) << finished.err;
    std::vector<std::string> lines;
    for (std::size_t at = finished.err.find("\nepoch "); at != std::string::npos;
         at = finished.err.find("\nepoch ", at + 1)) {
      lines.push_back(finished.err.substr(at + 1, finished.err.find("  loss", at) - at - 1));
    }
    return lines;
  };
  EXPECT_EQ(lines_of({"--epochs", "20"}).size(), 20U);
  const std::vector<std::string> long_run = lines_of({"--epochs", "500"});
  EXPECT_LE(long_run.size(), 22U);
  EXPECT_GE(long_run.size(), 20U);
  EXPECT_EQ(long_run.front(), "epoch   1/500");
  EXPECT_EQ(long_run.back(), "epoch 500/500");
  // A run that ends early tells its last epoch, too.
  const std::vector<std::string> stopped = lines_of({"--epochs", "500", "--early-stopping", "3"});
  EXPECT_LT(stopped.size(), 22U);
  const Finished again = run(with({"train", "moons:60", "--layers", "dense 2 softmax", "--save", "m.keras"},
                                  {"--epochs", "500", "--early-stopping", "3", "--json"}),
                             in(directory));
  const auto epochs = static_cast<int>(number(at(json_of(again), "epochs")));
  EXPECT_TRUE(contains(stopped.back(), " " + std::to_string(epochs) + "/500")) << stopped.back();
}

TEST(Train, GivesTheSameBitsForAnyNumberOfThreads) {
  const TemporaryDirectory directory;
  std::string first;
  for (const char* threads : {"1", "2", "3", "7"}) {
    const Finished finished = run(with(quick, {"--json", "--seed", "5", "--threads", threads}), in(directory));
    ASSERT_EQ(finished.status, 0) << finished.err;
    const std::string sum = text(at(json_of(finished), "weights_sha256"));
    if (first.empty()) first = sum;
    EXPECT_EQ(sum, first) << threads << " threads";
  }
  const Finished inspected = run(gradus({"inspect", "m.keras", "--json"}), in(directory));
  EXPECT_EQ(text(at(json_of(inspected), "weights_sha256")), first);
  const Finished other = run(with(quick, {"--json", "--seed", "6"}), in(directory));
  EXPECT_NE(text(at(json_of(other), "weights_sha256")), first);
}

TEST(Train, FindsAPathThatCannotBeWrittenBeforeItTrains) {
  const TemporaryDirectory directory;
  directory.write("file", "");
  fs::create_directory(directory / "folder.keras");
  for (const char* path : {"missing/m.keras", "file/m.keras", "folder.keras"}) {
    const Finished finished = run(gradus({"train", "digits", "--epochs", "1000", "--save", path}), in(directory));
    expect_refusal(finished, 1, "could not be saved");
    EXPECT_FALSE(contains(finished.err, "epoch"));
  }
}

TEST(Train, SavesWhenInterrupted) {
  const TemporaryDirectory directory;
  Process process(gradus({"train", "moons:400", "--epochs", "1000000", "--save", "m.keras", "--json"}), in(directory));
  ASSERT_TRUE(process.wait_for("epoch       1/1000000"));
  process.send(SIGINT);
  const Finished finished = process.finish();
  EXPECT_EQ(finished.status, 130) << finished.err;
  EXPECT_TRUE(contains(finished.err, "Interrupted")) << finished.err;
  EXPECT_TRUE(contains(finished.err, "saved in m.keras")) << finished.err;
  const Value result = json_of(finished);
  EXPECT_EQ(at(result, "interrupted"), Value(true));
  const Finished inspected = run(gradus({"inspect", "m.keras", "--json"}), in(directory));
  ASSERT_EQ(inspected.status, 0) << inspected.err;
  EXPECT_EQ(at(json_of(inspected), "weights_sha256"), at(result, "weights_sha256"));
}

TEST(Train, LeavesTheOldModelWholeWhenKilled) {
  const TemporaryDirectory directory;
  ASSERT_EQ(run(with(quick, {}), in(directory)).status, 0);
  const std::string before = read_all(directory / "m.keras");
  Process process(gradus({"train", "moons:400", "--epochs", "1000000", "--save", "m.keras"}), in(directory));
  ASSERT_TRUE(process.wait_for("epoch       1/1000000"));
  process.send(SIGKILL);
  EXPECT_EQ(process.finish().signal, SIGKILL);
  EXPECT_EQ(read_all(directory / "m.keras"), before);
  EXPECT_EQ(run(gradus({"inspect", "m.keras"}), in(directory)).status, 0);
}

TEST(Train, StopsWhenNumbersAreNoLongerFinite) {
  const TemporaryDirectory directory;
  const Finished finished =
      run(gradus({"train", "moons:100", "--layers", "dense 8 relu, dense 2", "--loss", "mean_squared_error",
                  "--optimizer", "sgd", "--learning-rate", "1e30", "--save", "m.keras"}),
          in(directory));
  EXPECT_EQ(finished.status, 1);
  EXPECT_EQ(finished.out, "");
  for (const char* word : {"dense", "epoch", "step", "finite"})
    EXPECT_TRUE(contains(finished.err, word)) << finished.err;
}

TEST(Train, GoesOnWithoutFilesThatCannotBeWrittenAndKeepsTheModelElsewhere) {
  const TemporaryDirectory directory, temporary;
  fs::create_directory(directory / "sub");
  RunOptions options = in(directory);
  options.variables["TMPDIR"] = temporary.path().string();
  Process process(
      gradus({"train", "moons:400", "--epochs", "1000000", "--save", "sub/m.keras", "--save-each", "sub/each.keras"}),
      options);
  ASSERT_TRUE(process.wait_for("epoch       1/1000000"));
  fs::rename(directory / "sub", directory / "gone");
  ASSERT_TRUE(process.wait_for("training goes on without: sub/each.keras"));
  process.send(SIGINT);
  const Finished finished = process.finish();
  EXPECT_NE(finished.status, 0);
  EXPECT_FALSE(fs::is_empty(temporary.path())) << "the weights are kept elsewhere";
}

TEST(Train, RefusesToTrainThroughAStep) {
  const TemporaryDirectory directory;
  const Finished finished =
      run(gradus({"train", "moons:100", "--layers", "dense 8 step, dense 2 softmax"}), in(directory));
  expect_refusal(finished, 2, "step");
}

TEST(Train, TakesDrawnDigitsWhenThereIsNoMnist) {
  const TemporaryDirectory directory;
  RunOptions options = in(directory);
  options.without.emplace_back("GRADUS_DATA_DIR");
  const Finished finished =
      run(gradus({"train", "mnist:300", "--epochs", "1", "--save", "m.keras", "--json"}), options);
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_TRUE(contains(finished.err, "neither found nor fetched")) << finished.err;
  EXPECT_TRUE(contains(text(at(json_of(finished), "data")), "digits"));
}

TEST(Train, ReadsATableAndNamesItsClasses) {
  const TemporaryDirectory directory;
  std::string table = "size,weight,animal\n";
  for (int i = 0; i < 60; ++i) {
    const std::string n = std::to_string(i % 7);
    table += i % 2 == 0 ? "1." + n + ",4." + n + ",cat\n" : "3." + n + ",9." + n + ",dog\n";
  }
  directory.write("animals.csv", table);
  const Finished finished = run(gradus({"train", "animals.csv", "--json"}), in(directory));
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Value result = json_of(finished);
  EXPECT_EQ(text(at(result, "model")), "animals.keras");
  EXPECT_EQ(number(at(at(result, "test"), "accuracy")), 1);
  RunOptions options = in(directory);
  options.input = "1.2,4.1\n3.3,9.2\n";
  const Finished predicted = run(gradus({"predict", "animals.keras", "-", "--json"}), options);
  ASSERT_EQ(predicted.status, 0) << predicted.err;
  const Value predictions = json_of(predicted);
  ASSERT_EQ(list(predictions).size(), 2u);
  EXPECT_EQ(text(at(list(predictions)[0], "class")), "cat");
  EXPECT_EQ(text(at(list(predictions)[1], "class")), "dog");
  // Rows of which one class is missing keep the model's numbering.
  directory.write("dogs.csv", "size,weight,animal\n3.1,9.1,dog\n3.2,9.4,dog\n");
  const Finished evaluated = run(gradus({"evaluate", "animals.keras", "dogs.csv", "--json"}), in(directory));
  ASSERT_EQ(evaluated.status, 0) << evaluated.err;
  EXPECT_EQ(number(at(json_of(evaluated), "accuracy")), 1);
}

TEST(Train, NamesTheLineOfWhatIsNoData) {
  const TemporaryDirectory directory;
  directory.write("bad.csv", "1,2,0\n3,x4,1\n5,6\n");
  const Finished finished = run(gradus({"train", "bad.csv"}), in(directory));
  EXPECT_EQ(finished.status, 3);
  EXPECT_TRUE(contains(finished.err, "bad.csv:")) << finished.err;
}

TEST(Train, RunsARecipeOfOnesOwn) {
  const TemporaryDirectory directory;
  const Finished shown = run(gradus({"recipes", "show", "xor"}), in(directory));
  ASSERT_EQ(shown.status, 0) << shown.err;
  directory.write("mine.toml", shown.out);
  const Finished finished = run(gradus({"train", "mine.toml", "--json"}), in(directory));
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Value result = json_of(finished);
  EXPECT_EQ(text(at(result, "model")), "mine.keras");
  EXPECT_EQ(text(at(result, "recipe")), "mine");
}

}  // namespace
}  // namespace gradus::test
