// The fast kernels of features.hpp against the plain ones, on each instruction set of this machine.
#include <gtest/gtest.h>

#include <cmath>

#include "base/aligned.hpp"
#include "base/philox.hpp"
#include "kernels/reference/features.hpp"

namespace gradus::kernels {
namespace {

class Features : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { ASSERT_TRUE(force_target(GetParam())); }
  void TearDown() override { force_target(""); }
  AlignedBuffer random(std::int64_t n) {
    AlignedBuffer x(n);
    for (std::int64_t i = 0; i < n; ++i) x.data()[i] = static_cast<Real>(2 * random_.uniform() - 1);
    return x;
  }
  Philox random_{21, 0};
};

void expect_close(const AlignedBuffer& a, const AlignedBuffer& b, double tolerance, const std::string& what) {
  for (std::int64_t i = 0; i < a.size(); ++i) {
    const auto want = static_cast<double>(b.data()[i]);
    ASSERT_NEAR(a.data()[i], want, tolerance * std::max(1.0, std::abs(want))) << what << " at " << i;
  }
}

TEST_P(Features, ColumnsAgreeWithTheReference) {
  for (const std::int64_t n : {1, 3, 16, 37, 64}) {
    const std::int64_t rows = 9, stride = padded(n) + 16;
    const AlignedBuffer x = random(rows * stride), d = random(rows * stride), mean = random(n), factor = random(n),
                        add = random(n), second = random(n);
    const auto both = [&](const std::string& what, auto&& run) {
      AlignedBuffer fast(rows * stride), plain(rows * stride);
      run(fast.data(), true);
      run(plain.data(), false);
      expect_close(fast, plain, 1e-6, what + " of " + std::to_string(n));
    };
    for (const bool add_to : {false, true}) {
      both("squares", [&](Real* y, bool quick) {
        (quick ? column_squares : reference::column_squares)(x.data(), rows, stride, n, mean.data(), y, add_to);
      });
      both("products", [&](Real* y, bool quick) {
        (quick ? column_products : reference::column_products)(d.data(), x.data(), rows, stride, n, mean.data(), y,
                                                               y + stride, add_to);
      });
      both("ramp sums", [&](Real* y, bool quick) {
        (quick ? column_ramp_sums : reference::column_ramp_sums)(d.data(), x.data(), rows, stride, n, y, add_to);
      });
    }
    for (const ColumnScaling& scaling : {ColumnScaling{mean.data(), factor.data(), add.data(), false},
                                         ColumnScaling{nullptr, factor.data(), nullptr, false},
                                         ColumnScaling{mean.data(), factor.data(), nullptr, true}}) {
      both("scale", [&](Real* y, bool quick) {
        (quick ? column_scale : reference::column_scale)(x.data(), rows, stride, n, scaling, y);
      });
    }
    const ColumnScaling rounded_once{mean.data(), factor.data(), add.data(), false, second.data()};
    AlignedBuffer fast(rows * stride), plain(rows * stride);
    column_scale(x.data(), rows, stride, n, rounded_once, fast.data());
    reference::column_scale(x.data(), rows, stride, n, rounded_once, plain.data());
    expect_close(fast, plain, 0, "scale in double of " + std::to_string(n));
    both("scale gradient", [&](Real* y, bool quick) {
      const ColumnSlopes slopes{mean.data(), factor.data(), add.data(), second.data()};
      (quick ? column_scale_gradient : reference::column_scale_gradient)(d.data(), x.data(), rows, stride, n, slopes,
                                                                         y);
    });
    both("ramp", [&](Real* y, bool quick) {
      (quick ? column_ramp : reference::column_ramp)(x.data(), rows, stride, n, factor.data(), y);
    });
    both("ramp gradient", [&](Real* y, bool quick) {
      (quick ? column_ramp_gradient : reference::column_ramp_gradient)(d.data(), x.data(), rows, stride, n,
                                                                       factor.data(), y);
    });
  }
}

TEST_P(Features, RowsAgreeWithTheReference) {
  for (const std::int64_t n : {1, 2, 15, 16, 33, 250}) {
    const AlignedBuffer x = random(n), d = random(n), gamma = random(n), beta = random(n);
    const Ramp form{.slope = Real{0.1F}, .threshold = Real{0.2F}, .top = Real{0.7F}};
    const auto both = [&](const std::string& what, auto&& run) {
      AlignedBuffer fast = d, plain = d;
      run(fast.data(), true);
      run(plain.data(), false);
      expect_close(fast, plain, 2e-6, what + " of " + std::to_string(n));
    };
    for (const Real* scale : {static_cast<const Real*>(nullptr), gamma.data()}) {
      RowMoments moments{};
      both("normalize", [&](Real* y, bool quick) {
        (quick ? normalize_row : reference::normalize_row)(x.data(), n, Real{0.01F}, scale,
                                                           scale == nullptr ? nullptr : beta.data(), y, moments);
      });
      for (int which = 0; which < 3; ++which) {
        both("normalize gradient " + std::to_string(which), [&](Real* y, bool quick) {
          AlignedBuffer one = gamma, two = beta, d_in(n);
          Real* into[3] = {one.data(), two.data(), d_in.data()};
          (quick ? normalize_row_gradient : reference::normalize_row_gradient)(d.data(), x.data(), n, scale, moments,
                                                                               into[2], into[0], into[1]);
          std::copy_n(into[which], n, y);
        });
      }
    }
    both("ramp", [&](Real* y, bool quick) { (quick ? ramp : reference::ramp)(x.data(), n, form, y); });
    both("ramp gradient",
         [&](Real* y, bool quick) { (quick ? ramp_gradient : reference::ramp_gradient)(x.data(), n, form, y); });
    both("exponential", [&](Real* y, bool quick) {
      (quick ? exponential_ramp : reference::exponential_ramp)(x.data(), n, Real{0.5F}, y);
    });
    both("exponential gradient", [&](Real* y, bool quick) {
      (quick ? exponential_ramp_gradient : reference::exponential_ramp_gradient)(x.data(), n, Real{0.5F}, y);
    });
    both("keep", [&](Real* y, bool quick) {
      (quick ? keep_some : reference::keep_some)(x.data(), gamma.data(), n, Real{0.1F}, Real{2}, y);
    });
    both("add", [&](Real* y, bool quick) {
      (quick ? add_scaled : reference::add_scaled)(x.data(), gamma.data(), n, Real{0.3F}, y);
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, Features, testing::ValuesIn(targets()),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace gradus::kernels
