#include <algorithm>
#include <cmath>
#include <vector>

#include <gradus/error.hpp>

#include "kernels/kernels.hpp"
#include "losses/loss.hpp"

namespace gradus {
namespace {

// Keras's epsilon: probabilities are kept this far from 0 and 1.
constexpr double margin = 1e-7;
double inside(double y) { return std::clamp(y, margin, 1 - margin); }
bool is_inside(double y) { return y > margin && y < 1 - margin; }

std::string only_for_classes(bool classified) {
  return classified ? "" : "needs class labels, but the targets are numbers";
}

double checked_smoothing(double share) {
  if (share >= 0 && share <= 1) return share;
  throw Error(ErrorCode::invalid_argument, "label_smoothing must be between 0 and 1, got " + Value(share).to_string());
}

class BinaryFunction final : public LossFunction {
 public:
  explicit BinaryFunction(const BinaryCrossentropy& spec)
      : spec_(spec), logits_(spec.from_logits), smoothing_(checked_smoothing(spec.label_smoothing)) {}
  [[nodiscard]] Activation takes_over() const override { return logits_ ? Activation::linear : Activation::sigmoid; }
  [[nodiscard]] std::unique_ptr<LossFunction> fused() const override {
    BinaryCrossentropy from_sums = spec_;
    from_sums.from_logits = true;
    return std::make_unique<BinaryFunction>(from_sums);
  }

  double row(const Real* y, const Real* t, std::int32_t, std::int64_t n, Real* gradient) const override {
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const double out = static_cast<double>(y[i]);
      const double target = static_cast<double>(t[i]) * (1 - smoothing_) + smoothing_ / 2;
      double slope = 0;
      if (logits_) {
        // -t ln s(z) - (1-t) ln(1 - s(z)) = max(z, 0) - t z + ln(1 + e^-|z|).
        const double tail = std::exp(-std::abs(out));
        sum += std::max(out, 0.0) - target * out + std::log1p(tail);
        slope = (out >= 0 ? 1 / (1 + tail) : tail / (1 + tail)) - target;
      } else {
        const double p = inside(out);
        sum -= target * std::log(p) + (1 - target) * std::log1p(-p);
        slope = is_inside(out) ? (p - target) / (p * (1 - p)) : 0.0;
      }
      if (gradient != nullptr) gradient[i] = static_cast<Real>(slope / static_cast<double>(n));
    }
    return sum / static_cast<double>(n);
  }

 private:
  BinaryCrossentropy spec_;
  bool logits_;
  double smoothing_;
};

/// One row of cross-entropy against targets t, or against a single class when t is null.
class CategoricalRow {
 public:
  CategoricalRow(const Real* y, const Real* t, std::int32_t label, std::int64_t n, double smoothing)
      : y_(y), t_(t), label_(label), n_(n), kept_(1 - smoothing), shared_(smoothing / static_cast<double>(n)) {}

  // y are sums: with p = softmax(y), -sum t ln p = sum(t) ln(sum e^y) - sum t y, and its gradient sum(t) p - t.
  double from_logits(Real* gradient) const {
    const Real top = *std::max_element(y_, y_ + n_);
    double total = 0, chosen = 0, weight = 0;
    thread_local std::vector<Real> own;
    if (gradient == nullptr) {
      own.resize(static_cast<std::size_t>(n_));
      gradient = own.data();
    }
    kernels::softmax(y_, n_, gradient);
    // The largest share tells the sum of all: p_top = 1 / sum e^(y - top).
    total = -std::log(static_cast<double>(*std::max_element(gradient, gradient + n_)));
    for (std::int64_t i = 0; i < n_; ++i) {
      chosen += target(i) * static_cast<double>(y_[i] - top);
      weight += target(i);
    }
    for (std::int64_t i = 0; i < n_; ++i) {
      gradient[i] = static_cast<Real>(weight) * gradient[i] - static_cast<Real>(target(i));
    }
    return weight * total - chosen;
  }

  // y are probabilities that may not sum to 1: Keras divides by the sum, then keeps them inside.
  double from_probabilities(Real* gradient) const {
    double sum = 0, loss = 0, pull = 0;
    for (std::int64_t i = 0; i < n_; ++i) sum += static_cast<double>(y_[i]);
    for (std::int64_t i = 0; i < n_; ++i) {
      const double share = static_cast<double>(y_[i]) / sum;
      loss -= target(i) * std::log(inside(share));
      if (is_inside(share)) pull += target(i);
    }
    if (gradient == nullptr) return loss;
    for (std::int64_t i = 0; i < n_; ++i) {
      const double share = static_cast<double>(y_[i]) / sum;
      const double own = is_inside(share) ? target(i) / share : 0.0;
      gradient[i] = static_cast<Real>((pull - own) / sum);
    }
    return loss;
  }

 private:
  [[nodiscard]] double target(std::int64_t i) const {
    return (t_ != nullptr ? static_cast<double>(t_[i]) : (i == label_ ? 1.0 : 0.0)) * kept_ + shared_;
  }

  const Real* y_;
  const Real* t_;
  std::int32_t label_;
  std::int64_t n_;
  double kept_, shared_;  // smoothed targets: t kept + shared
};

template <class S>
class CategoricalFunction final : public LossFunction {
  static constexpr bool sparse = std::is_same_v<S, SparseCategoricalCrossentropy>;

 public:
  explicit CategoricalFunction(const S& spec) : spec_(spec), logits_(spec.from_logits) {
    if constexpr (!sparse) smoothing_ = checked_smoothing(spec.label_smoothing);
  }
  [[nodiscard]] Activation takes_over() const override { return logits_ ? Activation::linear : Activation::softmax; }
  [[nodiscard]] std::unique_ptr<LossFunction> fused() const override {
    S from_sums = spec_;
    from_sums.from_logits = true;
    return std::make_unique<CategoricalFunction>(from_sums);
  }
  [[nodiscard]] std::string why_not(std::int64_t n, bool classified) const override {
    if (n < 2) return "needs two or more outputs, one a class; for a single output use BinaryCrossentropy";
    return sparse ? only_for_classes(classified) : "";
  }

  double row(const Real* y, const Real* t, std::int32_t label, std::int64_t n, Real* gradient) const override {
    const CategoricalRow row(y, sparse ? nullptr : t, label, n, smoothing_);
    return logits_ ? row.from_logits(gradient) : row.from_probabilities(gradient);
  }

 private:
  S spec_;
  bool logits_;
  double smoothing_ = 0;
};

[[maybe_unused]] const bool registered[] = {
    register_loss<BinaryCrossentropy, BinaryFunction>(
        __FILE__, {BinaryCrossentropy{.from_logits = true}, BinaryCrossentropy{.label_smoothing = 0.2}}),
    register_loss<CategoricalCrossentropy, CategoricalFunction<CategoricalCrossentropy>>(
        __FILE__, {CategoricalCrossentropy{.from_logits = true}, CategoricalCrossentropy{.label_smoothing = 0.1}}),
    register_loss<SparseCategoricalCrossentropy, CategoricalFunction<SparseCategoricalCrossentropy>>(
        __FILE__, {SparseCategoricalCrossentropy{.from_logits = true}}),
};

}  // namespace
}  // namespace gradus
