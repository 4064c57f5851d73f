// The kernels of augmentation against their references, for every SIMD target that this machine has.
#include <gtest/gtest.h>

#include <cmath>

#include "base/aligned.hpp"
#include "base/philox.hpp"
#include "kernels/kernels.hpp"
#include "kernels/reference/augment.hpp"

namespace gradus::kernels {
namespace {

class AugmentKernels : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { ASSERT_TRUE(force_target(GetParam())); }
  void TearDown() override { force_target(""); }
};

const std::int64_t counts[] = {1, 7, 8, 9, 63, 100, 784, 1568, 3001};

TEST_P(AugmentKernels, UniformFieldsAreThoseOfTheReference) {
  for (const std::int64_t count : counts) {
    AlignedBuffer fast(field_capacity(count)), plain(field_capacity(count));
    uniform_field(0x123456789ABCDEFULL, 0xF00000005ULL + static_cast<std::uint64_t>(count), count, fast.data());
    reference::uniform_field(0x123456789ABCDEFULL, 0xF00000005ULL + static_cast<std::uint64_t>(count), count,
                             plain.data());
    for (std::int64_t i = 0; i < fast.size(); ++i) {
      ASSERT_EQ(fast.data()[i], plain.data()[i]) << i << " of " << count;
      ASSERT_LT(std::abs(fast.data()[i]), 1);
    }
  }
}

TEST_P(AugmentKernels, NormalFieldsAreThoseOfTheReference) {
  for (const std::int64_t count : counts) {
    AlignedBuffer fast(field_capacity(count)), plain(field_capacity(count));
    normal_field(99, 3, count, fast.data());
    reference::normal_field(99, 3, count, plain.data());
    for (std::int64_t i = 0; i < fast.size(); ++i) ASSERT_NEAR(fast.data()[i], plain.data()[i], 4e-6) << i;
  }
  constexpr std::int64_t many = 100'000;
  AlignedBuffer x(field_capacity(many));
  normal_field(5, 6, many, x.data());
  double sum = 0, squares = 0;
  for (std::int64_t i = 0; i < many; ++i)
    sum += double{x.data()[i]}, squares += double{x.data()[i]} * double{x.data()[i]};
  EXPECT_NEAR(sum / many, 0, 5 / std::sqrt(double{many}));
  EXPECT_NEAR(squares / many, 1, 5 * std::sqrt(2 / double{many}));
}

TEST_P(AugmentKernels, SmoothingIsThatOfTheReference) {
  struct Size {
    std::int64_t height, width, radius;
  };
  for (const Size& s : {Size{28, 28, 12}, {1, 1, 3}, {3, 40, 5}, {17, 5, 30}, {9, 16, 1}, {8, 33, 0}}) {
    const std::int64_t row = padded(s.width);
    AlignedBuffer x(field_capacity(s.height * s.width)), fast(s.height * row), plain(s.height * row);
    uniform_field(1, 2, s.height * s.width, x.data());
    std::vector<Real> taps;
    for (std::int64_t k = 0; k <= s.radius; ++k) taps.push_back(Real{1} / static_cast<Real>(k + 2));
    AlignedBuffer scratch(smoothing_scratch(s.height, s.width, s.radius));
    for (std::int64_t i = 0; i < scratch.size(); ++i) scratch.data()[i] = std::nanf("");
    Smoothing smoothing{.height = s.height, .width = s.width, .taps = taps.data(), .radius = s.radius, .x = x.data()};
    smoothing.y_row = row;
    smoothing.scratch = scratch.data();
    smoothing.y = fast.data();
    smooth(smoothing);
    smoothing.y = plain.data();
    reference::smooth(smoothing);
    for (std::int64_t r = 0; r < s.height; ++r) {
      for (std::int64_t c = 0; c < s.width; ++c) {
        ASSERT_NEAR(fast.data()[r * row + c], plain.data()[r * row + c], 2e-6) << r << ", " << c;
      }
    }
  }
}

TEST_P(AugmentKernels, WarpIsThatOfTheReference) {
  struct Size {
    std::int64_t height, width, channels;
  };
  for (const Size& s : {Size{28, 28, 1}, {5, 37, 3}, {1, 1, 1}, {16, 3, 2}}) {
    const std::int64_t row = padded(s.width), plane = warp_row(s.width) * warp_rows(s.height);
    AlignedBuffer in(s.channels * plane), moved(2 * s.height * row + 8), fast(s.channels * s.height * row),
        plain = fast;
    AlignedBuffer values(field_capacity(s.channels * s.height * s.width));
    uniform_field(3, 4, s.channels * s.height * s.width, values.data());
    for (std::int64_t c = 0; c < s.channels; ++c) {
      for (std::int64_t y = 0; y < s.height; ++y) {
        for (std::int64_t x = 0; x < s.width; ++x) {
          in.data()[c * plane + (y + 1) * warp_row(s.width) + x + 1] = values.data()[(c * s.height + y) * s.width + x];
        }
      }
    }
    uniform_field(5, 6, 2 * s.height * row, moved.data());
    for (int form = 0; form < 4; ++form) {
      Warp w{.height = s.height, .width = s.width, .channels = s.channels};
      w.xx = Real{0.9F}, w.xy = Real{-0.3F}, w.x0 = Real{2.25}, w.yx = Real{0.4F}, w.yy = Real{1.2F}, w.y0 = Real{-3.5};
      w.reach = (form & 1) != 0 ? Real{0} : Real{1};
      w.row = row;
      if ((form & 2) != 0) w.dx = moved.data(), w.dy = moved.data() + s.height * row;
      w.in = in.data();
      w.out = fast.data();
      warp(w);
      w.out = plain.data();
      reference::warp(w);
      for (std::int64_t r = 0; r < s.channels * s.height; ++r) {
        for (std::int64_t x = 0; x < s.width; ++x) {
          ASSERT_NEAR(fast.data()[r * row + x], plain.data()[r * row + x], 1e-5) << form << ": " << r << ", " << x;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, AugmentKernels, testing::ValuesIn(targets()),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace gradus::kernels
