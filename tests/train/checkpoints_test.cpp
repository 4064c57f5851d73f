// Runs kept in checkpoints and resumed within one process: at every step, under every kind of state.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include <gradus/gradus.hpp>

#include "support/expect_error.hpp"
#include "support/read_only.hpp"
#include "support/temporary_directory.hpp"

namespace gradus::test {
namespace {

namespace fs = std::filesystem;

const Dataset& data() {
  static const Dataset moons = datasets::moons(60);
  return moons;
}

Sequential new_model(const Optimizer& optimizer) {
  Sequential model{{2}, {Dense{.units = 7, .activation = relu}, Dense{.units = 2, .activation = softmax}}, {.seed = 4}};
  model.compile({.optimizer = optimizer, .loss = CategoricalCrossentropy{}, .metrics = {Accuracy{}}});
  return model;
}

/// The run that the tests break off and resume: 4 epochs of 5 steps.
FitOptions options(RunKeeper* keeper, std::vector<Callback*> callbacks) {
  return {.epochs = 4,
          .batch_size = 13,
          .seed = 3,
          .augmentation = {.noise = 0.1},
          .validation_data = data(),
          .threads = 1,
          .callbacks = std::move(callbacks),
          .keeper = keeper};
}

/// Throws out of `fit` after some steps, as if the process had died there.
class Dies : public Callback {
 public:
  explicit Dies(std::int64_t steps) : left_(steps) {}
  bool on_batch_end(const TrainingState&) override {
    if (left_-- == 0) throw std::runtime_error("killed");
    return true;
  }

 private:
  std::int64_t left_;
};

struct Case {
  std::string name;
  Optimizer optimizer;
};

class Resumed : public testing::TestWithParam<Case> {};

TEST_P(Resumed, AfterAnyStepEndsWithTheSameBits) {
  const auto callbacks = [] {
    return std::pair{
        EarlyStopping({.min_delta = 10, .patience = 1, .restore_best_weights = true, .start_from_epoch = 1}),
        ReduceLROnPlateau({.monitor = "loss", .factor = 0.5, .patience = 1, .min_delta = 10})};
  };
  const bool scheduled = GetParam().name == "schedule";
  const auto all = [&](auto& pair, Callback* last) {
    std::vector<Callback*> list{&pair.first, last};
    if (!scheduled) list.push_back(&pair.second);
    return list;
  };
  Sequential whole = new_model(GetParam().optimizer);
  auto watching = callbacks();
  LambdaCallback nothing({});
  const History expected = whole.fit(data(), options(nullptr, all(watching, &nothing)));
  ASSERT_EQ(expected.at("loss").size(), 3U) << "the early stop is part of what is tested";

  for (std::int64_t steps = 0; steps < 15; ++steps) {
    TemporaryDirectory directory;
    {
      Checkpoints keeper({.directory = directory / "run", .unit = CheckpointOptions::Unit::steps, .keep = 2});
      Sequential model = new_model(GetParam().optimizer);
      auto lost = callbacks();
      Dies dies(steps);
      EXPECT_THROW(model.fit(data(), options(&keeper, all(lost, &dies))), std::runtime_error);
    }
    Checkpoints keeper({.directory = directory / "run", .unit = CheckpointOptions::Unit::steps, .resume = true});
    Sequential model = new_model(GetParam().optimizer);
    auto resumed = callbacks();
    FitOptions again = options(&keeper, all(resumed, &nothing));
    again.threads = 2;
    const History history = model.fit(data(), again);
    EXPECT_EQ(history.entries(), expected.entries()) << "killed after step " << steps;
    EXPECT_EQ(model.weights_sha256(), whole.weights_sha256()) << "killed after step " << steps;
    EXPECT_EQ(model.history().entries(), whole.history().entries());
    EXPECT_EQ(model.learning_rate(), whole.learning_rate());
    EXPECT_EQ(resumed.first.best(), watching.first.best());
  }
}

INSTANTIATE_TEST_SUITE_P(Optimizers, Resumed,
                         testing::Values(Case{"momentum", SGD{.learning_rate = 0.1, .momentum = 0.9}},
                                         Case{"everything", AdamW{.amsgrad = true,
                                                                  .global_clipnorm = 0.5,
                                                                  .use_ema = true,
                                                                  .ema_momentum = 0.9,
                                                                  .ema_overwrite_frequency = 7}},
                                         Case{"schedule", Nadam{.learning_rate = CosineDecay{.initial_learning_rate = 0,
                                                                                             .decay_steps = 15,
                                                                                             .warmup_target = 0.05,
                                                                                             .warmup_steps = 4}}}),
                         [](const auto& each) { return each.param.name; });

// Steps are put off in such a run; neither keeping it nor resuming it may show in its bits.
TEST(Checkpoints, DoNotChangeARunWhoseStepsArePutOff) {
  std::vector<std::uint8_t> pixels;
  std::vector<std::int32_t> labels;
  for (std::int32_t i = 0; i < 150; ++i) {
    for (std::int32_t p = 0; p < 20; ++p) pixels.push_back(static_cast<std::uint8_t>((i + p) % 5 == 0 ? 7 * p : 0));
    labels.push_back(i % 5 < 2 ? 1 : 0);
  }
  const Dataset images = Dataset::classified("images", {20}, pixels, labels, 2);
  const auto fitted = [&](RunKeeper* keeper, Callback& callback) {
    Sequential model{
        {20}, {Rescaling{.scale = 1.0 / 255, .offset = 0.01}, Dense{.units = 3}, Dense{.units = 2}}, {.seed = 4}};
    model.compile({.optimizer = SGD{.learning_rate = 0.05}, .loss = MeanSquaredError{}, .metrics = {}});
    model.fit(images, {.epochs = 3, .batch_size = 1, .callbacks = {&callback}, .keeper = keeper});
    return model.weights_sha256();
  };
  LambdaCallback nothing({});
  const std::string expected = fitted(nullptr, nothing);
  for (const std::int64_t steps : {10, 64, 65, 149, 150, 200, 449}) {
    TemporaryDirectory directory;
    {
      Checkpoints keeper({.directory = directory / "run", .every = 10, .unit = CheckpointOptions::Unit::steps});
      Dies dies(steps);
      EXPECT_THROW(fitted(&keeper, dies), std::runtime_error);
    }
    Checkpoints keeper({.directory = directory / "run", .unit = CheckpointOptions::Unit::steps, .resume = true});
    EXPECT_EQ(fitted(&keeper, nothing), expected) << "killed after step " << steps;
  }
}

/// Makes a run of two epochs that is killed, with a checkpoint after each epoch; gives the names of its files.
std::vector<std::string> killed_run(const std::string& directory) {
  Checkpoints keeper({.directory = directory});
  Sequential model = new_model(Adam{});
  Dies dies(12);
  EXPECT_THROW(model.fit(data(), options(&keeper, {&dies})), std::runtime_error);
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() == ".keras") files.push_back(entry.path().filename().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST(Checkpoints, LieUnderTheCountOfStepsAndOpenAsModels) {
  TemporaryDirectory directory;
  EXPECT_EQ(
      killed_run(directory / "run"),
      (std::vector<std::string>{"step-000000000000.keras", "step-000000000005.keras", "step-000000000010.keras"}));
  const Sequential model = Sequential::load(directory / "run/step-000000000010.keras");
  EXPECT_EQ(model.history().at("loss").size(), 2U);
}

TEST(Checkpoints, TakeTheOneBeforeADamagedOneAndSaySo) {
  TemporaryDirectory directory;
  const std::string run = directory / "run";
  killed_run(run);
  fs::resize_file(run + "/step-000000000010.keras", 1000);
  std::vector<std::string> told;
  Checkpoints keeper({.directory = run, .resume = true},
                     [&](const std::string& sentence) { told.push_back(sentence); });
  Sequential model = new_model(Adam{}), whole = new_model(Adam{});
  LambdaCallback nothing({});
  model.fit(data(), options(&keeper, {&nothing}));
  whole.fit(data(), options(nullptr, {&nothing}));
  EXPECT_EQ(model.weights_sha256(), whole.weights_sha256());
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told[0].find("step-000000000010.keras"), std::string::npos) << told[0];
  EXPECT_TRUE(fs::exists(run + "/step-000000000010.keras.damaged"));
}

TEST(Checkpoints, RefuseWhatDoesNotBelongTogether) {
  TemporaryDirectory directory;
  const std::string run = directory / "run";
  killed_run(run);
  expect_error(ErrorCode::invalid_argument, {"holds the checkpoints of a run"},
               [&] { Checkpoints({.directory = run}); });
  expect_error(ErrorCode::invalid_argument, {"every", "0"}, [&] { Checkpoints({.directory = run, .every = 0}); });
  expect_error(ErrorCode::not_found, {"no checkpoint"}, [&] { Checkpoints::about(directory / "empty"); });
  expect_error(ErrorCode::io, {"cannot be written there"}, [] { Checkpoints({.directory = "/proc/no/such"}); });
  Checkpoints keeper({.directory = run, .resume = true});
  expect_error(ErrorCode::io, {"another run"}, [&] { Checkpoints({.directory = run, .resume = true}); });
  LambdaCallback nothing({});
  Sequential model = new_model(Adam{});
  FitOptions other = options(&keeper, {&nothing});
  other.batch_size = 20;
  expect_error(ErrorCode::invalid_argument, {"batch_size", "13", "20"}, [&] { model.fit(data(), other); });
  const Dataset others = datasets::circles(60);
  expect_error(ErrorCode::invalid_argument, {"another data"}, [&] { model.fit(others, options(&keeper, {&nothing})); });
  Sequential sgd = new_model(SGD{.momentum = 0.9});
  expect_error(ErrorCode::invalid_argument, {"optimizer"}, [&] { sgd.fit(data(), options(&keeper, {&nothing})); });
  Sequential wide{{2}, {Dense{.units = 9}, Dense{.units = 2, .activation = softmax}}};
  wide.compile({.optimizer = Adam{}, .loss = CategoricalCrossentropy{}, .metrics = {}});
  expect_error(ErrorCode::invalid_argument, {"network"}, [&] { wide.fit(data(), options(&keeper, {&nothing})); });
}

TEST(Checkpoints, CarryOnTrainingWhereTheyCannotBeWritten) {
  TemporaryDirectory directory;
  const std::string run = directory / "run";
  std::vector<std::string> told;
  Checkpoints keeper({.directory = run}, [&](const std::string& sentence) { told.push_back(sentence); });
  LambdaCallback removes({.on_epoch_begin = [&](const TrainingState& state) {
    if (state.epoch == 1) fs::remove_all(run);
    if (state.epoch == 3) fs::create_directory(run);
  }});
  Sequential model = new_model(Adam{}), whole = new_model(Adam{});
  model.fit(data(), options(&keeper, {&removes}));
  whole.fit(data(), options(nullptr, {}));
  EXPECT_EQ(model.weights_sha256(), whole.weights_sha256());
  ASSERT_EQ(told.size(), 2U) << "one sentence for the trouble, one for its end";
  EXPECT_NE(told[0].find("could not be written"), std::string::npos) << told[0];
  EXPECT_NE(told[1].find("again"), std::string::npos) << told[1];
}

/// Names and contents of the checkpoints in a directory.
std::map<std::string, std::string> contents(const std::string& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().filename() != "lock") files[entry.path().filename().string()] = read_all(entry.path().string());
  }
  return files;
}

TEST(Checkpoints, StayWholeInADirectoryThatBecomesReadOnly) {
  TemporaryDirectory directory;
  const std::string run = directory / "run";
  std::vector<std::string> told;
  std::map<std::string, std::string> before, meanwhile;
  std::unique_ptr<ReadOnly> read_only;
  std::string trouble;
  Sequential model = new_model(Adam{}), whole = new_model(Adam{}), resumed = new_model(Adam{});
  {
    Checkpoints keeper({.directory = run}, [&](const std::string& sentence) { told.push_back(sentence); });
    LambdaCallback watches({.on_epoch_begin = [&](const TrainingState& state) {
      if (state.epoch != 1) return;
      before = contents(run);
      read_only = std::make_unique<ReadOnly>(run);
      trouble = read_only->trouble();
    }});
    Dies dies(17);  // in the last epoch, the third since
    EXPECT_THROW(model.fit(data(), options(&keeper, {&watches, &dies})), std::runtime_error);
    if (trouble.empty()) meanwhile = contents(run);
  }
  if (!trouble.empty()) GTEST_SKIP() << "no directory can be made read-only here: " << trouble;
  EXPECT_EQ(before.size(), 2U);
  EXPECT_EQ(meanwhile, before) << "what was there stays, and nothing is left half written";
  ASSERT_EQ(told.size(), 1U) << "one sentence for all of the trouble";
  EXPECT_NE(told[0].find("training goes on"), std::string::npos) << told[0];
  EXPECT_NE(told[0].find(run), std::string::npos) << told[0];
  EXPECT_NE(told[0].find(ReadOnly::refusal()), std::string::npos) << told[0];
  expect_error(ErrorCode::io, {run, "checkpoints cannot be written there", ReadOnly::refusal()},
               [&] { Checkpoints({.directory = run, .resume = true}); });
  read_only.reset();
  Checkpoints keeper({.directory = run, .resume = true});
  LambdaCallback nothing({});
  Dies never(100);
  resumed.fit(data(), options(&keeper, {&nothing, &never}));
  whole.fit(data(), options(nullptr, {}));
  EXPECT_EQ(resumed.weights_sha256(), whole.weights_sha256());
}

}  // namespace
}  // namespace gradus::test
