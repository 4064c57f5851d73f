// Weight trajectories against an independent numpy program in double: tests/golden/generate.py says what each is.
#include <gtest/gtest.h>

#include <fstream>

#include "paths.hpp"
#include "support/golden.hpp"

namespace gradus::test {
namespace {

const Json& golden() {
  static const Json json = Json::parse(std::ifstream(std::string(GRADUS_SOURCE_DIR) + "/tests/golden/golden.json"));
  return json;
}

Dataset samples(const Json& network) {
  const std::int64_t width = network["sizes"].front(), classes = network["sizes"].back(), count = network["samples"];
  Stream inputs(2), labels(3);
  std::vector<Real> x;
  std::vector<std::int32_t> y;
  for (std::int64_t i = 0; i < count * width; ++i) {
    const double v = 2 * inputs.next() - 1;
    const bool zero = !network["zero_below"].is_null() && !(v > network["zero_below"].get<double>());
    x.push_back(zero ? Real{0} : static_cast<Real>(v));
  }
  for (std::int64_t i = 0; i < count; ++i) {
    y.push_back(static_cast<std::int32_t>(std::floor(labels.next() * static_cast<double>(classes))));
  }
  return Dataset::classified("golden", {width}, x, y, static_cast<std::int32_t>(classes));
}

Sequential model_of(const Json& c, const Json& network) {
  std::vector<Layer> layers;
  const auto& sizes = network["sizes"];
  for (std::size_t i = 1; i < sizes.size(); ++i) {
    const std::string activation = c[i + 1 < sizes.size() ? "hidden_activation" : "output_activation"];
    layers.emplace_back(Dense{.units = sizes[i], .activation = activation_from_name(activation)});
  }
  Sequential model{{sizes[0].get<std::int64_t>()}, layers};
  Stream stream(1);
  for (std::size_t i = 0; i < model.weights().size(); ++i) {
    std::vector<Real> values(static_cast<std::size_t>(model.weights()[i].shape.elements()));
    for (Real& value : values) value = static_cast<Real>((stream.next() - 0.5) * network["weight_range"].get<double>());
    model.set_weight(i, Tensor(model.weights()[i].shape, values));
  }
  return model;
}

Loss loss_of(const std::string& name) {
  if (name == "mean_squared_error") return MeanSquaredError{};
  if (name == "squared_error") return SquaredError{};
  if (name == "quadratic") return Quadratic{};
  if (name == "binary_crossentropy") return BinaryCrossentropy{};
  if (name == "categorical_crossentropy") return CategoricalCrossentropy{};
  return SparseCategoricalCrossentropy{};
}

Value value_of(const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) {
    Value::List list;
    for (const Json& each : json) list.push_back(value_of(each));
    return list;
  }
  Value::Object object;
  for (const auto& [key, value] : json.items()) object.emplace_back(key, value_of(value));
  return object;
}

Optimizer optimizer_of(const Json& o) {
  Value::Object fields;
  for (const auto& [key, value] : o.items()) {
    if (key != "class_name") fields.emplace_back(key, value_of(value));
  }
  return Optimizer::make(o["class_name"].get<std::string>(), fields);
}

class Golden : public testing::TestWithParam<std::size_t> {};

TEST_P(Golden, WeightsFollowTheReference) {
  const Json& c = golden()["cases"][GetParam()];
  const Json& network = golden()["networks"][c["network"].get<std::string>()];
  SCOPED_TRACE(c["name"].get<std::string>());
  Sequential model = model_of(c, network);
  model.compile({.optimizer = optimizer_of(c["optimizer"]), .loss = loss_of(c["loss"]), .metrics = {}});
  Losses losses;
  losses.steps = c["steps"];
  model.fit(samples(network),
            {.epochs = 1000, .batch_size = c["batch_size"], .shuffle = false, .callbacks = {&losses}});
  ASSERT_EQ(losses.values.size(), c["losses"].size());
  for (std::size_t i = 0; i < losses.values.size(); ++i) {
    const double want = c["losses"][i];
    EXPECT_NEAR(losses.values[i], want, 2e-5 * std::abs(want)) << "step " << i;
  }
  for (std::size_t i = 0; i < model.weights().size(); ++i) {
    SCOPED_TRACE(c["weights"][i]["name"].get<std::string>());
    expect_weight(model.weight(i), c["weights"][i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Numpy, Golden, testing::Range<std::size_t>(0, golden()["cases"].size()), [](const auto& test) {
  std::string name = golden()["cases"][test.param]["name"];
  std::replace_if(
      name.begin(), name.end(), [](unsigned char ch) { return std::isalnum(ch) == 0; }, '_');
  return name;
});

}  // namespace
}  // namespace gradus::test
