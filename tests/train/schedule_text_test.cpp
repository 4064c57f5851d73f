// Schedules as people type them for a run.
#include <gtest/gtest.h>

#include "model/schedule_text.hpp"
#include "support/expect_error.hpp"

namespace gradus::test {
namespace {

// 10 epochs of 50 steps at a rate of 0.2.
Schedule made(const std::string& text) {
  const auto schedule = schedule_for(text, {.learning_rate = 0.2, .steps_per_epoch = 50, .epochs = 10});
  EXPECT_TRUE(schedule) << text;
  return schedule.value_or(Schedule(CosineDecay{}));
}

TEST(ScheduleText, FitsTheRunWhereItSaysNothing) {
  EXPECT_EQ(made("cosine"), Schedule(CosineDecay{.initial_learning_rate = 0.2, .decay_steps = 500}));
  EXPECT_EQ(made("cosine alpha=0.1"),
            Schedule(CosineDecay{.initial_learning_rate = 0.2, .decay_steps = 500, .alpha = 0.1}));
  EXPECT_EQ(
      made("cosine warmup_steps=1epoch"),
      Schedule(CosineDecay{.initial_learning_rate = 0, .decay_steps = 450, .warmup_target = 0.2, .warmup_steps = 50}));
  EXPECT_EQ(made("one_cycle"), Schedule(OneCycle{.max_learning_rate = 0.2, .total_steps = 500}));
  EXPECT_EQ(made("one-cycle"), made("OneCycle"));
  EXPECT_EQ(made("linear"), Schedule(PolynomialDecay{.initial_learning_rate = 0.2, .decay_steps = 500}));
  EXPECT_EQ(made("restarts"), Schedule(CosineDecayRestarts{.initial_learning_rate = 0.2, .first_decay_steps = 71}));
  EXPECT_FALSE(schedule_for("constant", {}));
}

TEST(ScheduleText, TakesStepsAndEpochs) {
  EXPECT_EQ(made("step decay_steps=3epochs decay_rate=0.5"),
            Schedule(ExponentialDecay{
                .initial_learning_rate = 0.2, .decay_steps = 150, .decay_rate = 0.5, .staircase = true}));
  EXPECT_EQ(made("step decay_steps=0.5 epochs"),
            Schedule(ExponentialDecay{
                .initial_learning_rate = 0.2, .decay_steps = 25, .decay_rate = 0.1, .staircase = true}));
  EXPECT_EQ(made("exponential 0.3 40 0.8"),
            Schedule(ExponentialDecay{.initial_learning_rate = 0.3, .decay_steps = 40, .decay_rate = 0.8}));
  EXPECT_EQ(made("piecewise boundaries=[2epochs, 4epochs] values=[0.2, 0.1, 0.05]"),
            Schedule(PiecewiseConstantDecay{.boundaries = {100, 200}, .values = {0.2, 0.1, 0.05}}));
  EXPECT_EQ(made("CosineDecay(0.3, 77)"), Schedule(CosineDecay{.initial_learning_rate = 0.3, .decay_steps = 77}));
}

TEST(ScheduleText, NamesWhatItDoesNotKnow) {
  expect_error(ErrorCode::invalid_argument, {"cosin", "cosine"}, [] { (void)schedule_for("cosin_decay", {}); });
  expect_error(ErrorCode::invalid_argument, {"warmup", "warmup_target"},
               [] { (void)schedule_for("cosine warmup=3", {}); });
}

}  // namespace
}  // namespace gradus::test
