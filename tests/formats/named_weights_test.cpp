#include <gtest/gtest.h>

#include <filesystem>

#include <gradus/gradus.hpp>

#include "formats/json.hpp"
#include "formats/model_formats.hpp"
#include "formats/named_weights.hpp"
#include "formats/safetensors.hpp"
#include "model/state.hpp"
#include "support/expect_error.hpp"
#include "support/shared_data.hpp"
#include "support/temporary_directory.hpp"

namespace gradus {
namespace {

using test::expect_error;
using test::TemporaryDirectory;

Sequential small(std::uint64_t seed) {
  return {{4}, {Dense{.units = 3, .activation = relu, .name = "first"}, Dense{.units = 2}}, {.seed = seed}};
}

TEST(Safetensors, OfGradusAreWholeModels) {
  const TemporaryDirectory directory;
  Sequential model = small(1);
  model.compile({SGD{}, CategoricalCrossentropy{.from_logits = true}, {Accuracy{}}});
  model.set_class_names({"no", "yes"});
  const std::string path = directory / "m.safetensors";
  model.save(path);
  const Sequential again = Sequential::load(path);
  EXPECT_EQ(again.weights_sha256(), model.weights_sha256());
  EXPECT_EQ(again.layers(), model.layers());
  EXPECT_EQ(again.class_names(), model.class_names());
  EXPECT_EQ(again.compiled()->loss, model.compiled()->loss);
}

TEST(Safetensors, HaveTheLayoutOfTheReference) {
  const TemporaryDirectory directory;
  const std::string path = directory / "m.safetensors";
  small(1).save(path);
  const std::string bytes = test::read_all(path);
  std::uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | static_cast<std::uint8_t>(bytes[static_cast<std::size_t>(i)]);
  EXPECT_EQ(length % 8, 0u) << "the numbers begin at a multiple of 8";
  const Value header = read_json(std::string_view(bytes).substr(8, length), "header");
  const Value* kernel = header.find("first/kernel");
  ASSERT_NE(kernel, nullptr);
  EXPECT_EQ(*kernel,
            Value(Value::Object{{"dtype", "F32"}, {"shape", Value::List{4, 3}}, {"data_offsets", Value::List{0, 48}}}));
  EXPECT_EQ(bytes.size(), 8 + length + 4 * (12 + 3 + 6 + 2));
}

TEST(Safetensors, ThatLieAreRefused) {
  const TemporaryDirectory directory;
  const auto refused = [&](const std::string& header, const std::string& numbers,
                           std::initializer_list<std::string> words) {
    std::string bytes;
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i));
    expect_error(ErrorCode::bad_data, words,
                 [&] { read_safetensors(directory.write("x.safetensors", bytes + header + numbers)); });
  };
  const std::string eight(8, 'x');
  refused(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", eight, {"'a'", "8 bytes for shape (3,)"});
  refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", eight, {"'a'", "do not follow"});
  refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", eight, {"4 bytes, 8 are there"});
  refused(R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})", eight, {"do not follow"});
  refused(R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}})", eight, {"'a'"});
  refused(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,8]}})", eight, {"'a'", "shape"});
  refused("[]", "", {"no JSON object"});
  expect_error(ErrorCode::bad_data, {"a header of"},
               [&] { read_safetensors(directory.write("x.safetensors", std::string(8, '\x7f'))); });
  expect_error(ErrorCode::bad_data, {}, [&] { read_safetensors(directory.write("x.safetensors", "")); });
}

TEST(NamedWeights, GoThroughNpz) {
  const TemporaryDirectory directory;
  const std::string path = directory / "w.npz";
  const Sequential model = small(1);
  model.save(path);
  Sequential other = small(2);
  other.load_weights(path);
  EXPECT_EQ(other.weights_sha256(), model.weights_sha256());
  expect_error(ErrorCode::unsupported, {"w.npz", "weights alone"}, [&] { (void)Sequential::load(path); });
}

TEST(NamedWeights, OfAListGoByTheirOrder) {
  const TemporaryDirectory directory;
  const Sequential model = small(1);
  NamedTensors list;
  for (std::size_t i = 0; i < 4; ++i) list.emplace_back("arr_" + std::to_string(i), model.weight(i));
  Sequential other = small(2);
  EXPECT_TRUE(set_named_weights(other, list).empty());
  EXPECT_EQ(other.weights_sha256(), model.weights_sha256());
  list.pop_back();
  expect_error(ErrorCode::bad_data, {"3 arrays", "4 weights"}, [&] { set_named_weights(other, list); });
}

TEST(NamedWeights, ThatDoNotFitAreNamed) {
  Sequential model = small(1);
  NamedTensors arrays = named_weights(model);
  arrays[2].first = "other/kernel";
  expect_error(ErrorCode::bad_data, {"'dense/kernel'"}, [&] { set_named_weights(model, arrays); });
  arrays = named_weights(model);
  arrays[0].second = Tensor(Shape{3, 4});
  expect_error(ErrorCode::bad_data, {"'first/kernel'", "(3, 4)", "(4, 3)"}, [&] { set_named_weights(model, arrays); });
  arrays = named_weights(model);
  arrays.emplace_back("more", Tensor(Shape{1}));
  const std::vector<std::string> notes = set_named_weights(model, arrays);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("'more'"), std::string::npos);
}

TEST(NamedWeights, OfPyTorchAreTurned) {
  Sequential model({2, 2, 3}, {Flatten{}, Dense{.units = 2}, Dense{.units = 1}});
  // Inputs of PyTorch lie channels first: number c * 4 + place of each row there.
  Tensor weight(Shape{2, 12});
  for (std::size_t i = 0; i < 24; ++i) weight.values()[i] = static_cast<Real>(i);
  const NamedTensors arrays = {{"net.10.bias", Tensor(Shape{1}, {7})},
                               {"net.10.weight", Tensor(Shape{1, 2}, {5, 6})},
                               {"net.2.weight", weight},
                               {"net.2.bias", Tensor(Shape{2}, {1, 2})}};
  EXPECT_TRUE(set_named_weights(model, arrays).empty());
  const Tensor kernel = model.weight(0);
  for (std::int64_t place = 0; place < 4; ++place) {
    for (std::int64_t c = 0; c < 3; ++c) {
      for (std::int64_t out = 0; out < 2; ++out) {
        EXPECT_EQ(kernel[(place * 3 + c) * 2 + out], static_cast<Real>(out * 12 + c * 4 + place));
      }
    }
  }
  EXPECT_EQ(model.weight(2)[1], 6);
  EXPECT_EQ(model.weight(3)[0], 7);
}

TEST(NamedWeights, OfOtherSystemsAreRead) {
  GRADUS_SHARED_DATA_OR_SKIP(root, "models/safetensors");
  Sequential linear({784}, {Dense{.units = 10}});
  linear.load_weights(root + "/candle_linear.safetensors");
  const Safetensors stored = read_safetensors(root + "/candle_linear.safetensors");
  for (const auto& [name, tensor] : stored.tensors) {
    if (name == "weight") {
      EXPECT_EQ(linear.weight(0)[1], tensor[784]) << "the second output's first input";
    } else {
      EXPECT_EQ(linear.weight(1)[9], tensor[9]);
    }
  }
  expect_error(ErrorCode::unsupported, {"candle_linear.safetensors", "weights alone"},
               [&] { (void)Sequential::load(root + "/candle_linear.safetensors"); });
  expect_error(ErrorCode::bad_data, {"candle_encodec_i64.safetensors", "'dense/kernel'", "'codes'"},
               [&] { linear.load_weights(root + "/candle_encodec_i64.safetensors"); });
  EXPECT_EQ(read_safetensors(root + "/candle_encodec_i64.safetensors").tensors[0].second.shape(), (Shape{1, 2, 828}));
}

/// A trained network of PyTorch's, with normalisation. What it gives was computed by PyTorch in double precision.
TEST(NamedWeights, OfAConvolutionNetOfPyTorchGiveWhatPyTorchGives) {
  GRADUS_SHARED_DATA_OR_SKIP(root, "models/safetensors");
  std::vector<Layer> layers;
  for (const std::int64_t filters : {4, 8, 16}) {
    layers.emplace_back(Conv2D{.filters = filters, .kernel_size = 3, .padding = Padding::same});
    layers.emplace_back(BatchNormalization{.epsilon = 1e-5});
    layers.emplace_back(ActivationLayer{.activation = relu});
    layers.emplace_back(MaxPooling2D{.pool_size = 2});
  }
  layers.emplace_back(Flatten{});
  layers.emplace_back(Dense{.units = 10});
  Sequential model({28, 28, 1}, layers);
  model.load_weights(root + "/pytorch_cnn_bn.safetensors");
  Tensor x(Shape{1, 28, 28, 1});
  for (std::size_t i = 0; i < 28 * 28; ++i) x.values()[i] = static_cast<Real>((7 * (i / 28) + 3 * (i % 28)) % 11) / 16;
  const Tensor got = model.predict(x);
  const std::vector<double> expected = {0.0590532745, 0.380718078, -0.581933961, -1.25679017, 0.0863857948,
                                        -0.5732395,   0.219498536, -0.976785697, 0.454509565, 0.0633362741};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(got[static_cast<std::int64_t>(i)], expected[i], 1e-6) << i;
  }
}

}  // namespace
}  // namespace gradus
