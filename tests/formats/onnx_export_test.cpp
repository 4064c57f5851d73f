#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <sstream>

#include <gradus/gradus.hpp>

#include "base/atomic_file.hpp"
#include "base/philox.hpp"
#include "base/text.hpp"
#include "formats/onnx_checker.hpp"
#include "formats/onnx_graph.hpp"
#include "formats/onnx_writer.hpp"
#include "model/state.hpp"
#include "paths.hpp"
#include "support/expect_error.hpp"
#include "support/shared_data.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_directory.hpp"

namespace gradus {
namespace {

using test::TemporaryDirectory;

struct Exported {
  std::string name;
  Sequential model;
  Tensor inputs;
};

/// Numbers of both signs; places in a table for a network that looks them up.
Tensor random_inputs(const Sequential& model, std::int64_t rows) {
  Tensor inputs(model.input_shape().with_rows(rows));
  Philox random(11, 0);
  std::int64_t table = 0;
  for (const Layer& layer : model.layers()) {
    if (layer.class_name() != "Embedding") continue;
    for (const auto& [field, value] : layer.fields()) {
      if (field == "input_dim") table = *value.get_if<std::int64_t>();
    }
  }
  for (Real& value : inputs.values()) {
    const double drawn = random.uniform();
    value = table > 0 ? static_cast<Real>(std::floor(drawn * static_cast<double>(table)))
                      : static_cast<Real>(4 * drawn - 2);
  }
  return inputs;
}

/// Weights that are not what a new model has: no mean is 0, no variance 1 and below 0.
void draw_weights(Sequential& model) {
  Philox random(12, 0);
  for (std::size_t i = 0; i < model.weights().size(); ++i) {
    Tensor weight = model.weight(i);
    const bool variance = model.weights()[i].name.find("variance") != std::string::npos;
    for (Real& value : weight.values()) {
      value = static_cast<Real>(variance ? 0.2 + random.uniform() : random.uniform() - 0.5);
    }
    model.set_weight(i, weight);
  }
}

/// Every example of every registered layer that can be written, every activation, and some networks.
std::vector<Exported> models() {
  std::vector<Exported> all;
  const auto add = [&](const std::string& name, Sequential model) {
    draw_weights(model);
    Tensor inputs = random_inputs(model, 5);
    all.push_back({name, std::move(model), std::move(inputs)});
  };
  for (const auto& [name, entry] : LayerRegistry::instance().entries()) {
    if (!onnx::layer_writers().contains(name)) continue;  // it is refused: see below
    for (const auto& example : entry.maker.examples) add(name, Sequential(example.input, {example.spec}));
  }
  for (const Activation activation : all_activations()) {
    add(std::string(activation_name(activation)), Sequential({6}, {Dense{.units = 4, .activation = activation}}));
  }
  using Numbers = std::vector<double>;
  add("one variance for all", Sequential({3}, {Normalization{.mean = Numbers{1, 2, 3}, .variance = Numbers{4}}}));
  add("one mean for all", Sequential({3}, {Normalization{.mean = Numbers{0.5}, .variance = Numbers{1, 4, 9}}}));
  add("mlp", Sequential({4, 3, 1}, {Rescaling{.scale = 1.0 / 255, .offset = -0.5}, Flatten{},
                                    Dense{.units = 7, .activation = relu}, Dense{.units = 3, .activation = softmax}}));
  add("dense over rows",
      Sequential({4, 3}, {Dense{.units = 5, .activation = Activation::tanh}, Dense{.units = 2, .use_bias = false}}));
  return all;
}

std::string save(const Exported& each, const std::string& path) {
  each.model.save(path);
  return test::read_all(path);
}

double difference(const Tensor& got, const Tensor& wanted) {
  double worst = got.shape() == wanted.shape() ? 0 : INFINITY;
  for (std::int64_t i = 0; worst < INFINITY && i < got.shape().elements(); ++i) {
    const double a = static_cast<double>(got[i]), b = static_cast<double>(wanted[i]);
    worst = std::max(worst, std::abs(a - b) / std::max(1.0, std::abs(b)));
  }
  return worst;
}

TEST(OnnxExport, OfEveryLayerComesBackAsItWas) {
  const TemporaryDirectory directory;
  double worst = 0;
  for (const Exported& each : models()) {
    SCOPED_TRACE(each.name + " " + each.model.summary());
    const std::string path = directory / "m.onnx";
    save(each, path);
    const Sequential again = Sequential::load(path);
    EXPECT_EQ(again.input_shape(), each.model.input_shape());
    const double found = difference(again.predict(each.inputs), each.model.predict(each.inputs));
    EXPECT_LE(found, 1e-5);
    worst = std::max(worst, found);
  }
  std::cout << models().size() << " models there and back, largest difference " << worst << '\n';
}

TEST(OnnxExport, OfManyResidualBlocksComesBack) {
  const TemporaryDirectory directory;
  std::vector<Layer> layers(150, Residual{.layers = {Dense{.units = 3, .activation = relu}}});
  layers.push_back(Dense{.units = 2});
  const Sequential model(Shape{3}, layers);
  const std::string path = directory / "m.onnx";
  model.save(path);
  const Tensor inputs({2, 3}, {1, 2, 3, -1, 0, 1});
  const Tensor wanted = model.predict(inputs);
  EXPECT_LE(difference(Sequential::load(path).predict(inputs), wanted), 1e-5);
}

// A new layer need not be known here. It is refused by name, and no file is left.
TEST(OnnxExport, RefusesLayersThatItCannotWrite) {
  const TemporaryDirectory directory;
  const std::string path = directory / "m.onnx";
  for (const auto& [name, entry] : LayerRegistry::instance().entries()) {
    if (onnx::layer_writers().contains(name)) continue;
    for (const auto& example : entry.maker.examples) {
      test::expect_error(ErrorCode::unsupported, {"layer '", "class '" + name + "'"},
                         [&] { Sequential(example.input, {example.spec}).save(path); });
      EXPECT_FALSE(std::filesystem::exists(path));
    }
  }
}

TEST(OnnxExport, PassesTheCheckerOfOnnx) {
  if (!test::onnx_complaint(""))
    GTEST_SKIP() << "no ONNX checker (Debian: libonnx-dev): exported files are not checked";
  const TemporaryDirectory directory;
  for (const Exported& each : models()) {
    SCOPED_TRACE(each.name + " " + each.model.summary());
    EXPECT_EQ(test::onnx_complaint(save(each, directory / "m.onnx")), "");
  }
}

/// What ONNX Runtime makes of models, each run on its inputs.
struct InOnnxRuntime {
  std::string version;              ///< empty when there is none
  std::vector<double> differences;  ///< of each model, as a share of the output or of 1
};

InOnnxRuntime in_onnx_runtime(const std::vector<Exported>& all) {
  const TemporaryDirectory directory;
  std::string list;
  const auto write = [&](const std::string& name, const Tensor& values) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.values().data());
    write_file_atomically(directory / name, std::span<const std::uint8_t>(bytes, values.values().size_bytes()));
    return directory / name;
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string number = std::to_string(i), path = directory / (number + ".onnx");
    all[i].model.save(path);
    std::string shape;
    for (const std::int64_t size : all[i].inputs.shape().sizes())
      shape += (shape.empty() ? "" : "x") + std::to_string(size);
    list += path + "\t" + shape + "\t" + write(number + ".x", all[i].inputs) + "\t" +
            write(number + ".y", all[i].model.predict(all[i].inputs)) + "\n";
  }
  directory.write("list", list);
  const test::Finished finished =
      test::run({"node", GRADUS_SOURCE_DIR "/tests/formats/run_onnx.mjs", directory / "list"});
  InOnnxRuntime result;
  if (finished.status == 77 || finished.status == 127 || finished.status == -1) return result;
  EXPECT_EQ(finished.status, 0) << finished.err;
  std::istringstream lines(finished.out);
  std::getline(lines, result.version);
  for (const Exported& each : all) {
    SCOPED_TRACE(each.name + " " + each.model.summary());
    std::string line;
    EXPECT_TRUE(std::getline(lines, line));
    const std::string said = line.substr(line.find('\t') + 1);
    double found = INFINITY;
    const auto end = std::from_chars(said.data(), said.data() + said.size(), found).ptr;
    EXPECT_EQ(end, said.data() + said.size()) << said;
    EXPECT_LE(found, 1e-5);
    result.differences.push_back(found);
  }
  return result;
}

constexpr const char* no_onnx_runtime =
    "no ONNX Runtime (bench/peers/install fetches it, with Node.js): exported files are not run elsewhere";

TEST(OnnxExport, GivesTheSameInOnnxRuntime) {
  const std::vector<Exported> all = models();
  const InOnnxRuntime found = in_onnx_runtime(all);
  if (found.version.empty()) GTEST_SKIP() << no_onnx_runtime;
  std::cout << all.size() << " models in ONNX Runtime, " << found.version << ", largest difference "
            << *std::max_element(found.differences.begin(), found.differences.end()) << '\n';
}

/// Handwritten digits where they are at hand, drawn ones otherwise: some to train with, others to look at.
TrainTest some_digits(std::int64_t train, std::int64_t test) {
  const std::string mnist = test::shared_data("mnist");
  if (mnist.empty()) return {datasets::digits(train, 1), datasets::digits(test, 2)};
  const auto part = [&](const std::string& name) {
    return datasets::idx(mnist + "/" + name + "-images-idx3-ubyte.gz", mnist + "/" + name + "-labels-idx1-ubyte.gz");
  };
  return {part("train").first(train), part("t10k").first(test)};
}

TEST(OnnxExport, OfATrainedConvnetGivesTheSameInOnnxRuntime) {
  const auto [train, test] = some_digits(2000, 500);
  Sequential model({28, 28, 1}, {Rescaling{.scale = 1.0 / 255}, Conv2D{.filters = 8, .kernel_size = 3},
                                 BatchNormalization{}, ActivationLayer{.activation = relu}, MaxPooling2D{},
                                 Conv2D{.filters = 16, .kernel_size = 3, .activation = relu}, MaxPooling2D{}, Flatten{},
                                 Dropout{.rate = 0.25}, Dense{.units = 10, .activation = softmax}});
  model.compile({Adam{.learning_rate = 0.003}, CategoricalCrossentropy{}, {Accuracy{}}});
  model.fit(train, {.epochs = 3, .batch_size = 32, .seed = 1});
  // Drawn digits, which stand in for MNIST, are harder to read. One in ten would be right by chance.
  EXPECT_GT(model.evaluate(test).at("accuracy"), 0.5) << "it is to be a trained network";
  const auto bytes = test.inputs().bytes();
  Tensor images(test.sample_shape().with_rows(test.size()));
  std::transform(bytes.begin(), bytes.end(), images.values().begin(),
                 [](auto byte) { return static_cast<Real>(byte); });
  const InOnnxRuntime found = in_onnx_runtime({{"convnet", std::move(model), std::move(images)}});
  if (found.version.empty()) GTEST_SKIP() << no_onnx_runtime;
  std::cout << test.size() << " images through a trained convnet in ONNX Runtime, " << found.version
            << ", largest difference " << found.differences.at(0) << '\n';
}

TEST(OnnxExport, IsOfVersionsThatOldRuntimesRead) {
  const TemporaryDirectory directory;
  const std::string path = directory / "m.onnx";
  Sequential model({4}, {Dense{.units = 3, .activation = relu}}, {.name = "net"});
  model.set_class_names({"a", "b", "c"});
  model.save(path);
  const std::string bytes = test::read_all(path);
  const onnx::Model read = onnx::read_model({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  EXPECT_EQ(read.ir_version, 7);
  EXPECT_EQ(read.opset, 13);
  EXPECT_EQ(read.producer, "gradus");
  EXPECT_EQ(read.graph.name, "net");
  ASSERT_EQ(read.graph.inputs.size(), 1u);
  EXPECT_EQ(*read.graph.inputs[0].dims, (std::vector<std::int64_t>{-1, 4})) << "the number of samples is open";
  EXPECT_EQ(read.graph.outputs[0].name, "output");
  ASSERT_EQ(read.graph.nodes.size(), 2u);
  EXPECT_EQ(read.graph.nodes[0].op, "Gemm");
  const Sequential again = Sequential::load(path);
  EXPECT_EQ(again.class_names(), model.class_names());
  EXPECT_EQ(again.weights_sha256(), model.weights_sha256()) << "weights keep their bits";
}

TEST(OnnxExport, ProvesItselfByItsSample) {
  const TemporaryDirectory directory;
  const std::string path = directory / "m.onnx";
  Sequential({4}, {Dense{.units = 3}}, {.seed = 4}).save(path);
  std::string bytes = test::read_all(path);
  // The kernel's first number becomes another: the file is sound, but no more what was saved.
  const Tensor kernel = Sequential({4}, {Dense{.units = 3}}, {.seed = 4}).weight(0);
  const auto* raw = reinterpret_cast<const char*>(kernel.values().data());
  const std::size_t at = bytes.find(std::string(raw, 12));
  ASSERT_NE(at, std::string::npos);
  bytes[at + 2] = static_cast<char>(bytes[at + 2] ^ 0x40);
  test::expect_error(ErrorCode::bad_data, {"x.onnx", "does not give what it gave"},
                     [&] { (void)Sequential::load(directory.write("x.onnx", bytes)); });
}

}  // namespace
}  // namespace gradus
