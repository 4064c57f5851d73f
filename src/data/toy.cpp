#include <array>
#include <cmath>
#include <numbers>

#include <gradus/error.hpp>

#include "base/philox.hpp"
#include "base/text.hpp"
#include "data/registry.hpp"

namespace gradus {
namespace {

constexpr double pi = std::numbers::pi;

// The random numbers of one point, so that it is the same in a set of any size.
Philox point_stream(std::uint64_t seed, std::int64_t index) {
  return {mix_key(seed, static_cast<std::uint64_t>(RandomPurpose::samples)), static_cast<std::uint64_t>(index)};
}

void check(const char* name, std::int64_t count, std::int32_t classes, double noise) {
  constexpr std::int64_t most = 100'000'000;
  const auto fail = [&](const std::string& sentence) {
    throw Error(ErrorCode::invalid_argument, std::string(name) + ": " + sentence);
  };
  if (count < 1 || count > most) fail("can have 1 to " + with_commas(most) + " points, not " + std::to_string(count));
  if (classes < 1 || classes > 1000) fail("can have 1 to 1,000 classes, not " + std::to_string(classes));
  if (!(noise >= 0) || !std::isfinite(noise)) fail("the noise must be 0 or more, not " + std::to_string(noise));
}

// `place(label, random)` gives a point without its noise.
template <class Place>
Dataset plane(const char* name, std::int64_t count, std::int32_t classes, double noise, std::uint64_t seed,
              Place place) {
  check(name, count, classes, noise);
  std::vector<Real> points;
  std::vector<std::int32_t> labels;
  points.reserve(static_cast<std::size_t>(2 * count));
  labels.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    Philox random = point_stream(seed, i);
    const auto label = static_cast<std::int32_t>(i % classes);
    const std::array<double, 2> point = place(label, random);
    for (const double coordinate : point) points.push_back(static_cast<Real>(coordinate + noise * random.normal()));
    labels.push_back(label);
  }
  return Dataset::classified(name, Shape{2}, std::move(points), std::move(labels), classes)
      .with_column_names({"x", "y"});
}

Dataset corners(const char* name, std::vector<std::int32_t> labels) {
  return Dataset::classified(name, Shape{2}, std::vector<Real>{0, 0, 0, 1, 1, 0, 1, 1}, std::move(labels), 2)
      .with_column_names({"a", "b"});
}

}  // namespace

namespace datasets {

Dataset xor_corners() { return corners("xor", {0, 1, 1, 0}); }

Dataset and_corners() { return corners("and", {0, 0, 0, 1}); }

Dataset moons(std::int64_t count, double noise, std::uint64_t seed) {
  return plane("moons", count, 2, noise, seed, [](std::int32_t label, Philox& random) -> std::array<double, 2> {
    const double angle = pi * random.uniform();
    if (label == 0) return {std::cos(angle), std::sin(angle)};
    return {1 - std::cos(angle), 0.5 - std::sin(angle)};
  });
}

Dataset circles(std::int64_t count, double noise, std::uint64_t seed) {
  return plane("circles", count, 2, noise, seed, [](std::int32_t label, Philox& random) -> std::array<double, 2> {
    const double angle = 2 * pi * random.uniform(), radius = label == 0 ? 1.0 : 0.5;
    return {radius * std::cos(angle), radius * std::sin(angle)};
  });
}

Dataset spiral(std::int64_t count, std::int32_t classes, double noise, std::uint64_t seed) {
  return plane("spiral", count, classes, noise, seed, [&](std::int32_t label, Philox& random) -> std::array<double, 2> {
    const double radius = std::sqrt(random.uniform());  // as many points on each length of the arm, nearly
    const double angle = 2 * pi * (1.25 * radius + static_cast<double>(label) / classes);
    return {radius * std::cos(angle), radius * std::sin(angle)};
  });
}

Dataset blobs(std::int64_t count, std::int32_t classes, double spread, std::uint64_t seed) {
  return plane("blobs", count, classes, spread, seed, [&](std::int32_t label, Philox&) -> std::array<double, 2> {
    Philox centre(mix_key(seed, static_cast<std::uint64_t>(RandomPurpose::noise)), static_cast<std::uint64_t>(label));
    const double x = 20 * centre.uniform() - 10;
    return {x, 20 * centre.uniform() - 10};
  });
}

}  // namespace datasets

namespace {

constexpr std::int64_t default_count = 1000;

bool register_points(const char* name, const char* summary, Dataset (*make)(std::int64_t, std::uint64_t)) {
  return register_source({.name = name, .summary = summary, .takes_count = true, .load = [=](const SourceRequest& r) {
                            return TrainTest{make(r.count.value_or(default_count), r.seed), {}};
                          }});
}

const bool registered =
    register_source({.name = "xor",
                     .summary = "4 corners of a square, labelled a XOR b: no single layer can tell them apart",
                     .load =
                         [](const SourceRequest&) {
                           return TrainTest{datasets::xor_corners(), {}};
                         }}) &&
    register_source({.name = "and",
                     .summary = "4 corners of a square, labelled a AND b",
                     .load =
                         [](const SourceRequest&) {
                           return TrainTest{datasets::and_corners(), {}};
                         }}) &&
    register_points("moons", "points in the plane: two half circles, interlocked (moons:COUNT:SEED)",
                    [](std::int64_t n, std::uint64_t seed) { return datasets::moons(n, 0.1, seed); }) &&
    register_points("circles", "points in the plane: a circle within a circle (circles:COUNT:SEED)",
                    [](std::int64_t n, std::uint64_t seed) { return datasets::circles(n, 0.05, seed); }) &&
    register_points("spiral", "points in the plane: two arms of a spiral (spiral:COUNT:SEED)",
                    [](std::int64_t n, std::uint64_t seed) { return datasets::spiral(n, 2, 0.02, seed); }) &&
    register_points("blobs", "points in the plane: three round clouds (blobs:COUNT:SEED)",
                    [](std::int64_t n, std::uint64_t seed) { return datasets::blobs(n, 3, 1.0, seed); });

}  // namespace
}  // namespace gradus
