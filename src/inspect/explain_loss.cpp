#include "inspect/explain_loss.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

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

/// The mean over outputs of cost(a, t), whose slope along a is slope(a, t).
template <class Cost, class Slope>
SampleLoss mean_of(std::span<const double> a, std::span<const double> t, std::string formula, Cost cost, Slope slope) {
  SampleLoss result{std::move(formula), 0, {}, false};
  const auto n = static_cast<double>(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    result.value += cost(a[i], t[i]) / n;
    result.gradient.push_back(slope(a[i], t[i]) / n);
  }
  return result;
}

double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

/// Losses that look at each output alone; nothing for others.
std::optional<SampleLoss> loss_by_output(const Loss& loss, std::span<const double> a, std::span<const double> t) {
  if (loss.get_if<MeanAbsoluteError>() != nullptr) {
    return mean_of(
        a, t, "L = 1/n sum |a - t|", [](double y, double x) { return std::abs(y - x); },
        [](double y, double x) { return sign(y - x); });
  }
  if (const auto* huber = loss.get_if<Huber>()) {
    const double d = huber->delta;
    return mean_of(
        a, t, "L = 1/n sum h(a - t), h(e) = e^2/2 up to delta, delta |e| - delta^2/2 beyond",
        [d](double y, double x) {
          const double e = std::abs(y - x);
          return e <= d ? e * e / 2 : d * e - d * d / 2;
        },
        [d](double y, double x) { return std::clamp(y - x, -d, d); });
  }
  if (loss.get_if<LogCosh>() != nullptr) {
    return mean_of(
        a, t, "L = 1/n sum ln cosh(a - t)", [](double y, double x) { return std::log(std::cosh(y - x)); },
        [](double y, double x) { return std::tanh(y - x); });
  }
  if (loss.get_if<Poisson>() != nullptr) {
    return mean_of(
        a, t, "L = 1/n sum a - t ln a", [](double y, double x) { return y - x * std::log(y + kept_from_ends); },
        [](double y, double x) { return 1 - x / (y + kept_from_ends); });
  }
  const bool squares = loss.get_if<SquaredHinge>() != nullptr;
  if (loss.get_if<Hinge>() == nullptr && !squares) return std::nullopt;
  std::vector<double> signs(t.begin(), t.end());
  const bool binary = std::all_of(t.begin(), t.end(), [](double x) { return x == 0 || x == 1; });
  for (double& x : signs) x = binary ? 2 * x - 1 : x;
  return mean_of(
      a, signs, squares ? "L = 1/n sum max(0, 1 - t a)^2, t = -1 or 1" : "L = 1/n sum max(0, 1 - t a), t = -1 or 1",
      [squares](double y, double x) { return std::pow(std::max(0.0, 1 - x * y), squares ? 2 : 1); },
      [squares](double y, double x) {
        const double missing = std::max(0.0, 1 - x * y);
        return missing == 0 ? 0 : squares ? -2 * x * missing : -x;
      });
}

/// Targets moved by label smoothing: t (1 - s) + s / parts.
std::vector<double> smoothed(std::span<const double> t, double share, double parts) {
  std::vector<double> targets(t.begin(), t.end());
  for (double& target : targets) target = target * (1 - share) + share / parts;
  return targets;
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
  if (auto by_output = loss_by_output(loss, a, target)) return *by_output;
  if (const auto* binary = loss.get_if<BinaryCrossentropy>()) {
    const std::vector<double> t = smoothed(target, binary->label_smoothing, 2);
    if (activation == Activation::sigmoid && !binary->from_logits) return binary_from_sums(z, t);
    if (!binary->from_logits) return binary_from_probabilities(a, t);
    SampleLoss result = binary_from_sums(a, t);
    result.fused = false;  // the model's outputs are the sums: the slope is dL/da
    return result;
  }
  const auto* categorical = loss.get_if<CategoricalCrossentropy>();
  const auto* sparse = loss.get_if<SparseCategoricalCrossentropy>();
  if (categorical == nullptr && sparse == nullptr) {
    throw Error(ErrorCode::unsupported, "explain cannot follow the loss " + std::string(loss.class_name()));
  }
  const double smoothing = categorical != nullptr ? categorical->label_smoothing : 0;
  std::vector<double> t = smoothed(target, smoothing, static_cast<double>(target.size()));
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
