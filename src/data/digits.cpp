// Digits drawn by code. A hand's strokes (digit_strokes.cpp) are bent, slanted and turned, scaled as MNIST scales (the
// longer side of the ink to 20 pixels, its centre of mass to the middle of 28x28), and inked by distance to the line.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include <gradus/error.hpp>

#include "base/philox.hpp"
#include "base/text.hpp"
#include "data/digit_strokes.hpp"
#include "data/registry.hpp"

namespace gradus {
namespace {

constexpr int side = 28;
constexpr double box = 20;
constexpr double sloppy = 1.3;  // how far from the middle a digit may lie, in pixels
constexpr std::int32_t classes = 10;
constexpr std::size_t steps = 5;  // straight pieces between two control points

// A line as the pen goes: points with half the width of the stroke there.
struct InkPoint {
  float x, y, radius;
  bool begins;  // a new line
};

using Depths = std::array<float, side * side>;

class Ink {
 public:
  Ink(const Drawing& drawing, Philox& random);
  void render(std::uint8_t* pixels, Philox& random) const;

 private:
  void bend(Drawing& drawing, Philox& random) const;
  void trace(const Drawing& drawing);
  void fit(Philox& random);
  void cover(Depths& depths) const;

  std::array<InkPoint, Drawing::most_points * steps> points_;
  std::size_t size_ = 0;
  double softness_;  // half of the way from paper to full ink, in pixels
};

double between(Philox& random, double least, double most) { return least + (most - least) * random.uniform(); }

// Shakes and stretches the whole sheet: neighbouring points move alike, so joints stay joined.
void Ink::bend(Drawing& drawing, Philox& random) const {
  constexpr double tau = 2 * std::numbers::pi;
  struct Wave {
    double fx, fy, phase, ax, ay;
  };
  std::array<Wave, 3> waves;
  for (Wave& wave : waves) {
    wave = {between(random, -1.1, 1.1) * tau, between(random, -1.1, 1.1) * tau, between(random, 0, tau),
            0.04 * random.normal(), 0.04 * random.normal()};
  }
  const double slant = 0.15 + 0.29 * random.normal(), turn = 0.16 * random.normal();
  const double stretch = std::exp(-0.08 + 0.22 * random.normal());
  // Small above and large below, or the other way round; in height, and in width.
  const double power = std::exp(0.12 * random.normal()), taper = 0.22 * random.normal();
  const double cosine = std::cos(turn), sine = std::sin(turn);
  for (std::size_t i = 0; i < drawing.size(); ++i) {
    PenPoint& p = drawing.point(i);
    double x = p.x, y = p.y;
    for (const Wave& wave : waves) {
      const double swing = std::sin(wave.fx * p.x + wave.fy * p.y + wave.phase);
      x += wave.ax * swing;
      y += wave.ay * swing;
    }
    if (y > 0) y = std::pow(y, power);
    x = (x - 0.5) * stretch * (1 + taper * (y - 0.5)) + slant * (0.5 - y);
    y -= 0.5;
    p = {static_cast<float>(cosine * x - sine * y), static_cast<float>(sine * x + cosine * y)};
  }
}

// Catmull and Rom's curve through the control points.
void Ink::trace(const Drawing& drawing) {
  for (std::size_t curve = 0; curve < drawing.curves(); ++curve) {
    const std::size_t begin = drawing.begin_of(curve), end = drawing.end_of(curve);
    if (end - begin < 2) continue;
    for (std::size_t i = begin; i + 1 < end; ++i) {
      const PenPoint p0 = drawing.point(i == begin ? i : i - 1), p1 = drawing.point(i), p2 = drawing.point(i + 1);
      const PenPoint p3 = drawing.point(i + 2 < end ? i + 2 : i + 1);
      const auto spline = [](float a, float b, float c, float d, float t) {
        return 0.5f * (2 * b + t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * b - a - 3 * c + d))));
      };
      for (std::size_t step = i == begin ? 0 : 1; step <= steps; ++step) {
        const float t = static_cast<float>(step) / steps;
        points_[size_++] = {spline(p0.x, p1.x, p2.x, p3.x, t), spline(p0.y, p1.y, p2.y, p3.y, t), 0, step == 0};
      }
    }
  }
}

// To pixels: the ink's box to the middle, its longer side to 20.
void Ink::fit(Philox& random) {
  const double radius = std::clamp(1.3 * std::exp(0.3 * random.normal()), 0.7, 2.8);
  const double pressure = 0.12 * random.normal(), waves = between(random, 0.5, 2), phase = between(random, 0, 6.28);
  float left = points_[0].x, right = left, top = points_[0].y, bottom = top;
  for (std::size_t i = 0; i < size_; ++i) {
    InkPoint& p = points_[i];
    left = std::min(left, p.x), right = std::max(right, p.x), top = std::min(top, p.y), bottom = std::max(bottom, p.y);
    const double along = static_cast<double>(i) / static_cast<double>(size_);
    p.radius = static_cast<float>(radius * (1 + pressure * std::sin(6.28 * waves * along + phase)));
  }
  const double longer = std::max({right - left, bottom - top, 0.1f});
  const double scale = (box - 2 * radius - softness_) / longer;
  const double shift_x = side / 2.0 - scale * (left + right) / 2, shift_y = side / 2.0 - scale * (top + bottom) / 2;
  for (std::size_t i = 0; i < size_; ++i) {
    points_[i].x = static_cast<float>(scale * points_[i].x + shift_x);
    points_[i].y = static_cast<float>(scale * points_[i].y + shift_y);
  }
}

Ink::Ink(const Drawing& drawing, Philox& random) {
  softness_ = between(random, 0.45, 0.8);
  Drawing bent = drawing;
  bend(bent, random);
  trace(bent);
  fit(random);
}

// How far outside of the ink each pixel's middle lies; negative within.
void Ink::cover(Depths& depths) const {
  constexpr float far = 99;
  depths.fill(far);
  for (std::size_t i = 1; i < size_; ++i) {
    const InkPoint a = points_[i - 1], b = points_[i];
    if (b.begins) continue;
    const float reach = std::max(a.radius, b.radius) + static_cast<float>(softness_);
    const int x0 = std::max(0, static_cast<int>(std::min(a.x, b.x) - reach - 0.5f));
    const int x1 = std::min(side - 1, static_cast<int>(std::max(a.x, b.x) + reach));
    const int y0 = std::max(0, static_cast<int>(std::min(a.y, b.y) - reach - 0.5f));
    const int y1 = std::min(side - 1, static_cast<int>(std::max(a.y, b.y) + reach));
    const float dx = b.x - a.x, dy = b.y - a.y;
    const float inverse = 1 / std::max(dx * dx + dy * dy, 1e-9f);
    for (int y = y0; y <= y1; ++y) {
      for (int x = x0; x <= x1; ++x) {
        const float px = static_cast<float>(x) + 0.5f - a.x, py = static_cast<float>(y) + 0.5f - a.y;
        const float t = std::clamp((px * dx + py * dy) * inverse, 0.0f, 1.0f);
        const float ex = px - t * dx, ey = py - t * dy;
        const float outside = std::sqrt(ex * ex + ey * ey) - (a.radius + t * (b.radius - a.radius));
        float& least = depths[static_cast<std::size_t>(y * side + x)];
        least = std::min(least, outside);
      }
    }
  }
}

void Ink::render(std::uint8_t* pixels, Philox& random) const {
  Depths depths;
  cover(depths);
  std::array<std::uint8_t, side * side> drawn{};
  const double full = between(random, 245, 280), grain = between(random, 0, 0.06);
  double mass = 0, mass_x = 0, mass_y = 0;
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const double depth = static_cast<double>(depths[i]);
    if (depth >= softness_) continue;
    const double ink = std::min(1.0, 0.5 - 0.5 * depth / softness_) * (1 - grain * random.uniform());
    const double grey = std::clamp(full * ink, 0.0, 255.0);
    drawn[i] = static_cast<std::uint8_t>(grey);
    const std::size_t x = i % side, y = i / side;
    mass += grey, mass_x += grey * static_cast<double>(x), mass_y += grey * static_cast<double>(y);
  }
  // MNIST's centre of mass is pixel (14, 14), counted from 0, and it moves by whole pixels.
  const auto to_middle = [&](double moment) {
    constexpr int middle = side / 2;
    return std::clamp(static_cast<int>(std::lround(middle - moment / std::max(mass, 1.0) + sloppy * random.normal())),
                      -6, 6);
  };
  const int move_x = to_middle(mass_x), move_y = to_middle(mass_y);
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const int from_x = x - move_x, from_y = y - move_y;
      const bool inside = from_x >= 0 && from_x < side && from_y >= 0 && from_y < side;
      pixels[y * side + x] = inside ? drawn[static_cast<std::size_t>(from_y * side + from_x)] : std::uint8_t{0};
    }
  }
}

}  // namespace

Dataset datasets::digits(std::int64_t count, std::uint64_t seed) {
  constexpr std::int64_t most = 10'000'000;
  if (count < 1 || count > most) {
    throw Error(ErrorCode::invalid_argument,
                "digits: can be 1 to " + with_commas(most) + " images, not " + std::to_string(count));
  }
  constexpr std::size_t pixels = side * side;
  std::vector<std::uint8_t> images(static_cast<std::size_t>(count) * pixels);
  std::vector<std::int32_t> labels(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    Philox random(mix_key(seed, static_cast<std::uint64_t>(RandomPurpose::samples)), i);
    labels[i] = static_cast<std::int32_t>(i % classes);
    const Ink ink(draw_digit(labels[i], random), random);
    ink.render(images.data() + i * pixels, random);
  }
  return Dataset::classified("digits", Shape{side, side, 1}, std::move(images), std::move(labels), classes);
}

namespace {

constexpr std::int64_t mnist_count = 60'000;

const bool registered =
    register_source({.name = "digits",
                     .summary = "digits drawn by code, the stand-in for mnist: needs no file (digits:COUNT:SEED)",
                     .takes_count = true,
                     .load = [](const SourceRequest& r) {
                       const std::int64_t count = r.count.value_or(mnist_count);
                       // Other digits than any of the training set's, whatever its seed.
                       const std::uint64_t test_seed = mix_key(r.seed, 0x7465'7374);
                       return TrainTest{datasets::digits(count, r.seed),
                                        datasets::digits(std::max<std::int64_t>(1, count / 6), test_seed)};
                     }});

}  // namespace
}  // namespace gradus
