#include "inspect/explain_loss.hpp"

#include <algorithm>
#include <cmath>

#include <gradus/error.hpp>

namespace gradus {

namespace {

constexpr double kept_from_ends = 1e-7;  // Keras's epsilon

double clipped(double probability) { return std::clamp(probability, kept_from_ends, 1 - kept_from_ends); }
/// Whether clipping left the number alone, so that the cost still feels it.
bool inside(double probability) { return probability >= kept_from_ends && probability <= 1 - kept_from_ends; }

SampleLoss squared(std::span<const double> a, std::span<const double> t, double factor, std::string formula) {
  SampleLoss result{std::move(formula), 0, {}, false};
  for (std::size_t i = 0; i < a.size(); ++i) {
    result.value += factor * (a[i] - t[i]) * (a[i] - t[i]);
    result.gradient.push_back(2 * factor * (a[i] - t[i]));
  }
  return result;
}

/// Cross-entropy of a sigmoid, from the sums: -t ln s(z) - (1 - t) ln(1 - s(z)) = max(z, 0) - z t + ln(1 + e^-|z|).
SampleLoss binary_from_sums(std::span<const double> z, std::span<const double> t) {
  SampleLoss result{"L = -1/n sum t ln a + (1 - t) ln(1 - a), a = sigmoid(z)", 0, {}, true};
  const auto n = static_cast<double>(z.size());
  for (std::size_t i = 0; i < z.size(); ++i) {
    result.value += (std::max(z[i], 0.0) - z[i] * t[i] + std::log1p(std::exp(-std::abs(z[i])))) / n;
    result.gradient.push_back((1 / (1 + std::exp(-z[i])) - t[i]) / n);
  }
  return result;
}

SampleLoss binary_from_probabilities(std::span<const double> a, std::span<const double> t) {
  SampleLoss result{"L = -1/n sum t ln a + (1 - t) ln(1 - a)", 0, {}, false};
  const auto n = static_cast<double>(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double p = clipped(a[i]);
    result.value -= (t[i] * std::log(p) + (1 - t[i]) * std::log(1 - p)) / n;
    result.gradient.push_back(inside(a[i]) ? (p - t[i]) / (p * (1 - p)) / n : 0);
  }
  return result;
}

/// Cross-entropy of a softmax, from the sums: ln a_i = z_i - ln sum e^z_j.
SampleLoss categorical_from_sums(std::span<const double> z, std::span<const double> t) {
  SampleLoss result{"L = -sum t ln a, a = softmax(z)", 0, softmax_of(z), true};
  const double greatest = *std::max_element(z.begin(), z.end());
  double sum = 0, targets = 0;
  for (std::size_t i = 0; i < z.size(); ++i) {
    sum += std::exp(z[i] - greatest);
    targets += t[i];
  }
  for (std::size_t i = 0; i < z.size(); ++i) {
    result.value -= t[i] * (z[i] - greatest - std::log(sum));
    result.gradient[i] = result.gradient[i] * targets - t[i];
  }
  return result;
}

/// Outputs that are no softmax are divided by their sum first, as Keras does.
SampleLoss categorical_from_probabilities(std::span<const double> a, std::span<const double> t) {
  SampleLoss result{"L = -sum t ln(a / sum a)", 0, {}, false};
  double sum = 0;
  for (const double value : a) sum += value;
  std::vector<double> slopes;  // of the cost along each share a_i / sum
  double common = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double share = a[i] / sum;
    result.value -= t[i] * std::log(clipped(share));
    slopes.push_back(inside(share) ? -t[i] / share : 0);
    common += slopes[i] * share;
  }
  for (const double slope : slopes) result.gradient.push_back((slope - common) / sum);
  return result;
}

}  // namespace

std::vector<double> softmax_of(std::span<const double> z) {
  const double greatest = *std::max_element(z.begin(), z.end());
  std::vector<double> a;
  double sum = 0;
  for (const double value : z) {
    a.push_back(std::exp(value - greatest));
    sum += a.back();
  }
  for (double& value : a) value /= sum;
  return a;
}

bool takes_labels(const Loss& loss) { return loss.get_if<SparseCategoricalCrossentropy>() != nullptr; }

SampleLoss sample_loss(const Loss& loss, Activation activation, std::span<const double> z, std::span<const double> a,
                       std::span<const double> target, std::int64_t label) {
  if (loss.get_if<MeanSquaredError>() != nullptr) {
    return squared(a, target, 1 / static_cast<double>(a.size()), "L = 1/n sum (a - t)^2");
  }
  if (loss.get_if<SquaredError>() != nullptr) return squared(a, target, 1, "L = sum (a - t)^2");
  if (loss.get_if<Quadratic>() != nullptr) return squared(a, target, 0.5, "L = 1/2 sum (a - t)^2");
  if (const auto* binary = loss.get_if<BinaryCrossentropy>()) {
    if (activation == Activation::sigmoid && !binary->from_logits) return binary_from_sums(z, target);
    if (!binary->from_logits) return binary_from_probabilities(a, target);
    SampleLoss result = binary_from_sums(a, target);
    result.fused = false;  // the model's outputs are the sums: the slope is dL/da
    return result;
  }
  const auto* categorical = loss.get_if<CategoricalCrossentropy>();
  const auto* sparse = loss.get_if<SparseCategoricalCrossentropy>();
  if (categorical == nullptr && sparse == nullptr) {
    throw Error(ErrorCode::unsupported, "explain cannot follow the loss " + std::string(loss.class_name()));
  }
  std::vector<double> t(target.begin(), target.end());
  if (sparse != nullptr) {
    if (label < 0) throw Error(ErrorCode::invalid_argument, std::string(loss.class_name()) + " needs class labels");
    t.assign(a.size(), 0);
    t.at(static_cast<std::size_t>(label)) = 1;
  }
  const bool from_logits = categorical != nullptr ? categorical->from_logits : sparse->from_logits;
  if (activation == Activation::softmax && !from_logits) return categorical_from_sums(z, t);
  if (!from_logits) return categorical_from_probabilities(a, t);
  SampleLoss result = categorical_from_sums(a, t);
  result.fused = false;
  return result;
}

}  // namespace gradus
