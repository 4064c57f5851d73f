// Every registered loss: its gradient against central differences, and the fused form against the plain one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/kernels.hpp"
#include "losses/loss.hpp"

namespace gradus::test {
namespace {

constexpr std::int64_t n = 5;
constexpr std::int32_t label = 3;

std::vector<Loss> all_examples() {
  std::vector<Loss> all;
  for (const auto& [name, entry] : LossRegistry::instance().entries()) {
    all.insert(all.end(), entry.maker.examples.begin(), entry.maker.examples.end());
  }
  return all;
}

class LossGradients : public testing::TestWithParam<Loss> {
 protected:
  LossGradients() : loss_(LossRegistry::instance().find(GetParam().class_name()).maker.make(GetParam())) {
    for (std::int64_t i = 0; i < n; ++i) target_[static_cast<std::size_t>(i)] = i == label ? 1 : 0;
  }

  void check(const LossFunction& loss, std::vector<Real> y) {
    std::vector<Real> gradient(n, std::nan(""));
    loss.row(y.data(), target_.data(), label, n, gradient.data());
    for (std::size_t i = 0; i < n; ++i) {
      const Real before = y[i], step = 1e-6;
      y[i] = before + step;
      const double above = loss.row(y.data(), target_.data(), label, n, nullptr);
      y[i] = before - step;
      const double below = loss.row(y.data(), target_.data(), label, n, nullptr);
      y[i] = before;
      EXPECT_NEAR(gradient[i], (above - below) / (2 * step), 1e-6 * std::max(1.0, std::abs(above))) << "output " << i;
    }
  }

  std::unique_ptr<LossFunction> loss_;
  std::vector<Real> target_ = std::vector<Real>(n);
};

TEST_P(LossGradients, AgreeWithCentralDifferences) { check(*loss_, {0.2, 0.05, 0.35, 0.3, 0.1}); }

TEST_P(LossGradients, AgreeFarFromTheTargetsToo) {
  const std::vector<Real> y{-0.7, 0.4, 1.3, 2.2, -0.1};
  if (!std::isfinite(loss_->row(y.data(), target_.data(), label, n, nullptr))) return;  // logarithms of outputs
  check(*loss_, y);
}

TEST_P(LossGradients, AgreeForTargetsThatAreNumbers) {
  target_ = {0.3, -0.4, 1.25, -1, 2};
  check(*loss_, {0.25, 0.5, 0.125, 0.75, 3.5});
}

TEST_P(LossGradients, FusedFormIsThePlainOneAfterTheActivation) {
  if (loss_->takes_over() == Activation::linear) return;
  const auto fused = loss_->fused();
  ASSERT_NE(fused, nullptr);
  const std::vector<Real> sums{0.5, -1.25, 2.0, 0.75, -0.125};
  check(*fused, sums);
  std::vector<Real> y(n);
  if (loss_->takes_over() == Activation::softmax) {
    kernels::softmax(sums.data(), n, y.data());
  } else {
    kernels::activate(loss_->takes_over(), sums.data(), n, y.data());
  }
  EXPECT_NEAR(fused->row(sums.data(), target_.data(), label, n, nullptr),
              loss_->row(y.data(), target_.data(), label, n, nullptr), 1e-12);
}

TEST_P(LossGradients, FusedFormStaysFiniteWhereProbabilitiesVanish) {
  const auto fused = loss_->fused();
  if (fused == nullptr) return;
  const std::vector<Real> far{800, -800, 0, -900, 700};
  std::vector<Real> gradient(n);
  EXPECT_TRUE(std::isfinite(fused->row(far.data(), target_.data(), label, n, gradient.data())));
  for (const Real g : gradient) EXPECT_TRUE(std::isfinite(g));
}

INSTANTIATE_TEST_SUITE_P(Registered, LossGradients, testing::ValuesIn(all_examples()), [](const auto& test) {
  return std::string(test.param.class_name()) + std::to_string(test.index);
});

}  // namespace
}  // namespace gradus::test
