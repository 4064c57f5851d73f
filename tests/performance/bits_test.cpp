#include <gtest/gtest.h>

#include <string>

#include "performance/workloads.hpp"

namespace gradus::test {
namespace {

class Bits : public testing::TestWithParam<Training> {};

// A few steps of each workload of `gradus bench`, the last one smaller, on any number of threads.
TEST_P(Bits, AreTheSameOnEveryNumberOfThreads) {
  const Training& training = GetParam();
  const std::int64_t steps = training.batch_size == 1 ? 300 : 3;
  const Dataset data = inked(steps * training.batch_size - training.batch_size / 2).with_one_hot(training.one_hot);
  std::string first;
  for (const std::int64_t threads : {1, 2, 3, 7}) {
    Sequential model = training.model();
    model.fit(data, {.epochs = 1, .batch_size = training.batch_size, .threads = threads});
    if (first.empty()) first = model.weights_sha256();
    EXPECT_EQ(model.weights_sha256(), first) << threads << " threads";
  }
}

INSTANTIATE_TEST_SUITE_P(Workloads, Bits, testing::ValuesIn(trainings()),
                         [](const auto& one) { return one.param.identifier(); });

}  // namespace
}  // namespace gradus::test
