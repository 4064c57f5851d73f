#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include <gradus/dataset.hpp>
#include <gradus/gradus.hpp>

#include "cli/program.hpp"
#include "paths.hpp"

namespace gradus::test {
namespace {

/// A small model of drawn digits, trained once for all tests here.
class ModelCommands : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = std::make_unique<TemporaryDirectory>();
    const Finished finished = run(gradus({"train", "digits:2000", "--layers", "dense 24 relu, dense 10 softmax",
                                          "--epochs", "4", "--save", "m.keras"}),
                                  in(*directory_));
    ASSERT_EQ(finished.status, 0) << finished.err;
  }
  static void TearDownTestSuite() { directory_.reset(); }

  static Finished call(const std::vector<std::string>& arguments, const std::string& input = "") {
    RunOptions options = in(*directory_);
    options.input = input;
    return run(gradus(arguments), options);
  }
  static Value json(const std::vector<std::string>& arguments, const std::string& input = "") {
    const Finished finished = call(arguments, input);
    EXPECT_EQ(finished.status, 0) << finished.err;
    return json_of(finished);
  }
  /// The numbers of a sample of the drawn digits' test part, with commas between.
  static std::string row(const std::string& index) {
    std::string line;
    const Value sample = json({"show", "digits:2000", "--index", index, "--json"});
    for (const Value& value : list(at(sample, "values"))) {
      line += (line.empty() ? "" : ",") + std::to_string(static_cast<int>(number(value)));
    }
    return line;
  }

  static std::unique_ptr<TemporaryDirectory> directory_;
};
std::unique_ptr<TemporaryDirectory> ModelCommands::directory_;

TEST_F(ModelCommands, SeveralModelsAnswerTogether) {
  const Finished other = call({"train", "digits:2000", "--layers", "dense 12 relu, dense 10 softmax", "--epochs", "2",
                               "--seed", "5", "--save", "other.keras"});
  ASSERT_EQ(other.status, 0) << other.err;
  const std::string sample = row("3");
  const Value a = json({"predict", "m.keras", "-", "--json"}, sample + "\n");
  const Value b = json({"predict", "other.keras", "-", "--json"}, sample + "\n");
  const Value both = json({"predict", "m.keras", "other.keras", "-", "--json"}, sample + "\n");
  for (std::size_t i = 0; i < 10; ++i) {
    const auto share = [&](const Value& v) { return number(list(at(list(v)[0], "probabilities"))[i]); };
    EXPECT_NEAR(share(both), (share(a) + share(b)) / 2, 1e-6) << i;
  }
  const double alone = number(at(json({"evaluate", "m.keras", "digits:2000", "--json"}), "accuracy"));
  const Value twice = json({"evaluate", "m.keras", "m.keras", "digits:2000", "--json"});
  EXPECT_EQ(number(at(twice, "accuracy")), alone);

  // Options may stand before the models.
  EXPECT_EQ(list(json({"predict", "--json", "m.keras", "other.keras", "-"}, sample + "\n")), list(both));
  EXPECT_EQ(number(at(json({"evaluate", "--json", "m.keras", "digits:2000"}), "accuracy")), alone);

  ASSERT_EQ(call({"train", "moons:100", "--epochs", "1", "--save", "moons.keras"}).status, 0);
  const Finished unfit = call({"evaluate", "m.keras", "moons.keras", "digits:2000"});
  EXPECT_EQ(unfit.status, 2) << unfit.err;
  EXPECT_TRUE(contains(unfit.err, "the models of an ensemble must agree")) << unfit.err;
}

TEST_F(ModelCommands, EvaluateMeasures) {
  const Value result = json({"evaluate", "m.keras", "digits:2000", "--json", "--confusion"});
  EXPECT_GT(number(at(result, "loss")), 0);
  EXPECT_GT(number(at(result, "accuracy")), 0.4);
  EXPECT_EQ(number(at(result, "samples")), 333);
  EXPECT_EQ(text(at(result, "part")), "test");
  double counted = 0;
  for (const Value& one : list(at(result, "confusion"))) {
    for (const Value& count : list(one)) counted += number(count);
  }
  EXPECT_EQ(counted, 333);

  const Finished text_form = call({"evaluate", "m.keras", "digits:2000", "--confusion"});
  EXPECT_TRUE(contains(text_form.out, "accuracy")) << text_form.out;
  EXPECT_TRUE(contains(text_form.out, "taken for")) << text_form.out;
  EXPECT_EQ(text_form.err, "");
}

TEST_F(ModelCommands, EvaluateRefusesDataOfAnotherShape) {
  expect_refusal(call({"evaluate", "m.keras", "moons:100"}), 3, "(28, 28, 1)");
}

TEST_F(ModelCommands, InspectShowsTheSummary) {
  const Finished finished = call({"inspect", "m.keras"});
  EXPECT_EQ(finished.status, 0);
  EXPECT_EQ(finished.err, "");
  for (const char* word : {"Dense", "dense_1", "Total params", "sha256"})
    EXPECT_TRUE(contains(finished.out, word)) << finished.out;
  const Value model = json({"inspect", "m.keras", "--json"});
  EXPECT_EQ(list(at(model, "layers")).size(), 4u);
  EXPECT_EQ(number(at(model, "parameters")), 784 * 24 + 24 + 24 * 10 + 10);
  EXPECT_EQ(text(at(model, "weights_sha256")).size(), 64u);
  EXPECT_EQ(text(at(list(at(model, "layers"))[2], "class_name")), "Dense");
}

TEST_F(ModelCommands, InspectShowsALayer) {
  const Finished finished = call({"inspect", "m.keras", "--layer", "2"});
  EXPECT_EQ(finished.status, 0);
  for (const char* word : {"kernel (784, 24)", "bias (24,)", "min ", "max ", "mean ", "std ", "..."}) {
    EXPECT_TRUE(contains(finished.out, word)) << word << finished.out;
  }
  EXPECT_EQ(call({"inspect", "m.keras", "--layer", "dense"}).out, finished.out);
  const Value layer = json({"inspect", "m.keras", "--layer", "2", "--json"});
  const Value& kernel = list(at(layer, "weights"))[0];
  EXPECT_EQ(list(at(kernel, "values")).size(), 784u);
  EXPECT_EQ(list(list(at(kernel, "values"))[0]).size(), 24u);
  EXPECT_LT(number(at(kernel, "min")), number(at(kernel, "max")));
  EXPECT_TRUE(contains(call({"inspect", "m.keras", "--layer", "1"}).out, "no weights"));
  expect_refusal(call({"inspect", "m.keras", "--layer", "9"}), 2, "layers 0 to 3");
  expect_refusal(call({"inspect", "m.keras", "--layer", "dens_1"}), 2, "did you mean 'dense_1'?");
}

TEST_F(ModelCommands, RefuseBrokenModelFiles) {
  const std::string whole = read_all(*directory_ / "m.keras");
  directory_->write("cut.keras", whole.substr(0, whole.size() / 2));
  directory_->write("text.keras", "this is no model");
  directory_->write("empty.keras", "");
  for (const char* file : {"cut.keras", "text.keras", "empty.keras", "missing.keras"}) {
    expect_refusal(call({"inspect", file}), 3, file);
    expect_refusal(call({"evaluate", file, "digits:100"}), 3, file);
  }
}

TEST_F(ModelCommands, PredictReadsRowsFromStandardInput) {
  const Value predictions = json({"predict", "m.keras", "-", "--json"}, row("0") + "\n" + row("1") + "\n");
  ASSERT_EQ(list(predictions).size(), 2u);
  for (const Value& prediction : list(predictions)) {
    EXPECT_EQ(text(at(prediction, "class")).size(), 1u);
    double sum = 0;
    ASSERT_EQ(list(at(prediction, "probabilities")).size(), 10u);
    for (const Value& p : list(at(prediction, "probabilities"))) sum += number(p);
    EXPECT_NEAR(sum, 1, 1e-5);
  }
}

TEST_F(ModelCommands, PredictLeavesTheLabelOut) {
  const Value bare = json({"predict", "m.keras", "-", "--json"}, row("3"));
  directory_->write("labelled.csv", "7," + row("3") + "\n");
  const Finished finished = call({"predict", "m.keras", "labelled.csv", "--json"});
  EXPECT_EQ(finished.status, 0);
  EXPECT_TRUE(contains(finished.err, "left out")) << finished.err;
  EXPECT_EQ(at(list(json_of(finished))[0], "probabilities"), at(list(bare)[0], "probabilities"));
}

TEST_F(ModelCommands, PredictReadsImages) {
  ASSERT_EQ(call({"show", "digits:2000", "--index", "5", "--out", "big.png"}).status, 0);
  const Value from_row = json({"predict", "m.keras", "-", "--json"}, row("5"));
  // The image is 280 x 280; without centring it is the same 28 x 28 again.
  const Value from_image = json({"predict", "m.keras", "big.png", "--no-center", "--json"});
  EXPECT_EQ(at(list(from_image)[0], "probabilities"), at(list(from_row)[0], "probabilities"));

  const Finished inverted = call({"predict", "m.keras", "big.png", "--no-center", "--invert"});
  EXPECT_TRUE(contains(inverted.err, "inverted")) << inverted.err;
  const Finished centered = call({"predict", "m.keras", "big.png"});
  EXPECT_TRUE(contains(centered.err, "centred")) << centered.err;
  EXPECT_TRUE(contains(centered.out, "big.png: ")) << centered.out;
}

TEST_F(ModelCommands, PredictRefusesBadInput) {
  expect_refusal(call({"predict", "m.keras", "-"}, "1,2,3\n"), 3,
                 "standard input:1: 3 columns, but the model takes 784");
  directory_->write("letter.csv", row("0") + "\n" + row("1").replace(0, 1, "x") + "\n");
  expect_refusal(call({"predict", "m.keras", "letter.csv"}), 3, "letter.csv:2: column '0'");
  expect_refusal(call({"predict", "m.keras", "missing.csv"}), 3, "missing.csv");
  expect_refusal(call({"predict", "m.keras", "-"}, ""), 3, "standard input");
  directory_->write("names.csv", "a,b\n");
  expect_refusal(call({"predict", "m.keras", "names.csv"}), 3, "names.csv: has a first line with names, but no rows");
  directory_->write("text.png", "no picture");
  expect_refusal(call({"predict", "m.keras", "text.png"}), 3, "text.png: no image; PNG, JPEG, WebP");
  expect_refusal(call({"predict", "m.keras", "missing.png"}), 3, "missing.png: no such file");
  directory_->write("empty.png", "");
  expect_refusal(call({"predict", "m.keras", "empty.png"}), 3, "empty.png: is empty");
  std::filesystem::create_directories(directory_->path() / "folder.csv");
  expect_refusal(call({"predict", "m.keras", "folder.csv"}), 3, "folder.csv: is a directory, where a file is expected");
  ASSERT_EQ(call({"train", "moons:100", "--epochs", "1", "--save", "rows.keras"}).status, 0);
  ASSERT_EQ(call({"show", "digits:100", "--out", "digit.png"}).status, 0);
  expect_refusal(call({"predict", "rows.keras", "digit.png"}), 3,
                 "gradus: digit.png: is a picture, but the model takes samples of (2,)");
  directory_->write("broken.png", "\x89PNG\r\n\x1a\n and then nothing of the kind");
  expect_refusal(call({"predict", "m.keras", "broken.png"}), 3, "broken.png");
}

TEST_F(ModelCommands, MistakesAreFoundBeforeTheWork) {
  expect_refusal(call({"predict", "missing.keras", "-", "--out", "y.txt"}), 2, ".npy or .npz, got 'y.txt'");
  directory_->write("amounts.csv", "x,y\n0.5,1.5\n1.5,2.5\n2.5,3.5\n");
  ASSERT_EQ(call({"train", "amounts.csv", "--regression", "--epochs", "1", "--save", "amounts.keras"}).status, 0);
  expect_refusal(call({"evaluate", "amounts.keras", "missing.keras", "amounts.csv", "--report"}), 2,
                 "--report and --confusion are for classes");
}

TEST_F(ModelCommands, SumsAreShownAsProbabilities) {
  ASSERT_EQ(call({"train", "moons:300", "--layers", "dense 16 relu, dense 1", "--loss", "bce from_logits", "--epochs",
                  "40", "--seed", "1", "--save", "sums.keras"})
                .status,
            0);
  const Value measured = json({"evaluate", "sums.keras", "moons:300", "--confusion", "--json"});
  const Value predictions = json({"predict", "sums.keras", "-", "--json"}, "0,1\n1,-0.5\n-1,0\n2,0.3\n");
  for (const Value& each : list(predictions)) {
    const double first = number(list(at(each, "probabilities"))[0]),
                 second = number(list(at(each, "probabilities"))[1]);
    EXPECT_NEAR(first + second, 1, 1e-6);
    EXPECT_TRUE(first >= 0 && second >= 0) << first << ", " << second;
    EXPECT_EQ(text(at(each, "class")), second > first ? "1" : "0");
  }
  const auto& rows = list(at(measured, "confusion"));
  EXPECT_GT(number(list(rows[0])[0]) + number(list(rows[1])[1]), 0.8 * number(at(measured, "samples")));
}

TEST_F(ModelCommands, ExplainFollowsASample) {
  const Finished finished = call({"explain", "m.keras", "digits:2000", "--index", "3"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(finished.err, "");
  for (const char* word : {"Sample 3", "z = ", "a = softmax(z)", "L = ", "dL/dz", "dL/dkernel"}) {
    EXPECT_TRUE(contains(finished.out, word)) << word << finished.out;
  }
  const Value explained = json({"explain", "m.keras", "digits:2000", "--index", "3", "--json"});
  const Value& last = list(at(explained, "layers")).back();
  EXPECT_EQ(list(at(last, "a")).size(), 10u);
  EXPECT_EQ(list(at(last, "dL/dz")).size(), 10u);
  EXPECT_GT(number(at(explained, "loss")), 0);
  expect_refusal(call({"explain", "m.keras", "digits:2000", "--index", "333"}), 2, "0 to 332");
}

TEST_F(ModelCommands, ShowDrawsWithoutColorsWhereThereIsNoTerminal) {
  const Finished finished = call({"show", "digits:100", "--index", "2"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_FALSE(contains(finished.out, "\x1b"));
  EXPECT_TRUE(contains(finished.out, "@")) << finished.out;
  const Finished colored = call({"show", "digits:100", "--index", "2", "--color", "always"});
  EXPECT_TRUE(contains(colored.out, "\x1b[48;2;"));
  EXPECT_TRUE(contains(call({"show", "xor"}).out, "\n  "));
  expect_refusal(call({"show", "xor", "--out", "x.png"}), 2, "no images");
  expect_refusal(call({"show", "digits:100", "--out", "x.jpg"}), 2, "--out: an image is written as .png, got 'x.jpg'");
}

// Bytes and reals, and more numbers than are summed in one piece.
TEST_F(ModelCommands, DataInfoMeasuresTheNumbers) {
  for (const char* name : {"digits:100", "spiral", "xor"}) {
    const Dataset data = datasets::load(name).train;
    const std::int64_t count = data.inputs().shape().elements();
    double low = 1e9, high = -1e9, sum = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto value = static_cast<double>(data.inputs().at(i));
      low = std::min(low, value), high = std::max(high, value), sum += value;
    }
    const Value info = json({"data", "info", name, "--json"});
    const Value& part = at(info, "train");
    EXPECT_EQ(number(at(part, "min")), low) << name;
    EXPECT_EQ(number(at(part, "max")), high) << name;
    EXPECT_NEAR(number(at(part, "mean")), sum / static_cast<double>(count), 1e-9 * std::max(1.0, high)) << name;
  }
}

TEST_F(ModelCommands, InspectDrawsItsTableInWhatTheLocaleHas) {
  const auto out_with = [&](const std::string& locale) {
    RunOptions options = in(*directory_);
    options.variables["LC_ALL"] = locale;
    return run(gradus({"inspect", "m.keras"}), options).out;
  };
  EXPECT_TRUE(contains(out_with("en_US.utf8"), "\xE2\x94\x8F"));
  for (const char* locale : {"C", "POSIX", "de_DE.ISO-8859-1"}) {
    const std::string out = out_with(locale);
    EXPECT_TRUE(std::all_of(out.begin(), out.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0x80U) == 0;
    })) << out;
    EXPECT_TRUE(contains(out, "+===")) << out;
  }
}

TEST_F(ModelCommands, ShowMarksWrongPredictionsInAGrid) {
  const Finished finished =
      call({"show", "digits:2000", "--grid", "2x3", "--model", "m.keras", "--wrong", "--out", "grid.png"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_TRUE(contains(finished.out, "x ")) << finished.out;
  EXPECT_TRUE(contains(finished.out, ", is ")) << finished.out;
  EXPECT_TRUE(read_all(*directory_ / "grid.png").starts_with("\x89PNG"));
  const Value grid = json({"show", "digits:2000", "--grid", "2x3", "--model", "m.keras", "--json"});
  EXPECT_EQ(list(at(grid, "cells")).size(), 6u);
}

TEST_F(ModelCommands, DataAndRecipesAreListed) {
  EXPECT_GE(list(at(json({"data", "list", "--json"}), "data")).size(), 8u);
  const Value info = json({"data", "info", "digits:100", "--json"});
  EXPECT_EQ(number(at(info, "classes")), 10);
  EXPECT_EQ(number(at(at(info, "train"), "samples")), 100);
  EXPECT_TRUE(contains(call({"data", "info", "spiral"}).out, "2 classes"));
  EXPECT_EQ(call({"data", "fetch", "digits:100"}).status, 0);
  const Value recipes = json({"recipes", "--json"});
  EXPECT_GE(list(at(recipes, "recipes")).size(), 9u);
  EXPECT_TRUE(contains(call({"recipes"}).out, "tanh-sgd"));
  EXPECT_TRUE(contains(call({"recipes", "show", "tanh-sgd"}).out, "[model]"));
}

TEST_F(ModelCommands, FailWhenResultsCannotBeWritten) {
  RunOptions options = in(*directory_);
  const Finished finished =
      run({"sh", "-c", std::string("'") + GRADUS_PROGRAM + "' inspect m.keras > /dev/full"}, options);
  EXPECT_EQ(finished.status, 1);
  EXPECT_TRUE(contains(finished.err, "could not be written")) << finished.err;
}

// Whoever made the file chose its names: a terminal must not do what they say.
TEST(EscapesInNames, AreNotPrinted) {
  const TemporaryDirectory directory;
  const std::string evil =
      "\x1b]0;owned\x07\xc2\x9b"
      "31m";
  Sequential model({2}, {Dense{.units = 2, .activation = softmax, .name = "layer" + evil}});
  model.compile({});
  model.set_class_names({"yes" + evil, "no" + evil});
  model.save(directory / "m.keras");
  directory.write("rows" + evil + ".csv", "a,b\n1,2\n");
  directory.write("t.csv", "a" + evil + ",y\n1,p" + evil + "\n2,q\n3,p" + evil + "\n4,q\n");
  const std::vector<std::vector<std::string>> commands{
      {"inspect", "m.keras"},
      {"predict", "m.keras", "rows" + evil + ".csv"},
      {"evaluate", "m.keras", "t.csv"},
      {"data", "info", "t.csv"},
      {"explain", "m.keras", "moons:50"},
      {"train", "t.csv", "--epochs", "1", "--layers", "dense 2 softmax"},
      {"train", "none" + evil + ".csv"}};
  for (const auto& command : commands) {
    const Finished finished = run(gradus(command), in(directory));
    const std::string said = finished.out + finished.err;
    EXPECT_FALSE(contains(said, "\x1b")) << command[0] << ": " << said;
    EXPECT_FALSE(contains(said, "\xc2\x9b")) << command[0];
    EXPECT_FALSE(said.empty());
  }
}

}  // namespace
}  // namespace gradus::test
