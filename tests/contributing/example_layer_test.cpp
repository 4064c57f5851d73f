// A layer that is added as CONTRIBUTING.md says is a layer like any other: nothing else lists it. The generic tests, in
// this program as well, run its configurations.
#include "example_layer.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include <gradus/gradus.hpp>

#include "model/spec_text.hpp"
#include "support/expect_error.hpp"
#include "support/layer_harness.hpp"
#include "support/temporary_directory.hpp"

namespace gradus::test {
namespace {

TEST(Contributing, TheExampleIsAmongTheLayersThatAreTested) {
  std::int64_t examples = 0;
  for (const LayerCase& each : registered_layers()) examples += each.spec.get_if<ThresholdedReLU>() != nullptr ? 1 : 0;
  EXPECT_GE(examples, 2);
}

TEST(Contributing, TheExampleIsWrittenTrainedSavedAndLoaded) {
  const TemporaryDirectory directory;
  Sequential model({2}, parse_layers("thresholded_relu theta=0.5"));
  const Tensor y = model.predict(Tensor({1, 2}, {0.4F, 0.6F}));
  EXPECT_EQ(y[0], 0);
  EXPECT_EQ(y[1], 0.6F);
  Sequential network({2}, parse_layers("dense 6, thresholded_relu 0.1, dense 2 softmax"));
  network.compile({.optimizer = SGD{}, .loss = CategoricalCrossentropy{}, .metrics = {Accuracy{}}});
  const std::string before = network.weights_sha256();
  network.fit(datasets::moons(100), {.epochs = 1});
  EXPECT_NE(network.weights_sha256(), before);
  EXPECT_NE(network.summary().find("thresholded"), std::string::npos) << network.summary();
  for (const char* name : {"m.keras", "m.h5"}) {
    network.save(directory / name);
    EXPECT_EQ(Sequential::load(directory / name).weights_sha256(), network.weights_sha256()) << name;
  }
}

// ONNX has no operator that the exporter knows it by: that is said, by name, and no file is left.
TEST(Contributing, TheExampleIsRefusedByTheOnnxExport) {
  const TemporaryDirectory directory;
  const std::string path = directory / "m.onnx";
  expect_error(ErrorCode::unsupported, {"layer '", "class 'ThresholdedReLU'"},
               [&] { Sequential({2}, {ThresholdedReLU{}}).save(path); });
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace gradus::test
