#include "inspect/explain.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include <gradus/error.hpp>

#include "inspect/explain_images.hpp"
#include "inspect/explain_loss.hpp"
#include "inspect/numbers.hpp"

namespace gradus {

namespace {

using Numbers = std::vector<double>;

constexpr double selu_scale = 1.0507009873554805, selu_alpha = 1.6732632423543772;

double sigmoid_of(double z) { return 1 / (1 + std::exp(-z)); }
double softplus_of(double z) { return std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z))); }
/// The share of a standard normal below z.
double normal_share(double z) { return std::erfc(-z / std::numbers::sqrt2) / 2; }

double gelu_bend(double z) { return std::sqrt(2 / std::numbers::pi) * (z + 0.044715 * z * z * z); }

/// f(z) of one number.
double value_of(Activation activation, double z) {
  switch (activation) {
    case Activation::linear:
    case Activation::softmax:
    case Activation::log_softmax:
      return z;
    case Activation::relu:
      return std::max(z, 0.0);
    case Activation::sigmoid:
      return sigmoid_of(z);
    case Activation::tanh:
      return std::tanh(z);
    case Activation::step:
      return z > 0 ? 1 : 0;
    case Activation::elu:
      return z > 0 ? z : std::expm1(z);
    case Activation::selu:
      return selu_scale * (z > 0 ? z : selu_alpha * std::expm1(z));
    case Activation::leaky_relu:
      return z > 0 ? z : 0.2 * z;
    case Activation::relu6:
      return std::clamp(z, 0.0, 6.0);
    case Activation::gelu:
      return z * normal_share(z);
    case Activation::silu:
      return z * sigmoid_of(z);
    case Activation::mish:
      return z * std::tanh(softplus_of(z));
    case Activation::softplus:
      return softplus_of(z);
    case Activation::softsign:
      return z / (1 + std::abs(z));
    case Activation::hard_sigmoid:
      return std::clamp(z / 6 + 0.5, 0.0, 1.0);
    case Activation::exponential:
      return std::exp(z);
    case Activation::hard_silu:
      return z * std::clamp(z / 6 + 0.5, 0.0, 1.0);
    case Activation::gelu_tanh:
      return z / 2 * (1 + std::tanh(gelu_bend(z)));
  }
  return z;
}

/// f'(z) of one number.
double slope_of(Activation activation, double z) {
  const double a = value_of(activation, z);
  switch (activation) {
    case Activation::linear:
    case Activation::softmax:
    case Activation::log_softmax:
    case Activation::step:
      return 1;
    case Activation::relu:
      return z > 0 ? 1 : 0;
    case Activation::sigmoid:
      return a * (1 - a);
    case Activation::tanh:
      return 1 - a * a;
    case Activation::elu:
      return z > 0 ? 1 : std::exp(z);
    case Activation::selu:
      return selu_scale * (z > 0 ? 1 : selu_alpha * std::exp(z));
    case Activation::leaky_relu:
      return z > 0 ? 1 : 0.2;
    case Activation::relu6:
      return z > 0 && z < 6 ? 1 : 0;
    case Activation::gelu:
      return normal_share(z) + z * std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
    case Activation::silu:
      return sigmoid_of(z) * (1 + z * (1 - sigmoid_of(z)));
    case Activation::mish: {
      const double t = std::tanh(softplus_of(z));
      return t + z * (1 - t * t) * sigmoid_of(z);
    }
    case Activation::softplus:
      return sigmoid_of(z);
    case Activation::softsign:
      return 1 / ((1 + std::abs(z)) * (1 + std::abs(z)));
    case Activation::hard_sigmoid:
      return a > 0 && a < 1 ? 1.0 / 6 : 0;
    case Activation::exponential:
      return a;
    case Activation::hard_silu:
      return z <= -3 ? 0 : z >= 3 ? 1 : z / 3 + 0.5;
    case Activation::gelu_tanh: {
      const double t = std::tanh(gelu_bend(z));
      return (1 + t) / 2 + z / 2 * (1 - t * t) * std::sqrt(2 / std::numbers::pi) * (1 + 3 * 0.044715 * z * z);
    }
  }
  return 1;
}

bool is_over_axis(Activation activation) {
  return activation == Activation::softmax || activation == Activation::log_softmax;
}

/// a = f(z). softmax and log_softmax are taken over groups of `width` numbers, the last axis.
Numbers activate(Activation activation, const Numbers& z, std::size_t width) {
  Numbers a;
  a.reserve(z.size());
  if (is_over_axis(activation)) {
    for (std::size_t i = 0; i < z.size(); i += width) {
      Numbers group = softmax_of(std::span(z).subspan(i, width));
      if (activation == Activation::log_softmax) {
        for (double& value : group) value = std::log(value);
      }
      a.insert(a.end(), group.begin(), group.end());
    }
    return a;
  }
  for (const double value : z) a.push_back(value_of(activation, value));
  return a;
}

/// dL/dz from dL/da: times f'(z).
Numbers through_activation(const ExplainedLayer& layer) {
  Numbers dz = layer.a_gradient;
  if (!is_over_axis(layer.activation)) {
    for (std::size_t i = 0; i < dz.size(); ++i) dz[i] *= slope_of(layer.activation, layer.z[i]);
    return dz;
  }
  const auto width = static_cast<std::size_t>(layer.output_shape.back());
  for (std::size_t i = 0; i < dz.size(); ++i) {
    // Every output depends on every sum of its group: dz_i = a_i (da_i - sum_j da_j a_j).
    const std::size_t group = i / width * width;
    double mean = 0;
    if (layer.activation == Activation::log_softmax) {  // dz_i = da_i - e^a_i sum_j da_j
      for (std::size_t j = group; j < group + width; ++j) mean += layer.a_gradient[j];
      dz[i] -= std::exp(layer.a[i]) * mean;
      continue;
    }
    for (std::size_t j = group; j < group + width; ++j) mean += layer.a_gradient[j] * layer.a[j];
    dz[i] = layer.a[i] * (layer.a_gradient[i] - mean);
  }
  return dz;
}

std::string activation_formula(Activation activation, const std::string& z) {
  return activation == Activation::linear ? "a = " + z
                                          : "a = " + std::string(activation_name(activation)) + "(" + z + ")";
}

/// z = x . kernel + bias for every group of as many numbers as the kernel has rows.
Numbers weighted_sums(const ExplainedLayer& layer, const Numbers& x) {
  const Numbers& kernel = layer.weights[0].values;
  const auto inputs = static_cast<std::size_t>(layer.weights[0].shape[0]);
  const auto units = static_cast<std::size_t>(layer.weights[0].shape[1]);
  Numbers z;
  for (std::size_t group = 0; group < x.size(); group += inputs) {
    for (std::size_t j = 0; j < units; ++j) {
      double sum = layer.weights.size() > 1 ? layer.weights[1].values[j] : 0;
      for (std::size_t i = 0; i < inputs; ++i) sum += x[group + i] * kernel[i * units + j];
      z.push_back(sum);
    }
  }
  return z;
}

/// Fills in dL/dkernel = x^T . dz and dL/dbias = dz; returns passed . kernel^T, which is dL/dx where `passed` is dz.
Numbers back_through_sums(ExplainedLayer& layer, const Numbers& x, const Numbers& passed) {
  const Numbers& kernel = layer.weights[0].values;
  const Numbers& dz = layer.z_gradient;
  const auto inputs = static_cast<std::size_t>(layer.weights[0].shape[0]);
  const auto units = static_cast<std::size_t>(layer.weights[0].shape[1]);
  for (ExplainedWeight& weight : layer.weights) weight.gradient.assign(weight.values.size(), 0);
  Numbers dx(x.size(), 0);
  for (std::size_t group = 0; group < x.size() / inputs; ++group) {
    for (std::size_t j = 0; j < units; ++j) {
      const double slope = dz[group * units + j];
      if (layer.weights.size() > 1) layer.weights[1].gradient[j] += slope;
      for (std::size_t i = 0; i < inputs; ++i) {
        layer.weights[0].gradient[i * units + j] += x[group * inputs + i] * slope;
        dx[group * inputs + i] += passed[group * units + j] * kernel[i * units + j];
      }
    }
  }
  return dx;
}

/// `input`: the shape of `x`.
void forward(const Layer& spec, const Shape& input, const Numbers& x, ExplainedLayer& layer) {
  const auto width = static_cast<std::size_t>(layer.output_shape.rank() == 0 ? 1 : layer.output_shape.back());
  if (const auto* dense = spec.get_if<Dense>()) {
    layer.activation = dense->activation;
    layer.formula = "z = x . kernel" + std::string(dense->use_bias ? " + bias, " : ", ") +
                    activation_formula(dense->activation, "z") +
                    (dense->passes_error ? "; the layer below gets dL/da . kernel^T" : "");
    layer.z = weighted_sums(layer, x);
    layer.a = activate(layer.activation, layer.z, width);
  } else if (const auto* activation = spec.get_if<ActivationLayer>()) {
    layer.activation = activation->activation;
    layer.formula = "z = x, " + activation_formula(activation->activation, "z");
    layer.z = x;
    layer.a = activate(layer.activation, layer.z, width);
  } else if (const auto* rescaling = spec.get_if<Rescaling>()) {
    layer.formula = "a = x * " + number_text(rescaling->scale) +
                    (rescaling->offset == 0 ? "" : " + " + number_text(rescaling->offset));
    // The weights of a network are 32-bit, and so are these two numbers where it computes.
    const double scale = static_cast<Real>(rescaling->scale), offset = static_cast<Real>(rescaling->offset);
    for (const double value : x) layer.a.push_back(value * scale + offset);
  } else if (spec.get_if<Flatten>() != nullptr) {
    layer.formula = "a = x, in one row";
    layer.a = x;
  } else if (spec.get_if<Reshape>() != nullptr) {
    layer.formula = "a = x, as " + layer.output_shape.to_string();
    layer.a = x;
  } else if (spec.get_if<Dropout>() != nullptr || spec.get_if<SpatialDropout2D>() != nullptr ||
             spec.get_if<GaussianNoise>() != nullptr) {
    layer.formula = "a = x; it acts in training alone";
    layer.a = x;
  } else if (forward_image(spec, input, x, layer)) {
    if (!layer.z.empty()) layer.a = activate(layer.activation, layer.z, width);
  } else {
    throw Error(ErrorCode::unsupported,
                layer.name + ": explain cannot follow a " + std::string(spec.class_name()) +
                    " layer; it follows Dense, Activation, Rescaling, Flatten, Reshape, Conv2D, DepthwiseConv2D, "
                    "pooling, BatchNormalization, Normalization, and what acts in training alone");
  }
}

/// From the layer's dL/da (or, when `fused`, dL/dz) to the dL/da of the layer before.
Numbers backward(const Layer& spec, const Shape& input, const Numbers& x, bool fused, ExplainedLayer& layer) {
  if (const auto* rescaling = spec.get_if<Rescaling>()) {
    Numbers dx = layer.a_gradient;
    for (double& value : dx) value *= static_cast<Real>(rescaling->scale);
    return dx;
  }
  if (!layer.z.empty() && !fused) layer.z_gradient = through_activation(layer);
  if (std::optional<Numbers> dx = backward_image(spec, input, x, layer)) return *std::move(dx);
  if (layer.z.empty()) return layer.a_gradient;
  const auto* dense = spec.get_if<Dense>();
  if (dense == nullptr) return layer.z_gradient;
  const bool passes_error = dense->passes_error && !fused;
  return back_through_sums(layer, x, passes_error ? layer.a_gradient : layer.z_gradient);
}

ExplainedLayer layer_with_weights(const Sequential& model, std::size_t index, std::size_t& next_weight) {
  ExplainedLayer layer;
  layer.class_name = model.layers()[index].class_name();
  for (const auto& [field, value] : model.layers()[index].fields()) {
    if (field == "name") layer.name = *value.get_if<std::string>();
  }
  layer.output_shape = model.layer_output_shape(index);
  for (; next_weight < model.weights().size() && model.weights()[next_weight].layer == layer.name; ++next_weight) {
    const Tensor values = model.weight(next_weight);
    layer.weights.push_back({model.weights()[next_weight].name,
                             values.shape(),
                             Numbers(values.values().begin(), values.values().end()),
                             {}});
  }
  return layer;
}

void set_target(Explanation& result, const Dataset& data, std::int64_t index, bool as_label) {
  const auto width = static_cast<std::size_t>(data.target_width());
  if (data.is_classified()) {
    result.label = data.labels()[static_cast<std::size_t>(index)];
    const Dataset::OneHot values = as_label ? Dataset::OneHot{} : data.one_hot();
    result.target.assign(width, values.off);
    result.target[static_cast<std::size_t>(result.label)] = values.on;
    // One output decides between two classes.
    if (width == 2 && result.layers.back().a.size() == 1) result.target = {result.target[1]};
  } else {
    for (std::size_t i = 0; i < width; ++i) {
      result.target.push_back(data.targets().at(index * data.target_width() + static_cast<std::int64_t>(i)));
    }
  }
}

/// The first layer that no gradient goes through.
std::string why_no_gradient(const Explanation& result) {
  for (const ExplainedLayer& layer : result.layers) {
    if (layer.activation == Activation::step) return layer.name + ": the step function has no slope to follow";
  }
  return {};
}

/// The shape that layer `index` gets.
const Shape& shape_before(const Sequential& model, std::size_t index) {
  return index == 0 ? model.input_shape() : model.layer_output_shape(index - 1);
}

void follow_back(Explanation& result, const Sequential& model, const SampleLoss& cost) {
  Numbers slope = cost.gradient;
  for (std::size_t i = result.layers.size(); i-- > 0;) {
    ExplainedLayer& layer = result.layers[i];
    const bool fused = cost.fused && i + 1 == result.layers.size();
    (fused ? layer.z_gradient : layer.a_gradient) = std::move(slope);
    slope = backward(model.layers()[i], shape_before(model, i), i == 0 ? result.input : result.layers[i - 1].a, fused,
                     layer);
  }
}

}  // namespace

Explanation explain(const Sequential& model, const Dataset& data, std::int64_t index) {
  if (index < 0 || index >= data.size()) {
    throw Error(ErrorCode::invalid_argument, data.name() + " has samples 0 to " + std::to_string(data.size() - 1) +
                                                 "; there is no sample " + std::to_string(index));
  }
  if (data.sample_shape().elements() != model.input_shape().elements()) {
    throw Error(ErrorCode::invalid_argument, "the model takes " + model.input_shape().to_string() + ", " + data.name() +
                                                 " has samples of " + data.sample_shape().to_string());
  }
  Explanation result;
  result.input_shape = data.sample_shape();
  const std::int64_t size = data.sample_shape().elements();
  for (std::int64_t i = 0; i < size; ++i) result.input.push_back(data.inputs().at(index * size + i));

  std::size_t next_weight = 0;
  for (std::size_t i = 0; i < model.layers().size(); ++i) {
    result.layers.push_back(layer_with_weights(model, i, next_weight));
    forward(model.layers()[i], shape_before(model, i), i == 0 ? result.input : result.layers[i - 1].a,
            result.layers[i]);
  }
  if (!model.compiled().has_value() || result.layers.empty()) return result;

  const Loss& loss = model.compiled()->loss;
  const ExplainedLayer& last = result.layers.back();
  set_target(result, data, index, takes_labels(loss));
  if (result.target.size() != last.a.size()) {
    throw Error(ErrorCode::invalid_argument, "the model gives " + std::to_string(last.a.size()) + " numbers, " +
                                                 data.name() + " asks for " + std::to_string(result.target.size()));
  }
  const SampleLoss cost = sample_loss(loss, last.activation, last.z, last.a, result.target, result.label);
  result.loss_name = loss.class_name();
  result.loss_formula = cost.formula;
  result.loss = cost.value;
  result.no_gradient = why_no_gradient(result);
  if (result.no_gradient.empty()) {
    result.fused = cost.fused;
    follow_back(result, model, cost);
  }
  return result;
}

}  // namespace gradus
