// What holds for every registered layer, in float. tests/contributing runs the same with one layer more.
#include <gtest/gtest.h>

#include <gradus/model.hpp>

#include "support/layer_harness.hpp"
#include "support/temporary_directory.hpp"

namespace gradus::test {
namespace {

class RegisteredLayer : public testing::TestWithParam<LayerCase> {};

TEST_P(RegisteredLayer, GivesTheShapeItSays) {
  LayerHarness h(GetParam(), 3);
  h.randomize(1);
  h.forward();
  for (std::int64_t r = 0; r < 3; ++r) {
    for (std::int64_t i = 0; i < h.out_size(); ++i) EXPECT_TRUE(std::isfinite(h.out(r, i))) << r << ", " << i;
  }
}

TEST_P(RegisteredLayer, ComputesARowTheSameAloneOrInABatch) {
  constexpr std::int64_t rows = 37;
  LayerHarness whole(GetParam(), rows, false), alone(GetParam(), rows, false);
  whole.randomize(2);
  alone.randomize(2);
  whole.forward();
  for (std::int64_t r = 0; r < rows; ++r) alone.forward(r, r + 1);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t i = 0; i < whole.out_size(); ++i) EXPECT_EQ(whole.out(r, i), alone.out(r, i)) << r << ", " << i;
  }
}

// However the threads share the rows of a training step.
TEST_P(RegisteredLayer, TrainsTheSameHoweverRowsAreShared) {
  constexpr std::int64_t rows = 37;
  LayerHarness whole(GetParam(), rows), cut(GetParam(), rows);
  const std::vector<std::int64_t> cuts{1, 5, 21};
  for (LayerHarness* h : {&whole, &cut}) {
    h->randomize(3);
    h->forward(h == &cut ? cuts : std::vector<std::int64_t>{});
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t i = 0; i < h->out_size(); ++i) {
        h->d_out(r, i) = static_cast<Real>(std::cos(static_cast<double>(7 * r + 3 * i)));
      }
    }
    h->backward(h == &cut ? cuts : std::vector<std::int64_t>{});
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t i = 0; i < whole.out_size(); ++i) EXPECT_EQ(whole.out(r, i), cut.out(r, i)) << r << ", " << i;
    if (GetParam().indices > 0) continue;
    for (std::int64_t i = 0; i < whole.in_size(); ++i) EXPECT_EQ(whole.d_in(r, i), cut.d_in(r, i)) << r << ", " << i;
  }
  for (const Parameter& p : whole.function().parameters()) {
    const AlignedBuffer &a = p.trainable ? whole.gradients : whole.weights,
                        &b = p.trainable ? cut.gradients : cut.weights;
    for (std::int64_t i = 0; i < p.shape.elements(); ++i) {
      const std::int64_t at = p.offset + i / p.columns() * p.stride() + i % p.columns();
      EXPECT_EQ(a.data()[at], b.data()[at]) << p.name << " " << i;
    }
  }
}

TEST_P(RegisteredLayer, KeepsItsBitsInAFile) {
  const TemporaryDirectory directory;
  const Sequential model{GetParam().input, {GetParam().spec}, {.seed = 5}};
  const std::string path = directory / "model.keras";
  model.save(path);
  const Sequential loaded = Sequential::load(path);
  EXPECT_EQ(loaded.layers(), model.layers());
  EXPECT_EQ(loaded.weights_sha256(), model.weights_sha256());
}

TEST_P(RegisteredLayer, IsMadeAgainFromItsFields) {
  const Layer& spec = GetParam().spec;
  EXPECT_EQ(Layer::make(spec.class_name(), spec.fields()), spec);
}

INSTANTIATE_TEST_SUITE_P(Registered, RegisteredLayer, testing::ValuesIn(registered_layers()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace gradus::test
