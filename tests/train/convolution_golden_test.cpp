// Convolution and pooling against PyTorch in double: tests/golden/convolution.py says what each case is.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "model/spec_text.hpp"
#include "paths.hpp"
#include "support/golden.hpp"

namespace gradus::test {
namespace {

const Json& golden() {
  static const Json json =
      Json::parse(std::ifstream(std::string(GRADUS_SOURCE_DIR) + "/tests/golden/convolution.json"));
  return json;
}

Shape shape_of(const Json& sizes) { return Shape(sizes.get<std::vector<std::int64_t>>()); }

Dataset samples(const Shape& shape) {
  const std::int64_t count = golden()["samples"], classes = golden()["classes"];
  Stream inputs(2), labels(3);
  std::vector<Real> x(static_cast<std::size_t>(count * shape.elements()));
  for (Real& value : x) value = static_cast<Real>(2 * inputs.next() - 1);
  std::vector<std::int32_t> y(static_cast<std::size_t>(count));
  for (auto& label : y) label = static_cast<std::int32_t>(std::floor(labels.next() * static_cast<double>(classes)));
  return Dataset::classified("golden", shape, x, y, static_cast<std::int32_t>(classes));
}

class ConvolutionGolden : public testing::TestWithParam<std::size_t> {};

TEST_P(ConvolutionGolden, WeightsFollowPyTorch) {
  const Json& c = golden()["cases"][GetParam()];
  const Shape shape = shape_of(c["shape"]);
  Sequential model{shape, parse_layers(c["layers"].get<std::string>())};
  ASSERT_EQ(model.weights().size(), c["weights"].size());
  Stream stream(1);
  for (std::size_t i = 0; i < model.weights().size(); ++i) {
    ASSERT_EQ(model.weights()[i].shape, shape_of(c["weights"][i]["shape"]));
    std::vector<Real> values(static_cast<std::size_t>(model.weights()[i].shape.elements()));
    const double range = golden()["weight_range"];
    for (Real& value : values) value = static_cast<Real>((stream.next() - 0.5) * range);
    model.set_weight(i, Tensor(model.weights()[i].shape, values));
  }
  const SGD sgd{.learning_rate = golden()["learning_rate"].get<double>(), .momentum = golden()["momentum"]};
  model.compile({.optimizer = sgd, .loss = CategoricalCrossentropy{}, .metrics = {}});
  Losses losses;
  losses.steps = c["losses"].size();
  model.fit(samples(shape),
            {.epochs = 1000, .batch_size = golden()["batch_size"], .shuffle = false, .callbacks = {&losses}});
  for (std::size_t i = 0; i < losses.steps; ++i) {
    const double want = c["losses"][i];
    EXPECT_NEAR(losses.values[i], want, 2e-5 * std::abs(want)) << "step " << i;
  }
  for (std::size_t i = 0; i < model.weights().size(); ++i) {
    SCOPED_TRACE("weight " + std::to_string(i));
    expect_weight(model.weight(i), c["weights"][i]);
  }
}

INSTANTIATE_TEST_SUITE_P(PyTorch, ConvolutionGolden, testing::Range<std::size_t>(0, golden()["cases"].size()),
                         [](const auto& test) {
                           std::string name = golden()["cases"][test.param]["name"];
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

}  // namespace
}  // namespace gradus::test
