// The fast kernels against the reference ones, over odd sizes, for every SIMD target that this machine has.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <tuple>

#include "base/aligned.hpp"
#include "base/philox.hpp"
#include "kernels/multiply.hpp"
#include "kernels/reference/reference.hpp"

namespace gradus::kernels {
namespace {

class Kernels : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { ASSERT_TRUE(force_target(GetParam())); }
  void TearDown() override { force_target(""); }

  AlignedBuffer random(std::int64_t count, double zeros = 0) {
    AlignedBuffer buffer(count);
    for (std::int64_t i = 0; i < count; ++i) {
      buffer.data()[i] = random_.uniform() < zeros ? Real{0} : static_cast<Real>(2 * random_.uniform() - 1);
    }
    return buffer;
  }
  std::vector<std::uint8_t> random_bytes(std::int64_t count) {
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count));
    for (auto& x : bytes) x = random_.uniform() < 0.7 ? 0 : static_cast<std::uint8_t>(random_.below(256));
    return bytes;
  }

  Philox random_{11, 0};
};

void expect_close(const Real* a, const Real* b, std::int64_t n, double tolerance, const std::string& what) {
  for (std::int64_t i = 0; i < n; ++i) {
    ASSERT_NEAR(a[i], b[i], tolerance * std::max(1.0, std::abs(static_cast<double>(b[i])))) << what << " at " << i;
  }
}

struct Size {
  std::int64_t m, n, k;
};
const Size sizes[] = {{1, 1, 1},   {1, 10, 7},   {1, 90, 784}, {2, 16, 5},   {3, 17, 31},  {5, 33, 64},
                      {14, 32, 9}, {15, 48, 70}, {29, 31, 33}, {64, 90, 13}, {7, 300, 40}, {13, 65, 1100}};

TEST_P(Kernels, ProductsAgreeWithTheReference) {
  for (const Size& s : sizes) {
    for (int form = 0; form < 8; ++form) {
      const bool b_columns = (form & 1) != 0, a_columns = (form & 2) != 0, accumulate = (form & 4) != 0;
      const bool is_padded = !b_columns;
      const std::int64_t a_stride = padded(a_columns ? s.m : s.k), b_stride = padded(b_columns ? s.k : s.n);
      const std::int64_t c_stride = padded(s.n);
      const AlignedBuffer a = random((a_columns ? s.k : s.m) * a_stride),
                          b = random((b_columns ? s.n : s.k) * b_stride);
      const AlignedBuffer add = random(c_stride);
      AlignedBuffer fast = random(s.m * c_stride), plain = fast;
      Product p{.m = s.m, .n = s.n, .k = s.k, .a = a.data(), .b = b.data()};
      p.a_row = a_columns ? 1 : a_stride, p.a_col = a_columns ? a_stride : 1;
      p.b_row = b_columns ? 1 : b_stride, p.b_col = b_columns ? b_stride : 1;
      p.c_row = c_stride, p.accumulate = accumulate, p.b_padded = is_padded, p.c_padded = is_padded;
      if (!accumulate) p.add = add.data(), p.activation = Activation::relu;
      p.c = fast.data();
      multiply(p);
      p.c = plain.data();
      reference::multiply(p);
      for (std::int64_t r = 0; r < s.m; ++r) {
        expect_close(fast.data() + r * c_stride, plain.data() + r * c_stride, s.n, 2e-6 * std::sqrt(double(s.k)),
                     "form " + std::to_string(form) + " of " + std::to_string(s.m) + "x" + std::to_string(s.n) + "x" +
                         std::to_string(s.k));
      }
    }
  }
}

TEST_P(Kernels, ARowInTwoChainsAgreesWithTheReference) {
  for (const std::int64_t n : {1, 10, 16, 33, 90, 150}) {
    for (const std::int64_t k : {1, 2, 7, 32, 150}) {
      const std::int64_t stride = padded(n);
      const AlignedBuffer x = random(k), w = random(k * stride), add = random(stride);
      AlignedBuffer fast(stride), plain(stride);
      Product p{.m = 1, .n = n, .k = k, .a = x.data(), .a_row = k, .b = w.data(), .b_row = stride};
      p.add = add.data(), p.activation = Activation::relu, p.in_chains = true;
      p.b_padded = true, p.c_padded = true, p.c = fast.data(), p.c_row = stride;
      multiply(p);
      p.c = plain.data();
      reference::multiply(p);
      expect_close(fast.data(), plain.data(), n, 1e-5, std::to_string(n) + " of " + std::to_string(k));
    }
  }
}

// Each output is one chain of multiply-adds: cutting the work into rows or columns changes no bit.
TEST_P(Kernels, ProductsDoNotDependOnHowTheyAreCut) {
  constexpr std::int64_t m = 37, n = 112, k = 1300, stride = 112;
  const AlignedBuffer a = random(m * padded(k)), b = random(k * stride);
  AlignedBuffer whole(m * stride), parts(m * stride);
  Product p{.m = m, .n = n, .k = k, .a = a.data(), .b = b.data(), .c = whole.data()};
  p.a_row = padded(k), p.b_row = stride, p.c_row = stride, p.b_padded = true, p.c_padded = true;
  multiply(p);
  for (std::int64_t r = 0; r < m; r += 5) {
    for (std::int64_t c = 0; c < n; c += 48) {
      Product part = p;
      part.m = std::min<std::int64_t>(5, m - r), part.n = std::min<std::int64_t>(48, n - c);
      part.a = a.data() + r * p.a_row, part.b = b.data() + c, part.c = parts.data() + r * stride + c;
      multiply(part);
    }
  }
  for (std::int64_t i = 0; i < m * stride; ++i) ASSERT_EQ(whole.data()[i], parts.data()[i]) << i;
}

TEST_P(Kernels, ListsHoldWhatIsNotZero) {
  for (const auto& [width, tile] : {std::pair<std::int64_t, std::int64_t>{784, 192}, {784, 80}, {64, 64}, {203, 16}}) {
    const std::int64_t capacity = sparse_capacity(width), tiles = (width + tile - 1) / tile;
    for (const double share : {0.0, 0.05, 0.5, 1.0}) {
      std::vector<std::uint8_t> bytes(static_cast<std::size_t>(width));
      for (auto& x : bytes) x = random_.uniform() < share ? static_cast<std::uint8_t>(1 + random_.below(255)) : 0;
      AlignedBuffer reals(padded(width));
      std::copy(bytes.begin(), bytes.end(), reals.data());
      for (const bool as_bytes : {true, false}) {
        const void* data = as_bytes ? static_cast<const void*>(bytes.data()) : reals.data();
        const Samples samples{data, as_bytes, width, nullptr, Real{1} / 255};
        const auto list = [&](auto&& function) {
          AlignedBuffer values(capacity);
          std::vector<std::uint16_t> columns(static_cast<std::size_t>(capacity));
          std::vector<std::int32_t> starts(static_cast<std::size_t>(tiles + 1));
          const SparseBatch batch{columns.data(), values.data(), starts.data(), capacity, width, tile, tiles};
          function(samples, 0, 1, batch);
          columns.resize(static_cast<std::size_t>(batch.count(0)));
          return std::tuple(starts, columns, std::vector<Real>(values.data(), values.data() + batch.count(0)));
        };
        EXPECT_EQ(list(find_nonzero), list(reference::find_nonzero)) << width << ", " << tile << ", " << share;
      }
    }
  }
}

TEST_P(Kernels, SkippingZerosChangesNoBit) {
  constexpr std::int64_t rows = 9, width = 203, n = 90, stride = 96, tile = 64;
  const std::vector<std::uint8_t> bytes = random_bytes(rows * width);
  const AlignedBuffer w = random(width * stride), add = random(stride), d = random(rows * stride);
  const Samples samples{bytes.data(), true, width, nullptr, Real{1} / 255};
  AlignedBuffer values(rows * sparse_capacity(width));
  std::vector<std::uint16_t> columns(static_cast<std::size_t>(rows * sparse_capacity(width)));
  std::vector<std::int32_t> starts(rows * 5);
  const SparseBatch batch{columns.data(), values.data(), starts.data(), sparse_capacity(width), width, tile, 4};
  find_nonzero(samples, 0, rows, batch);
  std::int64_t counted = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    counted += batch.count(r);
    for (std::int32_t e = 0; e < batch.count(r); ++e) {
      const std::uint8_t pixel = bytes[static_cast<std::size_t>(r * width + batch.row_columns(r)[e])];
      EXPECT_EQ(batch.row_values(r)[e], static_cast<Real>(pixel) * samples.scale);
    }
  }
  EXPECT_EQ(counted, std::count_if(bytes.begin(), bytes.end(), [](auto x) { return x != 0; }));

  AlignedBuffer sparse(rows * stride), dense(rows * stride);
  sparse_product(batch, 0, rows, w.data(), stride, n, add.data(), Activation::relu, sparse.data(), stride);
  Product p{.m = rows, .n = n, .k = width, .b = w.data(), .b_row = stride, .c = dense.data(), .c_row = stride};
  p.add = add.data(), p.activation = Activation::relu, p.b_padded = true, p.c_padded = true, p.samples = &samples;
  product(p);
  for (std::int64_t i = 0; i < rows * stride; ++i) ASSERT_EQ(sparse.data()[i], dense.data()[i]) << i;

  // A product in two parts of columns, joined.
  const std::int64_t rest = 2 * tile;
  SparseBatch left = batch, right = batch;
  left.width = rest, left.tiles = 2, right.width = width - rest, right.tiles = 2;
  AlignedBuffer joined(rows * stride), part(rows * stride);
  const auto multiply_part = [&](const SparseBatch& lists, std::int64_t column, Real* y) {
    find_nonzero(Samples{bytes.data(), true, width, nullptr, Real{1} / 255}.from_column(column), 0, rows, lists);
    sparse_product(lists, 0, rows, w.data() + column * stride, stride, n, nullptr, Activation::linear, y, stride);
  };
  for (const Activation activation : {Activation::relu, Activation::tanh}) {
    multiply_part(left, 0, joined.data());
    multiply_part(right, rest, part.data());
    find_nonzero(samples, 0, rows, batch);
    AlignedBuffer expected(rows * stride), twin = joined;
    sparse_product(batch, 0, rows, w.data(), stride, n, add.data(), activation, expected.data(), stride);
    reference::join_parts(part.data(), rows, stride, n, add.data(), activation, twin.data());
    join_parts(part.data(), rows, stride, n, add.data(), activation, joined.data());
    for (std::int64_t r = 0; r < rows; ++r) {
      expect_close(joined.data() + r * stride, expected.data() + r * stride, n, 2e-6, "joined parts");
      expect_close(joined.data() + r * stride, twin.data() + r * stride, n, 2e-6, "joined as by the reference");
    }
  }

  // Listing another row on the way changes neither the product nor the list.
  constexpr std::int64_t other = 5;
  AlignedBuffer next_values(sparse_capacity(width)), y(stride);
  std::vector<std::uint16_t> next_columns(static_cast<std::size_t>(sparse_capacity(width)));
  std::vector<std::int32_t> next_starts(5);
  const SparseBatch next{next_columns.data(), next_values.data(), next_starts.data(), batch.capacity, width, tile, 4};
  sparse_product_listing(batch, w.data(), stride, n, add.data(), Activation::relu, y.data(), samples, other, next);
  expect_close(y.data(), sparse.data(), n, 1e-6, "outputs");
  for (std::int64_t t = 0; t <= batch.tiles; ++t)
    ASSERT_EQ(next_starts[static_cast<std::size_t>(t)], batch.row_starts(other)[t]) << t;
  for (std::int32_t e = 0; e < next.count(0); ++e) {
    ASSERT_EQ(next_columns[static_cast<std::size_t>(e)], batch.row_columns(other)[e]) << e;
    ASSERT_EQ(next_values.data()[e], batch.row_values(other)[e]) << e;
  }

  for (std::int64_t t = 0; t < batch.tiles; ++t) {
    const std::int64_t first = t * tile, height = std::min(width - first, tile);
    AlignedBuffer sparse_g(tile * stride), dense_g(tile * stride);
    sparse_gradient(batch, rows, t, d.data(), stride, n, sparse_g.data(), stride);
    Product g{.m = height, .n = n, .k = rows, .b = d.data(), .b_row = stride, .c = dense_g.data(), .c_row = stride};
    g.samples = &samples, g.samples_transposed = true, g.first_sample_column = first;
    g.b_padded = true, g.c_padded = true;
    product(g);
    for (std::int64_t i = 0; i < height * stride; ++i)
      ASSERT_EQ(sparse_g.data()[i], dense_g.data()[i]) << t << ": " << i;
  }
}

TEST_P(Kernels, SingleSampleStepAgreesWithTheReference) {
  constexpr std::int64_t width = 150, n = 35, stride = 48, tile = 64;
  const std::vector<std::uint8_t> bytes = random_bytes(width);
  AlignedBuffer values(sparse_capacity(width));
  std::vector<std::uint16_t> columns(static_cast<std::size_t>(sparse_capacity(width)));
  std::vector<std::int32_t> starts(4);
  const SparseBatch batch{columns.data(), values.data(), starts.data(), sparse_capacity(width), width, tile, 3};
  find_nonzero({bytes.data(), true, width, nullptr, Real{1} / 255}, 0, 1, batch);
  const AlignedBuffer d = random(stride);
  AlignedBuffer fast = random(width * stride), plain = fast;
  sparse_sgd(batch, 0, 2, d.data(), n, Real{0.1F}, fast.data(), stride);
  sparse_sgd(batch, 2, 3, d.data(), n, Real{0.1F}, fast.data(), stride);
  reference::sparse_sgd(batch, 0, 3, d.data(), n, Real{0.1F}, plain.data(), stride);
  for (std::int64_t r = 0; r < width; ++r) {
    expect_close(fast.data() + r * stride, plain.data() + r * stride, n, 1e-6, "weights");
  }
  const AlignedBuffer x = random(width);
  outer_sgd(x.data(), width, d.data(), n, Real{0.1F}, fast.data(), stride);
  reference::outer_sgd(x.data(), width, d.data(), n, Real{0.1F}, plain.data(), stride);
  for (std::int64_t r = 0; r < width; ++r) {
    expect_close(fast.data() + r * stride, plain.data() + r * stride, n, 1e-6, "weights");
  }
}

TEST_P(Kernels, SumAgreesWithTheReference) {
  for (const std::int64_t n : {0, 1, 15, 16, 17, 150}) {
    const AlignedBuffer x = random(n + 16);
    EXPECT_NEAR(sum(x.data(), n), reference::sum(x.data(), n), 1e-5 * static_cast<double>(1 + n)) << n;
  }
}

TEST_P(Kernels, ZerosAreCountedAsTheReferenceCountsThem) {
  constexpr std::int64_t stride = 300;
  const std::vector<std::uint8_t> bytes = random_bytes(2 * stride);
  std::vector<Real> reals(bytes.begin(), bytes.end());
  reals[stride] = -Real{0}, reals[stride + 1] = std::numeric_limits<Real>::quiet_NaN();
  for (const Samples& samples : {Samples{bytes.data(), true, stride}, Samples{reals.data(), false, stride}}) {
    for (std::int64_t width = 0; width <= stride; ++width) {
      ASSERT_EQ(count_zeros(samples, 1, width), reference::count_zeros(samples, 1, width)) << width;
    }
    EXPECT_GT(count_zeros(samples, 1, stride), 0);
  }
}

TEST_P(Kernels, UpdatesAgreeWithTheReference) {
  for (const std::int64_t n : {1, 7, 16, 33, 100}) {
    const AlignedBuffer w0 = random(n), g = random(n), m0 = random(n);
    AlignedBuffer v0 = random(n), a0 = random(n);
    for (std::int64_t i = 0; i < n; ++i) v0.data()[i] += Real{1.5}, a0.data()[i] *= Real{0.1F};
    const auto compare = [&](const std::string& what, auto fast, auto plain) {
      AlignedBuffer w1 = w0, w2 = w0, m1 = m0, m2 = m0, v1 = v0, v2 = v0, a1 = a0, a2 = a0;
      fast(w1.data(), m1.data(), v1.data(), a1.data());
      plain(w2.data(), m2.data(), v2.data(), a2.data());
      expect_close(w1.data(), w2.data(), n, 1e-6, what + " w");
      expect_close(m1.data(), m2.data(), n, 1e-6, what + " m");
      expect_close(v1.data(), v2.data(), n, 1e-6, what + " v");
      expect_close(a1.data(), a2.data(), n, 1e-6, what + " average");
    };
    using P = Real*;
    compare(
        "sgd", [&](P w, P, P, P) { sgd(w, g.data(), n, 0.1F); },
        [&](P w, P, P, P) { reference::sgd(w, g.data(), n, 0.1F); });
    for (const bool nesterov : {false, true}) {
      compare(
          "momentum", [&](P w, P m, P, P) { sgd_momentum(w, g.data(), m, n, 0.1F, 0.9F, nesterov); },
          [&](P w, P m, P, P) { reference::sgd_momentum(w, g.data(), m, n, 0.1F, 0.9F, nesterov); });
    }
    const RmspropNumbers numbers{0.01F, 0.9F, 0.8F, 1e-7F};
    for (int form = 0; form < 4; ++form) {
      const auto pick = [&](P p, int bit) { return (form & bit) != 0 ? p : nullptr; };
      compare(
          "rmsprop", [&](P w, P m, P v, P a) { rmsprop(w, g.data(), v, pick(m, 1), pick(a, 2), n, numbers); },
          [&](P w, P m, P v, P a) { reference::rmsprop(w, g.data(), v, pick(m, 1), pick(a, 2), n, numbers); });
    }
    const AdamNumbers adam_numbers{0.01F, 0.9F, 0.999F, 1e-7F};
    compare(
        "adam", [&](P w, P m, P v, P) { adam(w, g.data(), m, v, n, adam_numbers); },
        [&](P w, P m, P v, P) { reference::adam(w, g.data(), m, v, n, adam_numbers); });
  }
}

TEST_P(Kernels, SoftmaxAndGradientsAgreeWithTheReference) {
  for (const std::int64_t n : {1, 2, 10, 16, 17, 100}) {
    AlignedBuffer x = random(n), fast(n), plain(n), d = random(n);
    for (std::int64_t i = 0; i < n; ++i) x.data()[i] *= 30;
    softmax(x.data(), n, fast.data());
    reference::softmax(x.data(), n, plain.data());
    expect_close(fast.data(), plain.data(), n, 1e-6, "softmax");
    AlignedBuffer d2 = d;
    softmax_gradient(plain.data(), n, d.data());
    reference::softmax_gradient(plain.data(), n, d2.data());
    expect_close(d.data(), d2.data(), n, 1e-6, "softmax gradient");
    for (const Activation activation : all_activations()) {
      if (is_over_axis(activation)) continue;
      activate(activation, x.data(), n, fast.data());
      reference::activate(activation, x.data(), n, plain.data());
      expect_close(fast.data(), plain.data(), n, 1e-6, std::string(activation_name(activation)));
      AlignedBuffer d3 = d;
      d2 = d;
      const AlignedBuffer& known = slope_needs_sum(activation) ? x : plain;
      activation_gradient(activation, known.data(), n, d3.data());
      reference::activation_gradient(activation, known.data(), n, d2.data());
      expect_close(d3.data(), d2.data(), n, 1e-6, std::string(activation_name(activation)) + " gradient");
    }
  }
}

// How many floats lie between a and b.
std::int64_t ulps(float a, float b) {
  const auto place = [](float x) {
    std::int32_t bits = 0;
    std::memcpy(&bits, &x, sizeof bits);
    return bits < 0 ? std::int64_t{-2147483648LL} - bits : std::int64_t{bits};
  };
  return std::abs(place(a) - place(b));
}

/// act(z) in double, by the formula of activations.hpp.
double exact(Activation activation, double z) {
  switch (activation) {
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-z));
    case Activation::tanh:
      return std::tanh(z);
    case Activation::elu:
      return z > 0 ? z : std::expm1(z);
    case Activation::selu:
      return 1.0507009873554805 * (z > 0 ? z : 1.6732632423543772 * std::expm1(z));
    case Activation::gelu:
      return z * std::erfc(-z / std::sqrt(2.0)) / 2;
    case Activation::silu:
      return z / (1 + std::exp(-z));
    case Activation::mish:
      return z * std::tanh(std::log1p(std::exp(z)));
    case Activation::softplus:
      return std::log1p(std::exp(z));
    case Activation::softsign:
      return z / (1 + std::abs(z));
    case Activation::exponential:
      return std::exp(z);
    default:
      return z;
  }
}

struct Accuracy {
  Activation activation;
  std::int64_t most_ulps;
};

TEST_P(Kernels, ActivationsAreWithinAFewUnitsOfTheLastPlace) {
  const Accuracy limits[] = {{Activation::sigmoid, 4},    {Activation::tanh, 13},    {Activation::elu, 4},
                             {Activation::selu, 4},       {Activation::gelu, 8},     {Activation::silu, 4},
                             {Activation::mish, 8},       {Activation::softplus, 4}, {Activation::softsign, 2},
                             {Activation::exponential, 2}};
  for (const auto& [activation, most] : limits) {
    std::int64_t worst = 0;
    float where = 0;
    AlignedBuffer x(4096), y(4096);
    for (int block = 0; block < 64; ++block) {
      for (std::int64_t i = 0; i < 4096; ++i) {
        const double share = (static_cast<double>(block * 4096 + i) + 0.5) / (64 * 4096);
        x.data()[i] = static_cast<float>(block % 2 == 0 ? 24 * share - 12 : 2 * share - 1);
      }
      activate(activation, x.data(), 4096, y.data());
      for (std::int64_t i = 0; i < 4096; ++i) {
        const std::int64_t off = ulps(y.data()[i], static_cast<float>(exact(activation, double{x.data()[i]})));
        if (off > worst) worst = off, where = x.data()[i];
      }
    }
    EXPECT_LE(worst, most) << activation_name(activation) << " at " << where;
    RecordProperty(std::string(activation_name(activation)) + "_ulps", static_cast<int>(worst));
  }
}

TEST_P(Kernels, ActivationsPassOnWhatIsNoNumber) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Activation activation : all_activations()) {
    if (is_over_axis(activation) || activation == Activation::step) continue;
    float x[20], y[20];
    std::fill_n(x, 20, nan);
    activate(activation, x, 20, y);
    for (const float each : y) EXPECT_TRUE(std::isnan(each)) << activation_name(activation);
    const float far[] = {-1e4F, -100.0F, 100.0F, 1e4F};
    activate(activation, far, 4, y);
    for (int i = 0; i < 4; ++i) {
      const float plain = static_cast<float>(reference::activated(activation, far[i]));
      if (std::isinf(plain)) {
        EXPECT_EQ(y[i], plain) << activation_name(activation);
      } else {
        EXPECT_NEAR(y[i], plain, 1e-6 * std::max(1.0F, std::abs(plain))) << activation_name(activation) << far[i];
      }
    }
  }
}

TEST_P(Kernels, NotANumberIsSeen) {
  const Real nan = std::nanf("");
  AlignedBuffer x(16), y(16);
  x.data()[3] = nan;
  for (const Activation activation : {Activation::relu, Activation::sigmoid, Activation::tanh}) {
    activate(activation, x.data(), 16, y.data());
    EXPECT_TRUE(std::isnan(y.data()[3])) << activation_name(activation);
  }

  AlignedBuffer values(sparse_capacity(16));
  std::vector<std::uint16_t> columns(static_cast<std::size_t>(sparse_capacity(16)));
  std::vector<std::int32_t> starts(2);
  const SparseBatch batch{columns.data(), values.data(), starts.data(), sparse_capacity(16), 16, 16, 1};
  find_nonzero({x.data(), false, 16, nullptr, Real{1}}, 0, 1, batch);
  ASSERT_EQ(batch.count(0), 1);
  EXPECT_EQ(columns[0], 3);
  EXPECT_TRUE(std::isnan(values.data()[0]));
}

INSTANTIATE_TEST_SUITE_P(Targets, Kernels, testing::ValuesIn(targets()),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace gradus::kernels
