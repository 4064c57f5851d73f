#include "data/digit_strokes.hpp"

#include <cmath>
#include <numbers>

namespace gradus {

void Drawing::begin_curve() {
  if (curves_ < most_curves) begins_[curves_++] = points_used_;
}

void Drawing::through(double x, double y) {
  if (points_used_ < most_points) points_[points_used_++] = {static_cast<float>(x), static_cast<float>(y)};
}

void Drawing::arc(double x, double y, double radius_x, double radius_y, double from, double to) {
  const int steps = std::max(1, static_cast<int>(std::ceil(std::abs(to - from) / 40)));
  for (int i = 0; i <= steps; ++i) {
    const double angle = (from + (to - from) * i / steps) * std::numbers::pi / 180;
    through(x + radius_x * std::cos(angle), y + radius_y * std::sin(angle));
  }
}

void Drawing::line(double x0, double y0, double x1, double y1) {
  begin_curve();
  through(x0, y0);
  through(x1, y1);
}

namespace {

// One hand at one digit: what to draw on, and its whims.
class Hand {
 public:
  Hand(Drawing& paper, Philox& random) : paper_(paper), random_(random) {}

  void zero();
  void one();
  void two();
  void three();
  void four();
  void five();
  void six();
  void seven();
  void eight();
  void nine();

 private:
  double in(double least, double most) { return least + (most - least) * random_.uniform(); }
  bool chance(double share) { return random_.uniform() < share; }
  double near(double value, double spread) { return value + spread * random_.normal(); }

  Drawing& paper_;
  Philox& random_;
};

void Hand::zero() {
  const double width = in(0.24, 0.55), begin = near(-75, 30);
  const bool curls = chance(0.2);  // the end runs on inside
  const double sweep = curls ? in(385, 440) : chance(0.75) ? in(350, 385) : in(315, 350);
  paper_.begin_curve();
  const int steps = 12;
  const double drift =
      curls ? in(-0.35, -0.05) : near(0, 0.05);  // the end lies a little inside or outside of the beginning
  for (int i = 0; i <= steps; ++i) {
    const double share = static_cast<double>(i) / steps;
    const double angle = (begin - sweep * share) * std::numbers::pi / 180;
    const double radius = 1 + drift * share * share;
    paper_.through(0.5 + width * radius * std::cos(angle), 0.5 + 0.5 * radius * std::sin(angle));
  }
}

void Hand::one() {
  const double lean = near(0, 0.03), bow = near(0, 0.02);
  paper_.begin_curve();
  paper_.through(0.5 + lean, 0);
  paper_.through(0.5 + bow, 0.5);
  paper_.through(0.5 - lean, 1);
  if (chance(0.22)) {  // the flag
    const double length = in(0.08, 0.3);
    paper_.line(0.5 + lean, 0.0, 0.5 + lean - length, in(0.05, 0.3));
    if (chance(0.4)) {  // and the foot
      const double foot = in(0.12, 0.3);
      paper_.line(0.5 - lean - foot, near(1, 0.02), 0.5 - lean + foot, near(1, 0.02));
    }
  }
}

void Hand::two() {
  const double width = in(0.45, 0.85), top = in(0.18, 0.36);
  const double left = 0.5 - width / 2, right = 0.5 + width / 2, middle = 0.5;
  const double base = near(0.95, 0.03);
  paper_.begin_curve();
  if (chance(0.25)) paper_.through(left + in(-0.02, 0.1), top + in(0.05, 0.15));
  paper_.arc(middle, top, width * in(0.36, 0.5), top, in(175, 215), near(375, 12));
  const double corner_x = left + in(-0.05, 0.1);
  paper_.through(middle + near(0.07, 0.04) * width, in(0.52, 0.66));
  const double style = in(0, 1);
  const double end_x = right + in(-0.12, 0.3), end_y = base + near(0.02, 0.1);
  if (style < 0.35) {  // a corner and a straight foot
    paper_.through(corner_x, base);
    paper_.line(corner_x, base, end_x, end_y);
  } else if (style < 0.85) {  // a loop
    const double size = in(0.04, 0.19), height = size * in(0.5, 1.1);
    paper_.through(corner_x + 0.06, base - 0.06);
    paper_.arc(corner_x, base - height, size, height, 80, 290);
    if (size > 0.1) paper_.through(corner_x + size * 1.2, base - height * 1.2);
    paper_.through(corner_x + width * 0.45, base - in(0.0, 0.08));
    paper_.through(end_x, end_y);
  } else {  // a round heel and a wave
    paper_.through(corner_x + 0.04, base - 0.05);
    paper_.through(corner_x + 0.1, base + 0.01);
    paper_.through(corner_x + width * 0.55, base - in(-0.02, 0.06));
    paper_.through(end_x, end_y);
  }
}

void Hand::three() {
  const double upper = in(0.15, 0.4), lower = in(0.2, 0.44), waist = in(0.38, 0.52);
  const double in_x = near(0.42, 0.1);  // how far the waist cuts in
  const double style = in(0, 1);
  paper_.begin_curve();
  if (style < 0.15) {  // a flat top
    paper_.through(0.2, near(0.03, 0.02));
    paper_.through(0.5 + upper, near(0.02, 0.02));
    paper_.line(0.5 + upper, 0.02, in_x, waist - 0.06);
    paper_.begin_curve();
    paper_.through(in_x, waist - 0.06);
  } else {
    paper_.arc(0.47, waist / 2, upper, waist / 2, near(205, 18), 372);
    paper_.through(0.5 + upper * 0.65, waist * 0.82);
    paper_.through(in_x, waist);
    if (style < 0.4) {  // a small loop at the waist
      paper_.through(in_x - 0.07, waist + 0.03);
      paper_.through(in_x - 0.02, waist + 0.06);
    } else if (style < 0.85) {  // a point
      paper_.begin_curve();
      paper_.through(in_x, waist);
    }
  }
  const double height = (1 - waist) / 2;
  paper_.through(0.5 + lower * 0.65, waist + height * 0.25);
  paper_.arc(0.47, waist + height, lower, height, -25, near(140, 22));
  if (chance(0.35)) paper_.through(0.47 - lower - in(-0.05, 0.15), in(0.8, 1.0));
}

void Hand::four() {
  const double style = in(0, 1);
  const double stem = in(0.58, 0.85), bar = in(0.42, 0.74), foot = stem + near(-0.06, 0.06);
  if (style < 0.28) {  // closed at the top
    const double left = in(0.02, 0.15);
    paper_.begin_curve();
    paper_.through(stem, 0);
    paper_.through(stem * 0.5 + left * 0.5 + near(0, 0.03), bar * 0.52);
    paper_.through(left, bar);
    paper_.line(left, bar, in(0.85, 1.1), bar + near(0, 0.03));
    paper_.line(stem, 0, foot, 1);
    return;
  }
  const double top_left = in(0.08, 0.35), left = top_left - in(0, 0.18), begin = in(0.0, 0.15);
  paper_.begin_curve();
  paper_.through(top_left, begin);
  if (style < 0.65) {  // open, with a corner
    paper_.through((top_left + left) / 2 - in(0, 0.04), (bar + begin) / 2);
    paper_.through(left, bar);
    paper_.line(left, bar, chance(0.6) ? in(0.82, 1.1) : stem, bar + near(-0.03, 0.05));
  } else {  // open and round, as a u
    paper_.through(left, bar * 0.6 + begin * 0.4);
    paper_.through(left + 0.08, bar * 0.95);
    paper_.through((left + stem) / 2 + 0.04, bar);
    paper_.through(stem, bar - in(0.02, 0.16));
  }
  const double top = in(-0.1, 0.34);
  paper_.begin_curve();
  paper_.through(stem + in(-0.02, 0.08), top);
  paper_.through((stem + foot) / 2 + near(0.01, 0.02), (top + 1) / 2);
  paper_.through(foot, 1);
}

void Hand::five() {
  const double neck = in(0.18, 0.42), waist = in(0.32, 0.52), bar_end = in(0.6, 1.25), bar_up = near(-0.02, 0.07);
  const double right = in(0.22, 0.45), begin = near(0.02, 0.02);
  const double heel = neck - in(-0.04, 0.14);
  if (chance(0.7)) {  // the bar for itself
    paper_.begin_curve();
    paper_.through(neck + near(0, 0.02), begin);
    paper_.through((neck + bar_end) / 2, begin + near(0.0, 0.02) + bar_up / 2);
    paper_.through(bar_end, begin + bar_up);
    paper_.line(neck, begin, heel, waist);
    paper_.begin_curve();
  } else {  // in one go
    paper_.begin_curve();
    paper_.through(bar_end, begin + bar_up);
    paper_.through(neck + 0.15, begin + 0.03);
    paper_.through(neck, begin + 0.08);
    paper_.through(heel + 0.01, waist - 0.08);
  }
  const double height = (1 - waist) / 2;
  paper_.through(heel, waist);
  paper_.through(0.45 + near(0, 0.03), waist - in(0.0, 0.07));
  paper_.arc(0.45, waist + height, right, height, -50, near(130, 22));
  if (chance(0.6)) paper_.through(in(-0.1, 0.22), in(0.8, 0.98));
}

void Hand::six() {
  const double loop = in(0.16, 0.32), wide = in(0.2, 0.42), middle = 0.5;
  const double y = 1 - loop, left = middle - wide;
  const double top_x = chance(0.25) ? in(0.15, 0.4) : in(0.4, 0.95);
  paper_.begin_curve();
  paper_.through(top_x, 0);
  paper_.through((top_x + left) / 2 - in(-0.02, 0.1), in(0.2, 0.32));
  paper_.through(left + in(-0.02, 0.06), y - loop * in(0.2, 0.7));
  paper_.arc(middle, y, wide, loop, 165, 20);
  // The loop closes at the back, or smaller, inside of the belly.
  const double size = chance(0.6) ? in(0.85, 1) : in(0.45, 0.85);
  const double end = chance(0.85) ? in(165, 230) : in(110, 165);
  const double shift = wide * (1 - size) * in(0.3, 0.9);
  paper_.arc(middle + shift, y + loop * (1 - size) * in(0, 0.9), wide * size, loop * size * in(0.8, 1.1), -20, -end);
}

void Hand::seven() {
  const double left = in(0.0, 0.3), right = in(0.68, 1.0), y = in(0.0, 0.14), end = in(0.15, 0.8);
  paper_.begin_curve();
  if (chance(0.45)) {  // the bar begins with a hook downwards
    paper_.through(left - near(0.03, 0.04), y + in(0.06, 0.36));
    if (chance(0.5)) {
      paper_.through(left, y);
      paper_.begin_curve();
    }
  }
  paper_.through(left, y);
  paper_.through((left + right) / 2, y + near(0.0, 0.03));
  const double style = in(0, 1);
  const double corner_y = y + near(-0.02, 0.04);
  if (style < 0.6) {  // a corner
    paper_.through(right, corner_y);
    paper_.begin_curve();
    paper_.through(right, corner_y);
  } else {  // a round shoulder
    paper_.through(right - 0.08, corner_y);
    paper_.through(right, corner_y + 0.08);
  }
  const double bow = near(0.03, 0.05);
  paper_.through((right * 0.6 + end * 0.4) - bow, 0.42);
  paper_.through(end + near(0, 0.01), 1);
  if (chance(0.22)) {
    const double x = right * 0.5 + end * 0.5, length = in(0.15, 0.3), bar = in(0.42, 0.58);
    paper_.line(x - length, bar + near(0.02, 0.03), x + length, bar + near(-0.02, 0.03));
  }
}

void Hand::eight() {
  const double waist = in(0.36, 0.58), upper = in(0.16, 0.38), lower = in(0.16, 0.4);
  const double lean = near(0.03, 0.08), a = waist / 2, b = (1 - waist) / 2;
  if (chance(0.15)) {  // two rings
    paper_.begin_curve();
    paper_.arc(0.5 + lean, a, upper, a, -90, -455);
    paper_.begin_curve();
    paper_.arc(0.5 - lean, waist + b, lower, b, -90, 275);
    return;
  }
  const bool mirrored = chance(0.1);
  const double sign = mirrored ? -1 : 1, cut = near(0, 0.03);
  const auto put = [&](double x, double y) { paper_.through(0.5 + lean * (1 - 2 * y) + sign * x, y); };
  paper_.begin_curve();
  put(upper * in(0.5, 1.1), a * in(0.3, 0.8));
  put(0, near(0.0, 0.015));
  put(-upper, a * 0.85);
  put(-upper * 0.6, waist * 0.82);
  put(cut, waist);
  put(lower * 0.75, waist + b * 0.45);
  put(lower, waist + b * 1.1);
  put(0, 1);
  put(-lower, waist + b * 1.1);
  put(-lower * 0.7, waist + b * 0.5);
  if (chance(0.35)) {  // straight up to the top
    put(cut, waist);
    put(upper * in(0.8, 1.5), a * in(0.0, 0.6));
    return;
  }
  put(cut, waist);
  put(upper * 0.7, waist * 0.8);
  put(upper * in(0.7, 1.1), a * in(0.5, 0.9));
  if (chance(0.7)) put(upper * in(0.0, 0.6), a * in(-0.05, 0.3));
}

void Hand::nine() {
  const double height = in(0.14, 0.34), wide = in(0.18, 0.38), stem = 0.45 + wide;
  const double y = height + in(0, 0.05);
  paper_.begin_curve();
  const double begin = chance(0.7) ? near(-20, 20) : near(-60, 25);
  paper_.arc(0.45, y, wide, height, begin, begin - in(300, 350) + (begin + 20) * 0.5);
  if (chance(0.6)) {  // the stem for itself, or drawn on without a stop: the same ink
    paper_.through(stem, y - in(0.0, 0.1));
    paper_.begin_curve();
    paper_.through(stem + near(0.0, 0.02), y - in(0.0, 0.16));
  } else {
    paper_.through(stem, y - 0.06);
  }
  const double style = in(0, 1);
  if (style < 0.6) {  // a straight tail
    const double end = stem + near(-0.08, 0.1);
    paper_.through((stem + end) / 2 + near(0.01, 0.02), (y + 1) / 2);
    paper_.through(end, 1);
  } else {  // a hook
    paper_.through(stem + near(0, 0.02), in(0.55, 0.68));
    paper_.through(stem - in(0.05, 0.15), in(0.82, 0.92));
    paper_.through(stem - in(0.2, 0.35), 1);
    if (chance(0.4)) paper_.through(stem - in(0.4, 0.55), in(0.88, 0.96));
  }
}

}  // namespace

Drawing draw_digit(int digit, Philox& random) {
  Drawing drawing;
  Hand hand(drawing, random);
  constexpr std::array<void (Hand::*)(), 10> digits = {&Hand::zero,  &Hand::one,  &Hand::two, &Hand::three,
                                                       &Hand::four,  &Hand::five, &Hand::six, &Hand::seven,
                                                       &Hand::eight, &Hand::nine};
  (hand.*digits[static_cast<std::size_t>(digit)])();
  return drawing;
}

}  // namespace gradus
