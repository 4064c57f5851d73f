// Convolution and pooling: the fast kernels against the reference ones, over odd sizes, for every SIMD target that this
// machine has.
#include "kernels/convolution.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/aligned.hpp"
#include "base/philox.hpp"
#include "kernels/kernels.hpp"
#include "kernels/reference/convolution.hpp"

namespace gradus::kernels {
namespace {

constexpr Real poison = std::numeric_limits<Real>::quiet_NaN();

class Convolutions : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { ASSERT_TRUE(force_target(GetParam())); }
  void TearDown() override { force_target(""); }

  AlignedBuffer random(std::int64_t count) {
    AlignedBuffer buffer(count);
    for (std::int64_t i = 0; i < count; ++i) buffer.data()[i] = static_cast<Real>(2 * random_.uniform() - 1);
    return buffer;
  }
  /// Images of `size` numbers with NaN between them, which nobody may read or write.
  AlignedBuffer images(std::int64_t samples, std::int64_t size) {
    AlignedBuffer buffer = random(samples * (size + gap));
    for (std::int64_t s = 0; s < samples; ++s) std::fill_n(buffer.data() + s * (size + gap) + size, gap, poison);
    return buffer;
  }
  static constexpr std::int64_t gap = 3;

  Philox random_{21, 0};
};

void expect_close(const AlignedBuffer& fast, const AlignedBuffer& plain, double tolerance, const std::string& what) {
  for (std::int64_t i = 0; i < fast.size(); ++i) {
    const double a = fast.data()[i], b = plain.data()[i];
    if (std::isnan(a) && std::isnan(b)) continue;
    ASSERT_NEAR(a, b, tolerance) << what << " at " << i;
  }
}

Convolution convolution(std::int64_t height, std::int64_t width, std::int64_t channels, std::int64_t filters,
                        std::int64_t kernel_height, std::int64_t kernel_width, std::int64_t stride = 1,
                        std::int64_t dilation = 1, std::int64_t groups = 1) {
  Convolution c{height, width, channels, 0, 0, filters, kernel_height, kernel_width};
  c.stride_y = c.stride_x = stride, c.dilation_y = c.dilation_x = dilation, c.groups = groups;
  c.rows = (height - (kernel_height - 1) * dilation - 1) / stride + 1;
  c.columns = (width - (kernel_width - 1) * dilation - 1) / stride + 1;
  return c;
}

std::string name_of(const Convolution& c) {
  std::string name;
  for (const std::int64_t n : {c.height, c.width, c.channels, c.filters, c.kernel_height, c.kernel_width, c.stride_y,
                               c.dilation_y, c.groups}) {
    name += std::to_string(n) + " ";
  }
  return name;
}

// Of every kind: few and many channels, tiles with a rest, kernels of one pixel, depths that are walked in parts.
const Convolution convolutions[] = {convolution(28, 28, 1, 6, 5, 5),
                                    convolution(12, 12, 6, 16, 5, 5),
                                    convolution(28, 28, 1, 32, 3, 3),
                                    convolution(13, 13, 32, 64, 3, 3),
                                    convolution(5, 7, 3, 1, 2, 3),
                                    convolution(9, 8, 2, 5, 3, 2, 2),
                                    convolution(11, 10, 4, 18, 3, 3, 3),
                                    convolution(9, 9, 3, 7, 3, 3, 1, 2),
                                    convolution(8, 9, 6, 9, 3, 2, 1, 1, 3),
                                    convolution(7, 7, 8, 8, 3, 3, 2, 1, 8),
                                    convolution(9, 14, 20, 20, 3, 3, 1, 2, 20),
                                    convolution(11, 12, 37, 37, 5, 2, 3, 1, 37),
                                    convolution(6, 5, 40, 70, 1, 1),
                                    convolution(7, 6, 5, 33, 1, 1, 2),
                                    convolution(3, 3, 130, 100, 3, 3),
                                    convolution(1, 40, 3, 16, 1, 7),
                                    convolution(30, 1, 17, 20, 5, 1),
                                    convolution(6, 33, 3, 48, 4, 4),
                                    convolution(7, 7, 18, 36, 2, 2, 1, 1, 18),
                                    convolution(9, 13, 1, 1, 3, 3),
                                    convolution(12, 11, 1, 3, 2, 4),
                                    convolution(17, 9, 1, 4, 4, 3),
                                    convolution(16, 10, 1, 5, 3, 2, 1, 2),
                                    convolution(8, 30, 1, 7, 5, 1),
                                    convolution(28, 28, 1, 8, 5, 5)};

TEST_P(Convolutions, AgreeWithTheReference) {
  constexpr std::int64_t samples = 2;
  for (const Convolution& c : convolutions) {
    const std::int64_t row = padded(c.filters);
    const AlignedBuffer x = images(samples, c.x_size()), kernel = random(c.kernel_rows() * row), bias = random(row);
    const ConstImages in{x.data(), c.x_size() + gap};
    for (const bool relu : {false, true}) {
      AlignedBuffer fast = images(samples, c.y_size()), plain = fast;
      const Real* add = relu ? bias.data() : nullptr;
      convolve(c, samples, in, kernel.data(), row, add, relu, {fast.data(), c.y_size() + gap});
      reference::convolve(c, samples, in, kernel.data(), row, add, relu, {plain.data(), c.y_size() + gap});
      expect_close(fast, plain, 2e-6 * std::sqrt(double(c.kernel_rows())), "y of " + name_of(c));
    }
  }
}

TEST_P(Convolutions, GradientsAgreeWithTheReference) {
  constexpr std::int64_t samples = 3;
  for (const Convolution& c : convolutions) {
    const std::int64_t row = padded(c.filters), rows = c.kernel_rows();
    const AlignedBuffer x = images(samples, c.x_size()), kernel = random(rows * row), d = images(samples, c.y_size());
    const ConstImages in{x.data(), c.x_size() + gap}, gradient{d.data(), c.y_size() + gap};
    AlignedBuffer fast = images(samples, c.x_size()), plain = fast;
    convolution_input_gradient(c, samples, gradient, kernel.data(), row, {fast.data(), c.x_size() + gap});
    reference::convolution_input_gradient(c, samples, gradient, kernel.data(), row, {plain.data(), c.x_size() + gap});
    expect_close(fast, plain, 2e-6 * std::sqrt(double(rows * c.filters / c.channels + 1)), "dx of " + name_of(c));
    for (const auto& [first, last] : {std::pair<std::int64_t, std::int64_t>{0, rows}, {rows / 3, rows - rows / 4}}) {
      for (const bool add_to : {false, true}) {
        AlignedBuffer fast_g = random((last - first) * row);
        for (std::int64_t i = 0; i < fast_g.size(); ++i) {
          if (i % row >= c.filters) fast_g.data()[i] = poison;
        }
        AlignedBuffer plain_g = fast_g;
        convolution_kernel_gradient(c, samples, in, gradient, first, last, fast_g.data(), row, add_to);
        reference::convolution_kernel_gradient(c, samples, in, gradient, first, last, plain_g.data(), row, add_to);
        expect_close(fast_g, plain_g, 4e-6 * std::sqrt(double(samples * c.rows * c.columns)),
                     "kernel gradient of " + name_of(c));
      }
    }
  }
}

// A sample, a kernel's row: each has the same bits alone as among others.
TEST_P(Convolutions, DoNotDependOnHowTheyAreCut) {
  constexpr std::int64_t samples = 4;
  for (const Convolution& c : convolutions) {
    const std::int64_t row = padded(c.filters), rows = c.kernel_rows();
    const AlignedBuffer x = random(samples * c.x_size()), d = random(samples * c.y_size()), kernel = random(rows * row);
    AlignedBuffer y(samples * c.y_size()), y1 = y, dx(samples * c.x_size()), dx1 = dx, g(rows * row), g1 = g;
    convolve(c, samples, {x.data(), c.x_size()}, kernel.data(), row, nullptr, false, {y.data(), c.y_size()});
    convolution_input_gradient(c, samples, {d.data(), c.y_size()}, kernel.data(), row, {dx.data(), c.x_size()});
    convolution_kernel_gradient(c, samples, {x.data(), c.x_size()}, {d.data(), c.y_size()}, 0, rows, g.data(), row,
                                false);
    for (std::int64_t s = 0; s < samples; ++s) {
      const ConstImages xs{x.data() + s * c.x_size(), 0}, ds{d.data() + s * c.y_size(), 0};
      convolve(c, 1, xs, kernel.data(), row, nullptr, false, {y1.data() + s * c.y_size(), 0});
      convolution_input_gradient(c, 1, ds, kernel.data(), row, {dx1.data() + s * c.x_size(), 0});
      for (std::int64_t first = 0; first < rows; first += 7) {
        convolution_kernel_gradient(c, 1, xs, ds, first, std::min(rows, first + 7), g1.data() + first * row, row,
                                    s > 0);
      }
    }
    for (std::int64_t i = 0; i < y.size(); ++i) ASSERT_EQ(y.data()[i], y1.data()[i]) << name_of(c);
    for (std::int64_t i = 0; i < dx.size(); ++i) ASSERT_EQ(dx.data()[i], dx1.data()[i]) << name_of(c);
    for (std::int64_t i = 0; i < g.size(); ++i) ASSERT_EQ(g.data()[i], g1.data()[i]) << name_of(c);
  }
}

Pooling pooling(std::int64_t height, std::int64_t width, std::int64_t channels, std::int64_t rows, std::int64_t columns,
                std::int64_t pool_height, std::int64_t pool_width, std::int64_t stride, std::int64_t before = 0) {
  return {height, width, channels, rows, columns, pool_height, pool_width, stride, stride, before, before};
}

const Pooling poolings[] = {
    pooling(24, 24, 6, 12, 12, 2, 2, 2), pooling(26, 26, 32, 13, 13, 2, 2, 2), pooling(11, 11, 64, 5, 5, 2, 2, 2),
    pooling(5, 7, 17, 2, 3, 2, 2, 2),    pooling(7, 6, 3, 7, 6, 3, 3, 1, 1),   pooling(5, 5, 1, 3, 3, 3, 3, 2, 1),
    pooling(4, 6, 40, 1, 1, 4, 6, 1),    pooling(9, 9, 20, 3, 3, 2, 1, 3),     pooling(6, 7, 2, 3, 4, 4, 2, 2, 1)};

TEST_P(Convolutions, PoolingAgreesWithTheReference) {
  for (const Pooling& p : poolings) {
    const std::int64_t in = p.height * p.width * p.channels, out = p.rows * p.columns * p.channels;
    AlignedBuffer x = random(in);
    for (std::int64_t i = 0; i < in; ++i) x.data()[i] = std::round(4 * x.data()[i]);  // many equals
    const AlignedBuffer d = random(out);
    AlignedBuffer fast(out), plain(out), fast_place(out), plain_place(out), fast_dx = random(in), plain_dx = fast_dx;
    const std::string name = std::to_string(p.height) + " by " + std::to_string(p.width);
    max_pool(p, x.data(), fast.data(), fast_place.data());
    reference::max_pool(p, x.data(), plain.data(), plain_place.data());
    expect_close(fast, plain, 0, "maximum, " + name);
    expect_close(fast_place, plain_place, 0, "place, " + name);
    max_pool(p, x.data(), fast.data(), nullptr);
    expect_close(fast, plain, 0, "maximum alone, " + name);
    max_pool_gradient(p, d.data(), fast_place.data(), fast_dx.data());
    reference::max_pool_gradient(p, d.data(), plain_place.data(), plain_dx.data());
    expect_close(fast_dx, plain_dx, 1e-6, "gradient of the maximum, " + name);
    average_pool(p, x.data(), fast.data());
    reference::average_pool(p, x.data(), plain.data());
    expect_close(fast, plain, 1e-5, "mean, " + name);
    average_pool_gradient(p, d.data(), fast_dx.data());
    reference::average_pool_gradient(p, d.data(), plain_dx.data());
    expect_close(fast_dx, plain_dx, 1e-6, "gradient of the mean, " + name);
  }
}

TEST_P(Convolutions, WhatIsNoNumberIsSeen) {
  for (const Pooling& p : {poolings[1], poolings[4]}) {
    AlignedBuffer x = random(p.height * p.width * p.channels), y(p.rows * p.columns * p.channels);
    x.data()[p.channels] = poison;  // pixel 1 of the first row
    max_pool(p, x.data(), y.data(), nullptr);
    EXPECT_TRUE(std::isnan(y.data()[0]));
    EXPECT_FALSE(std::isnan(y.data()[y.size() - 1]));
  }
  const Convolution c = convolution(6, 6, 2, 4, 3, 3);
  AlignedBuffer x = random(c.x_size()), y(c.y_size());
  const AlignedBuffer kernel = random(c.kernel_rows() * 16);
  x.data()[0] = poison;
  convolve(c, 1, {x.data(), 0}, kernel.data(), 16, nullptr, true, {y.data(), 0});
  EXPECT_TRUE(std::isnan(y.data()[0]));
  EXPECT_FALSE(std::isnan(y.data()[c.filters]));
}

INSTANTIATE_TEST_SUITE_P(Targets, Convolutions, testing::ValuesIn(targets()),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace gradus::kernels
