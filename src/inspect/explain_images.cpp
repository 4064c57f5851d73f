#include "inspect/explain_images.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "layers/image_window.hpp"

namespace gradus {
namespace {

using Numbers = std::vector<double>;

std::size_t place(std::int64_t i) { return static_cast<std::size_t>(i); }

/// A window that moves over an image.
struct Moves {
  Size2D size, strides, dilation;
  Padding padding = Padding::valid;
};

/// Calls visit(output pixel, input pixel, pixel of the window) for each pair that lies inside the image, pixels counted
/// row by row.
template <class Visit>
void through_windows(const Shape& input, const Moves& moves, Visit&& visit) {
  const Windows windows(input, moves.size, moves.strides, moves.dilation, moves.padding, "a window");
  for (std::int64_t i = 0; i < windows.y.count; ++i) {
    for (std::int64_t j = 0; j < windows.x.count; ++j) {
      for (std::int64_t a = 0; a < moves.size.height; ++a) {
        for (std::int64_t b = 0; b < moves.size.width; ++b) {
          const std::int64_t row = i * moves.strides.height + a * moves.dilation.height - windows.y.before;
          const std::int64_t column = j * moves.strides.width + b * moves.dilation.width - windows.x.before;
          if (row < 0 || row >= input[0] || column < 0 || column >= input[1]) continue;
          visit(i * windows.x.count + j, row * input[1] + column, a * moves.size.width + b);
        }
      }
    }
  }
}

/// A convolution with a kernel (window, channels / groups, filters); a depthwise one is that with a group a channel.
struct Convolution {
  Moves moves;
  std::int64_t groups = 1, filters = 0;
  Activation activation = linear;
  bool use_bias = true;
};

std::optional<Convolution> convolution_of(const Layer& spec, const Shape& input) {
  if (const auto* c = spec.get_if<Conv2D>()) {
    return Convolution{
        {c->kernel_size, c->strides, c->dilation_rate, c->padding}, c->groups, c->filters, c->activation, c->use_bias};
  }
  if (const auto* c = spec.get_if<DepthwiseConv2D>()) {
    return Convolution{{c->kernel_size, c->strides, c->dilation_rate, c->padding},
                       input[2],
                       input[2] * c->depth_multiplier,
                       c->activation,
                       c->use_bias};
  }
  return std::nullopt;
}

/// Calls visit(place in z, place in x, place in the kernel) for each product of a convolution.
template <class Visit>
void through_products(const Convolution& c, const Shape& input, Visit&& visit) {
  const std::int64_t channels = input[2], in = channels / c.groups, out = c.filters / c.groups;
  through_windows(input, c.moves, [&](std::int64_t to, std::int64_t from, std::int64_t tap) {
    for (std::int64_t f = 0; f < c.filters; ++f) {
      for (std::int64_t k = 0; k < in; ++k) {
        visit(place(to * c.filters + f), place(from * channels + f / out * in + k),
              place((tap * in + k) * c.filters + f));
      }
    }
  });
}

void convolve(const Convolution& c, const Shape& input, const Numbers& x, ExplainedLayer& layer) {
  layer.z.assign(place(layer.output_shape.elements()), 0);
  for (std::size_t i = 0; c.use_bias && i < layer.z.size(); ++i) {
    layer.z[i] = layer.weights[1].values[i % place(c.filters)];
  }
  through_products(c, input, [&](std::size_t to, std::size_t from, std::size_t weight) {
    layer.z[to] += x[from] * layer.weights[0].values[weight];
  });
}

Numbers back_through_convolution(const Convolution& c, const Shape& input, const Numbers& x, ExplainedLayer& layer) {
  const Numbers& dz = layer.z_gradient;
  for (ExplainedWeight& weight : layer.weights) weight.gradient.assign(weight.values.size(), 0);
  for (std::size_t i = 0; c.use_bias && i < dz.size(); ++i) layer.weights[1].gradient[i % place(c.filters)] += dz[i];
  Numbers dx(x.size(), 0);
  through_products(c, input, [&](std::size_t to, std::size_t from, std::size_t weight) {
    layer.weights[0].gradient[weight] += x[from] * dz[to];
    dx[from] += layer.weights[0].values[weight] * dz[to];
  });
  return dx;
}

struct Pooling {
  Moves moves;
  bool greatest = true;
};

std::optional<Pooling> pooling_of(const Layer& spec, const Shape& input) {
  const auto of = [](const auto& p, bool greatest) {
    return Pooling{{p.pool_size, p.strides.value_or(p.pool_size), 1, p.padding}, greatest};
  };
  if (const auto* p = spec.get_if<MaxPooling2D>()) return of(*p, true);
  if (const auto* p = spec.get_if<AveragePooling2D>()) return of(*p, false);
  const bool greatest = spec.get_if<GlobalMaxPooling2D>() != nullptr;
  if (!greatest && spec.get_if<GlobalAveragePooling2D>() == nullptr) return std::nullopt;
  return Pooling{{{input[0], input[1]}, 1, 1, Padding::valid}, greatest};
}

/// What each output of a pooling takes of which inputs: calls visit(output, input, share). Of equals the first is the
/// greatest.
template <class Visit>
void through_pools(const Pooling& pooling, const Shape& input, const Numbers& x, std::size_t outputs, Visit&& visit) {
  const std::int64_t channels = input[2];
  std::vector<std::vector<std::size_t>> inside(outputs);
  through_windows(input, pooling.moves, [&](std::int64_t to, std::int64_t from, std::int64_t) {
    for (std::int64_t c = 0; c < channels; ++c) inside[place(to * channels + c)].push_back(place(from * channels + c));
  });
  for (std::size_t to = 0; to < outputs; ++to) {
    if (pooling.greatest) {
      const auto less = [&x](std::size_t a, std::size_t b) { return x[a] < x[b]; };
      visit(to, *std::max_element(inside[to].begin(), inside[to].end(), less), 1.0);
      continue;
    }
    for (const std::size_t from : inside[to]) visit(to, from, 1.0 / static_cast<double>(inside[to].size()));
  }
}

ExplainedWeight* weight_of(ExplainedLayer& layer, const char* name) {
  const auto found = std::find_if(layer.weights.begin(), layer.weights.end(),
                                  [&](const ExplainedWeight& weight) { return weight.name == name; });
  return found == layer.weights.end() ? nullptr : &*found;
}

/// a = gamma (x - mean) / spread + beta, channel by channel; gamma and beta where the layer has them.
struct ChannelScale {
  Numbers mean, spread;
};

Numbers repeated(const std::vector<double>& values, std::size_t count) {
  Numbers all(count);
  for (std::size_t i = 0; i < count; ++i) all[i] = static_cast<Real>(values[i % values.size()]);
  return all;
}

std::optional<ChannelScale> channel_scale(const Layer& spec, const Shape& input, ExplainedLayer& layer) {
  if (const auto* batch = spec.get_if<BatchNormalization>()) {
    ChannelScale scale{weight_of(layer, "moving_mean")->values, weight_of(layer, "moving_variance")->values};
    for (double& variance : scale.spread) variance = std::sqrt(variance + static_cast<Real>(batch->epsilon));
    return scale;
  }
  const auto* columns = spec.get_if<Normalization>();
  if (columns == nullptr) return std::nullopt;
  constexpr double least = 1e-7;  // Keras's
  const std::size_t features = columns->axis ? place(input.back()) : 1;
  ChannelScale scale = columns->mean
                           ? ChannelScale{repeated(*columns->mean, features), repeated(*columns->variance, features)}
                           : ChannelScale{weight_of(layer, "mean")->values, weight_of(layer, "variance")->values};
  for (double& variance : scale.spread) variance = std::max(std::sqrt(variance), least);
  return scale;
}

void scale_channels(const ChannelScale& scale, const Numbers& x, ExplainedLayer& layer) {
  const ExplainedWeight *gamma = weight_of(layer, "gamma"), *beta = weight_of(layer, "beta");
  const std::size_t channels = scale.mean.size();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i % channels;
    layer.a.push_back((gamma == nullptr ? 1 : gamma->values[c]) * (x[i] - scale.mean[c]) / scale.spread[c] +
                      (beta == nullptr ? 0 : beta->values[c]));
  }
}

Numbers back_through_channels(const ChannelScale& scale, const Numbers& x, ExplainedLayer& layer) {
  ExplainedWeight *gamma = weight_of(layer, "gamma"), *beta = weight_of(layer, "beta");
  for (ExplainedWeight* weight : {gamma, beta}) {
    if (weight != nullptr) weight->gradient.assign(weight->values.size(), 0);
  }
  Numbers dx = layer.a_gradient;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i % scale.mean.size();
    if (beta != nullptr) beta->gradient[c] += layer.a_gradient[i];
    if (gamma != nullptr) gamma->gradient[c] += layer.a_gradient[i] * (x[i] - scale.mean[c]) / scale.spread[c];
    dx[i] *= (gamma == nullptr ? 1 : gamma->values[c]) / scale.spread[c];
  }
  return dx;
}

std::string pooling_formula(const Pooling& pooling, const Shape& input) {
  const std::string what = pooling.greatest ? "the greatest x" : "the mean of x";
  const Moves& m = pooling.moves;
  const bool whole = m.size.height == input[0] && m.size.width == input[1];
  return "a = " + what + " of each channel in " + (whole ? "the whole image" : "windows of " + m.size.to_string()) +
         (whole || m.strides == m.size ? "" : ", " + m.strides.to_string() + " apart");
}

}  // namespace

bool forward_image(const Layer& spec, const Shape& input, const Numbers& x, ExplainedLayer& layer) {
  if (const auto convolution = convolution_of(spec, input)) {
    const Moves& m = convolution->moves;
    const std::string activation(activation_name(convolution->activation));
    layer.activation = convolution->activation;
    layer.formula = "z = sum of x * kernel over windows of " + m.size.to_string() +
                    (m.strides == Size2D{1} ? "" : ", " + m.strides.to_string() + " apart") +
                    (convolution->use_bias ? " + bias, " : ", ") +
                    (layer.activation == linear ? "a = z" : "a = " + activation + "(z)");
    convolve(*convolution, input, x, layer);
    return true;
  }
  if (const auto pooling = pooling_of(spec, input)) {
    layer.formula = pooling_formula(*pooling, input);
    layer.a.assign(place(layer.output_shape.elements()), 0);
    through_pools(*pooling, input, x, layer.a.size(),
                  [&](std::size_t to, std::size_t from, double share) { layer.a[to] += share * x[from]; });
    return true;
  }
  if (const auto scale = channel_scale(spec, input, layer)) {
    const auto* batch = spec.get_if<BatchNormalization>();
    layer.formula = batch == nullptr ? "a = (x - mean) / sqrt(variance)"
                                     : "a = gamma * (x - moving_mean) / sqrt(moving_variance + epsilon) + beta, as in "
                                       "prediction; in training mean and variance are those of the batch";
    scale_channels(*scale, x, layer);
    return true;
  }
  return false;
}

std::optional<Numbers> backward_image(const Layer& spec, const Shape& input, const Numbers& x, ExplainedLayer& layer) {
  if (const auto convolution = convolution_of(spec, input)) {
    return back_through_convolution(*convolution, input, x, layer);
  }
  if (const auto pooling = pooling_of(spec, input)) {
    Numbers dx(x.size(), 0);
    through_pools(*pooling, input, x, layer.a_gradient.size(),
                  [&](std::size_t to, std::size_t from, double share) { dx[from] += share * layer.a_gradient[to]; });
    return dx;
  }
  if (const auto scale = channel_scale(spec, input, layer)) return back_through_channels(*scale, x, layer);
  return std::nullopt;
}

}  // namespace gradus
