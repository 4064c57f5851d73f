// The way back through a convolution and a maximum: the fast kernel against the reference, and the reference against
// the convolution's own gradients of a gradient that is written down, for every SIMD target that this machine has.
#include "kernels/pooled.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/aligned.hpp"
#include "base/philox.hpp"
#include "kernels/kernels.hpp"
#include "kernels/reference/pooled.hpp"

namespace gradus::kernels {
namespace {

constexpr std::int64_t gap = 3, samples = 3;  // numbers between images, which nobody may use

struct Case {
  Convolution c;
  Pooling p;
  std::string name;
};

// Windows of `pool` pixels, `step` apart, that begin `before` pixels outside the convolution's outputs.
Case pooled(std::int64_t height, std::int64_t width, std::int64_t channels, std::int64_t filters, std::int64_t kernel,
            std::int64_t pool = 2, std::int64_t step = 2, std::int64_t stride = 1, std::int64_t before = 0) {
  Case made;
  Convolution& c = made.c;
  c = {height, width, channels, 0, 0, filters, kernel, kernel};
  c.stride_y = c.stride_x = stride;
  c.rows = (height - kernel) / stride + 1, c.columns = (width - kernel) / stride + 1;
  const auto windows = [&](std::int64_t pixels) { return (pixels + before - pool) / step + 1; };
  made.p = {c.rows, c.columns, filters, windows(c.rows), windows(c.columns), pool, pool, step, step, before, before};
  for (const std::int64_t n : {height, width, channels, filters, kernel, pool, step, stride, before}) {
    made.name += std::to_string(n) + " ";
  }
  return made;
}

// Runs of few and many numbers, whole vectors and not; windows with gaps, cut by the border, as large as the image.
std::vector<Case> cases() {
  std::vector<Case> all{pooled(28, 28, 1, 6, 5),        pooled(12, 12, 6, 16, 5), pooled(13, 13, 32, 64, 3),
                        pooled(28, 28, 1, 9, 3),        pooled(9, 7, 3, 5, 2),    pooled(10, 11, 16, 7, 3, 2, 3),
                        pooled(9, 9, 8, 3, 3, 3, 3),    pooled(11, 12, 2, 5, 7),  pooled(15, 14, 5, 4, 3, 2, 2, 2),
                        pooled(7, 8, 40, 3, 3, 1, 1),   pooled(9, 10, 4, 2, 1),   pooled(13, 12, 3, 6, 3, 3, 3, 3, 2),
                        pooled(10, 10, 96, 2, 3, 8, 8), pooled(6, 6, 64, 20, 2),  pooled(8, 8, 7, 3, 4, 2, 2, 1, 1)};
  all.push_back(pooled(9, 8, 3, 5, 2, 7, 7));  // one window, as over whole images
  all.back().p.pool_height = 8, all.back().p.stride_y = all.back().p.stride_x = 1;
  all.push_back(pooled(14, 12, 3, 5, 3));
  Convolution& tall = all.back().c;  // gaps between the rows of the kernel alone
  tall.dilation_y = 2, tall.rows = 10;
  all.back().p.height = 10, all.back().p.rows = 5;
  return all;
}

struct Operands {
  explicit Operands(const Case& of, std::uint64_t seed = 5) : random_(seed, 0) {
    const Convolution& c = of.c;
    const Pooling& p = of.p;
    outputs = p.rows * p.columns * c.filters;
    x = images(c.x_size()), dx = images(c.x_size()), d = images(outputs), place = images(outputs);
    kernel = random(c.kernel_rows() * padded(c.filters));
    const AlignedBuffer y = random(samples * c.y_size());
    AlignedBuffer greatest(outputs);
    for (std::int64_t s = 0; s < samples; ++s) {
      max_pool(p, y.data() + s * c.y_size(), greatest.data(), place.data() + s * (outputs + gap));
      for (std::int64_t i = 0; i < outputs; ++i) {
        if (random_.uniform() < 0.4) d.data()[s * (outputs + gap) + i] = 0;
      }
    }
    // A filter that got nothing.
    for (std::int64_t i = 0; i < outputs; i += c.filters) d.data()[i] = 0;
  }
  AlignedBuffer random(std::int64_t count) {
    AlignedBuffer buffer(count);
    for (std::int64_t i = 0; i < count; ++i) buffer.data()[i] = static_cast<Real>(2 * random_.uniform() - 1);
    return buffer;
  }
  AlignedBuffer images(std::int64_t size) {
    AlignedBuffer buffer = random(samples * (size + gap));
    for (std::int64_t s = 0; s < samples; ++s) {
      std::fill_n(buffer.data() + s * (size + gap) + size, gap, std::numeric_limits<Real>::quiet_NaN());
    }
    return buffer;
  }

  std::int64_t outputs = 0;
  AlignedBuffer x, dx, d, place, kernel;

 private:
  Philox random_;
};

void expect_close(const AlignedBuffer& fast, const AlignedBuffer& plain, double tolerance, const std::string& what) {
  for (std::int64_t i = 0; i < fast.size(); ++i) {
    const double a = fast.data()[i], b = plain.data()[i];
    if (std::isnan(a) && std::isnan(b)) continue;
    ASSERT_NEAR(a, b, tolerance) << what << " at " << i;
  }
}

class Pooled : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { ASSERT_TRUE(force_target(GetParam())); }
  void TearDown() override { force_target(""); }
};

TEST_P(Pooled, OutputsAreTheMaximaOfTheConvolution) {
  for (const Case& each : cases()) {
    const Convolution& c = each.c;
    Operands o(each);
    const AlignedBuffer bias = o.random(padded(c.filters));
    const std::int64_t in = c.x_size() + gap, out = o.outputs + gap;
    for (const bool relu : {false, true}) {
      AlignedBuffer y = o.images(o.outputs), place = y, plain_y = y, plain_place = y, full(samples * c.y_size());
      const Real* add = relu ? bias.data() : nullptr;
      convolve(c, samples, {o.x.data(), in}, o.kernel.data(), padded(c.filters), add, relu, {full.data(), c.y_size()});
      for (std::int64_t s = 0; s < samples; ++s) {
        reference::max_pool(each.p, full.data() + s * c.y_size(), plain_y.data() + s * out,
                            plain_place.data() + s * out);
      }
      convolve_pooled(c, each.p, samples, {o.x.data(), in}, o.kernel.data(), padded(c.filters), add, relu,
                      {y.data(), out}, {place.data(), out});
      expect_close(y, plain_y, 0, "y of " + each.name);
      expect_close(place, plain_place, 0, "place of " + each.name);
      AlignedBuffer alone = o.images(o.outputs);
      convolve_pooled(c, each.p, samples, {o.x.data(), in}, o.kernel.data(), padded(c.filters), add, relu,
                      {alone.data(), out}, {});
      expect_close(alone, plain_y, 0, "y alone of " + each.name);
    }
  }
}

TEST_P(Pooled, GradientsAgreeWithTheReference) {
  for (const Case& each : cases()) {
    const Convolution& c = each.c;
    ASSERT_TRUE(is_pooled(c, each.p)) << each.name;
    Operands o(each);
    AlignedBuffer turned(turned_size(c)), plain_turned = o.random(turned_size(c));
    turn_kernel(c, 0, c.kernel_height, o.kernel.data(), padded(c.filters), turned.data());
    reference::turn_kernel(c, 0, c.kernel_height, o.kernel.data(), padded(c.filters), plain_turned.data());
    expect_close(turned, plain_turned, 0, "turned kernel of " + each.name);
    const ConstImages x{o.x.data(), c.x_size() + gap}, d{o.d.data(), o.outputs + gap},
        place{o.place.data(), o.outputs + gap};
    for (const bool add_to : {false, true}) {
      for (const bool down : {false, true}) {
        AlignedBuffer g = o.random(turned_size(c));
        // What lies behind the rows is 0, and stays so where it is written.
        for (std::int64_t i = 0; i < g.size(); ++i) {
          if (i % turned_row(c) >= c.kernel_width * c.channels) g.data()[i] = 0;
        }
        AlignedBuffer plain_g = g, dx = o.dx, plain_dx = o.dx;
        const Images to{down ? dx.data() : nullptr, x.stride}, plain_to{down ? plain_dx.data() : nullptr, x.stride};
        pooled_gradients(c, each.p, samples, x, d, place, turned.data(), to, g.data(), add_to);
        reference::pooled_gradients(c, each.p, samples, x, d, place, turned.data(), plain_to, plain_g.data(), add_to);
        AlignedBuffer back(c.kernel_rows() * padded(c.filters)), plain_back = back;
        turn_back(c, 0, c.kernel_height, g.data(), back.data(), padded(c.filters));
        reference::turn_back(c, 0, c.kernel_height, plain_g.data(), plain_back.data(), padded(c.filters));
        expect_close(back, plain_back, 4e-6 * std::sqrt(double(samples * each.p.rows * each.p.columns)),
                     "kernel gradient of " + each.name);
        expect_close(dx, plain_dx, 4e-6 * std::sqrt(double(c.kernel_height * c.kernel_width * c.filters)),
                     "dx of " + each.name);
      }
    }
  }
}

TEST_P(Pooled, GradientsAreThoseOfTheConvolution) {
  for (const Case& each : cases()) {
    const Convolution& c = each.c;
    Operands o(each);
    const std::int64_t row = padded(c.filters);
    AlignedBuffer turned(turned_size(c)), g(turned_size(c)), dx = o.dx, plain_dx = o.dx;
    const ConstImages x{o.x.data(), c.x_size() + gap}, d{o.d.data(), o.outputs + gap},
        place{o.place.data(), o.outputs + gap};
    turn_kernel(c, 0, c.kernel_height, o.kernel.data(), row, turned.data());
    pooled_gradients(c, each.p, samples, x, d, place, turned.data(), {dx.data(), x.stride}, g.data(), false);
    AlignedBuffer full(samples * c.y_size()), back(c.kernel_rows() * row), plain_g = back;
    for (std::int64_t s = 0; s < samples; ++s) {
      max_pool_gradient(each.p, d.data + s * d.stride, place.data + s * place.stride, full.data() + s * c.y_size());
    }
    const ConstImages all{full.data(), c.y_size()};
    convolution_kernel_gradient(c, samples, x, all, 0, c.kernel_rows(), plain_g.data(), row, false);
    convolution_input_gradient(c, samples, all, o.kernel.data(), row, {plain_dx.data(), x.stride});
    turn_back(c, 0, 1, g.data(), back.data(), row);
    const std::int64_t run = c.kernel_width * c.channels;
    turn_back(c, 1, c.kernel_height, g.data() + c.filters * turned_row(c), back.data() + run * row, row);
    expect_close(back, plain_g, 4e-6 * std::sqrt(double(samples * each.p.rows * each.p.columns)), "g of " + each.name);
    expect_close(dx, plain_dx, 4e-6 * std::sqrt(double(c.kernel_height * c.kernel_width * c.filters)),
                 "dx of " + each.name);
  }
}

TEST_P(Pooled, DoNotDependOnHowSamplesAreCut) {
  for (const Case& each : cases()) {
    const Convolution& c = each.c;
    Operands o(each);
    AlignedBuffer turned(turned_size(c)), g(turned_size(c)), g1 = g, dx = o.dx, dx1 = o.dx;
    turn_kernel(c, 0, c.kernel_height, o.kernel.data(), padded(c.filters), turned.data());
    const std::int64_t in = c.x_size() + gap, out = o.outputs + gap;
    pooled_gradients(c, each.p, samples, {o.x.data(), in}, {o.d.data(), out}, {o.place.data(), out}, turned.data(),
                     {dx.data(), in}, g.data(), false);
    for (std::int64_t s = 0; s < samples; ++s) {
      pooled_gradients(c, each.p, 1, {o.x.data() + s * in, in}, {o.d.data() + s * out, out},
                       {o.place.data() + s * out, out}, turned.data(), {dx1.data() + s * in, in}, g1.data(), s > 0);
    }
    for (std::int64_t i = 0; i < g.size(); ++i) ASSERT_EQ(g.data()[i], g1.data()[i]) << each.name;
    for (std::int64_t s = 0; s < samples; ++s) {
      for (std::int64_t i = 0; i < c.x_size(); ++i) ASSERT_EQ(dx.data()[s * in + i], dx1.data()[s * in + i]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, Pooled, testing::ValuesIn(targets()),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace gradus::kernels
