// What holds for every registered layer, in float, and for the registries themselves.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <gradus/model.hpp>

#include "metrics/metric.hpp"
#include "model/callback_registry.hpp"
#include "model/state.hpp"
#include "paths.hpp"
#include "support/layer_harness.hpp"
#include "support/temporary_directory.hpp"

namespace gradus::test {
namespace {

class RegisteredLayer : public testing::TestWithParam<LayerCase> {};

TEST_P(RegisteredLayer, GivesTheShapeItSays) {
  LayerHarness h(GetParam(), 3);
  h.randomize(1);
  h.forward();
  for (std::int64_t r = 0; r < 3; ++r) {
    for (std::int64_t i = 0; i < h.out_size(); ++i) EXPECT_TRUE(std::isfinite(h.out(r, i))) << r << ", " << i;
  }
}

TEST_P(RegisteredLayer, ComputesARowTheSameAloneOrInABatch) {
  constexpr std::int64_t rows = 37;
  LayerHarness whole(GetParam(), rows, false), alone(GetParam(), rows, false);
  whole.randomize(2);
  alone.randomize(2);
  whole.forward();
  for (std::int64_t r = 0; r < rows; ++r) alone.forward(r, r + 1);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t i = 0; i < whole.out_size(); ++i) EXPECT_EQ(whole.out(r, i), alone.out(r, i)) << r << ", " << i;
  }
}

// However the threads share the rows of a training step.
TEST_P(RegisteredLayer, TrainsTheSameHoweverRowsAreShared) {
  constexpr std::int64_t rows = 37;
  LayerHarness whole(GetParam(), rows), cut(GetParam(), rows);
  const std::vector<std::int64_t> cuts{1, 5, 21};
  for (LayerHarness* h : {&whole, &cut}) {
    h->randomize(3);
    h->forward(h == &cut ? cuts : std::vector<std::int64_t>{});
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t i = 0; i < h->out_size(); ++i) {
        h->d_out(r, i) = static_cast<Real>(std::cos(static_cast<double>(7 * r + 3 * i)));
      }
    }
    h->backward(h == &cut ? cuts : std::vector<std::int64_t>{});
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t i = 0; i < whole.out_size(); ++i) EXPECT_EQ(whole.out(r, i), cut.out(r, i)) << r << ", " << i;
    if (GetParam().indices > 0) continue;
    for (std::int64_t i = 0; i < whole.in_size(); ++i) EXPECT_EQ(whole.d_in(r, i), cut.d_in(r, i)) << r << ", " << i;
  }
  for (const Parameter& p : whole.function().parameters()) {
    const AlignedBuffer &a = p.trainable ? whole.gradients : whole.weights,
                        &b = p.trainable ? cut.gradients : cut.weights;
    for (std::int64_t i = 0; i < p.shape.elements(); ++i) {
      const std::int64_t at = p.offset + i / p.columns() * p.stride() + i % p.columns();
      EXPECT_EQ(a.data()[at], b.data()[at]) << p.name << " " << i;
    }
  }
}

TEST_P(RegisteredLayer, KeepsItsBitsInAFile) {
  const TemporaryDirectory directory;
  const Sequential model{GetParam().input, {GetParam().spec}, {.seed = 5}};
  const std::string path = directory / "model.keras";
  model.save(path);
  const Sequential loaded = Sequential::load(path);
  EXPECT_EQ(loaded.layers(), model.layers());
  EXPECT_EQ(loaded.weights_sha256(), model.weights_sha256());
}

TEST_P(RegisteredLayer, IsMadeAgainFromItsFields) {
  const Layer& spec = GetParam().spec;
  EXPECT_EQ(Layer::make(spec.class_name(), spec.fields()), spec);
}

INSTANTIATE_TEST_SUITE_P(Registered, RegisteredLayer, testing::ValuesIn(registered_layers()),
                         [](const auto& test) { return test.param.name; });

TEST(Dropout, DropsItsShareAndKeepsTheMean) {
  for (const double rate : {0.1, 0.5, 0.75}) {
    LayerHarness h(Dropout{.rate = rate}, {1000}, 200);
    for (std::int64_t r = 0; r < 200; ++r) std::fill_n(&h.in(r, 0), 1000, Real{1});
    h.forward();
    double zeros = 0, sum = 0, before = 0, repeated = 0;
    for (std::int64_t r = 0; r < 200; ++r) {
      for (std::int64_t i = 0; i < 1000; ++i) {
        const auto y = static_cast<double>(h.out(r, i));
        EXPECT_TRUE(y == 0 || std::abs(y - 1 / (1 - rate)) < 1e-3) << y;
        zeros += y == 0 ? 1 : 0;
        repeated += y == before ? 1 : 0;
        sum += y, before = y;
      }
    }
    // Within five standard deviations of a binomial count of 200,000.
    const double spread = 5 * std::sqrt(rate * (1 - rate) / 200'000);
    EXPECT_NEAR(zeros / 200'000, rate, spread);
    EXPECT_NEAR(sum / 200'000, 1, spread / (1 - rate) + 1e-3);
    EXPECT_NEAR(repeated / 200'000, rate * rate + (1 - rate) * (1 - rate), 0.01);  // neighbours know nothing of another
  }
}

TEST(GaussianNoise, IsNormal) {
  LayerHarness h(GaussianNoise{.stddev = 0.5}, {1000}, 200);
  h.forward();
  double sum = 0, squares = 0, fourths = 0;
  for (std::int64_t r = 0; r < 200; ++r) {
    for (std::int64_t i = 0; i < 1000; ++i) {
      const double z = static_cast<double>(h.out(r, i)) / 0.5;
      sum += z, squares += z * z, fourths += z * z * z * z;
    }
  }
  EXPECT_NEAR(sum / 200'000, 0, 0.012);
  EXPECT_NEAR(squares / 200'000, 1, 0.016);
  EXPECT_NEAR(fourths / 200'000, 3, 0.12);
}

// The files of a room that say register_..., by name.
std::set<std::string> registering_files(const std::string& room, const std::string& word) {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(GRADUS_SOURCE_DIR) + "/src/" + room)) {
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    if (entry.path().extension() == ".cpp" && text.str().find(word) != std::string::npos) {
      files.insert(entry.path().filename().string());
    }
  }
  return files;
}

template <class Kind>
std::set<std::string> registered_files() {
  std::set<std::string> files;
  for (const auto& [name, entry] : SpecRegistry<Kind>::instance().entries()) {
    files.insert(std::filesystem::path(entry.file).filename().string());
  }
  return files;
}

TEST(Registries, HoldWhatTheFoldersHold) {
  auto layers = registering_files("layers", "register_layer");
  EXPECT_EQ(registered_files<LayerKind>(), layers);
  EXPECT_EQ(registered_files<LossKind>(), registering_files("losses", "register_loss"));
  EXPECT_EQ(registered_files<OptimizerKind>(), registering_files("optimizers", "register_optimizer"));
  EXPECT_EQ(registered_files<MetricKind>(), registering_files("metrics", "register_metric"));
}

TEST(Registries, EveryLayerHasTwoExamples) {
  for (const auto& [name, entry] : LayerRegistry::instance().entries()) {
    EXPECT_GE(entry.maker.examples.size(), 2U) << name;
  }
}

// What the headers say there is, is there: each `class_name = "..."` is registered.
TEST(Registries, HoldWhatTheHeadersHold) {
  const auto declared = [](const std::vector<std::string>& headers) {
    std::vector<std::string> names;
    const std::string mark = "class_name = \"";
    for (const std::string& header : headers) {
      std::ifstream file(std::string(GRADUS_SOURCE_DIR) + "/include/gradus/" + header);
      for (std::string line; std::getline(file, line);) {
        const auto at = line.find(mark);
        if (at == std::string::npos) continue;
        const auto begin = at + mark.size();
        names.push_back(line.substr(begin, line.find('"', begin) - begin));
      }
    }
    std::sort(names.begin(), names.end());
    return names;
  };
  EXPECT_EQ(Layer::names(), declared({"layers.hpp", "image_layers.hpp"}));
  EXPECT_EQ(Loss::names(), declared({"losses.hpp"}));
  EXPECT_EQ(Optimizer::names(), declared({"optimizers.hpp"}));
  EXPECT_EQ(Metric::names(), declared({"metrics.hpp"}));
  EXPECT_EQ(Initializer::names(), declared({"initializers.hpp"}));
  EXPECT_EQ(Schedule::names(), declared({"schedules.hpp"}));
  EXPECT_EQ(CallbackSpec::names(), declared({"callbacks.hpp"}));
}

}  // namespace
}  // namespace gradus::test
