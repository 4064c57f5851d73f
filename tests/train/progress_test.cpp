#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include <gradus/gradus.hpp>

namespace gradus {
namespace {

/// The lines on standard error, which is a pipe or a file here, of a run of so many epochs.
std::string said_by(Progress& progress, std::int64_t epochs, std::int64_t stop_after = 1'000'000) {
  const TrainTest data = datasets::load("xor");
  Sequential model{{2}, {Dense{.units = 2, .activation = softmax}}};
  model.compile({SGD{.learning_rate = 0.1}, CategoricalCrossentropy{}, {Accuracy{}}});
  LambdaCallback stop({.on_epoch_end = [&](const TrainingState& s, const Logs&) { return s.epoch + 1 < stop_after; }});
  testing::internal::CaptureStderr();
  model.fit(data.train, {.epochs = epochs, .callbacks = {&progress, &stop}});
  return testing::internal::GetCapturedStderr();
}

std::int64_t lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

TEST(Progress, SaysALineAnEpoch) {
  Progress progress;
  for (int run = 0; run < 2; ++run) {
    const std::string said = said_by(progress, 3);
    EXPECT_EQ(lines(said), 3) << said;
    EXPECT_EQ(said.find("epoch 1/3  loss 0."), 0U) << said;
    EXPECT_NE(said.find("  accuracy "), std::string::npos) << said;
    EXPECT_NE(said.find("\nepoch 3/3  "), std::string::npos) << said;
  }
}

TEST(Progress, LeavesOutEpochsOfLongRunsButNotTheLast) {
  Progress progress;
  const std::string said = said_by(progress, 1000);
  EXPECT_LE(lines(said), 22) << said;
  EXPECT_GE(lines(said), 20) << said;
  EXPECT_NE(said.find("\nepoch 1000/1000  "), std::string::npos) << said;
  const std::string stopped = said_by(progress, 1000, 77);
  EXPECT_EQ(lines(stopped), 3) << stopped;
  EXPECT_NE(stopped.find("\nepoch   77/1000  "), std::string::npos) << stopped;
  EXPECT_EQ(lines(said_by(progress, 0)), 0);
}

}  // namespace
}  // namespace gradus
