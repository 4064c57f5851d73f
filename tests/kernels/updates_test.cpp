// The optimizer steps of kernels/updates.hpp: fast against plain, on every instruction set; and what stays no number.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/aligned.hpp"
#include "base/philox.hpp"
#include "kernels/reference/updates.hpp"
#include "kernels/updates.hpp"

namespace gradus::kernels {
namespace {

AlignedBuffer random(std::int64_t n, std::uint64_t stream) {
  AlignedBuffer numbers(n);
  Philox philox(7, stream);
  for (std::int64_t i = 0; i < n; ++i) numbers.data()[i] = static_cast<Real>(2 * philox.uniform() - 1);
  return numbers;
}

class Updates : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { ASSERT_TRUE(force_target(GetParam())); }
  void TearDown() override { force_target(""); }
};

/// Weights and three arrays of state, the last two of them not negative.
struct Arrays {
  AlignedBuffer w, m, v, h;
};

template <class Fast, class Plain>
void compare(std::int64_t n, const char* what, Fast fast, Plain plain) {
  Arrays start{random(n, 1), random(n, 2), random(n, 3), random(n, 4)};
  for (std::int64_t i = 0; i < n; ++i) start.v.data()[i] += 1, start.h.data()[i] += 1;
  Arrays a = start, b = start;
  AlignedBuffer g = random(n, 5);
  g.data()[0] = 0;
  fast(a, g.data());
  plain(b, g.data());
  const AlignedBuffer* pairs[][2] = {{&a.w, &b.w}, {&a.m, &b.m}, {&a.v, &b.v}, {&a.h, &b.h}};
  for (const auto& [x, y] : pairs) {
    for (std::int64_t i = 0; i < n; ++i) {
      EXPECT_NEAR(x->data()[i], y->data()[i], 1e-6) << what << ", number " << i << " of " << n;
    }
  }
}

TEST_P(Updates, AgreeWithTheReference) {
  const AdamNumbers adam{0.01F, 0.9F, 0.99F, 1e-7F};
  const NadamNumbers nadam_numbers{0.01F, 0.9F, 0.99F, 1e-7F, 1.2F, 0.8F, 1.5F};
  for (const std::int64_t n : {1, 7, 16, 33, 100}) {
    using A = Arrays&;
    using G = const Real*;
    compare(
        n, "amsgrad", [&](A a, G g) { amsgrad(a.w.data(), g, a.m.data(), a.v.data(), a.h.data(), n, adam); },
        [&](A a, G g) { reference::amsgrad(a.w.data(), g, a.m.data(), a.v.data(), a.h.data(), n, adam); });
    compare(
        n, "adamax", [&](A a, G g) { adamax(a.w.data(), g, a.m.data(), a.v.data(), n, adam); },
        [&](A a, G g) { reference::adamax(a.w.data(), g, a.m.data(), a.v.data(), n, adam); });
    compare(
        n, "nadam", [&](A a, G g) { nadam(a.w.data(), g, a.m.data(), a.v.data(), n, nadam_numbers); },
        [&](A a, G g) { reference::nadam(a.w.data(), g, a.m.data(), a.v.data(), n, nadam_numbers); });
    compare(
        n, "adagrad", [&](A a, G g) { adagrad(a.w.data(), g, a.v.data(), n, 0.1F, 1e-7F); },
        [&](A a, G g) { reference::adagrad(a.w.data(), g, a.v.data(), n, 0.1F, 1e-7F); });
    compare(
        n, "adadelta", [&](A a, G g) { adadelta(a.w.data(), g, a.v.data(), a.h.data(), n, 0.1F, 0.9F, 1e-7F); },
        [&](A a, G g) { reference::adadelta(a.w.data(), g, a.v.data(), a.h.data(), n, 0.1F, 0.9F, 1e-7F); });
    compare(
        n, "lion", [&](A a, G g) { lion(a.w.data(), g, a.m.data(), n, 0.1F, 0.9F, 0.99F); },
        [&](A a, G g) { reference::lion(a.w.data(), g, a.m.data(), n, 0.1F, 0.9F, 0.99F); });
    compare(
        n, "scale", [&](A a, G) { scale(a.w.data(), n, 0.3F); },
        [&](A a, G) { reference::scale(a.w.data(), n, 0.3F); });
    compare(
        n, "clip", [&](A a, G) { clip(a.w.data(), n, 0.5F); }, [&](A a, G) { reference::clip(a.w.data(), n, 0.5F); });
    compare(
        n, "decay", [&](A a, G) { decay(a.w.data(), n, 0.01F); },
        [&](A a, G) { reference::decay(a.w.data(), n, 0.01F); });
    compare(
        n, "average", [&](A a, G g) { average(a.w.data(), g, n, 0.9F); },
        [&](A a, G g) { reference::average(a.w.data(), g, n, 0.9F); });
  }
}

TEST_P(Updates, LetWhatIsNoNumberBeSeen) {
  const Real nan = std::numeric_limits<Real>::quiet_NaN();
  AlignedBuffer w(16), g(16), m(16);
  g.data()[3] = nan;
  lion(w.data(), g.data(), m.data(), 16, 0.1F, 0.9F, 0.99F);
  EXPECT_TRUE(std::isnan(w.data()[3]));
  EXPECT_EQ(w.data()[2], 0);
  clip(g.data(), 16, 1);
  EXPECT_TRUE(std::isnan(g.data()[3]));
}

INSTANTIATE_TEST_SUITE_P(Targets, Updates, testing::ValuesIn(targets()),
                         [](const auto& test) { return std::string(test.param); });

TEST(SumOfSquares, IsExactToDoubles) {
  for (const std::int64_t n : {0, 1, 15, 16, 17, 1000}) {
    const AlignedBuffer x = random(n, 9);
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) sum += double{x.data()[i]} * double{x.data()[i]};
    EXPECT_NEAR(sum_of_squares(x.data(), n), sum, 1e-12 * (1 + sum));
  }
}

}  // namespace
}  // namespace gradus::kernels
