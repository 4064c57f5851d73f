// Weights, moving averages and losses of several steps against PyTorch in double: tests/golden/normalization.py.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include <gradus/model.hpp>

#include "paths.hpp"

namespace gradus::test {
namespace {

using Json = nlohmann::json;

const Json& golden() {
  static const Json json =
      Json::parse(std::ifstream(std::string(GRADUS_SOURCE_DIR) + "/tests/golden/normalization.json"));
  return json;
}

/// The same network as in normalization.py.
std::vector<Layer> layers_of(const std::string& name) {
  const Layer norm = BatchNormalization{.momentum = 0.9};
  static const std::map<std::string, std::vector<Layer>> networks = {
      {"batch_norm_images",
       {norm, Dense{.units = 5, .activation = Activation::tanh}, norm, Flatten{}, Dense{.units = 2}}},
      {"batch_norm_rows", {Dense{.units = 7}, norm, ActivationLayer{.activation = elu}, norm, Dense{.units = 2}}},
      {"layer_norm",
       {LayerNormalization{}, Dense{.units = 6, .activation = gelu}, LayerNormalization{},
        Dense{.units = 5, .activation = silu}, Flatten{}, Dense{.units = 4, .activation = mish}, PReLU{},
        Dense{.units = 2}}},
      {"residual",
       {Residual{.layers = {Dense{.units = 3, .activation = silu}, Dense{.units = 3}, norm}}, Flatten{},
        Dense{.units = 2}}},
      {"upsampled",
       {Dense{.units = 2}, UpSampling2D{.size = {2, 3}, .interpolation = "bilinear"},
        ZeroPadding2D{.padding = {{{1, 0}, {0, 2}}}}, ActivationLayer{.activation = softplus},
        Permute{.dims = {2, 1, 3}}, Flatten{}, ActivationLayer{.activation = selu}, Dense{.units = 2}}},
  };
  return networks.at(name);
}

class Stream {
 public:
  explicit Stream(std::uint32_t seed) : state_(seed) {}
  Real next() {
    state_ = 1664525U * state_ + 1013904223U;
    return static_cast<Real>(2 * (state_ * 0x1p-32) - 1);
  }
  std::vector<Real> take(std::int64_t count) {
    std::vector<Real> values(static_cast<std::size_t>(count));
    for (Real& value : values) value = next();
    return values;
  }

 private:
  std::uint32_t state_;
};

class Losses : public Callback {
 public:
  bool on_batch_end(const TrainingState& state) override {
    const double total = state.loss * static_cast<double>(state.samples);
    values.push_back((total - before_) / static_cast<double>(state.samples - seen_));
    before_ = total, seen_ = state.samples;
    return true;
  }
  std::vector<double> values;

 private:
  double before_ = 0;
  std::int64_t seen_ = 0;
};

class TorchSteps : public testing::TestWithParam<std::string> {};

TEST_P(TorchSteps, AreFollowed) {
  const Json& c = golden()["cases"][GetParam()];
  const std::int64_t batch = golden()["batch_size"], rows = batch * golden()["steps"].get<std::int64_t>();
  const Shape shape(c["shape"].get<std::vector<std::int64_t>>());
  for (const std::int64_t threads : {1, 3}) {
    Sequential model{shape, layers_of(GetParam())};
    ASSERT_EQ(model.weights().size(), c["weights"].size());
    Stream numbers(1);
    for (std::size_t i = 0; i < model.weights().size(); ++i) {
      const WeightInfo& info = model.weights()[i];
      EXPECT_EQ(info.trainable, c["trained"][i].get<bool>()) << info.layer << "/" << info.name;
      std::vector<Real> values = numbers.take(info.shape.elements());
      for (Real& value : values) value = info.trainable ? value / 2 : std::abs(value / 2) + Real{0.5};
      model.set_weight(i, Tensor(info.shape, values));
    }
    model.compile(
        {.optimizer = SGD{.learning_rate = golden()["rate"].get<double>()}, .loss = MeanSquaredError{}, .metrics = {}});
    Losses losses;
    const Dataset data =
        Dataset::with_targets("golden", shape, Stream(2).take(rows * shape.elements()), Stream(3).take(rows * 2), 2);
    model.fit(data, {.batch_size = batch, .shuffle = false, .threads = threads, .callbacks = {&losses}});
    for (std::size_t i = 0; i < losses.values.size(); ++i) {
      EXPECT_NEAR(losses.values[i], c["losses"][i].get<double>(), 1e-5) << "step " << i;
    }
    for (std::size_t i = 0; i < model.weights().size(); ++i) {
      const Tensor got = model.weight(i);
      const std::vector<double> expected = c["weights"][i];
      for (std::size_t k = 0; k < expected.size(); ++k) {
        EXPECT_NEAR(got[static_cast<std::int64_t>(k)], expected[k], 1e-5 * std::max(1.0, std::abs(expected[k])))
            << model.weights()[i].layer << "/" << model.weights()[i].name << " " << k;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Torch, TorchSteps,
                         testing::Values("batch_norm_images", "batch_norm_rows", "layer_norm", "residual",
                                         "upsampled"));

}  // namespace
}  // namespace gradus::test
