// What `gradus train` does where nothing is asked for.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "cli/program.hpp"
#include "support/houses.hpp"

namespace gradus::test {
namespace {

TEST(DefaultTraining, ChoosesATablesNetworkByTrials) {
  const TemporaryDirectory directory;
  directory.write("houses.csv", houses(300, 1, false).csv);
  const Finished finished = run(gradus({"train", "houses.csv", "--target", "price", "--json"}), in(directory));
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_TRUE(contains(finished.err, "Tried, with the loss on samples left out of training: ")) << finished.err;
  EXPECT_TRUE(contains(finished.err, "The model is the mean of ")) << finished.err;
  const Value result = json_of(finished);
  EXPECT_GT(number(at(at(result, "test"), "r2_score")), 0.85);
  EXPECT_GT(number(at(result, "epochs")), 0);
  EXPECT_EQ(list(at(at(result, "history"), "val_loss")).size(), static_cast<std::size_t>(number(at(result, "epochs"))));
}

TEST(DefaultTraining, IsPlainWhereItIsToBeQuickOrTheRunIsSettled) {
  const TemporaryDirectory directory;
  directory.write("houses.csv", houses(120, 1, false).csv);
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{"--quick"}, {"--epochs", "3"}, {"--layers", "dense 4 relu, dense 1"}}) {
    std::vector<std::string> words{"train", "houses.csv", "--target", "price"};
    words.insert(words.end(), more.begin(), more.end());
    const Finished finished = run(gradus(words), in(directory));
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_FALSE(contains(finished.err, "Tried")) << finished.err;
  }
}

TEST(DefaultTraining, MeasuresFoldsByTheSameTrials) {
  const TemporaryDirectory directory;
  directory.write("houses.csv", houses(90, 1, false).csv);
  const Finished finished =
      run(gradus({"train", "houses.csv", "--target", "price", "--k-fold", "2", "--json"}), in(directory));
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_TRUE(contains(finished.err, "a network is chosen by trials")) << finished.err;
  EXPECT_GT(number(at(at(json_of(finished), "mean"), "r2_score")), 0.5);
}

// Drawn digits are few and soon learnt by heart: later epochs are worse.
TEST(DefaultTraining, KeepsTheWeightsOfTheBestEpoch) {
  const TemporaryDirectory directory;
  const Finished finished =
      run(gradus({"train", "digits:200", "--epochs", "40", "--optimizer", "adam", "--learning-rate", "0.02", "--save",
                  "m.keras", "--save-each", "each-{epoch:02d}.keras", "--json"}),
          in(directory));
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Value result = json_of(finished);
  const Value::List& losses = list(at(at(result, "history"), "val_loss"));
  ASSERT_EQ(losses.size(), 40u);
  std::size_t best = 0;
  for (std::size_t e = 0; e < losses.size(); ++e) {
    if (number(losses[e]) < number(losses[best])) best = e;
  }
  char name[20];
  std::snprintf(name, sizeof name, "each-%02zu.keras", best + 1);
  const Value kept = json_of(run(gradus({"inspect", name, "--json"}), in(directory)));
  EXPECT_EQ(text(at(result, "weights_sha256")), text(at(kept, "weights_sha256"))) << name;
}

}  // namespace
}  // namespace gradus::test
