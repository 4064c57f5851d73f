// What layers do in a model that is trained: drop and add noise by seed and step, keep averages, be fitted to data.
#include <gtest/gtest.h>

#include <cmath>

#include <gradus/error.hpp>
#include <gradus/model.hpp>

#include "base/philox.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_directory.hpp"

namespace gradus::test {
namespace {

Dataset rows_of(std::int64_t rows, const Shape& shape, std::int64_t targets, double centre = 0) {
  Philox random(5, 0);
  std::vector<Real> x(static_cast<std::size_t>(rows * shape.elements())), y(static_cast<std::size_t>(rows * targets));
  for (Real& value : x) value = static_cast<Real>(random.normal() * 2 + centre);
  for (Real& value : y) value = static_cast<Real>(random.normal());
  return Dataset::with_targets("made", shape, std::move(x), std::move(y), targets);
}

std::string trained(const std::vector<Layer>& layers, const FitOptions& options) {
  Sequential model{{4, 3}, layers, {.seed = 2}};
  model.compile({.optimizer = Adam{}, .loss = MeanSquaredError{}, .metrics = {}});
  model.fit(rows_of(150, {4, 3}, 2), options);
  return model.weights_sha256();
}

std::vector<Layer> varied() {
  return {GaussianNoise{.stddev = 0.2},
          Dense{.units = 33, .activation = gelu},
          BatchNormalization{},
          Dropout{.rate = 0.3},
          Residual{.layers = {LayerNormalization{}, Dense{.units = 33, .activation = silu}, Dropout{.rate = 0.2}}},
          PReLU{},
          Flatten{},
          Dense{.units = 2}};
}

TEST(LayersInTraining, GiveTheSameBitsForAnyNumberOfThreads) {
  const std::string one = trained(varied(), {.epochs = 2, .batch_size = 64, .threads = 1});
  EXPECT_EQ(trained(varied(), {.epochs = 2, .batch_size = 64, .threads = 2}), one);
  EXPECT_EQ(trained(varied(), {.epochs = 2, .batch_size = 64, .threads = 5}), one);
}

TEST(LayersInTraining, DrawByTheSeedOfTheTrainingOrTheirOwn) {
  const auto layers = [](std::optional<std::int64_t> seed) {
    return std::vector<Layer>{Dropout{.rate = 0.5, .seed = seed}, Flatten{}, Dense{.units = 2}};
  };
  const FitOptions first{.batch_size = 32, .shuffle = false, .seed = 1},
      second{.batch_size = 32, .shuffle = false, .seed = 2};
  EXPECT_EQ(trained(layers({}), first), trained(layers({}), first));
  EXPECT_NE(trained(layers({}), first), trained(layers({}), second));
  EXPECT_EQ(trained(layers(7), first), trained(layers(7), second));
  EXPECT_NE(trained(layers(7), first), trained(layers(8), first));
}

TEST(LayersInTraining, RandomLayersDoNothingInPrediction) {
  const Sequential with{{5}, {Dropout{.rate = 0.9}, GaussianNoise{.stddev = 3}, Dense{.units = 3}}};
  const Sequential without{{5}, {Dense{.units = 3}}};
  const Tensor x({2, 5}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  const Tensor a = with.predict(x), b = without.predict(x);
  for (std::int64_t i = 0; i < 6; ++i) EXPECT_EQ(a[i], b[i]);
}

TEST(Adapt, FindsMeanAndVarianceOfEachFeature) {
  const Tensor x({4, 2}, {1, 10, 2, 10, 3, 10, 6, 10});
  const Dataset data = Dataset::with_targets("made", {2}, {1, 10, 2, 10, 3, 10, 6, 10}, {0, 0, 0, 0}, 1);
  Sequential model{{2}, {Normalization{}}};
  model.adapt(data);
  ASSERT_EQ(model.weights().size(), 3U);
  EXPECT_EQ(model.weights()[2].name, "count");
  EXPECT_FLOAT_EQ(static_cast<float>(model.weight(0)[0]), 3);
  EXPECT_FLOAT_EQ(static_cast<float>(model.weight(1)[0]), 3.5F);  // (4 + 1 + 0 + 9) / 4
  EXPECT_EQ(model.weight(0)[1], 10);
  EXPECT_EQ(model.weight(1)[1], 1);  // it does not vary, so a step away from it is not made huge
  EXPECT_EQ(model.weight(2)[0], 4);
  const Tensor y = model.predict(x);
  EXPECT_FLOAT_EQ(static_cast<float>(y[0]), static_cast<float>(-2 / std::sqrt(3.5)));
  EXPECT_EQ(y[1], 0);
  EXPECT_EQ(model.predict(Tensor({1, 2}, {3, 11}))[1], 1);
}

TEST(Adapt, TakesRoundingForNoVariation) {
  constexpr float large = 1234567.0F;
  const Real above = std::nextafter(static_cast<Real>(large), static_cast<Real>(2 * large));
  const Dataset data = Dataset::with_targets("made", {2}, {large, 1e-5F, above, 2e-5F, large, 3e-5F}, {0, 0, 0}, 1);
  Sequential model{{2}, {Normalization{}}};
  model.adapt(data);
  EXPECT_EQ(model.weight(1)[0], 1);
  EXPECT_NEAR(model.weight(1)[1], 2.0 / 3 * 1e-10, 1e-14);  // small numbers do vary
}

TEST(Adapt, LeavesWordsAsTheyAre) {
  const TemporaryDirectory directory;
  const Dataset data =
      datasets::csv(directory.write("t.csv", "size,tree,y\n1,oak,1.5\n3,ash,2.5\n5,oak,3.5\n"), {.label = "y"});
  Sequential model{data.sample_shape(), {Normalization{}}};
  model.adapt(data);
  EXPECT_EQ(model.weight(0)[0], 3);
  for (std::int64_t word = 1; word <= 2; ++word) {
    EXPECT_EQ(model.weight(0)[word], 0);
    EXPECT_EQ(model.weight(1)[word], 1);
  }
}

TEST(Adapt, SeesWhatTheLayersBelowGive) {
  Sequential model{{2, 3}, {Rescaling{.scale = 10, .offset = 1}, Normalization{.axis = std::nullopt}}};
  model.adapt(rows_of(2000, {2, 3}, 1, 0.5));
  EXPECT_NEAR(model.weight(0)[0], 6, 0.5);
  EXPECT_NEAR(model.weight(1)[0], 400, 20);
  const Dataset other = rows_of(3, {7}, 1);
  expect_error(ErrorCode::invalid_argument, {"adapt", "(2, 3)", "(7,)"}, [&] { model.adapt(other); });
}

TEST(Adapt, IsDoneByFitOnceAndKeptInTheFile) {
  const Dataset data = rows_of(64, {3}, 1, 4), moved = rows_of(64, {3}, 1, -9);
  Sequential model{{3}, {Normalization{}, Dense{.units = 1}}};
  model.compile({.optimizer = SGD{}, .loss = MeanSquaredError{}, .metrics = {}});
  model.fit(data);
  const Tensor mean = model.weight(0);
  EXPECT_NEAR(mean[0], 4, 1);
  model.fit(moved);
  EXPECT_EQ(model.weight(0)[0], mean[0]);
  const TemporaryDirectory directory;
  model.save(directory / "m.keras");
  Sequential loaded = Sequential::load(directory / "m.keras");
  loaded.fit(moved);
  EXPECT_EQ(loaded.weight(0)[0], mean[0]);
  loaded.adapt(moved);
  EXPECT_NEAR(loaded.weight(0)[0], -9, 1);
}

TEST(Shapes, ThatDoNotFitAreRefusedWithTheLayersName) {
  const auto refused = [](const Shape& shape, const Layer& layer, std::initializer_list<std::string> words) {
    expect_error(ErrorCode::invalid_argument, words, [&] { Sequential(shape, {layer}); });
  };
  refused({4}, Reshape{.target_shape = {3, 2}}, {"reshape", "[3, 2]", "(4,)"});
  refused({4}, Reshape{.target_shape = {-1, -1}}, {"reshape", "only one"});
  refused({5}, Reshape{.target_shape = {2, -1}}, {"reshape", "[2, -1]", "(5,)"});
  refused({4, 2}, Permute{.dims = {1, 3}}, {"permute", "[1, 3]", "(4, 2)"});
  refused({4, 2}, ZeroPadding2D{}, {"zero_padding2d", "(height, width, channels)", "(4, 2)"});
  refused({4}, SpatialDropout2D{}, {"spatial_dropout2d", "(4,)"});
  refused({4}, Dropout{.rate = 1.5}, {"dropout", "rate", "1.5"});
  refused({4}, GaussianNoise{.stddev = -1}, {"gaussian_noise", "stddev", "-1"});
  refused({4, 2}, BatchNormalization{.axis = 1}, {"batch_normalization", "axis", "(4, 2)", "1"});
  refused({4}, LayerNormalization{.epsilon = 0}, {"layer_normalization", "epsilon"});
  refused({4}, Normalization{.mean = std::vector<double>{1}}, {"normalization", "variance"});
  refused({4}, Normalization{.mean = std::vector<double>{1, 2}, .variance = std::vector<double>{1, 2}},
          {"normalization", "2 values", "4 features"});
  refused({4}, Embedding{.input_dim = 0, .output_dim = 2}, {"embedding", "input_dim"});
  refused({4}, PReLU{.shared_axes = std::vector<std::int64_t>{2}}, {"p_re_lu", "shared_axes", "(4,)", "2"});
  refused({4, 4, 1}, UpSampling2D{.interpolation = "cubic"}, {"up_sampling2d", "nearest or bilinear", "cubic"});
  refused({4}, Residual{.layers = {Dense{.units = 3}}}, {"residual", "(3,)", "(4,)"});
  refused({4}, Residual{.layers = {Dense{.units = 0, .name = "inner"}}}, {"residual", "inner", "units"});
  refused({4}, Residual{}, {"residual", "layers"});
  refused({4}, Residual{.layers = {Dense{.units = 4, .name = "a"}}, .name = "a"}, {"two layers", "'a'"});
}

TEST(Embedding, RefusesWhatIsNoIndex) {
  const Sequential model{{2}, {Embedding{.input_dim = 5, .output_dim = 3}}};
  const Tensor good({1, 2}, {0, 4}), large({1, 2}, {0, 5}), broken({1, 2}, {0.5, 1});
  EXPECT_EQ(model.predict(good).shape(), (Shape{1, 2, 3}));
  expect_error(ErrorCode::invalid_argument, {"Embedding", "0 to 4", "is 5"}, [&] { (void)model.predict(large); });
  expect_error(ErrorCode::invalid_argument, {"Embedding", "0.5"}, [&] { (void)model.predict(broken); });
  // On several threads as well.
  Tensor many({5000, 2});
  many.values()[7777] = -1;
  expect_error(ErrorCode::invalid_argument, {"Embedding", "is -1"}, [&] { (void)model.predict(many); });
}

}  // namespace
}  // namespace gradus::test
