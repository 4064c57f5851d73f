// Augmentation: what becomes of samples depends on seed, epoch and number alone, and is what the options say.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include <gradus/gradus.hpp>

#include "model/spec_text.hpp"
#include "support/expect_error.hpp"
#include "train/augment.hpp"
#include "train/batches.hpp"

namespace gradus::test {
namespace {

Dataset noise_images(std::int64_t count, const Shape& shape = {28, 28, 1}) {
  Philox random(7, 1);
  std::vector<std::uint8_t> pixels;
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t p = 0; p < shape.elements(); ++p) pixels.push_back(static_cast<std::uint8_t>(random.below(256)));
    labels.push_back(static_cast<std::int32_t>(i % 3));
  }
  return Dataset::classified("noise", shape, pixels, labels, 3).with_class_names({"a", "b", "c"});
}

std::vector<std::uint8_t> bytes_of(const Dataset& data) {
  const auto bytes = data.inputs().bytes();
  return {bytes.begin(), bytes.end()};
}

Augmentation everything() {
  return {.shift = 2,
          .rotate = 15,
          .scale = 0.1,
          .stretch = 0.2,
          .shear = 10,
          .elastic_alpha = 34,
          .horizontal_flip = true,
          .contrast = 0.2,
          .brightness = 0.1,
          .noise = 0.05,
          .cutout = 6,
          .erase = 0.5};
}

// The images that batches of `batch` in this order give, by sample number.
std::vector<std::uint8_t> made(const Dataset& data, const Augmentation& options, std::vector<std::uint32_t> order,
                               std::int64_t batch, int threads) {
  ThreadPool pool(threads);
  Augmenter augmenter(data, options, 5, batch, 3, threads);
  const std::int64_t size = data.sample_shape().elements();
  std::vector<std::uint8_t> all(static_cast<std::size_t>(data.size() * size));
  for (std::int64_t begin = 0; begin < data.size(); begin += batch) {
    const std::int64_t rows = std::min(batch, data.size() - begin);
    augmenter.make(2, order.data() + begin, rows, &pool);
    kernels::Samples samples = samples_of(data, nullptr);
    BatchTargets targets;
    augmenter.point(samples, targets);
    for (std::int64_t r = 0; r < rows; ++r) {
      std::copy_n(samples.byte_row(r), size, all.begin() + order[static_cast<std::size_t>(begin + r)] * size);
    }
  }
  return all;
}

TEST(Augment, BitsDependNeitherOnThreadsNorBatchesNorOrder) {
  for (const Shape& shape : {Shape{28, 28, 1}, Shape{9, 13, 3}, Shape{11, 10}}) {
    const Dataset data = noise_images(70, shape);
    std::vector<std::uint32_t> order(70), backwards(70);
    std::iota(order.begin(), order.end(), 0U);
    std::iota(backwards.rbegin(), backwards.rend(), 0U);
    const auto expected = made(data, everything(), order, 70, 1);
    EXPECT_EQ(expected, made(data, everything(), order, 70, 4));
    EXPECT_EQ(expected, made(data, everything(), backwards, 9, 3));
    EXPECT_EQ(expected, bytes_of(augmented(data, everything(), 5, 2)));
    EXPECT_NE(expected, bytes_of(augmented(data, everything(), 5, 3)));
    EXPECT_NE(expected, bytes_of(augmented(data, everything(), 6, 2)));
  }
}

TEST(Augment, TrainingGivesTheSameBitsOnAnyNumberOfThreads) {
  const Dataset data = datasets::digits(300, 3);
  const auto trained = [&](std::int64_t threads) {
    Sequential model({28, 28, 1}, {Rescaling{.scale = 1.0 / 255}, Flatten{}, Dense{.units = 20, .activation = relu},
                                   Dense{.units = 10, .activation = softmax}});
    model.compile({.optimizer = Adam{}, .metrics = {}});
    FitOptions fit{.epochs = 2, .batch_size = 64, .threads = threads};
    fit.augmentation = everything();
    fit.augmentation.mixup = 0.4;
    model.fit(data, fit);
    return model.weights_sha256();
  };
  const std::string one = trained(1);
  EXPECT_EQ(one, trained(2));
  EXPECT_EQ(one, trained(5));
}

// Two calls of fit for one epoch each see what one call for two epochs sees: nothing is carried along.
TEST(Augment, GoesOnWhereItStopped) {
  const Dataset data = datasets::digits(200, 3);
  const auto trained = [&](std::vector<std::int64_t> runs) {
    Sequential model({28, 28, 1},
                     {Rescaling{.scale = 1.0 / 255}, Flatten{}, Dense{.units = 10, .activation = softmax}});
    model.compile({.optimizer = SGD{.learning_rate = 0.1}, .metrics = {}});
    for (const std::int64_t epochs : runs) {
      FitOptions fit{.epochs = epochs, .batch_size = 32};
      fit.augmentation = {.shift = 2, .elastic_alpha = 34};
      model.fit(data, fit);
    }
    return model.weights_sha256();
  };
  EXPECT_EQ(trained({3}), trained({1, 2}));
}

TEST(Augment, NoStrengthChangesNothing) {
  EXPECT_FALSE(Augmentation{}.active());
  const Dataset data = noise_images(5, {7, 9, 3});
  EXPECT_EQ(bytes_of(augmented(data, {})), bytes_of(data));
  // The whole way through the sampling, with nothing to do.
  const Augmentation hardly{.rotate = 1e-12, .contrast = 1e-12};
  EXPECT_EQ(bytes_of(augmented(data, hardly)), bytes_of(data));
}

TEST(Augment, QuarterTurnsAndFlipsAreExact) {
  constexpr std::int64_t side = 11;
  const auto turned = [&](const Moves& moves) {
    AlignedBuffer in(kernels::warp_row(side) * kernels::warp_rows(side)), out(side * 16);
    for (std::int64_t y = 0; y < side; ++y) {
      for (std::int64_t x = 0; x < side; ++x) {
        in.data()[(y + 1) * kernels::warp_row(side) + x + 1] = static_cast<Real>(y * side + x + 1);
      }
    }
    kernels::Warp warp = warp_of(moves, side, side);
    warp.row = 16, warp.in = in.data(), warp.out = out.data();
    kernels::warp(warp);
    std::vector<long> rounded;
    for (std::int64_t y = 0; y < side; ++y) {
      for (std::int64_t x = 0; x < side; ++x) {
        const Real value = out.data()[y * 16 + x];
        EXPECT_NEAR(value, std::nearbyint(value), 1e-3);
        rounded.push_back(std::lround(value));
      }
    }
    return rounded;
  };
  const auto mapped = [&](auto&& from) {  // output (x, y) is input from(x, y), or 0 outside
    std::vector<long> numbers;
    for (std::int64_t y = 0; y < side; ++y) {
      for (std::int64_t x = 0; x < side; ++x) {
        const auto [fx, fy] = from(x, y);
        const bool inside = fx >= 0 && fx < side && fy >= 0 && fy < side;
        numbers.push_back(inside ? fy * side + fx + 1 : 0);
      }
    }
    return numbers;
  };
  using P = std::pair<std::int64_t, std::int64_t>;
  // Counterclockwise: what was at the right edge comes to the top.
  EXPECT_EQ(turned({.angle = 90}), mapped([](auto x, auto y) { return P{side - 1 - y, x}; }));
  EXPECT_EQ(turned({.angle = 180}), mapped([](auto x, auto y) { return P{side - 1 - x, side - 1 - y}; }));
  EXPECT_EQ(turned({.flip_x = true}), mapped([](auto x, auto y) { return P{side - 1 - x, y}; }));
  EXPECT_EQ(turned({.flip_y = true}), mapped([](auto x, auto y) { return P{x, side - 1 - y}; }));
  EXPECT_EQ(turned({.shift_x = 3, .shift_y = -2}), mapped([](auto x, auto y) { return P{x - 3, y + 2}; }));
  // Slanted by 45 degrees a row moves by its distance from the middle; pixels go right below it.
  EXPECT_EQ(turned({.slant = 45}), mapped([](auto x, auto y) { return P{x - (y - 5), y}; }));
  EXPECT_EQ(turned({.angle = 90, .flip_x = true}), mapped([](auto x, auto y) { return P{y, x}; }));  // transposed
}

// A single bright pixel in the middle of a black image tells how far it was moved.
struct Moved {
  double mean_x = 0, mean_y = 0, deviation = 0, most = 0;
};
Moved displacement(const Augmentation& options) {
  constexpr std::int64_t side = 41, count = 400, middle = side / 2;
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(count * side * side));
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t y = -1; y <= 1; ++y) {
      for (std::int64_t x = -1; x <= 1; ++x) {
        pixels[static_cast<std::size_t>((i * side + middle + y) * side + middle + x)] = 255;
      }
    }
  }
  const Dataset data = Dataset::classified("points", {side, side, 1}, pixels, std::vector<std::int32_t>(count), 1);
  const Dataset result = augmented(data, options, 11);
  Moved moved;
  for (std::int64_t i = 0; i < count; ++i) {
    double mass = 0, mass_x = 0, mass_y = 0;
    for (std::int64_t p = 0; p < side * side; ++p) {
      const double value = result.inputs().at(i * side * side + p);
      mass += value, mass_x += value * static_cast<double>(p % side), mass_y += value * static_cast<double>(p / side);
    }
    const double dx = mass_x / mass - middle, dy = mass_y / mass - middle;
    moved.mean_x += dx / count, moved.mean_y += dy / count;
    moved.deviation += (dx * dx + dy * dy) / (2 * count);
    moved.most = std::max({moved.most, std::abs(dx), std::abs(dy)});
  }
  moved.deviation = std::sqrt(moved.deviation);
  return moved;
}

TEST(Augment, ShiftsAreUniformUpToTheirBound) {
  for (const double shift : {3.0, 3.0 / 41}) {  // in pixels, and as a share of the side
    const Moved moved = displacement({.shift = shift});
    EXPECT_NEAR(moved.mean_x, 0, 0.35);
    EXPECT_NEAR(moved.mean_y, 0, 0.35);
    EXPECT_NEAR(moved.deviation, std::sqrt((7 * 7 - 1) / 12.0), 0.12);  // -3 to 3, each as often
    EXPECT_EQ(moved.most, 3);
    // Together with another move they are any numbers up to their bound.
    const Moved both = displacement({.shift = shift, .rotate = 1e-9});
    EXPECT_NEAR(both.deviation, 3 / std::sqrt(3.0), 0.12);
    EXPECT_LE(both.most, 3.01);
    EXPECT_GE(both.most, 2.9);
  }
}

// Each pixel comes from one pixel, or from outside: nothing is blurred.
TEST(Augment, ShiftsAndFlipsAloneMoveWholePixels) {
  constexpr std::int64_t side = 12, count = 60;
  const Dataset data = noise_images(count, {side, side, 1});
  for (const Augmentation& options : {Augmentation{.shift = 2}, Augmentation{.shift = 0.1},
                                      Augmentation{.shift = 2, .horizontal_flip = true, .vertical_flip = true}}) {
    const Dataset moved = augmented(data, options, 3);
    const auto is_move = [&](std::int64_t i, std::int64_t dx, std::int64_t dy, bool flip_x, bool flip_y) {
      for (std::int64_t y = 0; y < side; ++y) {
        for (std::int64_t x = 0; x < side; ++x) {
          std::int64_t u = x - dx, v = y - dy;
          const bool inside = u >= 0 && v >= 0 && u < side && v < side;
          if (flip_x) u = side - 1 - u;
          if (flip_y) v = side - 1 - v;
          const Real expected = inside ? data.inputs().at((i * side + v) * side + u) : 0;
          if (moved.inputs().at((i * side + y) * side + x) != expected) return false;
        }
      }
      return true;
    };
    for (std::int64_t i = 0; i < count; ++i) {
      int found = 0;
      for (std::int64_t dx = -2; dx <= 2; ++dx) {
        for (std::int64_t dy = -2; dy <= 2; ++dy) {
          for (int flips = 0; flips < 4; ++flips) found += is_move(i, dx, dy, flips % 2 == 1, flips / 2 == 1) ? 1 : 0;
        }
      }
      EXPECT_EQ(found, 1) << i;
    }
  }
}

// Uniform noise has a deviation of 1 / sqrt 3, and a Gaussian divides it by 2 sigma sqrt pi.
TEST(Augment, ElasticDisplacementsHaveTheExpectedSize) {
  for (const double sigma : {4.0, 5.0}) {
    const double expected = 34 / (std::sqrt(3.0) * 2 * sigma * std::sqrt(std::acos(-1.0)));
    const Moved moved = displacement({.elastic_alpha = 34, .elastic_sigma = sigma});
    EXPECT_NEAR(moved.mean_x, 0, 5 * expected / 20);
    EXPECT_NEAR(moved.mean_y, 0, 5 * expected / 20);
    EXPECT_NEAR(moved.deviation, expected, 0.12 * expected);
  }
}

TEST(Augment, KeepsLabelsAndNames) {
  const Dataset data = noise_images(9);
  const Dataset result = augmented(data.slice(2, 8).with_one_hot({0.9, 0.1}), everything());
  EXPECT_EQ(result.size(), 6);
  EXPECT_EQ(result.sample_shape(), data.sample_shape());
  EXPECT_EQ(std::vector(result.labels().begin(), result.labels().end()), (std::vector<std::int32_t>{2, 0, 1, 2, 0, 1}));
  EXPECT_EQ(result.class_names(), data.class_names());
  EXPECT_EQ(result.one_hot().on, 0.9);
}

TEST(Augment, MixupBlendsSamplesAndTargets) {
  // Every image is as bright all over as its target says, so the blend can be told from either.
  constexpr std::int64_t count = 300;
  std::vector<Real> inputs, targets;
  for (std::int64_t i = 0; i < count; ++i) {
    inputs.insert(inputs.end(), 16, static_cast<Real>(i) / count);
    targets.push_back(static_cast<Real>(i) / count);
  }
  const Dataset data = Dataset::with_targets("ramp", {4, 4}, inputs, targets, 1);
  const Dataset mixed = augmented(data, {.mixup = 1});
  double moved = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t p = 0; p < 16; ++p) EXPECT_NEAR(mixed.inputs().at(i * 16 + p), mixed.targets().at(i), 1e-6);
    moved += std::abs(static_cast<double>(mixed.targets().at(i) - data.targets().at(i))) / count;
  }
  EXPECT_NEAR(moved, 1.0 / 6, 0.03);  // mean |a - b| is 1/3, times the mean share of 1/2
  const Dataset labelled = augmented(noise_images(50), {.mixup = 0.3});
  for (std::int64_t i = 0; i < 50; ++i) {
    Real sum = 0;
    for (std::int64_t c = 0; c < 3; ++c) sum += labelled.targets().at(3 * i + c);
    EXPECT_NEAR(sum, 1, 1e-6);
  }
}

TEST(Augment, BetaHasItsMeanAndVariance) {
  for (const double a : {0.2, 1.0, 4.0}) {
    Philox random(1, 2);
    double sum = 0, squares = 0;
    constexpr int draws = 20'000;
    for (int i = 0; i < draws; ++i) {
      const double x = beta(random, a);
      ASSERT_TRUE(x >= 0 && x <= 1);
      sum += x, squares += (x - 0.5) * (x - 0.5);
    }
    const double variance = 1 / (4 * (2 * a + 1));
    EXPECT_NEAR(sum / draws, 0.5, 5 * std::sqrt(variance / draws));
    EXPECT_NEAR(squares / draws, variance, 0.05 * variance);
  }
}

TEST(Augment, ChangesOnlyTheShareAskedFor) {
  const Dataset data = noise_images(1000, {4, 4, 1});
  const Dataset result = augmented(data, {.noise = 0.5, .share = 0.3});
  std::int64_t changed = 0;
  for (std::int64_t i = 0; i < 1000; ++i) {
    const auto before = data.inputs().bytes().subspan(static_cast<std::size_t>(16 * i), 16);
    const auto after = result.inputs().bytes().subspan(static_cast<std::size_t>(16 * i), 16);
    changed += std::equal(before.begin(), before.end(), after.begin()) ? 0 : 1;
  }
  EXPECT_NEAR(static_cast<double>(changed), 300, 75);
}

TEST(Augment, CutoutAndEraseTouchARectangle) {
  const std::vector<std::uint8_t> white(100 * 20 * 20, 255);
  const Dataset data = Dataset::classified("white", {20, 20, 1}, white, std::vector<std::int32_t>(100), 1);
  const auto changed_in = [](const Dataset& result, std::int64_t i) {
    std::int64_t changed = 0;
    for (std::int64_t p = 0; p < 400; ++p) changed += result.inputs().at(i * 400 + p) != Real{255} ? 1 : 0;
    return changed;
  };
  const Dataset cut = augmented(data, {.cutout = 6});
  const Dataset erased = augmented(data, {.erase = 1});
  std::int64_t whole = 0;
  for (std::int64_t i = 0; i < 100; ++i) {
    EXPECT_LE(changed_in(cut, i), 36);
    EXPECT_GE(changed_in(cut, i), 9);  // a corner's quarter at least
    whole += changed_in(cut, i) == 36 ? 1 : 0;
    EXPECT_LE(changed_in(erased, i), 0.4 * 400);
  }
  EXPECT_GE(whole, 30);
}

// Trained on images in their places only, a network fails where they are shifted; trained on shifted ones, less.
TEST(Augment, HelpsWhereTestImagesAreShifted) {
  const Dataset train = datasets::digits(1500, 1);
  const Dataset test = augmented(datasets::digits(600, 2), {.shift = 4}, 99);
  const auto accuracy = [&](const Augmentation& augmentation) {
    Sequential model({28, 28, 1}, {Rescaling{.scale = 1.0 / 255}, Flatten{}, Dense{.units = 64, .activation = relu},
                                   Dense{.units = 10, .activation = softmax}});
    model.compile({.optimizer = Adam{}, .metrics = {Accuracy{}}});
    FitOptions fit{.epochs = 15, .batch_size = 50};
    fit.augmentation = augmentation;
    model.fit(train, fit);
    return model.evaluate(test).at("accuracy");
  };
  EXPECT_GT(accuracy({.shift = 4}), accuracy({}) + 0.1);
}

TEST(Augment, IsReadFromText) {
  const Augmentation read =
      parse_augmentation("shift 2, rotate 10, elastic 34 5, horizontal_flip, edge nearest, noise=0.1");
  const Augmentation expected{.shift = 2,
                              .rotate = 10,
                              .elastic_alpha = 34,
                              .elastic_sigma = 5,
                              .horizontal_flip = true,
                              .noise = 0.1,
                              .edge = "nearest"};
  EXPECT_EQ(read, expected);
  expect_error(ErrorCode::invalid_argument, {"shfit", "did you mean 'shift'"}, [] { parse_augmentation("shfit 2"); });
  const std::vector<std::pair<std::string, std::string>> others{{"flip_horizontal", "horizontal_flip"},
                                                                {"hflip", "horizontal_flip"},
                                                                {"RandomHorizontalFlip", "horizontal_flip"},
                                                                {"vflip 1", "vertical_flip"},
                                                                {"flip_vertical", "vertical_flip"},
                                                                {"rotation 10", "rotate"},
                                                                {"rotation_range=10", "rotate"},
                                                                {"zoom 0.1", "scale"},
                                                                {"translate 2", "shift"},
                                                                {"width_shift_range 0.1", "shift"},
                                                                {"random_brightness 1", "brightness"},
                                                                {"fill_mode nearest", "edge"}};
  for (const auto& [other, meant] : others) {
    expect_error(ErrorCode::invalid_argument, {"no option", "did you mean '" + meant + "'"},
                 [&] { parse_augmentation(other); });
  }
  expect_error(ErrorCode::invalid_argument, {"did you mean 'horizontal_flip'"}, [] {
    augmentation_from({{"hflip", true}});
  });
  expect_error(ErrorCode::invalid_argument, {"rotate", "1 number"}, [] { parse_augmentation("rotate 2 3"); });
}

TEST(Augment, RefusesWhatItCannotDo) {
  const Dataset rows = datasets::moons(20);
  expect_error(ErrorCode::invalid_argument, {"(2,)", "noise and mixup"}, [&] { augmented(rows, {.shift = 1}); });
  EXPECT_EQ(augmented(rows, {.noise = 0.1}).size(), 20);
  expect_error(ErrorCode::invalid_argument, {"rotate", "0 to 360", "-1"},
               [] { augmented(noise_images(1), {.rotate = -1, .noise = 1}); });
  expect_error(ErrorCode::invalid_argument, {"edge", "'wrap'"},
               [] { augmented(noise_images(1), {.rotate = 1, .edge = "wrap"}); });
  Sequential model({2}, {Dense{.units = 2, .activation = softmax}});
  model.compile({.loss = SparseCategoricalCrossentropy{}, .metrics = {}});
  expect_error(ErrorCode::invalid_argument, {"mixup", "SparseCategoricalCrossentropy"}, [&] {
    FitOptions fit;
    fit.augmentation.mixup = 1;
    model.fit(rows, fit);
  });
}

// One output that tells two classes apart learns from the share of the second class.
TEST(Augment, MixupSuitsASingleOutput) {
  const Dataset data = datasets::blobs(200, 2, 0.5, 3);
  Sequential model({2}, {Rescaling{.scale = 0.1}, Dense{.units = 1, .activation = sigmoid}});
  model.compile({.optimizer = Adam{.learning_rate = 0.1}, .loss = BinaryCrossentropy{}, .metrics = {Accuracy{}}});
  FitOptions fit{.epochs = 30};
  fit.augmentation.mixup = 0.2;
  model.fit(data, fit);
  EXPECT_GE(model.evaluate(data).at("accuracy"), 0.95);
}

}  // namespace
}  // namespace gradus::test
