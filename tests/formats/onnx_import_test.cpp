// Graphs put together here, to see what the reader takes for a layer and what it must not.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include <gradus/gradus.hpp>

#include "formats/onnx_reader.hpp"
#include "support/expect_error.hpp"

namespace gradus::test {
namespace {

using onnx::Node;
using Wholes = std::vector<std::int64_t>;

onnx::TensorData reals(const std::vector<float>& values, bool is_list = true) {
  onnx::TensorData tensor;
  if (is_list) tensor.dims = {static_cast<std::int64_t>(values.size())};
  tensor.type = onnx::DataType::real32;
  tensor.reals32 = values;
  return tensor;
}

onnx::TensorData wholes(const Wholes& values) {
  onnx::TensorData tensor;
  tensor.dims = {static_cast<std::int64_t>(values.size())};
  tensor.type = onnx::DataType::int64;
  tensor.wholes = values;
  return tensor;
}

onnx::Attribute axes(const Wholes& values) {
  onnx::Attribute attribute;
  attribute.name = "axes";
  attribute.wholes = values;
  return attribute;
}

onnx::Attribute whole(const std::string& name, std::int64_t value) {
  onnx::Attribute attribute;
  attribute.name = name;
  attribute.whole = value;
  return attribute;
}

/// A graph from "x" to "y".
Sequential network(const Wholes& sample, const std::vector<Node>& nodes,
                   const std::map<std::string, onnx::TensorData>& initializers) {
  onnx::Model model;
  model.ir_version = 7, model.opset = 13;
  model.graph.nodes = nodes;
  model.graph.initializers = initializers;
  onnx::ValueInfo x{.name = "x", .dims = Wholes{-1}};
  x.dims->insert(x.dims->end(), sample.begin(), sample.end());
  model.graph.inputs = {x};
  model.graph.outputs = {{.name = "y", .dims = std::nullopt}};
  return onnx::import_model(model).model;
}

Node node(const std::string& op, std::vector<std::string> inputs, const std::string& output,
          std::vector<onnx::Attribute> attributes = {}) {
  return {op, "", "", std::move(inputs), {output}, std::move(attributes)};
}

/// LayerNormalization by its parts.
struct Parts {
  Node mean = node("ReduceMean", {"x"}, "mean", {axes({-1})});
  Node centred = node("Sub", {"x", "mean"}, "c");
  Node square = node("Pow", {"c", "power"}, "square");
  Node variance = node("ReduceMean", {"square"}, "variance", {axes({-1})});
  Node sum = node("Add", {"variance", "epsilon"}, "sum");
  Node root = node("Sqrt", {"sum"}, "root");
  Node quotient = node("Div", {"c", "root"}, "y");
  float power = 2;
  Wholes sample = {3};

  [[nodiscard]] Sequential read() const {
    return network(sample, {mean, centred, square, variance, sum, root, quotient},
                   {{"power", reals({power}, false)}, {"epsilon", reals({0.25F}, false)}});
  }
};

TEST(OnnxImport, PutsALayerNormalizationTogether) {
  const Sequential model = Parts().read();
  ASSERT_EQ(model.layers().size(), 1U);
  EXPECT_EQ(model.layers()[0].class_name(), "LayerNormalization");
  const Tensor y = model.predict(Tensor({1, 3}, {1, 2, 6}));  // mean 3, variance 14 / 3
  const double deviation = std::sqrt(14.0 / 3 + 0.25);
  const std::vector<double> expected = {-2 / deviation, -1 / deviation, 3 / deviation};
  for (std::int64_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(static_cast<double>(y[i]), expected[static_cast<std::size_t>(i)], 1e-6) << i;
  }
}

TEST(OnnxImport, TakesNothingElseForALayerNormalization) {
  const auto refused = [](const char* what, const auto& change) {
    SCOPED_TRACE(what);
    Parts parts;
    change(parts);
    expect_error(ErrorCode::unsupported, {"2 nodes"}, [&] { (void)parts.read(); });
  };
  refused("another power", [](Parts& p) { p.power = 4; });
  refused("a power of the value", [](Parts& p) { p.square = node("Pow", {"power", "c"}, "square"); });
  refused("a mean over another axis", [](Parts& p) {
    p.sample = {2, 3};
    p.variance = node("ReduceMean", {"square"}, "variance", {axes({1})});
  });
  refused("axes that are dropped", [](Parts& p) { p.mean.attributes.push_back(whole("keepdims", 0)); });
  refused("a sum with itself", [](Parts& p) { p.sum = node("Add", {"variance", "variance"}, "sum"); });
  refused("a sum of one", [](Parts& p) { p.sum = node("Add", {"variance"}, "sum"); });
}

TEST(OnnxImport, DividesByWhatStandsThere) {
  const Sequential model = network({4}, {node("Sub", {"x", "mean"}, "c"), node("Div", {"c", "deviation"}, "y")},
                                   {{"mean", reals({1, 2, 3, 4})}, {"deviation", reals({2, -2, 1e-9F, -1e-9F})}});
  const Tensor y = model.predict(Tensor({1, 4}, {3, 6, 4, 5}));
  const std::vector<float> expected = {1, -2, 1e9F, -1e9F};
  for (std::int64_t i = 0; i < 4; ++i) EXPECT_FLOAT_EQ(y[i], expected[static_cast<std::size_t>(i)]) << i;
  const Sequential plain = network({2}, {node("Sub", {"x", "mean"}, "c"), node("Div", {"c", "deviation"}, "y")},
                                   {{"mean", reals({1, 2})}, {"deviation", reals({2, 4})}});
  EXPECT_EQ(plain.layers()[0].class_name(), "Normalization");
}

// An input that is left out keeps its place: what follows it is not taken for it.
TEST(OnnxImport, CountsInputsThatAreLeftOut) {
  const auto reshaped = [](std::int64_t step, const Wholes& sizes) {
    return network(
        {6}, {node("Slice", {"sizes", "starts", "ends", "", "steps"}, "shape"), node("Reshape", {"x", "shape"}, "y")},
        {{"sizes", wholes(sizes)}, {"starts", wholes({0})}, {"ends", wholes({9})}, {"steps", wholes({step})}});
  };
  EXPECT_EQ(reshaped(2, {0, 1, 6}).output_shape(), Shape({6}));
  EXPECT_EQ(reshaped(1, {0, 2, 3}).output_shape(), Shape({2, 3}));
  expect_error(ErrorCode::unsupported, {"'shape'", "no constant"}, [&] { (void)reshaped(-1, {6, 0}); });
}

}  // namespace
}  // namespace gradus::test
