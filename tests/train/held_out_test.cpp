#include <gtest/gtest.h>

#include <gradus/gradus.hpp>

#include "support/expect_error.hpp"

namespace gradus {
namespace {

using test::expect_error;

Sequential small_model(const Dataset& data) {
  Sequential model(data.sample_shape(),
                   {Dense{.units = 4, .activation = relu}, Dense{.units = data.target_width(), .activation = softmax}});
  model.compile({Adam{}, CategoricalCrossentropy{}, {Accuracy{}}});
  return model;
}

TEST(HeldOutInTraining, FitRemembersWhatItLearntFrom) {
  const Dataset all = datasets::moons(100, 0.1, 2);
  const HeldOut kept = HeldOut::of(all, 0.25, 6, true);
  const auto [train, test] = kept.split(all);
  Sequential model = small_model(all);
  EXPECT_FALSE(model.learnt_from(all).recorded);
  model.set_held_out(kept);
  model.fit(train, {.epochs = 0});
  EXPECT_FALSE(model.learnt_from(all).recorded) << "nothing was learnt";
  model.fit(train, {.validation_data = test});
  EXPECT_EQ(model.learnt_from(train).known, 75);
  EXPECT_EQ(model.learnt_from(test).known, 0) << "measuring is no learning";
  EXPECT_EQ(model.held_out(), kept);
  const Sequential copy = model;
  EXPECT_EQ(copy.held_out(), kept);
  EXPECT_EQ(copy.learnt_from(all).known, 75);
  model.count_as_learnt(test.first(10));
  EXPECT_EQ(model.learnt_from(test).known, 10);
  EXPECT_EQ(copy.learnt_from(test).known, 0);
}

TEST(HeldOutInTraining, APartThatIsTrainedOnIsKeptNoLonger) {
  const Dataset all = datasets::moons(100, 0.1, 2);
  Sequential model = small_model(all);
  model.set_held_out(HeldOut::of(all, 0.25, 6));
  model.fit(all);
  EXPECT_EQ(model.held_out(), std::nullopt);
  EXPECT_EQ(model.learnt_from(all).known, 100);
}

TEST(HeldOutInTraining, RecordsThatCannotBeAreRefused) {
  const Dataset all = datasets::moons(100, 0.1, 2);
  Sequential model = small_model(all);
  const auto refused = [&](auto&& change, const std::string& word) {
    HeldOut kept = HeldOut::of(all, 0.25, 6);
    change(kept);
    expect_error(ErrorCode::invalid_argument, {"held_out", word}, [&] { model.set_held_out(kept); });
  };
  refused([](HeldOut& kept) { kept.share = 1; }, "share");
  refused([](HeldOut& kept) { kept.samples = 0; }, "samples");
  refused([](HeldOut& kept) { kept.fingerprint.pop_back(); }, "fingerprint");
  refused([](HeldOut& kept) { kept.fingerprint[3] = 'x'; }, "fingerprint");
}

}  // namespace
}  // namespace gradus
