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

// --- activations in parts ---

/// What a graph of one number from "x" to "y" is read as: the activation's name, or the class of the layer.
std::string read_as(const std::vector<Node>& nodes, const std::map<std::string, float>& constants = {}) {
  std::map<std::string, onnx::TensorData> initializers;
  for (const auto& [name, value] : constants) initializers[name] = reals({value}, false);
  const Sequential model = network({3}, nodes, initializers);
  std::string all;
  for (const Layer& layer : model.layers()) {
    const auto* activation = layer.get_if<ActivationLayer>();
    all += (all.empty() ? "" : ", ") +
           std::string(activation != nullptr ? activation_name(activation->activation) : layer.class_name());
  }
  return all;
}

constexpr float root_of_half = 0.70710678F, root_of_two = 1.41421356F;

// The orders in which PyTorch (x / sqrt 2, halved in the end), TensorFlow and others write it.
TEST(OnnxImport, ReadsGeluInEveryOrder) {
  const std::map<std::string, float> constants = {
      {"r2", root_of_two}, {"rh", root_of_half}, {"one", 1}, {"half", 0.5F}};
  EXPECT_EQ(read_as({node("Div", {"x", "r2"}, "a"), node("Erf", {"a"}, "b"), node("Add", {"b", "one"}, "c"),
                     node("Mul", {"x", "c"}, "d"), node("Mul", {"d", "half"}, "y")},
                    constants),
            "gelu");
  EXPECT_EQ(read_as({node("Mul", {"x", "half"}, "h"), node("Mul", {"rh", "x"}, "a"), node("Erf", {"a"}, "b"),
                     node("Add", {"one", "b"}, "c"), node("Mul", {"c", "h"}, "y")},
                    constants),
            "gelu");
  EXPECT_EQ(read_as({node("Div", {"x", "r2"}, "a"), node("Erf", {"a"}, "b"), node("Add", {"b", "one"}, "c"),
                     node("Mul", {"c", "half"}, "d"), node("Mul", {"d", "x"}, "y")},
                    constants),
            "gelu");
}

TEST(OnnxImport, ReadsTheApproximationOfGelu) {
  const std::map<std::string, float> constants = {
      {"three", 3}, {"c", 0.044715F}, {"s", 0.79788456F}, {"one", 1}, {"half", 0.5F}};
  EXPECT_EQ(read_as({node("Pow", {"x", "three"}, "a"), node("Mul", {"a", "c"}, "b"), node("Add", {"x", "b"}, "d"),
                     node("Mul", {"d", "s"}, "e"), node("Tanh", {"e"}, "f"), node("Add", {"f", "one"}, "g"),
                     node("Mul", {"x", "g"}, "h"), node("Mul", {"h", "half"}, "y")},
                    constants),
            "gelu_tanh");
  onnx::Attribute how;
  how.name = "approximate", how.text = "tanh";
  EXPECT_EQ(read_as({node("Gelu", {"x"}, "y", {how})}), "gelu_tanh");
  EXPECT_EQ(read_as({node("Gelu", {"x"}, "y")}), "gelu");
}

TEST(OnnxImport, ReadsActivationsByTheirParts) {
  EXPECT_EQ(read_as({node("Sigmoid", {"x"}, "a"), node("Mul", {"a", "x"}, "y")}), "silu");
  EXPECT_EQ(read_as({node("Neg", {"x"}, "a"), node("Exp", {"a"}, "b"), node("Add", {"b", "one"}, "c"),
                     node("Div", {"x", "c"}, "y")},
                    {{"one", 1}}),
            "silu");
  EXPECT_EQ(read_as({node("Softplus", {"x"}, "a"), node("Tanh", {"a"}, "b"), node("Mul", {"x", "b"}, "y")}), "mish");
  EXPECT_EQ(
      read_as({node("Abs", {"x"}, "a"), node("Add", {"a", "one"}, "b"), node("Div", {"x", "b"}, "y")}, {{"one", 1}}),
      "softsign");
  // PyTorch's Hardswish for older versions of ONNX, halved or divided in another order, and by its own operator.
  EXPECT_EQ(read_as({node("Add", {"x", "three"}, "a"), node("Clip", {"a", "zero", "six"}, "b"),
                     node("Mul", {"x", "b"}, "c"), node("Div", {"c", "six"}, "y")},
                    {{"three", 3}, {"zero", 0}, {"six", 6}}),
            "hard_silu");
  onnx::Attribute alpha, beta;
  alpha.name = "alpha", alpha.real = 1.0F / 6, beta.name = "beta", beta.real = 0.5F;
  EXPECT_EQ(read_as({node("HardSigmoid", {"x"}, "a", {alpha, beta}), node("Mul", {"x", "a"}, "y")}), "hard_silu");
  EXPECT_EQ(read_as({node("HardSwish", {"x"}, "y")}), "hard_silu");
  EXPECT_EQ(read_as({node("LogSoftmax", {"x"}, "y")}), "log_softmax");
  EXPECT_EQ(read_as({node("Greater", {"x", "zero"}, "a"), node("Mul", {"x", "slope"}, "b"),
                     node("Where", {"a", "x", "b"}, "y")},
                    {{"zero", 0}, {"slope", 0.2F}}),
            "leaky_relu");
  EXPECT_EQ(read_as({node("Mul", {"x", "slope"}, "b"), node("Max", {"x", "b"}, "y")}, {{"slope", 0.2F}}), "leaky_relu");
  EXPECT_EQ(read_as({node("Less", {"x", "zero"}, "a"), node("Exp", {"x"}, "b"), node("Sub", {"b", "one"}, "c"),
                     node("Where", {"a", "c", "x"}, "y")},
                    {{"zero", 0}, {"one", 1}}),
            "elu");
}

// What bends beyond any points that one might look at is read as it is, or not at all.
TEST(OnnxImport, ComparesActivationsByStructure) {
  const auto limited = [](float at) {
    return network({3},
                   {node("Relu", {"x"}, "a"), node("Sub", {"x", "at"}, "b"), node("Relu", {"b"}, "c"),
                    node("Sub", {"a", "c"}, "y")},
                   {{"at", reals({at}, false)}});
  };
  for (const float at : {2.0F, 20.0F, 1e4F}) {
    const Sequential model = limited(at);
    const Tensor y = model.predict(Tensor({1, 3}, {-5, at / 2, 3 * at}));
    EXPECT_EQ(y[0], 0) << at;
    EXPECT_EQ(y[1], at / 2) << at;
    EXPECT_EQ(y[2], at) << at;
  }
  // Twice relu from 20 on; silu with a bend far out; gelu with another constant.
  const auto refused = [](const std::vector<Node>& nodes, const std::map<std::string, float>& constants) {
    expect_error(ErrorCode::unsupported, {"nodes"}, [&] { (void)read_as(nodes, constants); });
  };
  refused(
      {node("Relu", {"x"}, "a"), node("Sub", {"x", "at"}, "b"), node("Relu", {"b"}, "c"), node("Add", {"a", "c"}, "y")},
      {{"at", 20}});
  refused({node("Sigmoid", {"x"}, "a"), node("Mul", {"a", "x"}, "b"), node("Sub", {"x", "at"}, "c"),
           node("Relu", {"c"}, "d"), node("Mul", {"b", "d"}, "y")},
          {{"at", 30}});
  refused({node("Mul", {"x", "c"}, "a"), node("Erf", {"a"}, "b"), node("Add", {"b", "one"}, "d"),
           node("Mul", {"x", "d"}, "e"), node("Mul", {"e", "half"}, "y")},
          {{"c", 0.708F}, {"one", 1}, {"half", 0.5F}});
}

}  // namespace
}  // namespace gradus::test
