// Every registered layer: its gradients against central differences, in double.
#include <gtest/gtest.h>

#include "support/layer_harness.hpp"

namespace gradus::test {
namespace {

static_assert(sizeof(Real) == 8, "gradients are checked in double");

constexpr double largest_error = 1e-6;
constexpr std::int64_t batch = 5;

class LayerGradients : public testing::TestWithParam<LayerCase> {
 protected:
  // L = sum of c * y with fixed random c, so that dL/dy = c.
  double loss(LayerHarness& h) {
    h.forward();
    double sum = 0;
    for (std::int64_t r = 0; r < h.rows(); ++r) {
      for (std::int64_t i = 0; i < h.out_size(); ++i) sum += coefficient(h, r, i) * h.out(r, i);
    }
    return sum;
  }

  static double coefficient(const LayerHarness& h, std::int64_t r, std::int64_t i) {
    return std::sin(1.0 + static_cast<double>(r * h.out_size() + i));
  }

  void differentiate(LayerHarness& h) {
    h.forward();
    for (std::int64_t r = 0; r < h.rows(); ++r) {
      for (std::int64_t i = 0; i < h.out_size(); ++i) h.d_out(r, i) = coefficient(h, r, i);
    }
    h.backward();
  }

  void compare(LayerHarness& h, double& variable, double computed, const std::string& what) {
    const double before = variable, step = 1e-5;
    variable = before + step;
    const double above = loss(h);
    variable = before - step;
    const double below = loss(h);
    variable = before;
    const double expected = (above - below) / (2 * step);
    EXPECT_LE(std::abs(computed - expected), largest_error * std::max(1.0, std::abs(expected)))
        << what << ": computed " << computed << ", by differences " << expected;
  }
};

TEST_P(LayerGradients, AgreeWithCentralDifferences) {
  LayerHarness h(GetParam(), batch);
  h.randomize(7);
  differentiate(h);
  const AlignedBuffer by_weights = h.gradients, by_inputs = h.d_inputs;
  for (const Parameter& p : h.function().parameters()) {
    if (!p.trainable) continue;
    for (std::int64_t r = 0; r < p.rows(); ++r) {
      for (std::int64_t c = 0; c < p.columns(); ++c) {
        const std::int64_t at = p.offset + r * p.stride() + c;
        compare(h, h.weights.data()[at], by_weights.data()[at],
                p.name + "[" + std::to_string(r) + ", " + std::to_string(c) + "]");
      }
    }
  }
  for (std::int64_t r = 0; r < batch && GetParam().indices == 0; ++r) {
    for (std::int64_t i = 0; i < h.in_size(); ++i) {
      compare(h, h.in(r, i), by_inputs.data()[r * h.in_stride() + i],
              "x[" + std::to_string(r) + ", " + std::to_string(i) + "]");
    }
  }
}

TEST_P(LayerGradients, LeaveThePaddingZero) {
  if (GetParam().indices > 0) return;
  LayerHarness h(GetParam(), batch);
  h.randomize(8);
  differentiate(h);
  for (std::int64_t r = 0; r < batch; ++r) {
    for (std::int64_t i = h.in_size(); i < h.in_stride(); ++i) EXPECT_EQ(h.d_in(r, i), 0.0);
  }
}

INSTANTIATE_TEST_SUITE_P(Registered, LayerGradients, testing::ValuesIn(registered_layers()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace gradus::test
