// Callbacks: what each does to a run, by figures that a test feeds them or by a run's own.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include <gradus/gradus.hpp>

#include "support/expect_error.hpp"
#include "support/temporary_directory.hpp"
#include "train/find_learning_rate.hpp"

namespace gradus::test {
namespace {

Sequential moons_model(const Optimizer& optimizer = SGD{.learning_rate = 0.1}) {
  Sequential model{{2}, {Dense{.units = 8, .activation = relu}, Dense{.units = 2, .activation = softmax}}, {.seed = 4}};
  model.compile({.optimizer = optimizer, .loss = CategoricalCrossentropy{}, .metrics = {Accuracy{}}});
  return model;
}

/// Feeds figures to a callback, an epoch each, until it ends the run; gives the number of epochs.
template <class C>
std::int64_t feed(C& callback, Sequential& model, const std::vector<double>& figures, const std::string& name) {
  callback.set_model(model);
  TrainingState state{.epochs = static_cast<std::int64_t>(figures.size())};
  callback.on_train_begin(state);
  bool goes_on = true;
  for (; goes_on && state.epoch < state.epochs; ++state.epoch) {
    callback.on_epoch_begin(state);
    Logs logs;
    logs.set("loss", 1.0);
    logs.set(name, figures[static_cast<std::size_t>(state.epoch)]);
    goes_on = callback.on_epoch_end(state, logs);
  }
  callback.on_train_end(state);
  return state.epoch;
}

TEST(EarlyStoppingCallback, EndsWhenNothingGetsBetter) {
  Sequential model = moons_model();
  EarlyStopping stop({.patience = 2});
  EXPECT_EQ(feed(stop, model, {5, 4, 3, 3.5, 3.2, 1}, "val_loss"), 5);
  EXPECT_EQ(stop.stopped_epoch(), 4);
  EXPECT_EQ(stop.best_epoch(), 2);
  EXPECT_EQ(stop.best(), 3.0);
  EarlyStopping rising({.monitor = "val_accuracy", .patience = 1});
  EXPECT_EQ(feed(rising, model, {0.5, 0.6, 0.55, 0.9}, "val_accuracy"), 3);
  EarlyStopping least({.min_delta = 0.5, .patience = 2});
  EXPECT_EQ(feed(least, model, {5, 4.8, 4.6, 4.4, 1}, "val_loss"), 3);
  EarlyStopping late({.patience = 0, .start_from_epoch = 3});
  EXPECT_EQ(feed(late, model, {1, 2, 3, 4, 5, 6}, "val_loss"), 5);
  EarlyStopping never({.patience = 10});
  EXPECT_EQ(feed(never, model, {1, 2, 3}, "val_loss"), 3);
  EXPECT_FALSE(never.stopped_epoch());
  // Better than before, but never than the baseline: that does not count as patience won back.
  EarlyStopping baseline({.patience = 3, .baseline = 1.0});
  EXPECT_EQ(feed(baseline, model, {5, 4, 4, 4, 4, 4}, "val_loss"), 3);
}

TEST(EarlyStoppingCallback, BringsTheBestWeightsBack) {
  Sequential model = moons_model();
  const Dataset data = datasets::moons(200);
  std::vector<std::string> sums;
  LambdaCallback spy({.on_epoch_end = [&](const TrainingState&, const Logs&) {
    sums.push_back(model.weights_sha256());
    return true;
  }});
  // The loss of a rate this high goes up and down.
  model.set_learning_rate(3);
  EarlyStopping stop({.monitor = "loss", .patience = 2, .restore_best_weights = true});
  model.fit(data, {.epochs = 50, .batch_size = 20, .callbacks = {&spy, &stop}});
  ASSERT_TRUE(stop.stopped_epoch());
  EXPECT_EQ(model.weights_sha256(), sums[static_cast<std::size_t>(stop.best_epoch())]);
  EXPECT_NE(model.weights_sha256(), sums.back());
}

TEST(EarlyStoppingCallback, SaysWhatItCannotWatch) {
  Sequential model = moons_model();
  EarlyStopping stop({.patience = 1});
  expect_error(ErrorCode::invalid_argument, {"EarlyStopping", "'val_loss'", "accuracy"},
               [&] { model.fit(datasets::moons(50), {.epochs = 2, .callbacks = {&stop}}); });
  expect_error(ErrorCode::invalid_argument, {"EarlyStopping", "'beauty'", "mode"},
               [] { EarlyStopping({.monitor = "beauty"}); });
  expect_error(ErrorCode::invalid_argument, {"'val_acuracy'", "did you mean 'val_accuracy'?"},
               [] { EarlyStopping({.monitor = "val_acuracy"}); });
  expect_error(ErrorCode::invalid_argument, {"EarlyStopping", "patience", "-1"},
               [] { EarlyStopping({.patience = -1}); });
}

TEST(ReduceLROnPlateauCallback, LowersTheRate) {
  Sequential model = moons_model(SGD{.learning_rate = 1});
  std::vector<double> rates;
  ReduceLROnPlateau reduce({.factor = 0.5, .patience = 2, .cooldown = 1, .min_lr = 0.2});
  reduce.set_model(model);
  reduce.on_train_begin({});
  for (const double figure : {5.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0}) {
    Logs logs;
    logs.set("val_loss", figure);
    reduce.on_epoch_end({}, logs);
    rates.push_back(model.learning_rate());
  }
  // A fall after two epochs without a gain, then an epoch of rest that ends with the first epoch of the next count.
  const std::vector<double> expected{1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2};
  EXPECT_EQ(rates, expected);
}

TEST(LearningRates, AreSetAndKept) {
  Sequential model = moons_model(RMSprop{.learning_rate = 0.01});
  const Dataset data = datasets::moons(100);
  model.fit(data, {.epochs = 1});
  Sequential other = model;
  LearningRateScheduler scheduler([](std::int64_t epoch, double rate) { return epoch == 0 ? rate : rate / 2; });
  model.fit(data, {.epochs = 3, .callbacks = {&scheduler}});
  EXPECT_DOUBLE_EQ(model.learning_rate(), 0.0025);
  // The state of the optimizer outlives a change of the rate: the same by hand, epoch by epoch.
  for (const double rate : {0.01, 0.005, 0.0025}) {
    other.set_learning_rate(rate);
    other.fit(data, {.epochs = 1});
  }
  EXPECT_EQ(model.weights_sha256(), other.weights_sha256());
  TemporaryDirectory directory;
  model.save(directory / "m.keras");
  EXPECT_EQ(Sequential::load(directory / "m.keras").learning_rate(), 0.0025);

  Sequential scheduled = moons_model(SGD{.learning_rate = CosineDecay{.initial_learning_rate = 1, .decay_steps = 10}});
  EXPECT_EQ(scheduled.learning_rate(), 1);
  ReduceLROnPlateau reduce({.monitor = "loss"});
  expect_error(ErrorCode::invalid_argument, {"CosineDecay", "cannot be set"},
               [&] { scheduled.fit(data, {.callbacks = {&reduce}}); });
  scheduled.fit(data, {.batch_size = 20});
  EXPECT_NEAR(scheduled.learning_rate(), 0.5, 1e-12);
}

TEST(TerminateOnNaNCallback, EndsQuietlyWithGoodWeights) {
  Sequential model = moons_model();
  const Dataset data = datasets::moons(100);
  model.fit(data, {.epochs = 1});
  const std::string good = model.weights_sha256();
  model.compile({.optimizer = SGD{.learning_rate = 1e30}, .loss = CategoricalCrossentropy{}, .metrics = {}});
  expect_error(ErrorCode::not_finite, {"epoch 1"}, [&] { model.fit(data, {.epochs = 3, .batch_size = 10}); });
  TerminateOnNaN quiet;
  const History history = model.fit(data, {.epochs = 3, .batch_size = 10, .callbacks = {&quiet}});
  EXPECT_TRUE(history.stopped_early);
  EXPECT_EQ(model.weights_sha256(), good);
}

TEST(ModelCheckpointCallback, SavesUnderFilledInNames) {
  TemporaryDirectory directory;
  Sequential model = moons_model();
  ModelCheckpoint each({.filepath = directory / "m-{epoch:02d}-{loss:.2f}.keras", .monitor = "loss"});
  const History history = model.fit(datasets::moons(100), {.epochs = 2, .callbacks = {&each}});
  char name[64];
  std::snprintf(name, sizeof name, "m-02-%.2f.keras", history.at("loss").back());
  EXPECT_EQ(Sequential::load(directory / name).weights_sha256(), model.weights_sha256());

  ModelCheckpoint best({.filepath = directory / "best-{epoch}.keras", .save_best_only = true});
  feed(best, model, {3, 4, 2, 2.5}, "val_loss");
  for (const auto& [file, there] : {std::pair{"best-1.keras", true}, {"best-2.keras", false}, {"best-3.keras", true}}) {
    EXPECT_EQ(std::filesystem::exists(directory / file), there) << file;
  }
  ModelCheckpoint weights({.filepath = directory / "w.weights.h5", .monitor = "loss", .save_weights_only = true});
  feed(weights, model, {1}, "loss");
  EXPECT_TRUE(std::filesystem::exists(directory / "w.weights.h5"));
  expect_error(ErrorCode::invalid_argument, {"ModelCheckpoint", "filepath"}, [] { ModelCheckpoint({}); });
  ModelCheckpoint wrong({.filepath = directory / "m-{epoch:x}.keras"});
  expect_error(ErrorCode::invalid_argument, {"{epoch:x}"}, [&] { feed(wrong, model, {1}, "val_loss"); });
}

TEST(CSVLoggerCallback, WritesATable) {
  TemporaryDirectory directory;
  Sequential model = moons_model();
  CSVLogger log({.filename = directory / "log.csv"});
  feed(log, model, {0.5, 0.25}, "accuracy");
  EXPECT_EQ(read_all(directory / "log.csv"), "epoch,accuracy,loss\n0,0.5,1\n1,0.25,1\n");
  CSVLogger more({.filename = directory / "log.csv", .append = true});
  feed(more, model, {0.125}, "accuracy");
  EXPECT_EQ(read_all(directory / "log.csv"), "epoch,accuracy,loss\n0,0.5,1\n1,0.25,1\n0,0.125,1\n");
  // What was written behind the remembered place goes away.
  const CallbackMemory memory = log.memory();
  CSVLogger resumed({.filename = directory / "log.csv"});
  resumed.set_model(model);
  resumed.on_train_begin({});
  resumed.restore(memory);
  EXPECT_EQ(read_all(directory / "log.csv"), "epoch,accuracy,loss\n0,0.5,1\n1,0.25,1\n");
  CSVLogger nowhere({.filename = "/no-such-directory/log.csv"});
  expect_error(ErrorCode::io, {"/no-such-directory/log.csv"}, [&] { feed(nowhere, model, {1}, "accuracy"); });
}

TEST(Callbacks, AreMadeFromSpecs) {
  for (const std::string& name : CallbackSpec::names()) {
    CallbackSpec spec = CallbackSpec::make(name);
    if (name == "CSVLogger") spec = spec.with("filename", "log.csv");
    if (name == "ModelCheckpoint") spec = spec.with("filepath", "m.keras");
    EXPECT_NE(make_callback(spec), nullptr) << name;
  }
  expect_error(ErrorCode::invalid_argument, {"ReduceLROnPlateau", "factor", "2"},
               [] { make_callback(ReduceLROnPlateauOptions{.factor = 2}); });
}

TEST(FindLearningRate, ProposesARateThatLearnsAndLeavesTheModelAlone) {
  const Dataset data = datasets::moons(400);
  const Sequential model = moons_model();
  const std::string before = model.weights_sha256();
  const RangeTest test =
      find_learning_rate(model, data, {.batch_size = 32, .seed = 1}, {.lowest = 1e-5, .highest = 100});
  EXPECT_EQ(model.weights_sha256(), before);
  EXPECT_EQ(model.learning_rate(), 0.1);
  ASSERT_FALSE(test.rates.empty());
  EXPECT_DOUBLE_EQ(test.rates[0], 1e-5);
  for (std::size_t i = 1; i < test.rates.size(); ++i) EXPECT_GT(test.rates[i], test.rates[i - 1]);
  ASSERT_GT(test.proposal, 0);
  const auto loss_after = [&](double rate) {
    Sequential trained = model;
    trained.set_learning_rate(rate);
    trained.fit(data, {.epochs = 3});
    return trained.evaluate(data).at("loss");
  };
  EXPECT_LT(loss_after(test.proposal), 0.7 * model.evaluate(data).at("loss"));
  EXPECT_LT(loss_after(test.proposal), loss_after(test.proposal / 100));
  // The same bits again, on any number of threads.
  const RangeTest again =
      find_learning_rate(model, data, {.batch_size = 32, .seed = 1, .threads = 3}, {.lowest = 1e-5, .highest = 100});
  EXPECT_EQ(again.losses, test.losses);
}

}  // namespace
}  // namespace gradus::test
