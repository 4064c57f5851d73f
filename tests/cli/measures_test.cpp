// Losses, weights and metrics on the command line.
#include <gtest/gtest.h>

#include <fstream>

#include "cli/program.hpp"

namespace gradus::test {
namespace {

TEST(Measures, AreChosenForTrainingAndEvaluation) {
  const TemporaryDirectory directory;
  const Finished trained =
      run(gradus({"train", "blobs:300", "--layers",
                  "dense 8 relu kernel_regularizer=l2(0.001) kernel_constraint=max_norm(2), "
                  "dense 3 softmax",
                  "--loss", "categorical_crossentropy label_smoothing=0.1", "--metrics", "accuracy, f1_score macro",
                  "--class-weight", "0:2,1:0.5", "--epochs", "3", "--save", "m.keras", "--json"}),
          in(directory));
  ASSERT_EQ(trained.status, 0) << trained.err;
  EXPECT_EQ(list(at(at(json_of(trained), "history"), "val_f1_score")).size(), 3U);
  const Finished told =
      run(gradus({"evaluate", "m.keras", "blobs:300", "--metrics", "auc, f1, topk 2", "--json"}), in(directory));
  ASSERT_EQ(told.status, 0) << told.err;
  const Value figures = json_of(told);
  for (const char* name : {"loss", "auc", "f1_score/0", "f1_score/2", "top_k_categorical_accuracy"}) {
    EXPECT_GT(number(at(figures, name)), 0) << name;
  }
  EXPECT_EQ(figures.find("accuracy"), nullptr);
  const Finished own = run(gradus({"evaluate", "m.keras", "blobs:300"}), in(directory));
  EXPECT_TRUE(contains(own.out, "  f1_score  ")) << "the file remembers its metrics: " << own.out;
}

TEST(Measures, AreReportedByClass) {
  const TemporaryDirectory directory;
  ASSERT_EQ(run(gradus({"train", "blobs:300", "--epochs", "3", "--save", "m.keras"}), in(directory)).status, 0);
  const Finished table = run(gradus({"evaluate", "m.keras", "blobs:300", "--report"}), in(directory));
  ASSERT_EQ(table.status, 0) << table.err;
  for (const char* words : {"   class  precision  recall      f1    support\n", "   macro  ", "weighted  "}) {
    EXPECT_TRUE(contains(table.out, words)) << table.out;
  }
  const Value report =
      at(json_of(run(gradus({"evaluate", "m.keras", "blobs:300", "--report", "--json"}), in(directory))), "report");
  const auto& classes = list(at(report, "classes"));
  ASSERT_EQ(classes.size(), 3U);
  double recall = 0, support = 0;
  for (const Value& each : classes) recall += number(at(each, "recall")), support += number(at(each, "support"));
  EXPECT_EQ(support, 60) << "those that training kept";
  EXPECT_NEAR(number(at(at(report, "macro"), "recall")), recall / 3, 1e-12);
}

TEST(Measures, AreRefusedWithASentence) {
  const TemporaryDirectory directory;
  const auto refuse = [&](std::vector<std::string> more, int status, const std::string& words) {
    std::vector<std::string> command = gradus({"train", "moons:60", "--epochs", "1", "--save", "m.keras"});
    command.insert(command.end(), more.begin(), more.end());
    expect_refusal(run(command, in(directory)), status, words);
  };
  refuse({"--class-weight", "equal"}, 2, "balanced");
  refuse({"--class-weight", "0:x"}, 2, "CLASS:WEIGHT");
  refuse({"--class-weight", "7:1"}, 2, "there is no class '7'");
  refuse({"--metrics", "f1_scoer"}, 2, "f1_score");
  refuse({"--metrics", "f1_score median"}, 2, "median");
  refuse({"--layers", "dense 2 softmax kernel_regularizer=l2(-1)"}, 2, "l2 must be");
  refuse({"--layers", "dense 2 softmax kernel_constraint=max_norm(axis=5)"}, 2, "axis 5");
}

}  // namespace
}  // namespace gradus::test
