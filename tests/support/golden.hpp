#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include <gradus/model.hpp>

/// What the tests against tests/golden share.
namespace gradus::test {

using Json = nlohmann::json;

/// The random numbers of generate.py.
class Stream {
 public:
  explicit Stream(std::uint32_t seed) : state_(seed) {}
  double next() {
    state_ = 1664525U * state_ + 1013904223U;
    return state_ * 0x1p-32;
  }

 private:
  std::uint32_t state_;
};

inline void expect_weight(const Tensor& got, const Json& expected) {
  const double count = static_cast<double>(got.shape().elements());
  if (expected.contains("values")) {
    double squares = 0;
    for (const double v : expected["values"]) squares += v * v;
    for (std::int64_t i = 0; i < got.shape().elements(); ++i) {
      const double want = expected["values"][static_cast<std::size_t>(i)];
      EXPECT_NEAR(got[i], want, 1e-5 * std::max(std::abs(want), std::sqrt(squares / count))) << i;
    }
    return;
  }
  double sum = 0, squares = 0;
  for (const Real v : got.values()) sum += double{v}, squares += double{v} * double{v};
  const double want_squares = expected["sum_of_squares"];
  EXPECT_NEAR(sum, expected["sum"].get<double>(), 1e-5 * std::sqrt(count * want_squares));
  EXPECT_NEAR(squares, want_squares, 2e-5 * want_squares);
  for (const auto& probe : expected["probes"]) {
    const double want = probe[1];
    EXPECT_NEAR(got[probe[0]], want, 1e-5 * std::max(std::abs(want), std::sqrt(want_squares / count))) << probe[0];
  }
}

/// Remembers the loss of each batch.
class Losses : public Callback {
 public:
  bool on_batch_end(const TrainingState& state) override {
    const double total = state.loss * static_cast<double>(state.samples);
    if (state.batch == 0) before_ = 0, seen_ = 0;
    values.push_back((total - before_) / static_cast<double>(state.samples - seen_));
    before_ = total, seen_ = state.samples;
    return values.size() < steps;
  }
  std::size_t steps = 0;
  std::vector<double> values;

 private:
  double before_ = 0;
  std::int64_t seen_ = 0;
};

}  // namespace gradus::test
