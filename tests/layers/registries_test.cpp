// The registries against folders and headers, and what some layers draw.
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

namespace gradus::test {
namespace {

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
