#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include <gradus/gradus.hpp>

#include "base/gzip.hpp"
#include "formats/hdf5_reader.hpp"
#include "formats/json.hpp"
#include "formats/keras.hpp"
#include "formats/zip.hpp"
#include "model/state.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_directory.hpp"

namespace gradus {
namespace {

using test::TemporaryDirectory;

Sequential small_model(const CompileOptions& options, std::vector<Layer> layers = {}) {
  if (layers.empty()) {
    layers = {Dense{.units = 5, .activation = Activation::tanh, .kernel_initializer = HeNormal{}},
              Dense{.units = 3, .activation = softmax, .use_bias = false, .name = "out"}};
  }
  Sequential model({2}, std::move(layers), {.seed = 7, .name = "small"});
  model.compile(options);
  return model;
}

Dataset three_clouds() { return datasets::blobs(60, 3, 1.0, 5); }

Value member(const std::string& path, const std::string& name) {
  const auto bytes = ZipReader(path).read(name, 1 << 24);
  return read_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, name);
}

void expect_same(const Sequential& a, const Sequential& b) {
  EXPECT_EQ(a.weights_sha256(), b.weights_sha256());
  EXPECT_EQ(a.name(), b.name());
  EXPECT_EQ(a.input_shape(), b.input_shape());
  EXPECT_EQ(a.layers(), b.layers());
  EXPECT_EQ(a.class_names(), b.class_names());
  EXPECT_EQ(a.history().entries(), b.history().entries());
  EXPECT_EQ(a.history().seconds, b.history().seconds);
  EXPECT_EQ(a.held_out(), b.held_out());
  EXPECT_EQ(a.state().learnt_rows.level(), b.state().learnt_rows.level());
  EXPECT_EQ(a.state().learnt_rows.hashes(), b.state().learnt_rows.hashes());
  EXPECT_EQ(a.state().seed, b.state().seed);
  EXPECT_EQ(a.state().iterations, b.state().iterations);
  EXPECT_EQ(a.state().epochs, b.state().epochs);
  ASSERT_EQ(a.compiled().has_value(), b.compiled().has_value());
  if (a.compiled()) {
    EXPECT_EQ(a.compiled()->optimizer, b.compiled()->optimizer);
    EXPECT_EQ(a.compiled()->loss, b.compiled()->loss);
    EXPECT_EQ(a.compiled()->metrics, b.compiled()->metrics);
  }
  ASSERT_EQ(a.state().slots.size(), b.state().slots.size());
  for (std::size_t s = 0; s < a.state().slots.size(); ++s) {
    const std::span<const Real> x(a.state().slots[s].data(), static_cast<std::size_t>(a.state().trainable_size));
    const std::span<const Real> y(b.state().slots[s].data(), static_cast<std::size_t>(b.state().trainable_size));
    EXPECT_TRUE(std::equal(x.begin(), x.end(), y.begin())) << "slot " << s;
  }
}

struct Case {
  std::string name;
  CompileOptions options;
};

/// The two formats that keep everything.
constexpr const char* whole_endings[] = {".keras", ".h5"};

class RoundTrip : public testing::TestWithParam<Case> {};

TEST_P(RoundTrip, KeepsEverythingAndTrainsOnToTheSameBits) {
  for (const std::string ending : whole_endings) {
    SCOPED_TRACE(ending);
    TemporaryDirectory directory;
    const std::string path = directory / ("m" + ending);
    Sequential model = small_model(GetParam().options);
    model.fit(three_clouds(), {.epochs = 3, .batch_size = 7, .seed = 2});
    model.save(path);
    Sequential loaded = Sequential::load(path);
    expect_same(model, loaded);

    model.fit(three_clouds(), {.epochs = 2, .batch_size = 7, .seed = 2});
    loaded.fit(three_clouds(), {.epochs = 2, .batch_size = 7, .seed = 2});
    EXPECT_EQ(model.weights_sha256(), loaded.weights_sha256());
    EXPECT_EQ(model.history().entries(), loaded.history().entries());
  }
}

TEST_P(RoundTrip, LeavesNoNotes) {
  for (const std::string ending : whole_endings) {
    TemporaryDirectory directory;
    const std::string path = directory / ("m" + ending);
    small_model(GetParam().options).save(path);
    const LoadedModel loaded = read_model(path);
    EXPECT_TRUE(loaded.notes.empty()) << loaded.notes.front();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Keras, RoundTrip,
    testing::Values(
        Case{"sgd", {SGD{.learning_rate = 0.05}, CategoricalCrossentropy{}, {Accuracy{}}}},
        Case{"momentum", {SGD{.momentum = 0.9, .nesterov = true}, MeanSquaredError{}, {}}},
        Case{"rmsprop", {RMSprop{}, CategoricalCrossentropy{}, {Accuracy{}}}},
        Case{"rmsprop_full",
             {RMSprop{.momentum = 0.5, .centered = true}, SparseCategoricalCrossentropy{}, {Accuracy{}}}},
        Case{"adam", {Adam{.learning_rate = static_cast<double>(1e-3f)}, SquaredError{}, {Accuracy{}}}},
        Case{"amsgrad", {Adam{.amsgrad = true, .use_ema = true}, MeanSquaredError{}, {}}},
        Case{"adamw", {AdamW{.clipnorm = 0.1}, MeanSquaredError{}, {}}},
        Case{"adamax", {Adamax{.weight_decay = 0.01}, MeanSquaredError{}, {}}},
        Case{"nadam", {Nadam{.global_clipnorm = 0.5}, MeanSquaredError{}, {}}},
        Case{"adagrad", {Adagrad{.clipvalue = 0.5}, MeanSquaredError{}, {}}},
        Case{"adadelta",
             {Adadelta{.use_ema = true, .ema_momentum = 0.9, .ema_overwrite_frequency = 4}, MeanSquaredError{}, {}}},
        Case{"lion", {Lion{}, MeanSquaredError{}, {}}},
        Case{"cosine",
             {SGD{.learning_rate =
                      CosineDecay{
                          .initial_learning_rate = 0.0, .decay_steps = 30, .warmup_target = 0.1, .warmup_steps = 7}},
              MeanSquaredError{},
              {}}},
        Case{"piecewise",
             {RMSprop{.learning_rate = PiecewiseConstantDecay{.boundaries = {3, 20}, .values = {0.1, 0.01, 0.001}}},
              MeanSquaredError{},
              {}}},
        Case{"one_cycle",
             {Adam{.learning_rate = OneCycle{.max_learning_rate = 0.05, .total_steps = 45}}, MeanSquaredError{}, {}}},
        Case{"quadratic", {Adam{}, Quadratic{}, {}}},
        Case{"logits", {SGD{}, CategoricalCrossentropy{.from_logits = true}, {Accuracy{}}}},
        Case{"binary", {SGD{}, BinaryCrossentropy{}, {}}}),
    [](const auto& each) { return each.param.name; });

TEST(KerasFile, KeepsAModelThatWasNeverCompiled) {
  TemporaryDirectory directory;
  const std::string path = directory / "m.keras";
  const Sequential model(
      {4, 6, 1}, {Rescaling{.scale = 1.0 / 255, .offset = -0.5}, Flatten{},
                  Dense{.units = 2, .bias_initializer = Constant{0.25}}, ActivationLayer{.activation = sigmoid}});
  model.save(path);
  expect_same(model, Sequential::load(path));
}

TEST(KerasFile, KeepsEveryRegisteredLayer) {
  TemporaryDirectory directory;
  for (const auto& [name, entry] : LayerRegistry::instance().entries()) {
    for (const auto& example : entry.maker.examples) {
      SCOPED_TRACE(name + " on " + example.input.to_string());
      for (const std::string ending : whole_endings) {
        const std::string path = directory / ("m" + ending);
        const Sequential model(example.input, {example.spec}, {.seed = 3});
        model.save(path);
        expect_same(model, Sequential::load(path));
      }
    }
  }
}

/// A fork is a graph of layers, which tf.keras 2 knows by the layers' names alone.
TEST(KerasH5, WritesAResidualInTheWordsOfKeras2) {
  TemporaryDirectory directory;
  const std::string path = directory / "m.h5";
  Sequential({4}, {Dense{.units = 4, .name = "a"}, Residual{.layers = {Dense{.units = 4, .name = "b"}}, .name = "sum"}})
      .save(path);
  const std::vector<std::uint8_t> bytes = read_file(path, 1 << 20);
  const Value config = read_json(*Hdf5Reader(bytes).text_attribute("/", "model_config"), "model_config");
  EXPECT_EQ(*config.find("class_name"), Value("Functional"));
  std::vector<std::string> nodes;
  for (const Value& layer : *config.find("config")->find("layers")->get_if<Value::List>()) {
    nodes.push_back(*layer.find("class_name")->get_if<std::string>() + " " + write_json(*layer.find("inbound_nodes")));
  }
  EXPECT_EQ(nodes, (std::vector<std::string>{"InputLayer []", R"(Dense [[["input_layer",0,0,{}]]])",
                                             R"(Dense [[["a",0,0,{}]]])", R"(Add [[["a",0,0,{}],["b",0,0,{}]]])"}));
}

TEST(KerasFile, KeepsEveryRegisteredInitializer) {
  TemporaryDirectory directory;
  for (const std::string& name : Initializer::names()) {
    Initializer initializer = Initializer::make(name);
    if (name == "Given") initializer = Given{.values = {1, -2, 0.1, 4, 5, 6}};
    if (name == "Constant") initializer = Constant{-0.1};
    const std::string path = directory / "m.keras";
    const Sequential model({3}, {Dense{.units = 2, .kernel_initializer = initializer}});
    model.save(path);
    expect_same(model, Sequential::load(path));
  }
}

TEST(KerasFile, KeepsNumbersThatAreNotFinite) {
  TemporaryDirectory directory;
  const std::string path = directory / "m.keras";
  Sequential model({2}, {Dense{.units = 2}});
  const float infinity = std::numeric_limits<float>::infinity();
  model.set_weight(0, Tensor({2, 2}, {infinity, std::nanf(""), 1, 2}));
  model.save(path);
  EXPECT_EQ(Sequential::load(path).weights_sha256(), model.weights_sha256());
}

TEST(KerasFile, IsTheSameButForItsDate) {
  TemporaryDirectory directory;
  const Sequential model = small_model({RMSprop{}, CategoricalCrossentropy{}, {}});
  const auto content = [&](const std::string& name) {
    model.save(directory / name);
    const ZipReader archive(directory / name);
    return std::pair(archive.read("config.json", 1 << 20), archive.read("model.weights.h5", 1 << 20));
  };
  EXPECT_EQ(content("a.keras"), content("b.keras"));
}

TEST(KerasFile, HasTheMembersOfKerasInItsOrder) {
  TemporaryDirectory directory;
  const std::string path = directory / "m.keras";
  small_model({RMSprop{}, CategoricalCrossentropy{}, {Accuracy{}}}).save(path);
  const ZipReader archive(path);
  ASSERT_EQ(archive.members().size(), 3u);
  EXPECT_EQ(archive.members()[0].name, "metadata.json");
  EXPECT_EQ(archive.members()[1].name, "config.json");
  EXPECT_EQ(archive.members()[2].name, "model.weights.h5");
}

TEST(KerasFile, SaysInKerasWordsWhatKerasHas) {
  TemporaryDirectory directory;
  const std::string path = directory / "m.keras";
  small_model({RMSprop{.learning_rate = 0.01}, CategoricalCrossentropy{}, {Accuracy{}}}).save(path);
  const Value config = member(path, "config.json");
  const std::string expected =
      R"({"module":"keras","class_name":"Sequential","config":{"name":"small","trainable":true,"dtype":"float32",)"
      R"("layers":[{"module":"keras.layers","class_name":"InputLayer","config":{"batch_shape":[null,2],)"
      R"("dtype":"float32","sparse":false,"name":"input_layer"},"registered_name":null},)"
      R"({"module":"keras.layers","class_name":"Dense","config":{"name":"dense","trainable":true,"dtype":"float32",)"
      R"("units":5,"activation":"tanh","use_bias":true,"kernel_initializer":{"module":"keras.initializers",)"
      R"("class_name":"HeNormal","config":{"seed":null},"registered_name":null},"bias_initializer":)"
      R"({"module":"keras.initializers","class_name":"Zeros","config":{},"registered_name":null},)"
      R"("kernel_regularizer":null,"bias_regularizer":null,"kernel_constraint":null,"bias_constraint":null},)"
      R"("registered_name":null,"build_config":{"input_shape":[null,2]}},)";
  EXPECT_EQ(write_json(config).substr(0, expected.size()), expected);
  const Value compile = *config.find("compile_config");
  EXPECT_EQ(write_json(*compile.find("optimizer")),
            R"({"module":"keras.optimizers","class_name":"RMSprop","config":{"name":"rmsprop","learning_rate":0.01,)"
            R"("rho":0.9,"momentum":0.0,"epsilon":1e-07,"centered":false,"weight_decay":null,"clipnorm":null,)"
            R"("global_clipnorm":null,"clipvalue":null,"use_ema":false,"ema_momentum":0.99,)"
            R"("ema_overwrite_frequency":null},"registered_name":null})");
  EXPECT_EQ(*compile.find("loss"), Value("categorical_crossentropy"));
  EXPECT_EQ(write_json(*compile.find("metrics")), R"(["accuracy"])");
  EXPECT_EQ(member(path, "metadata.json").find("gradus")->find("layers"), nullptr);
  EXPECT_EQ(member(path, "metadata.json").find("gradus")->find("compile"), nullptr);
}

TEST(KerasFile, SaysInKerasWordsWhatKerasCanAlmostSay) {
  TemporaryDirectory directory;
  const std::string path = directory / "m.keras";
  small_model({SGD{}, SquaredError{}, {}}).save(path);
  const Value squared = *member(path, "config.json").find("compile_config");
  EXPECT_EQ(*squared.find("loss"), Value("mean_squared_error"));
  EXPECT_EQ(write_json(*squared.find("loss_weights")), "[3.0]");
  small_model({SGD{}, Quadratic{}, {}}).save(path);
  EXPECT_EQ(write_json(*member(path, "config.json").find("compile_config")->find("loss_weights")), "[1.5]");

  const Sequential given({2}, {Dense{.units = 1,
                                     .activation = Activation::step,
                                     .kernel_initializer = Given{{1, 1}},
                                     .bias_initializer = Given{{-1.5}}}});
  given.save(path);
  const std::string text = write_json(member(path, "config.json"));
  EXPECT_EQ(text.find("Given"), std::string::npos);
  EXPECT_EQ(Sequential::load(path).layers(), given.layers());
}

TEST(KerasFile, ProvesItself) {
  TemporaryDirectory directory;
  const std::string path = directory / "m.keras";
  const Sequential model = small_model({SGD{}, MeanSquaredError{}, {}});
  model.save(path);
  const Value metadata = member(path, "metadata.json");
  ASSERT_NE(metadata.find("gradus")->find("sample"), nullptr);

  Value spoilt = metadata;
  for (auto& [key, value] : std::get<Value::Object>(spoilt.data)) {
    if (key != "gradus") continue;
    for (auto& [inner, extra] : std::get<Value::Object>(value.data)) {
      if (inner == "sample") std::get<Value::List>(std::get<Value::Object>(extra.data)[1].second.data)[0] = Value(0.5);
    }
  }
  const std::string text = write_json(spoilt);
  const ZipReader archive(path);
  const auto config = archive.read("config.json", 1 << 20), weights = archive.read("model.weights.h5", 1 << 20);
  const std::string other = directory / "spoilt.keras";
  const ZipMember members[] = {{"metadata.json", {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}},
                               {"config.json", config},
                               {"model.weights.h5", weights}};
  AtomicFile file(other);
  write_zip(file, members);
  file.commit();
  test::expect_error(ErrorCode::bad_data, {"spoilt.keras", "does not give what it gave when it was saved", "output 0"},
                     [&] { (void)Sequential::load(other); });
}

TEST(KerasFile, IsNotWrittenWhereItCannotBe) {
  const Sequential model({2}, {Dense{.units = 2}});
  test::expect_error(ErrorCode::not_found, {"no-such-directory"}, [&] { model.save("/no-such-directory/m.keras"); });
  test::expect_error(ErrorCode::unsupported, {"m.pt", ".keras", ".h5"}, [&] { model.save("m.pt"); });
}

TEST(KerasFile, ReplacesAnOldOneWhole) {
  TemporaryDirectory directory;
  const std::string path = directory / "m.keras";
  Sequential({2}, {Dense{.units = 2}}, {.seed = 1}).save(path);
  const Sequential second({2}, {Dense{.units = 2}}, {.seed = 2});
  second.save(path);
  EXPECT_EQ(Sequential::load(path).weights_sha256(), second.weights_sha256());
  const auto entries = std::distance(std::filesystem::directory_iterator(directory.path()), {});
  EXPECT_EQ(entries, 1) << "a temporary file was left behind";
}

}  // namespace
}  // namespace gradus
