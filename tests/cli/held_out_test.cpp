// Which samples a figure was measured on, and whether the model had learnt from them.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "base/philox.hpp"
#include "cli/program.hpp"

namespace gradus::test {
namespace {

/// 300 rows of three kinds that overlap, so that training never fits them all; no two are equal.
std::vector<std::string> rows_of_kinds(std::uint64_t seed) {
  std::vector<std::string> rows;
  Philox random(seed, 1);
  for (int i = 0; i < 300; ++i) {
    const char* names[] = {"oak", "ash", "elm"};
    rows.push_back(std::to_string(i % 3 + 0.9 * random.normal()) + "," + std::to_string(random.normal()) + "," +
                   names[i % 3]);
  }
  return rows;
}

std::string table(const std::vector<std::string>& rows, char separator = ',') {
  std::string text = "height,width,tree\n";
  for (const std::string& row : rows) text += row + "\n";
  std::replace(text.begin(), text.end(), ',', separator);
  return text;
}

bool is_true(const Value& value) { return value.get_if<bool>() != nullptr && *value.get_if<bool>(); }

class HeldOutPart : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory = new TemporaryDirectory;
    directory->write("trees.csv", table(rows_of_kinds(1)));
    trained = new Value(json_of(run(gradus({"train", "trees.csv", "--target", "tree", "--seed", "2", "--epochs", "8",
                                            "--save", "m.keras", "--json"}),
                                    in(*directory))));
  }
  static void TearDownTestSuite() {
    delete directory;
    delete trained;
  }
  static Finished call(std::vector<std::string> words) { return run(gradus(std::move(words)), in(*directory)); }
  static Value measured(std::vector<std::string> words) {
    words.insert(words.begin(), "evaluate");
    words.emplace_back("--json");
    return json_of(call(std::move(words)));
  }
  /// That these are the rows that training measured in the end.
  static void expect_test_part(const Value& found) {
    const Value& test = at(*trained, "test");
    EXPECT_EQ(number(at(found, "samples")), 60);
    EXPECT_EQ(at(found, "accuracy"), at(test, "accuracy"));
    EXPECT_NEAR(number(at(found, "loss")), number(at(test, "loss")), 1e-6);
    EXPECT_EQ(text(at(found, "part")), "test");
    EXPECT_EQ(at(found, "learnt_from"), Value(false));
    EXPECT_EQ(number(at(found, "samples_learnt_from")), 0);
  }

  static TemporaryDirectory* directory;
  static Value* trained;
};
TemporaryDirectory* HeldOutPart::directory = nullptr;
Value* HeldOutPart::trained = nullptr;

TEST_F(HeldOutPart, IsMeasuredAgainOnTheSameData) {
  EXPECT_EQ(at(at(*trained, "test"), "learnt_from"), Value(false));
  expect_test_part(measured({"m.keras", "trees.csv"}));
  expect_test_part(measured({"m.keras", "trees.csv", "--part", "test"}));
  const Value train = measured({"m.keras", "trees.csv", "--part", "train"});
  EXPECT_EQ(number(at(train, "samples")), 240);
  EXPECT_EQ(number(at(train, "samples_learnt_from")), 240);
  EXPECT_TRUE(is_true(at(train, "learnt_from")));
  const Value all = measured({"m.keras", "trees.csv", "--part", "all"});
  EXPECT_EQ(text(at(all, "part")), "all");
  EXPECT_EQ(number(at(all, "samples")), 300);
  EXPECT_EQ(number(at(all, "samples_learnt_from")), 240);
}

TEST_F(HeldOutPart, IsSaidInWordsToo) {
  const Finished plain = call({"evaluate", "m.keras", "trees.csv", "--report", "--confusion"});
  EXPECT_TRUE(contains(plain.out, "trees.csv (test part), 60 samples, none of them learnt from\n")) << plain.out;
  EXPECT_TRUE(contains(call({"evaluate", "m.keras", "trees.csv", "--part", "train"}).out,
                       "trees.csv (training part), 240 samples, all of them learnt from\n"));
  EXPECT_TRUE(contains(call({"evaluate", "m.keras", "trees.csv", "--part", "all"}).out,
                       "trees.csv (all samples), 300 samples, 240 of them learnt from\n"));
  const Finished inspected = call({"inspect", "m.keras"});
  EXPECT_TRUE(contains(inspected.out,
                       "Learnt from 240 different samples; 60 of the 300 in trees.csv were kept to test on "
                       "(drawn with seed 2, each class its share)\n"))
      << inspected.out;
}

TEST_F(HeldOutPart, IsFoundInAnotherSpellingOfTheTable) {
  directory->write("trees.tsv", table(rows_of_kinds(1), '\t'));
  expect_test_part(measured({"m.keras", "trees.tsv"}));
}

TEST_F(HeldOutPart, RowsThatWereLearntFromAreKnownInAnyFile) {
  std::vector<std::string> rows = rows_of_kinds(1);
  std::reverse(rows.begin(), rows.end());
  directory->write("reversed.csv", table(rows));
  const Value reversed = measured({"m.keras", "reversed.csv"});
  EXPECT_EQ(text(at(reversed, "part")), "all");
  EXPECT_EQ(number(at(reversed, "samples_learnt_from")), 240);
  EXPECT_TRUE(is_true(at(reversed, "learnt_from")));

  rows.resize(100);
  const std::vector<std::string> fresh = rows_of_kinds(5);
  rows.insert(rows.end(), fresh.begin(), fresh.end());
  directory->write("mixed.csv", table(rows));
  const Value mixed = measured({"m.keras", "mixed.csv"});
  EXPECT_GT(number(at(mixed, "samples_learnt_from")), 60);
  EXPECT_LT(number(at(mixed, "samples_learnt_from")), 100);

  directory->write("fresh.csv", table(fresh));
  EXPECT_EQ(at(measured({"m.keras", "fresh.csv"}), "learnt_from"), Value(false));
  expect_refusal(call({"evaluate", "m.keras", "fresh.csv", "--part", "test"}), 2,
                 "fresh.csv is not what the model's test part was kept from (trees.csv, 300 samples)");
  expect_refusal(call({"evaluate", "m.keras", "fresh.csv", "--part", "train"}), 2, "fresh.csv is not what");
}

TEST_F(HeldOutPart, IsWhatSeveralModelsAreMeasuredOn) {
  ASSERT_EQ(
      call({"train", "trees.csv", "--target", "tree", "--seed", "3", "--epochs", "1", "--save", "n.keras"}).status, 0);
  const Value two = measured({"m.keras", "n.keras", "trees.csv"});
  EXPECT_GT(number(at(two, "samples_learnt_from")), 30) << "the second kept others";
  EXPECT_TRUE(is_true(at(two, "learnt_from")));
}

TEST_F(HeldOutPart, IsWhatExplainAndShowLookAt) {
  const Value explained = json_of(call({"explain", "m.keras", "trees.csv", "--json"}));
  EXPECT_EQ(text(at(explained, "part")), "test");
  EXPECT_EQ(at(explained, "learnt_from"), Value(false));
  const Finished words = call({"explain", "m.keras", "trees.csv", "--part", "train"});
  EXPECT_TRUE(contains(words.out, "Sample 0 of trees.csv (training part), learnt from\n")) << words.out;
}

TEST_F(HeldOutPart, AModelThatKeptNoneSaysSo) {
  const Finished all =
      call({"train", "trees.csv", "--target", "tree", "--test-split", "0", "--epochs", "1", "--save", "all.keras"});
  EXPECT_TRUE(contains(all.out, "on 255 samples of trees.csv, all of them learnt from\n")) << all.out;
  EXPECT_EQ(number(at(measured({"all.keras", "trees.csv"}), "samples_learnt_from")), 300);
  expect_refusal(call({"evaluate", "all.keras", "trees.csv", "--part", "test"}), 2, "no record of one that was kept");
  EXPECT_TRUE(contains(call({"inspect", "all.keras"}).out, "no part of the data was split off to test on"));
}

TEST_F(HeldOutPart, ValidationRowsCountAsLearntFrom) {
  const Value split = json_of(call({"train", "trees.csv", "--target", "tree", "--validation-split", "0.25", "--epochs",
                                    "2", "--save", "v.keras", "--json"}));
  const Value found = measured({"v.keras", "trees.csv"});
  EXPECT_EQ(number(at(found, "samples")), 60);
  EXPECT_EQ(at(found, "accuracy"), at(at(split, "test"), "accuracy"));
  EXPECT_EQ(at(found, "learnt_from"), Value(false));
  const Value train = measured({"v.keras", "trees.csv", "--part", "train"});
  EXPECT_EQ(number(at(train, "samples")), 240);
  EXPECT_EQ(number(at(train, "samples_learnt_from")), 240);
}

// Without a recipe a validation part is cut from the training part, so nothing is chosen by the test part.
TEST_F(HeldOutPart, NothingIsChosenByTheTestPart) {
  const std::vector<std::string> train{"train", "trees.csv", "--target", "tree", "--epochs", "1", "--save", "e.keras"};
  const auto said = [&](std::vector<std::string> more) {
    more.insert(more.begin(), train.begin(), train.end());
    return contains(call(more).err, "decides by the test part");
  };
  EXPECT_FALSE(said({"--early-stopping", "3"}));
  EXPECT_FALSE(said({"--reduce-lr-on-plateau", "3"}));
  EXPECT_FALSE(said({"--early-stopping", "3 monitor=loss"}));
  EXPECT_FALSE(said({"--early-stopping", "3", "--validation-split", "0.2"}));
  EXPECT_FALSE(said({}));
}

TEST_F(HeldOutPart, ARecipeThatChoosesByTheTestPartSaysSo) {
  const auto said = [&](const std::string& validation, const std::string& monitor) {
    directory->write("choose.toml", "[data]\nsource = 'digits:100'\n" + validation +
                                        "[model]\nlayers = ['flatten', 'dense 10 softmax']\n[fit]\nepochs = 1\n"
                                        "callbacks = ['early_stopping 3 monitor=" +
                                        monitor + "']\n");
    const Finished done = call({"train", "choose.toml", "--save", "c.keras"});
    EXPECT_EQ(done.status, 0) << done.err;
    return contains(done.err, "EarlyStopping decides by the test part, so the test figures flatter the model");
  };
  EXPECT_TRUE(said("validation = 'test'\n", "val_loss"));
  EXPECT_FALSE(said("validation = 'test'\n", "loss"));
  EXPECT_FALSE(said("validation = 0.2\n", "val_loss"));
}

TEST_F(HeldOutPart, OfDrawnSetsIsFoundByTheirName) {
  const Value moons = json_of(call({"train", "moons:400", "--epochs", "3", "--save", "moons.keras", "--json"}));
  const Value found = measured({"moons.keras", "moons:400"});
  EXPECT_EQ(number(at(found, "samples")), 80);
  EXPECT_EQ(at(found, "accuracy"), at(at(moons, "test"), "accuracy"));
  EXPECT_EQ(at(found, "learnt_from"), Value(false));
  EXPECT_EQ(number(at(measured({"moons.keras", "moons:1000"}), "samples_learnt_from")), 320);
}

TEST_F(HeldOutPart, OfSetsThatBringOneIsTheirOwn) {
  ASSERT_EQ(call({"train", "digits:600", "--layers", "dense 4 relu, dense 10 softmax", "--epochs", "1", "--save",
                  "digits.keras"})
                .status,
            0);
  const Value test = measured({"digits.keras", "digits:600"});
  EXPECT_EQ(text(at(test, "part")), "test");
  EXPECT_EQ(at(test, "learnt_from"), Value(false));
  EXPECT_EQ(number(at(measured({"digits.keras", "digits:600", "--part", "train"}), "samples_learnt_from")), 600);
  const Value all = measured({"digits.keras", "digits:600", "--part", "all"});
  EXPECT_EQ(number(at(all, "samples")), 700);
  EXPECT_EQ(number(at(all, "samples_learnt_from")), 600);
  const Value grid = json_of(call({"show", "digits:600", "--model", "digits.keras", "--wrong", "--json"}));
  EXPECT_EQ(at(grid, "learnt_from"), Value(false));
  const Finished shown = call({"show", "digits:600", "--model", "digits.keras", "--part", "train", "--grid", "1x3"});
  EXPECT_TRUE(contains(shown.out, "3 images of digits (training part), all of them learnt from, ")) << shown.out;
}

TEST_F(HeldOutPart, SurvivesConversionAndIsUnknownOfOthers) {
  ASSERT_EQ(call({"convert", "m.keras", "m.h5"}).status, 0);
  expect_test_part(measured({"m.h5", "trees.csv"}));
  directory->write("same.toml",
                   "[data]\nsource = 'trees.csv'\n[model]\nlayers = ['dense 3 softmax']\n[fit]\nepochs = 0\n");
  ASSERT_EQ(call({"train", "same.toml", "--save", "none.keras"}).status, 0);
  const Value unknown = measured({"none.keras", "trees.csv"});
  EXPECT_TRUE(at(unknown, "learnt_from").is_null());
  EXPECT_TRUE(at(unknown, "samples_learnt_from").is_null());
  EXPECT_TRUE(contains(call({"evaluate", "none.keras", "trees.csv"}).out,
                       ", and the model file does not say which samples it learnt from\n"));
}

}  // namespace
}  // namespace gradus::test
