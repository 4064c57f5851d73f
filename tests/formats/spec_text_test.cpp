#include "model/spec_text.hpp"

#include <gtest/gtest.h>

#include <random>

#include "layers/layer.hpp"
#include "support/expect_error.hpp"

namespace gradus {
namespace {

using test::expect_error;
constexpr ErrorCode wrong = ErrorCode::invalid_argument;

TEST(SpecText, LayersByWordsOfTheirTypes) {
  const std::vector<Layer> layers = parse_layers("rescaling 1/255 0.5, Flatten, dense 90 relu, DENSE 10 Softmax");
  const std::vector<Layer> expected = {Rescaling{.scale = 1.0 / 255, .offset = 0.5}, Flatten{},
                                       Dense{.units = 90, .activation = relu},
                                       Dense{.units = 10, .activation = softmax}};
  EXPECT_EQ(layers, expected);
}

TEST(SpecText, OptionsByName) {
  const Dense expected{.units = 3,
                       .activation = Activation::tanh,
                       .use_bias = false,
                       .kernel_initializer = RandomNormal{.stddev = 0.1},
                       .bias_initializer = Constant{.value = -0.25},
                       .name = "my layer"};
  for (const char* text :
       {"dense 3 tanh use_bias=false kernel_initializer=random_normal(stddev=0.1) bias_initializer=constant(-1/4) "
        "name='my layer'",
        "Dense(units=3, activation=tanh, UseBias=no, kernel_initializer=RandomNormal(0, 0.1), bias_initializer="
        "\"constant\"(-0.25), name=\"my layer\")",
        "dense use_bias = off\n kernel_initializer = random_normal( stddev = 0.1 ) "
        "bias_initializer=constant(value=-0.25) "
        "tanh 3 name='my layer'"}) {
    if (std::string_view(text).find("\"constant\"") != std::string_view::npos) {
      expect_error(wrong, {"bias_initializer", "expected the name of one of the initializers"},
                   [&] { parse_layer(text); });
      continue;
    }
    EXPECT_EQ(parse_layer(text), Layer(expected)) << text;
  }
}

TEST(SpecText, SizesOfImages) {
  const std::vector<Layer> expected = {
      Conv2D{.filters = 32, .kernel_size = 3, .activation = relu},
      Conv2D{.filters = 8, .kernel_size = {5, 3}, .strides = 2, .padding = Padding::same},
      MaxPooling2D{},
      MaxPooling2D{.pool_size = 3, .strides = Size2D(2)},
      AveragePooling2D{.pool_size = {1, 2}, .padding = Padding::same},
      DepthwiseConv2D{.kernel_size = 3, .depth_multiplier = 2},
      GlobalAveragePooling2D{.keepdims = true}};
  EXPECT_EQ(parse_layers("conv2d 32 3x3 relu, Conv2D 8 5x3 2x2 same, max_pooling2d, max_pooling2d 3 2, "
                         "average_pooling2d 1x2 same, depthwise_conv2d 3 depth_multiplier=2, "
                         "global_average_pooling2d keepdims"),
            expected);
  EXPECT_EQ(parse_layer("conv2d(32, 3, activation=relu)"), expected[0]);
  EXPECT_EQ(parse_layer("conv2d 8 kernel_size=(5, 3) strides=2 padding=same"), expected[1]);
  EXPECT_EQ(make_spec<LayerKind>("conv2d", {{"filters", 32}, {"kernel_size", 3}, {"activation", "relu"}}), expected[0]);
  expect_error(wrong, {"in 'conv2d 32 3x3 sam'", "'sam'", "did you mean 'same'?"},
               [] { parse_layer("conv2d 32 3x3 sam"); });
  expect_error(wrong, {"padding", "expected 'valid' or 'same'", "'full'"},
               [] { parse_layer("conv2d 32 3x3 padding=full"); });
  expect_error(wrong, {"kernel_size", "expected a whole number or a list of two", "[3, 3, 3]"},
               [] { parse_layer("conv2d 32 3x3x3"); });
}

TEST(SpecText, WeightsSetByHand) {
  const Layer layer =
      parse_layer("dense 1 step kernel_initializer=given([1, 1]) bias_initializer=given(values=[-1.5])");
  EXPECT_EQ(layer, Layer(Dense{.units = 1,
                               .activation = Activation::step,
                               .kernel_initializer = Given{{1, 1}},
                               .bias_initializer = Given{{-1.5}}}));
}

TEST(SpecText, AnActivationAloneIsALayer) {
  EXPECT_EQ(parse_layers("dense 4, sigmoid").back(), Layer(ActivationLayer{.activation = sigmoid}));
  EXPECT_EQ(parse_layer("activation relu"), Layer(ActivationLayer{.activation = relu}));
}

TEST(SpecText, OptimizersLossesMetrics) {
  EXPECT_EQ(parse_optimizer("rmsprop"), Optimizer(RMSprop{}));
  EXPECT_EQ(parse_optimizer("adam learning_rate=cosine_decay(0.001, 5000) clipnorm=1"),
            Optimizer(Adam{.learning_rate = CosineDecay{.initial_learning_rate = 0.001, .decay_steps = 5000},
                           .clipnorm = 1.0}));
  EXPECT_EQ(parse_optimizer("sgd 0.3 use_ema"), Optimizer(SGD{.learning_rate = 0.3, .use_ema = true}));
  EXPECT_EQ(parse_optimizer("RMSprop(learning_rate=0.01, rho=0.5)"),
            Optimizer(RMSprop{.learning_rate = 0.01, .rho = 0.5}));
  EXPECT_EQ(parse_optimizer("sgd 0.3 momentum=0.9 nesterov"),
            Optimizer(SGD{.learning_rate = 0.3, .momentum = 0.9, .nesterov = true}));
  EXPECT_EQ(parse_loss("categorical_crossentropy"), Loss(CategoricalCrossentropy{}));
  EXPECT_EQ(parse_loss("mse"), Loss(MeanSquaredError{}));
  EXPECT_EQ(parse_loss("binary-crossentropy(from_logits=true)"), Loss(BinaryCrossentropy{.from_logits = true}));
  EXPECT_EQ(parse_metrics("accuracy, acc"), (std::vector<Metric>{Accuracy{}, Accuracy{}}));
  EXPECT_TRUE(parse_metrics(" ").empty());
  EXPECT_EQ(parse_initializer("HENormal"), Initializer(HeNormal{}));
}

TEST(SpecText, FieldsFromATable) {
  EXPECT_EQ(
      make_spec<LayerKind>("dense", {{"Units", 4},
                                     {"activation", "ReLU"},
                                     {"kernel_initializer", Value::Object{{"class", "random_normal"}, {"stddev", 1}}},
                                     {"bias_initializer", "ones"}}),
      Layer(Dense{.units = 4,
                  .activation = relu,
                  .kernel_initializer = RandomNormal{.stddev = 1},
                  .bias_initializer = Ones{}}));
  expect_error(wrong, {"Dense", "units", "whole number"}, [] { make_spec<LayerKind>("Dense", {{"units", "many"}}); });
}

TEST(SpecText, LayersOfOtherForms) {
  const auto same = [](const std::string& text, const Layer& layer) { EXPECT_EQ(parse_layer(text), layer) << text; };
  same("batch_normalization", BatchNormalization{});
  same("BatchNormalization 0.9 scale=false", BatchNormalization{.momentum = 0.9, .scale = false});
  same("dropout 0.3", Dropout{.rate = 0.3});
  same("dropout 0.3 seed=4", Dropout{.rate = 0.3, .seed = 4});
  same("reshape 7x7x2", Reshape{.target_shape = {7, 7, 2}});
  same("reshape [2, -1]", Reshape{.target_shape = {2, -1}});
  same("permute [2, 1]", Permute{.dims = {2, 1}});
  same("zero_padding2d 2", ZeroPadding2D{.padding = {{{2, 2}, {2, 2}}}});
  same("zero_padding2d 1x3", ZeroPadding2D{.padding = {{{1, 1}, {3, 3}}}});
  same("up_sampling2d 3x3 interpolation=bilinear", UpSampling2D{.size = {3, 3}, .interpolation = "bilinear"});
  same("embedding 100 8", Embedding{.input_dim = 100, .output_dim = 8});
  same("normalization axis=none", Normalization{.axis = std::nullopt});
  same("prelu shared_axes=[1, 2]", PReLU{.shared_axes = std::vector<std::int64_t>{1, 2}});
  same("leaky_re_lu 0.1", LeakyReLU{.negative_slope = 0.1});
  same("relu", ActivationLayer{.activation = relu});
  same("leaky_relu", ActivationLayer{.activation = leaky_relu});
  same("ReLU 6", ReLU{.max_value = 6});
  same("dense 3 hard_sigmoid", Dense{.units = 3, .activation = hard_sigmoid});
  same("dense 3 swish", Dense{.units = 3, .activation = silu});
  same("residual [dense 5 relu, residual [dense 5], dropout 0.5]",
       Residual{.layers = {Dense{.units = 5, .activation = relu}, Residual{.layers = {Dense{.units = 5}}},
                           Dropout{.rate = 0.5}}});
}

TEST(SpecText, MistakesAreNamed) {
  expect_error(wrong, {"in 'dens 10'", "no layer 'dens'", "did you mean 'dense'?"},
               [] { parse_layers("flatten, dens 10"); });
  expect_error(wrong, {"'rellu'", "did you mean 'relu'?"}, [] { parse_layer("dense 10 rellu"); });
  expect_error(wrong, {"no option 'use_bais'", "did you mean 'use_bias'?"},
               [] { parse_layer("dense 10 use_bais=no"); });
  expect_error(wrong, {"Dense takes no further number", "'20'"}, [] { parse_layer("dense 10 20"); });
  expect_error(wrong, {"units is given twice"}, [] { parse_layer("dense 10 units=20"); });
  expect_error(wrong, {"units", "expected a whole number", "2.5"}, [] { parse_layer("dense 2.5"); });
  expect_error(wrong, {"use_bias", "true or false", "'maybe'"}, [] { parse_layer("dense 2 use_bias=maybe"); });
  expect_error(wrong, {"use_bias", "a value is missing"}, [] { parse_layer("dense 2 use_bias="); });
  expect_error(wrong, {"kernel_initializer", "no initializer 'randm_normal'", "did you mean 'random_normal'?"},
               [] { parse_layer("dense 2 kernel_initializer=randm_normal"); });
  expect_error(wrong, {"'(' that is not closed"}, [] { parse_layer("dense(2, relu"); });
  std::string deep;
  for (int i = 0; i < 3000; ++i) deep += "residual [";
  expect_error(wrong, {"16 levels"}, [&] { parse_layers(deep + "dense 2" + std::string(3000, ']')); });
  expect_error(wrong, {"')' without its '('"}, [] { parse_layer("dense 2)"); });
  expect_error(wrong, {"quote"}, [] { parse_layer("dense 2 name='x"); });
  expect_error(wrong, {"a layer is missing"}, [] { parse_layers("dense 2,, dense 3"); });
  expect_error(wrong, {"no layers"}, [] { parse_layers("  "); });
  expect_error(wrong, {"no optimizer 'adan'", "did you mean 'adam'?"}, [] { parse_optimizer("adan"); });
  expect_error(wrong, {"no loss 'mean_sqared_error'", "'mean_squared_error'"}, [] { parse_loss("mean_sqared_error"); });
  expect_error(wrong, {"expected the name"}, [] { parse_optimizer("=3"); });
}

TEST(SpecText, EveryRegisteredLayerReadsBackFromItsFields) {
  for (const auto& [name, entry] : LayerRegistry::instance().entries()) {
    for (const auto& example : entry.maker.examples)
      EXPECT_EQ(make_spec<LayerKind>(name, example.spec.fields()), example.spec);
    EXPECT_EQ(find_class_name<LayerKind>(snake_case(name)), name);
  }
}

TEST(SpecText, SnakeCaseIsThatOfKeras) {
  const std::pair<const char*, const char*> names[] = {{"Dense", "dense"},
                                                       {"Conv2D", "conv2d"},
                                                       {"MaxPooling2D", "max_pooling2d"},
                                                       {"ReLU", "re_lu"},
                                                       {"PReLU", "p_re_lu"},
                                                       {"LeakyReLU", "leaky_re_lu"},
                                                       {"ELU", "elu"},
                                                       {"InputLayer", "input_layer"},
                                                       {"BatchNormalization", "batch_normalization"},
                                                       {"ZeroPadding2D", "zero_padding2d"},
                                                       {"Conv2DTranspose", "conv2d_transpose"},
                                                       {"GlobalAveragePooling2D", "global_average_pooling2d"}};
  for (const auto& [name, snake] : names) EXPECT_EQ(snake_case(name), snake);
}

TEST(SpecText, SurvivesAnyText) {
  const std::string letters = "dense 10 relu,flatten()=[]{}'\"1/255.eE+-\n\t xX\xff";
  std::mt19937 random(1);
  for (int i = 0; i < 30'000; ++i) {
    std::string text = i % 2 == 0 ? "dense 10 relu use_bias=false kernel_initializer=random_normal(stddev=0.1)" : "";
    for (int k = 0; k < 1 + i % 20; ++k) {
      const char c = letters[random() % letters.size()];
      text.insert(text.begin() + static_cast<long>(random() % (text.size() + 1)), c);
    }
    try {
      (void)parse_layers(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), wrong);
    }
  }
}

}  // namespace
}  // namespace gradus
