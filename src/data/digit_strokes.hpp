#pragma once

#include <array>
#include <cstddef>

#include "base/philox.hpp"

namespace gradus {

struct PenPoint {
  float x = 0;
  float y = 0;
};

/// The lines that a hand draws for one digit: curves through control points. Coordinates are in a box one high, y
/// downwards; a digit is about 0.6 wide. Corners are made by a new curve at the same point.
class Drawing {
 public:
  static constexpr std::size_t most_points = 128;
  static constexpr std::size_t most_curves = 8;

  void begin_curve();
  void through(double x, double y);
  /// Points on an ellipse from angle `from` to `to` in degrees; 0 is right, 90 down, 180 left, 270 up.
  void arc(double x, double y, double radius_x, double radius_y, double from, double to);
  void line(double x0, double y0, double x1, double y1);

  [[nodiscard]] std::size_t curves() const noexcept { return curves_; }
  [[nodiscard]] std::size_t begin_of(std::size_t curve) const { return begins_[curve]; }
  [[nodiscard]] std::size_t end_of(std::size_t curve) const {
    return curve + 1 < curves_ ? begins_[curve + 1] : points_used_;
  }
  [[nodiscard]] std::size_t size() const noexcept { return points_used_; }
  PenPoint& point(std::size_t index) { return points_[index]; }
  [[nodiscard]] const PenPoint& point(std::size_t index) const { return points_[index]; }

 private:
  std::array<PenPoint, most_points> points_;
  std::array<std::size_t, most_curves> begins_{};
  std::size_t points_used_ = 0;
  std::size_t curves_ = 0;
};

/// `digit` (0 to 9) as somebody might write it: one of several styles, with its proportions drawn from `random`.
Drawing draw_digit(int digit, Philox& random);

}  // namespace gradus
