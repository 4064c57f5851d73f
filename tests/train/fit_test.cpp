// What fit promises: the same bits, clear refusals, good weights after a bad run.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <thread>
#include <utility>

#include <gradus/gradus.hpp>

#include "base/philox.hpp"
#include "model/state.hpp"
#include "support/expect_error.hpp"

namespace gradus::test {
namespace {

// Images of bytes, most of them 0, whose label can be told from them.
Dataset images(std::int64_t count, std::int64_t side = 12) {
  Philox random(1, 0);
  std::vector<std::uint8_t> pixels;
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::int32_t>(i % 4);
    for (std::int64_t p = 0; p < side * side; ++p) {
      const bool ink = p % 4 == label ? random.uniform() < 0.5 : random.uniform() < 0.1;
      pixels.push_back(ink ? static_cast<std::uint8_t>(1 + random.below(255)) : 0);
    }
    labels.push_back(label);
  }
  return Dataset::classified("images", {side, side, 1}, pixels, labels, 4);
}

/// Looks at the model in every way there is, after every step.
class Reader : public Callback {
 public:
  explicit Reader(const Dataset& data) : data_(data) {}
  bool on_batch_end(const TrainingState&) override {
    const std::string hash = model().weights_sha256();
    const Sequential copy = model();
    EXPECT_EQ(copy.weights_sha256(), hash) << "step " << steps;
    const Dataset few = data_.first(3);
    const Tensor inputs = reals_of(few), outputs = model().predict(inputs), same = copy.predict(inputs);
    for (std::int64_t i = 0; i < outputs.shape().elements(); ++i) EXPECT_EQ(outputs[i], same[i]) << "step " << steps;
    EXPECT_EQ(model().evaluate(few).at("loss"), copy.evaluate(few).at("loss"));
    EXPECT_EQ(model().weights_sha256(), hash) << "it is read, not written";
    EXPECT_NE(hash, std::exchange(last_, hash)) << "step " << steps << " has changed it";
    ++steps;
    return true;
  }
  std::int64_t steps = 0;

 private:
  static Tensor reals_of(const Dataset& data) {
    Tensor inputs(data.sample_shape().with_rows(data.size()));
    for (std::int64_t i = 0; i < inputs.shape().elements(); ++i) {
      inputs.values()[static_cast<std::size_t>(i)] = data.inputs().at(i);
    }
    return inputs;
  }
  const Dataset& data_;
  std::string last_;
};

// Where samples come one by one and have an offset, the first layer defers a part of each step. A reader gets whole
// weights, computed into a copy.
TEST(Fit, ReadingTheWeightsChangesNothing) {
  const Dataset data = images(150);
  for (const std::int64_t batch_size : {1, 7}) {
    const auto trained = [&](Callback* callback) {
      Sequential model{{12, 12, 1},
                       {Rescaling{.scale = 0.99 / 255, .offset = 0.01}, Flatten{},
                        Dense{.units = 30, .activation = sigmoid}, Dense{.units = 4, .activation = sigmoid}},
                       {.seed = 3}};
      model.compile({.optimizer = SGD{.learning_rate = 0.1}, .loss = Quadratic{}, .metrics = {}});
      FitOptions options{.epochs = 2, .batch_size = batch_size, .threads = 1};
      if (callback != nullptr) options.callbacks = {callback};
      model.fit(data, options);
      return model.weights_sha256();
    };
    Reader reader(data);
    const std::string with = trained(&reader);
    EXPECT_EQ(with, trained(nullptr)) << "batches of " << batch_size;
    EXPECT_EQ(reader.steps, 2 * ((150 + batch_size - 1) / batch_size));
  }
}

struct BitsCase {
  std::string name;
  std::vector<Layer> layers;
  Optimizer optimizer;
  Loss loss;
  std::int64_t batch_size;
};

std::vector<BitsCase> bits_cases() {
  const Layer offset = Rescaling{.scale = 0.99 / 255, .offset = 0.01}, plain = Rescaling{.scale = 1.0 / 255};
  const auto dense = [](std::int64_t units, Activation a) { return Layer(Dense{.units = units, .activation = a}); };
  return {
      {"SingleSamples",
       {plain, Flatten{}, dense(32, Activation::tanh), dense(4, Activation::tanh)},
       SGD{.learning_rate = 0.01},
       SquaredError{},
       1},
      {"SingleSamplesWithOffset",
       {offset, Flatten{}, dense(90, sigmoid), dense(4, sigmoid)},
       SGD{.learning_rate = 0.1},
       Quadratic{},
       1},
      {"SmallBatches",
       {offset, Flatten{}, dense(90, relu), dense(4, softmax)},
       RMSprop{},
       CategoricalCrossentropy{},
       200},
      {"LargeBatches",
       {plain, Flatten{}, dense(30, sigmoid), dense(4, sigmoid)},
       SGD{.learning_rate = 3},
       Quadratic{},
       500},
      {"WideLayers",
       {plain, Flatten{}, dense(512, relu), dense(512, relu), dense(4, softmax)},
       Adam{},
       CategoricalCrossentropy{},
       128},
      {"Momentum",
       {plain, dense(7, Activation::tanh), Flatten{}, dense(4, softmax)},
       SGD{.learning_rate = 0.05, .momentum = 0.9},
       SparseCategoricalCrossentropy{},
       50},
      {"ClippedAndAveraged",
       {offset, Flatten{}, dense(512, relu), dense(4, softmax)},
       AdamW{.global_clipnorm = 0.2, .use_ema = true, .ema_overwrite_frequency = 3},
       CategoricalCrossentropy{},
       100},
      {"Convolutions",
       {plain, Conv2D{.filters = 6, .kernel_size = 3, .activation = relu}, MaxPooling2D{},
        Conv2D{.filters = 20, .kernel_size = 2, .activation = relu}, MaxPooling2D{}, Flatten{}, dense(4, softmax)},
       Adam{},
       CategoricalCrossentropy{},
       100},
      {"ManyFilters",
       {plain, Conv2D{.filters = 32, .kernel_size = 3, .activation = relu}, MaxPooling2D{},
        Conv2D{.filters = 17, .kernel_size = 3, .padding = Padding::same, .activation = Activation::tanh},
        MaxPooling2D{}, Flatten{}, Dropout{.rate = 0.5}, dense(4, softmax)},
       Adam{},
       CategoricalCrossentropy{},
       128},
  };
}

class SameBits : public testing::TestWithParam<BitsCase> {};

TEST_P(SameBits, ForEveryNumberOfThreads) {
  const BitsCase& c = GetParam();
  const Dataset data = images(600), validation = images(100);
  std::string first, first_loss;
  for (const std::int64_t threads : {1, 2, 3, 7, 1}) {
    Sequential model{{12, 12, 1}, c.layers, {.seed = 3}};
    model.compile({.optimizer = c.optimizer, .loss = c.loss, .metrics = {Accuracy{}}});
    const History history =
        model.fit(data, {.epochs = 2, .batch_size = c.batch_size, .validation_data = validation, .threads = threads});
    std::string figures;
    for (const auto& [name, values] : history.entries()) {
      for (const double value : values) figures += name + " " + std::to_string(value) + "\n";
    }
    if (first.empty()) first = model.weights_sha256(), first_loss = figures;
    EXPECT_EQ(model.weights_sha256(), first) << threads << " threads";
    EXPECT_EQ(figures, first_loss) << threads << " threads";
  }
}

INSTANTIATE_TEST_SUITE_P(Models, SameBits, testing::ValuesIn(bits_cases()),
                         [](const auto& test) { return test.param.name; });

Sequential small_model(std::uint64_t seed = 0) {
  return {{12, 12, 1},
          {Rescaling{.scale = 1.0 / 255}, Flatten{}, Dense{.units = 8, .activation = relu},
           Dense{.units = 4, .activation = softmax}},
          {.seed = seed}};
}

Sequential compiled_model(const Optimizer& optimizer = SGD{.learning_rate = 0.1}) {
  Sequential model = small_model();
  model.compile({.optimizer = optimizer, .loss = CategoricalCrossentropy{}, .metrics = {Accuracy{}}});
  return model;
}

TEST(Fit, LearnsAndItsHistoryAgreesWithEvaluate) {
  Sequential model = compiled_model();
  const Dataset data = images(800);
  const History history = model.fit(data, {.epochs = 10, .batch_size = 20, .validation_data = data});
  EXPECT_GT(history.at("accuracy").back(), 0.9);
  const Logs measured = model.evaluate(data);
  EXPECT_DOUBLE_EQ(measured.at("loss"), history.at("val_loss").back());
  EXPECT_DOUBLE_EQ(measured.at("accuracy"), history.at("val_accuracy").back());
  EXPECT_EQ(history.at("loss").size(), 10U);
}

TEST(Fit, GoesOnWhereItEnded) {
  const Dataset data = images(300);
  Sequential once = compiled_model(RMSprop{}), twice = compiled_model(RMSprop{});
  once.fit(data, {.epochs = 4, .batch_size = 32});
  twice.fit(data, {.epochs = 1, .batch_size = 32});
  twice.fit(data, {.epochs = 3, .batch_size = 32});
  EXPECT_EQ(once.weights_sha256(), twice.weights_sha256());
  EXPECT_EQ(twice.history().at("loss").size(), 4U);
}

// With an offset input and one sample a step, most of a first layer's step is put off; nobody may notice.
Sequential model_with_offset() {
  Sequential model{{12, 12, 1},
                   {Rescaling{.scale = 0.99 / 255, .offset = 0.01}, Flatten{}, Dense{.units = 9, .activation = sigmoid},
                    Dense{.units = 4, .activation = sigmoid}},
                   {.seed = 3}};
  model.compile({.optimizer = SGD{.learning_rate = 0.5}, .loss = Quadratic{}, .metrics = {}});
  return model;
}

TEST(Fit, ShowsWholeWeightsInTheMiddleOfAnEpoch) {
  const Dataset data = images(150);
  for (const std::int64_t steps : {1, 10, 63, 64, 100}) {
    Sequential model = model_with_offset(), until_then = model_with_offset();
    Tensor seen, predicted;
    std::unique_ptr<Sequential> copy;
    LambdaCallback look({.on_batch_end = [&](const TrainingState& state) {
      if (state.batch + 1 == steps) {
        seen = model.weight(0), predicted = model.predict(data.inputs());
        copy = std::make_unique<Sequential>(model);
      }
      return true;
    }});
    model.fit(data, {.epochs = 1, .batch_size = 1, .shuffle = false, .callbacks = {&look}});
    until_then.fit(data.slice(0, steps), {.epochs = 1, .batch_size = 1, .shuffle = false});
    const Tensor expected = until_then.weight(0), outputs = until_then.predict(data.inputs());
    for (std::size_t i = 0; i < expected.values().size(); ++i) {
      ASSERT_NEAR(seen.values()[i], expected.values()[i], 1e-5) << steps << " steps, weight " << i;
      ASSERT_EQ(seen.values()[i], copy->weight(0).values()[i]) << steps << " steps, weight " << i;
    }
    for (std::size_t i = 0; i < outputs.values().size(); ++i) {
      ASSERT_NEAR(predicted.values()[i], outputs.values()[i], 1e-5) << steps << " steps, output " << i;
    }
  }
}

TEST(Fit, ShufflesAnewEveryEpochUnlessTold) {
  const Dataset data = images(300);
  Sequential shuffled = compiled_model(), ordered = compiled_model(), other_seed = compiled_model();
  shuffled.fit(data, {.epochs = 1, .batch_size = 7});
  ordered.fit(data, {.epochs = 1, .batch_size = 7, .shuffle = false});
  other_seed.fit(data, {.epochs = 1, .batch_size = 7, .seed = 1});
  EXPECT_NE(shuffled.weights_sha256(), ordered.weights_sha256());
  EXPECT_NE(shuffled.weights_sha256(), other_seed.weights_sha256());
}

// A last batch of one sample is no run of single samples.
TEST(Fit, TakesALastBatchOfOneSampleAsItTakesOthers) {
  const Dataset data = images(201);
  for (const double offset : {0.0, 0.01}) {
    const auto weights_after = [&](const Optimizer& optimizer) {
      Sequential model{{12, 12, 1},
                       {Rescaling{.scale = 1.0 / 255, .offset = offset}, Flatten{},
                        Dense{.units = 90, .activation = relu}, Dense{.units = 4, .activation = softmax}}};
      model.compile({.optimizer = optimizer, .loss = CategoricalCrossentropy{}, .metrics = {}});
      model.fit(data, {.epochs = 2, .batch_size = 100});
      return model.weights_sha256();
    };
    EXPECT_EQ(weights_after(SGD{.learning_rate = 0.1, .global_clipnorm = 1e9}),
              weights_after(SGD{.learning_rate = 0.1}))
        << offset;
  }
}

// Where a length is asked for, gradients are not used up tile by tile: that alone must change no bit.
TEST(Fit, IsTheSameWithALengthThatNoGradientReaches) {
  const Dataset data = images(300);
  const auto weights_after = [&](const Optimizer& optimizer) {
    Sequential model{{12, 12, 1},
                     {Rescaling{.scale = 0.99 / 255, .offset = 0.01}, Flatten{}, Dense{.units = 90, .activation = relu},
                      Dense{.units = 4, .activation = softmax}}};
    model.compile({.optimizer = optimizer, .loss = CategoricalCrossentropy{}, .metrics = {}});
    model.fit(data, {.epochs = 2, .batch_size = 32});
    return model.weights_sha256();
  };
  EXPECT_EQ(weights_after(Adam{.global_clipnorm = 1e9}), weights_after(Adam{}));
  EXPECT_EQ(weights_after(Adam{.clipnorm = 1e9}), weights_after(Adam{}));
  EXPECT_NE(weights_after(Adam{.epsilon = 1e-2, .clipnorm = 1e-3}), weights_after(Adam{.epsilon = 1e-2}));
}

TEST(Fit, KeepsTheLastGoodWeightsWhenNumbersLeaveTheirRange) {
  Sequential model{{12, 12, 1}, {Flatten{}, Dense{.units = 8}, Dense{.units = 4}}};
  model.compile({.optimizer = SGD{.learning_rate = 1e-7}, .loss = SquaredError{}, .metrics = {}});
  const Dataset data = images(100);
  model.fit(data, {.epochs = 1, .batch_size = 10});
  const std::string good = model.weights_sha256();
  model.compile({.optimizer = SGD{.learning_rate = 1e6}, .loss = SquaredError{}, .metrics = {}});
  expect_error(ErrorCode::not_finite, {"dense", "epoch 1", "step", "learning rate"},
               [&] { model.fit(data, {.epochs = 3, .batch_size = 10}); });
  EXPECT_EQ(model.weights_sha256(), good);
  const Tensor outputs = model.predict(data.inputs().first(3));
  for (const Real y : outputs.values()) EXPECT_TRUE(std::isfinite(y));
}

TEST(Fit, NamesTheSampleThatIsNotFinite) {
  Sequential model{{2}, {Dense{.units = 1}}};
  model.compile({.optimizer = SGD{}, .loss = MeanSquaredError{}, .metrics = {}});
  const std::string before = model.weights_sha256();
  const Real nan = std::numeric_limits<Real>::quiet_NaN();
  for (const bool in_targets : {false, true}) {
    std::vector<Real> inputs(20, 1), targets(10, 1);
    (in_targets ? targets[7] : inputs[15]) = nan;
    const Dataset data = Dataset::with_targets("gaps", {2}, inputs, targets, 1);
    expect_error(ErrorCode::not_finite, {"sample 7 of gaps", "not finite"}, [&] { model.fit(data, {.epochs = 2}); });
    EXPECT_EQ(model.weights_sha256(), before);
  }
}

TEST(Fit, GivesBackTheOptimizerWithTheGoodWeights) {
  Sequential model{{12, 12, 1}, {Flatten{}, Dense{.units = 8}, Dense{.units = 4}}};
  model.compile({.optimizer = SGD{.learning_rate = 1e-7, .momentum = 0.9, .use_ema = true},
                 .loss = SquaredError{},
                 .metrics = {}});
  const Dataset data = images(100);
  model.fit(data, {.epochs = 1, .batch_size = 10});
  const Sequential good = model;
  const auto expect_good = [&] {
    const Sequential::State &now = model.state(), &before = good.state();
    EXPECT_EQ(model.weights_sha256(), good.weights_sha256());
    EXPECT_EQ(now.iterations, before.iterations);
    ASSERT_EQ(now.slots.size(), 2U) << "the momentum and the average";
    for (std::size_t i = 0; i < 2; ++i) {
      for (std::int64_t at = 0; at < before.slots[i].size(); ++at) {
        ASSERT_EQ(now.slots[i].data()[at], before.slots[i].data()[at]) << "slot " << i << ", number " << at;
      }
    }
  };
  model.set_learning_rate(1e6);
  expect_error(ErrorCode::not_finite, {"learning rate"}, [&] { model.fit(data, {.epochs = 3, .batch_size = 10}); });
  expect_good();
  TerminateOnNaN quiet;  // nor does the end of the run put the average in the weights' place
  EXPECT_TRUE(model.fit(data, {.epochs = 3, .batch_size = 10, .callbacks = {&quiet}}).stopped_early);
  expect_good();
  model.set_learning_rate(1e-7);
  EXPECT_TRUE(std::isfinite(model.fit(data, {.epochs = 1, .batch_size = 10}).at("loss").back()));
}

TEST(Fit, LeavesOutWhatWasPutOffWhenItGivesUp) {
  Sequential model{{12, 12, 1},
                   {Rescaling{.scale = 0.99 / 255, .offset = 0.01}, Flatten{}, Dense{.units = 9}, Dense{.units = 4}}};
  model.compile({.optimizer = SGD{.learning_rate = 1e3}, .loss = SquaredError{}, .metrics = {}});
  const Sequential good = model;
  std::string seen;
  TerminateOnNaN quiet;
  LambdaCallback look({.on_train_end = [&](const TrainingState&) { seen = model.weights_sha256(); }});
  EXPECT_TRUE(model.fit(images(60), {.epochs = 1, .batch_size = 1, .callbacks = {&quiet, &look}}).stopped_early);
  EXPECT_EQ(seen, good.weights_sha256());
  EXPECT_EQ(model.weights_sha256(), good.weights_sha256());
}

TEST(Fit, KeepsTheStepsThatWereMadeWhenACallbackThrows) {
  const Dataset data = images(150);
  Sequential model = model_with_offset(), until_then = model_with_offset();
  (void)model.predict(data.inputs());  // whose workspace is kept, and must not answer from old weights
  LambdaCallback fail({.on_batch_end = [&](const TrainingState& state) -> bool {
    if (state.batch + 1 == 10) throw std::runtime_error("enough");
    return true;
  }});
  EXPECT_THROW(model.fit(data, {.epochs = 1, .batch_size = 1, .shuffle = false, .callbacks = {&fail}}),
               std::runtime_error);
  until_then.fit(data.slice(0, 10), {.epochs = 1, .batch_size = 1, .shuffle = false});
  EXPECT_EQ(model.weights_sha256(), until_then.weights_sha256());
  const Tensor outputs = model.predict(data.inputs()), expected = until_then.predict(data.inputs());
  for (std::int64_t i = 0; i < outputs.shape().elements(); ++i) ASSERT_EQ(outputs[i], expected[i]) << i;
}

class StopAfter : public Callback {
 public:
  explicit StopAfter(std::int64_t batches) : left_(batches) {}
  bool on_batch_end(const TrainingState&) override { return --left_ > 0; }

 private:
  std::int64_t left_;
};

TEST(Fit, EndsAfterTheBatchWhenACallbackSaysSo) {
  Sequential model = compiled_model();
  StopAfter stop(13);
  const History history = model.fit(images(100), {.epochs = 5, .batch_size = 10, .callbacks = {&stop}});
  EXPECT_TRUE(history.stopped_early);
  EXPECT_EQ(history.at("loss").size(), 2U);
}

TEST(Fit, RefusesWhatHasNoMeaning) {
  const Dataset data = images(20);
  Sequential model = small_model();
  expect_error(ErrorCode::invalid_argument, {"compile"}, [&] { model.fit(data); });
  model = compiled_model();
  expect_error(ErrorCode::invalid_argument, {"batch_size", "0"}, [&] { model.fit(data, {.batch_size = 0}); });
  expect_error(ErrorCode::invalid_argument, {"epochs", "-1"}, [&] { model.fit(data, {.epochs = -1}); });
  expect_error(ErrorCode::invalid_argument, {"fit: threads", "-2"}, [&] { model.fit(data, {.threads = -2}); });
  for (const std::int64_t threads : {std::int64_t{-1}, std::int64_t{1} << 32}) {
    expect_error(ErrorCode::invalid_argument, {"evaluate: threads", std::to_string(threads)},
                 [&] { (void)model.evaluate(data, {.threads = threads}); });
  }
  expect_error(ErrorCode::invalid_argument, {"(12, 12, 1)", "(5, 5, 1)"}, [&] { model.fit(images(20, 5)); });
  expect_error(ErrorCode::invalid_argument, {"empty"}, [&] { model.fit(Dataset()); });
  const Dataset two = datasets::moons(20);
  Sequential flat{{2}, {Dense{.units = 3, .activation = softmax}}};
  flat.compile({.optimizer = SGD{}, .loss = CategoricalCrossentropy{}, .metrics = {}});
  expect_error(ErrorCode::invalid_argument, {"3 outputs", "2 classes"}, [&] { flat.fit(two); });
  Sequential stepped{{2}, {Dense{.units = 2, .activation = step, .name = "threshold"}}};
  stepped.compile({.optimizer = SGD{}, .loss = MeanSquaredError{}, .metrics = {}});
  expect_error(ErrorCode::invalid_argument, {"threshold", "step"}, [&] { stepped.fit(two); });
}

TEST(Compile, RefusesNumbersOutOfRange) {
  Sequential model = small_model();
  expect_error(ErrorCode::invalid_argument, {"SGD", "learning_rate", "-1"}, [&] {
    model.compile({.optimizer = SGD{.learning_rate = -1}, .loss = MeanSquaredError{}, .metrics = {}});
  });
  EXPECT_FALSE(model.compiled());
  const auto refuse = [&](std::initializer_list<std::string> words, const Optimizer& optimizer) {
    expect_error(ErrorCode::invalid_argument, words,
                 [&] { model.compile({.optimizer = optimizer, .loss = MeanSquaredError{}, .metrics = {}}); });
  };
  refuse({"Adam", "clipnorm", "above 0", "-1"}, Adam{.clipnorm = -1});
  refuse({"SGD", "only one of"}, SGD{.clipnorm = 1, .clipvalue = 1});
  refuse({"Lion", "weight_decay", "-0.1"}, Lion{.weight_decay = -0.1});
  refuse({"SGD", "ema_momentum", "1.5"}, SGD{.use_ema = true, .ema_momentum = 1.5});
  refuse({"SGD", "ema_overwrite_frequency", "0"}, SGD{.use_ema = true, .ema_overwrite_frequency = 0});
  refuse({"SGD", "CosineDecay", "decay_steps", "0"}, SGD{.learning_rate = CosineDecay{.decay_steps = 0}});
  refuse({"SGD", "PiecewiseConstantDecay", "one more than boundaries"},
         SGD{.learning_rate = PiecewiseConstantDecay{.boundaries = {1, 2}, .values = {0.1}}});
  Sequential one{{2}, {Dense{.units = 1}}};
  expect_error(ErrorCode::invalid_argument, {"two or more outputs"},
               [&] { one.compile({.optimizer = SGD{}, .loss = CategoricalCrossentropy{}, .metrics = {}}); });
}

TEST(Predict, GivesTheSameBitsForARowAloneAndFromManyThreads) {
  Sequential model = compiled_model();
  const Dataset data = images(300);
  model.fit(data, {.epochs = 1});
  const Tensor all = model.predict(data.inputs());
  std::atomic<int> different{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::int64_t i = t; i < 300; i += 4) {
        const Tensor one = model.predict(data.inputs().slice(i, i + 1));
        for (std::int64_t k = 0; k < 4; ++k) different += one[k] == all[i * 4 + k] ? 0 : 1;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(different, 0);
}

TEST(Predict, TakesRealsAndBytesAlike) {
  const Sequential model = small_model();
  const Dataset data = images(5);
  const std::vector<Real> reals(data.inputs().bytes().begin(), data.inputs().bytes().end());
  const Tensor a = model.predict(data.inputs()), b = model.predict(Tensor({5, 12, 12, 1}, reals));
  for (std::int64_t i = 0; i < 20; ++i) EXPECT_EQ(a[i], b[i]);
}

// One step by hand of the rule of Rashid's book: hidden errors = who^T (t - y), then who += rate (t - y) y (1 - y) h^T
// and wih += rate hidden_errors h (1 - h) x^T.
TEST(Fit, PassesTheErrorWhereTheLayerSaysSo) {
  Sequential model{{2},
                   {Dense{.units = 3, .activation = sigmoid, .use_bias = false},
                    Dense{.units = 2, .activation = sigmoid, .use_bias = false, .passes_error = true}}};
  const Tensor w = model.weight(0), v = model.weight(1);
  const double x[2] = {0.3, -0.8}, t[2] = {0, 1}, rate = 0.5;
  double h[3], y[2], passed[3] = {0, 0, 0};
  const auto squash = [](double z) { return 1 / (1 + std::exp(-z)); };
  for (int j = 0; j < 3; ++j) h[j] = squash(x[0] * w[j] + x[1] * w[3 + j]);
  for (int k = 0; k < 2; ++k) y[k] = squash(h[0] * v[k] + h[1] * v[2 + k] + h[2] * v[4 + k]);
  for (int j = 0; j < 3; ++j) passed[j] = v[2 * j] * (t[0] - y[0]) + v[2 * j + 1] * (t[1] - y[1]);

  model.compile({.optimizer = SGD{.learning_rate = rate}, .loss = Quadratic{}, .metrics = {}});
  model.fit(Dataset::classified("one", {2}, std::vector<Real>{0.3F, -0.8F}, {1}, 2), {.batch_size = 1});
  for (int j = 0; j < 3; ++j) {
    for (int i = 0; i < 2; ++i) {
      EXPECT_NEAR(model.weight(0)[3 * i + j], w[3 * i + j] + rate * passed[j] * h[j] * (1 - h[j]) * x[i], 1e-6);
    }
    for (int k = 0; k < 2; ++k) {
      EXPECT_NEAR(model.weight(1)[2 * j + k], v[2 * j + k] + rate * (t[k] - y[k]) * y[k] * (1 - y[k]) * h[j], 1e-6);
    }
  }
}

TEST(Toys, AHiddenLayerLearnsXorAndNoSingleLayerDoes) {
  const Dataset corners = datasets::xor_corners();
  Sequential deep{
      {2}, {Dense{.units = 4, .activation = Activation::tanh}, Dense{.units = 1, .activation = sigmoid}}, {.seed = 1}};
  Sequential flat{{2}, {Dense{.units = 1, .activation = sigmoid}}};
  for (Sequential* model : {&deep, &flat}) {
    model->compile({.optimizer = SGD{.learning_rate = 0.5}, .loss = BinaryCrossentropy{}, .metrics = {Accuracy{}}});
    model->fit(corners, {.epochs = 2000, .batch_size = 4});
  }
  EXPECT_EQ(deep.evaluate(corners).at("accuracy"), 1.0);
  EXPECT_LE(flat.evaluate(corners).at("accuracy"), 0.75);
}

TEST(Toys, APerceptronWithFixedWeightsComputesAnd) {
  const Sequential perceptron{{2},
                              {Dense{.units = 1,
                                     .activation = step,
                                     .kernel_initializer = Given{.values = {1, 1}},
                                     .bias_initializer = Given{.values = {-1.5}}}}};
  const Dataset corners = datasets::and_corners();
  const Tensor y = perceptron.predict(corners.inputs());
  for (std::int64_t i = 0; i < 4; ++i) EXPECT_EQ(y[i], corners.labels()[static_cast<std::size_t>(i)]);
}

}  // namespace
}  // namespace gradus::test
