// After its first steps a training run asks for no more memory, nor does prediction after the first call.
#include <gtest/gtest.h>

#include "paths.hpp"
#include "performance/allocations.hpp"
#include "performance/workloads.hpp"

namespace gradus::test {
namespace {

constexpr int several = 3;
// A further thread makes itself scratch memory when it first computes something, and that may be late where the cores
// are busy. So a run on several threads may ask so many times more, however many steps it makes.
constexpr std::int64_t late_allocations = 8 * (several - 1);

class Allocations : public testing::TestWithParam<Training> {
 protected:
  void SetUp() override {
    if (std::string(GRADUS_SANITIZED) != "") GTEST_SKIP() << "sanitizers have an operator new of their own";
  }
};

/// The allocations from the end of step `warm_up` to the end of the run.
class StepCounter : public Callback {
 public:
  bool on_batch_end(const TrainingState&) override {
    constexpr std::int64_t warm_up = 3;
    if (++steps == warm_up) before_ = allocations();
    after_ = allocations();
    return true;
  }
  [[nodiscard]] std::int64_t count() const { return after_ - before_; }
  std::int64_t steps = 0;

 private:
  std::int64_t before_ = 0, after_ = 0;
};

std::int64_t allocations_of(const Training& training, std::int64_t batch_size, std::int64_t steps, int threads) {
  Sequential model = training.model();
  StepCounter counter;
  // The last batch is smaller: that, too, must fit what was planned.
  const Dataset data = inked(steps * batch_size - batch_size / 2).with_one_hot(training.one_hot);
  model.fit(data, {.epochs = 1, .batch_size = batch_size, .threads = threads, .callbacks = {&counter}});
  EXPECT_EQ(counter.steps, steps);
  return counter.count();
}

TEST_P(Allocations, NoneAStepOnOneThread) {
  const std::int64_t steps = GetParam().name == "wide-mlp" ? 6 : 20;
  for (const std::int64_t batch_size : {GetParam().batch_size, std::int64_t{1}, std::int64_t{7}}) {
    EXPECT_EQ(allocations_of(GetParam(), batch_size, steps, 1), 0) << "batches of " << batch_size;
  }
}

TEST_P(Allocations, NoneAStepOnSeveralThreads) {
  const bool wide = GetParam().name == "wide-mlp";
  EXPECT_LE(allocations_of(GetParam(), GetParam().batch_size, wide ? 24 : 100, several), late_allocations);
  EXPECT_LE(allocations_of(GetParam(), 1, wide ? 24 : 100, several), late_allocations);
}

INSTANTIATE_TEST_SUITE_P(Workloads, Allocations, testing::ValuesIn(trainings()),
                         [](const auto& one) { return one.param.identifier(); });

TEST(Augmenting, AllocatesNothingAStep) {
  if (std::string(GRADUS_SANITIZED) != "") GTEST_SKIP() << "sanitizers have an operator new of their own";
  const Training training = trainings().back();
  Sequential model = training.model();
  StepCounter counter;
  FitOptions fit{.epochs = 1, .batch_size = 50, .threads = 1, .callbacks = {&counter}};
  fit.augmentation = {
      .shift = 2, .rotate = 10, .elastic_alpha = 34, .noise = 0.1, .cutout = 5, .erase = 0.5, .mixup = 0.2};
  model.fit(inked(1000), fit);
  EXPECT_EQ(counter.steps, 20);
  EXPECT_EQ(counter.count(), 0);
}

TEST(RulesWeightsAndMetrics, AllocateNothingAStep) {
  if (std::string(GRADUS_SANITIZED) != "") GTEST_SKIP() << "sanitizers have an operator new of their own";
  Sequential model{{28, 28, 1},
                   {Rescaling{.scale = 1.0 / 255, .offset = 0.1}, Flatten{},
                    Dense{.units = 40,
                          .activation = relu,
                          .kernel_regularizer = L1L2{.l1 = 1e-4, .l2 = 1e-4},
                          .activity_regularizer = L2{.l2 = 1e-4},
                          .kernel_constraint = MaxNorm{},
                          .bias_constraint = NonNeg{}},
                    Dense{.units = 10, .activation = softmax, .kernel_constraint = UnitNorm{}}}};
  model.compile({.optimizer = Adam{},
                 .loss = CategoricalCrossentropy{.label_smoothing = 0.1},
                 .metrics = {Accuracy{}, TopKCategoricalAccuracy{}, F1Score{}, AUC{}, R2Score{},
                             metrics::RootMeanSquaredError{}, Precision{.top_k = 2}},
                 .weighted_metrics = {Accuracy{}, AUC{}, Recall{.average = Average::macro}}});
  const Dataset data = inked(1000).with_sample_weights(std::vector<Real>(1000, 0.5F));
  StepCounter counter;
  model.fit(data, {.epochs = 1, .batch_size = 50, .class_weight = "balanced", .threads = 1, .callbacks = {&counter}});
  EXPECT_EQ(counter.steps, 20);
  EXPECT_EQ(counter.count(), 0);
}

// Layers that draw, keep averages, or hold layers of their own.
TEST(Layers, AllocateNothingAStep) {
  if (std::string(GRADUS_SANITIZED) != "") GTEST_SKIP() << "sanitizers have an operator new of their own";
  Sequential model{{28, 28, 1},
                   {Normalization{}, GaussianNoise{}, BatchNormalization{}, SpatialDropout2D{.rate = 0.1}, Flatten{},
                    Dropout{.rate = 0.2}, Dense{.units = 40, .activation = gelu},
                    Residual{.layers = {LayerNormalization{}, Dense{.units = 40, .activation = silu}, Dropout{}}},
                    BatchNormalization{}, PReLU{}, Dense{.units = 10, .activation = softmax}},
                   {.seed = 1}};
  model.compile({.optimizer = Adam{}, .loss = CategoricalCrossentropy{}, .metrics = {Accuracy{}}});
  StepCounter counter;
  model.fit(inked(1000), {.epochs = 1, .batch_size = 50, .threads = 1, .callbacks = {&counter}});
  EXPECT_EQ(counter.steps, 20);
  EXPECT_EQ(counter.count(), 0);
}

// Constraints and clipping change weights behind the layers' backs, which then make anew what they keep beside them.
TEST(Layers, WithinAResidualAllocateNothingAStep) {
  if (std::string(GRADUS_SANITIZED) != "") GTEST_SKIP() << "sanitizers have an operator new of their own";
  const Residual block{.layers = {Dense{.units = 30, .activation = relu, .kernel_constraint = MaxNorm{.max_value = 2}},
                                  Residual{.layers = {Dense{.units = 30, .activation = silu}}}, Dense{.units = 40}}};
  for (const Optimizer& optimizer :
       std::vector<Optimizer>{SGD{}, Adam{.global_clipnorm = 1}, SGD{.clipnorm = 1}, Adam{.use_ema = true}}) {
    Sequential model{{28, 28, 1},
                     {Rescaling{.scale = 1.0 / 255}, Flatten{}, Dense{.units = 40, .activation = relu}, block,
                      Dense{.units = 10, .activation = softmax}},
                     {.seed = 1}};
    model.compile({.optimizer = optimizer, .loss = CategoricalCrossentropy{}, .metrics = {Accuracy{}}});
    for (const std::int64_t batch_size : {50, 1}) {
      StepCounter counter;
      model.fit(inked(20 * batch_size), {.batch_size = batch_size, .threads = 1, .callbacks = {&counter}});
      EXPECT_EQ(counter.steps, 20);
      EXPECT_EQ(counter.count(), 0) << optimizer.class_name() << ", batches of " << batch_size;
    }
  }
}

TEST(Counting, SeesAnAllocation) {
  if (std::string(GRADUS_SANITIZED) != "") GTEST_SKIP() << "sanitizers have an operator new of their own";
  const std::int64_t before = allocations();
  const std::vector<Real> numbers(1000);
  EXPECT_EQ(allocations() - before, 1) << numbers.size();
}

TEST(Prediction, AllocatesNothingAfterTheFirstCall) {
  if (std::string(GRADUS_SANITIZED) != "") GTEST_SKIP() << "sanitizers have an operator new of their own";
  const Sequential model = predictor();
  const Dataset data = inked(10'000);
  std::vector<Real> outputs(10 * 10'000);
  for (const std::int64_t rows : {1, 2, 300, 10'000}) {
    const TensorView inputs = data.inputs().first(rows);
    const std::span<Real> room = std::span(outputs).first(static_cast<std::size_t>(10 * rows));
    model.predict_into(inputs, room);
    const std::int64_t before = allocations();
    const int calls = rows == 10'000 ? 20 : 100;
    for (int i = 0; i < calls; ++i) model.predict_into(inputs, room);
    EXPECT_LE(allocations() - before, rows == 1 ? 0 : late_allocations) << rows << " rows";
  }
}

}  // namespace
}  // namespace gradus::test
