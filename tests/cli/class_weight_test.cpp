// --class-weight goes by the classes' names, whatever their numbers within the model are.
#include <gtest/gtest.h>

#include "base/philox.hpp"
#include "cli/program.hpp"

namespace gradus::test {
namespace {

/// Two classes that overlap widely: what counts more is found nearly always.
std::string patients(const std::string& first, const std::string& second) {
  std::string csv = "a,b,status\n";
  Philox random(3, 0);
  for (int i = 0; i < 300; ++i) {
    csv += std::to_string(0.5 * (i % 2) + random.normal()) + "," + std::to_string(random.normal()) + "," +
           (i % 2 == 0 ? first : second) + "\n";
  }
  return csv;
}

class ClassWeightOption : public testing::Test {
 protected:
  Finished train(const std::string& weights) {
    return run(gradus({"train", "p.csv", "--target", "status", "--class-weight", weights, "--epochs", "40", "--save",
                       "m.keras"}),
               in(directory_));
  }
  /// How many of each class are found, by name.
  double recall(const std::string& name) {
    const Value report =
        at(json_of(run(gradus({"evaluate", "m.keras", "p.csv", "--report", "--json"}), in(directory_))), "report");
    for (const Value& each : list(at(report, "classes"))) {
      if (text(at(each, "class")) == name) return number(at(each, "recall"));
    }
    ADD_FAILURE() << "no class " << name << " in " << report.to_string();
    return 0;
  }
  void expect_favours(const std::string& weights, const std::string& favoured, const std::string& other) {
    const Finished finished = train(weights);
    ASSERT_EQ(finished.status, 0) << finished.err;
    EXPECT_GT(recall(favoured), 0.85) << weights;
    EXPECT_LT(recall(other), 0.45) << weights;
  }
  TemporaryDirectory directory_;
};

TEST_F(ClassWeightOption, NumbersAreNames) {
  directory_.write("p.csv", patients("1", "2"));
  expect_favours("1:1,2:9", "2", "1");
  expect_favours("1:9,2:1", "1", "2");
  expect_favours("1:9", "1", "2");
  expect_refusal(train("0:1,1:9"), 2, "there is no class '0'; the classes of p.csv are '1', '2'");
}

TEST_F(ClassWeightOption, WordsWithCommasAndColonsToo) {
  directory_.write("p.csv", patients("\"yes, please\"", "no: never"));
  expect_favours("'yes, please':1, no: never:9", "no: never", "yes, please");
  expect_favours("\"yes, please\":9", "yes, please", "no: never");
  expect_refusal(train("no: never:1,maybe:9"), 2,
                 "there is no class 'maybe'; the classes of p.csv are 'no: never', 'yes, please'");
}

TEST_F(ClassWeightOption, RecipesNameThemLikewise) {
  directory_.write("p.csv", patients("no", "yes"));
  const auto train = [&](const std::string& weights) {
    directory_.write("r.toml",
                     "[data]\nsource = 'p.csv'\n[model]\nlayers = ['dense 2 softmax']\n[compile]\n"
                     "optimizer = 'adam 0.05'\n[fit]\nepochs = 20\nclass_weight = " +
                         weights + "\n");
    return run(gradus({"train", "r.toml", "--save", "m.keras"}), in(directory_));
  };
  ASSERT_EQ(train("{yes = 9}").status, 0);
  EXPECT_GT(recall("yes"), 0.85);
  EXPECT_LT(recall("no"), 0.45);
  expect_refusal(train("{maybe = 9}"), 3, "r.toml: class_weight: there is no class 'maybe'");
  expect_refusal(train("{0 = 9}"), 3, "the classes of p.csv are 'no', 'yes'");
}

TEST_F(ClassWeightOption, WhatIsMistypedIsRefusedBeforeAnythingIsRead) {
  for (const char* wrong :
       {"", "yes:", ":3", "yes", "yes:a", "yes:1,", "'yes:1", "'yes'1:2", "yes:1,no", "yes:1,yes:2"}) {
    const Finished finished = train(wrong);
    EXPECT_EQ(finished.status, 2) << wrong << finished.err;
    EXPECT_TRUE(contains(finished.err, "--class-weight: ")) << finished.err;
  }
}

}  // namespace
}  // namespace gradus::test
