// Numbers that are not finite: refused where they come in, and never written as JSON.
#include <gtest/gtest.h>

#include <limits>

#include <gradus/gradus.hpp>

#include "cli/program.hpp"
#include "formats/npy.hpp"

namespace gradus::test {
namespace {

constexpr Real nan = std::numeric_limits<Real>::quiet_NaN();

TEST(NotFinite, ArraysAreRefusedByFileAndSample) {
  const TemporaryDirectory directory;
  std::vector<Real> values, labels;
  for (int i = 0; i < 20; ++i) {
    values.insert(values.end(), {static_cast<Real>(i % 2), static_cast<Real>(i) / 10});
    labels.push_back(static_cast<Real>(i % 2));
  }
  const Tensor y({20}, labels);
  write_npz(directory / "good.npz", {{"x", Tensor({20, 2}, values)}, {"y", y}});
  values[15] = nan;
  write_npz(directory / "gap.npz", {{"x", Tensor({20, 2}, values)}, {"y", y}});
  write_npy(directory / "gap.npy", Tensor({20, 2}, values));
  const auto call = [&](const std::vector<std::string>& words) { return run(gradus(words), in(directory)); };
  ASSERT_EQ(call({"train", "good.npz", "--epochs", "2", "--save", "m.keras"}).status, 0);
  const std::string sentence = "sample 7 (counted from 0) holds a number that is not finite: NaN";
  expect_refusal(call({"predict", "m.keras", "gap.npy"}), 3, "gap.npy: " + sentence);
  expect_refusal(call({"predict", "m.keras", "gap.npz"}), 3, "gap.npz: x: " + sentence);
  expect_refusal(call({"predict", "m.keras", "gap.npy", "--out", "o.npy"}), 3, sentence);
  expect_refusal(call({"evaluate", "m.keras", "gap.npz", "--json"}), 3, sentence);
  expect_refusal(call({"train", "gap.npz"}), 3, "gap.npz: x.npy: " + sentence);
}

TEST(NotFinite, OutputsNameNoClassAndMakeNoJson) {
  const TemporaryDirectory directory;
  Sequential model({2}, {Dense{.units = 2, .activation = relu}});
  model.compile({.loss = MeanSquaredError{}, .metrics = {Accuracy{}}});
  model.set_weight(0, Tensor({2, 2}, {1e38F, 0, 0, 0}));  // the first output grows beyond what a float holds
  model.save(directory / "m.keras");
  write_npz(directory / "x.npz", {{"x", Tensor({1, 2}, {100, 2})}, {"y", Tensor({1, 2}, {1, 0})}});
  const auto call = [&](const std::vector<std::string>& words) { return run(gradus(words), in(directory)); };
  const Finished shown = call({"predict", "m.keras", "x.npz"});
  EXPECT_TRUE(contains(shown.out, "x.npz[0]: the outputs are not finite")) << shown.out;
  EXPECT_FALSE(contains(shown.out, "%")) << shown.out;
  EXPECT_TRUE(contains(shown.err, "not finite")) << shown.err;
  const Finished json = call({"predict", "m.keras", "x.npz", "--json"});
  EXPECT_EQ(json.out, "[{\"class\":null,\"values\":[null,0.0],\"source\":\"x.npz[0]\"}]\n");
  const Finished measured = call({"evaluate", "m.keras", "x.npz", "--json"});
  EXPECT_EQ(at(json_of(measured), "loss"), Value()) << measured.out;
  EXPECT_FALSE(contains(measured.out, "nan") || contains(measured.out, "NaN")) << measured.out;
}

// The outputs of a network that ends in tanh are no probabilities.
TEST(Scores, AreShownAsTheyAre) {
  const TemporaryDirectory directory;
  const auto call = [&](const std::vector<std::string>& words) { return run(gradus(words), in(directory)); };
  ASSERT_EQ(call({"train", "moons:400", "--layers", "dense 8 tanh, dense 2 tanh", "--loss", "squared_error",
                  "--targets", "-1,1", "--epochs", "2", "--save", "m.keras"})
                .status,
            0);
  directory.write("rows.csv", "0.5,1\n");
  const Finished shown = call({"predict", "m.keras", "rows.csv"});
  EXPECT_EQ(shown.status, 0) << shown.err;
  EXPECT_FALSE(contains(shown.out, "%")) << shown.out;
  const Value prediction = list(json_of(call({"predict", "m.keras", "rows.csv", "--json"})))[0];
  EXPECT_EQ(prediction.find("probabilities"), nullptr);
  const auto& scores = list(at(prediction, "scores"));
  ASSERT_EQ(scores.size(), 2U);
  EXPECT_EQ(text(at(prediction, "class")), number(scores[0]) > number(scores[1]) ? "0" : "1");
}

}  // namespace
}  // namespace gradus::test
