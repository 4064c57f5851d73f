#include <cmath>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "formats/onnx_writer.hpp"
#include "layers/image_window.hpp"

/// How each class of layers is said in ONNX (operators of version 13). A layer that is not here cannot be exported;
/// everything else about it works.
namespace gradus::onnx {
namespace {

using Wholes = std::vector<std::int64_t>;

[[noreturn]] void unsupported(const std::string& sentence) { throw Error(ErrorCode::unsupported, sentence); }

std::vector<float> floats(const Tensor& tensor) { return {tensor.values().begin(), tensor.values().end()}; }

// --- activations as layers ---

void write_relu(Exporter& out, const LayerView& layer) {
  const double slope = layer.real("negative_slope", 0), threshold = layer.real("threshold", 0);
  const Value* most = layer.find("max_value");
  // y = min(x, max_value) where x > threshold, else negative_slope (x - threshold)
  if (threshold != 0) {
    const std::string x = out.value();
    const std::string shifted = out.node("Sub", {x, out.scalar(threshold)});
    const std::string below = out.node("Mul", {shifted, out.scalar(slope)});
    const std::string high = out.node("Greater", {x, out.scalar(threshold)});
    const std::string above = most == nullptr ? x : out.node("Min", {x, out.scalar(layer.real("max_value", 0))});
    out.set_value(out.node("Where", {high, above, below}));
    return;
  }
  if (slope != 0) {
    out.apply("LeakyRelu", {}, {attribute("alpha", slope)});
  } else if (most == nullptr) {
    out.apply("Relu");
  }
  if (most == nullptr) return;
  if (slope == 0) {
    out.apply("Clip", {out.scalar(0), out.scalar(layer.real("max_value", 0))});
  } else {
    out.apply("Min", {out.scalar(layer.real("max_value", 0))});
  }
}

void write_softmax(Exporter& out, const LayerView& layer) {
  out.channels_last();
  const Value* axis = layer.find("axis");
  const auto* list = axis == nullptr ? nullptr : axis->get_if<Value::List>();
  if (list != nullptr && list->size() != 1) unsupported("a softmax over several axes");
  const Value* one = list == nullptr ? axis : &list->front();
  const std::int64_t over = one == nullptr ? -1 : FieldType<std::int64_t>::from_value(*one);
  out.apply("Softmax", {}, {attribute("axis", over)});
}

// --- products ---

void write_dense(Exporter& out, const LayerView& layer) {
  out.channels_last();
  const std::string kernel = out.constant("kernel", *layer.weight("kernel"));
  const Tensor* bias = layer.weight("bias");
  if (layer.input.rank() == 1 && bias != nullptr) {
    out.apply("Gemm", {kernel, out.constant("bias", *bias)});
  } else {
    out.apply("MatMul", {kernel});
    if (bias != nullptr) out.apply("Add", {out.constant("bias", *bias)});
  }
  out.set_shape(layer.output);
  write_activation(out, layer.text("activation"));
}

/// Strides, padding and the like of a convolution or pooling over images.
std::vector<Attribute> window(const LayerView& layer, std::pair<std::int64_t, std::int64_t> size,
                              std::pair<std::int64_t, std::int64_t> strides,
                              std::pair<std::int64_t, std::int64_t> dilation) {
  Wholes pads = {0, 0, 0, 0};
  if (layer.text("padding") == "same") {
    const auto rows = window_axis(layer.input[0], size.first, strides.first, dilation.first, Padding::same);
    const auto columns = window_axis(layer.input[1], size.second, strides.second, dilation.second, Padding::same);
    pads = {rows.before, columns.before, rows.after, columns.after};
  } else if (layer.text("padding") != "valid") {
    unsupported("padding " + in_quotes(layer.text("padding")));
  }
  return {attribute("kernel_shape", Wholes{size.first, size.second}),
          attribute("strides", Wholes{strides.first, strides.second}), attribute("pads", pads)};
}

/// (rows, columns, in, out) to (out, in, rows, columns).
Tensor channels_first(const Tensor& kernel) {
  const Shape& s = kernel.shape();
  Tensor turned(Shape{s[3], s[2], s[0], s[1]});
  std::size_t next = 0;
  for (std::int64_t o = 0; o < s[3]; ++o) {
    for (std::int64_t i = 0; i < s[2]; ++i) {
      for (std::int64_t place = 0; place < s[0] * s[1]; ++place) {
        turned.values()[next++] = kernel[(place * s[2] + i) * s[3] + o];
      }
    }
  }
  return turned;
}

void write_convolution(Exporter& out, const LayerView& layer, const Tensor& kernel, std::int64_t groups) {
  out.channels_first();
  const auto dilation = layer.pair("dilation_rate", 1);
  std::vector<Attribute> attributes = window(layer, layer.pair("kernel_size", 1), layer.pair("strides", 1), dilation);
  attributes.push_back(attribute("dilations", Wholes{dilation.first, dilation.second}));
  attributes.push_back(attribute("group", groups));
  std::vector<std::string> inputs = {out.constant("kernel", kernel)};
  if (const Tensor* bias = layer.weight("bias")) inputs.push_back(out.constant("bias", *bias));
  out.apply("Conv", inputs, attributes);
  out.set_shape(layer.output);
  write_activation(out, layer.text("activation"));
}

void write_conv2d(Exporter& out, const LayerView& layer) {
  write_convolution(out, layer, channels_first(*layer.weight("kernel")), layer.pair("groups", 1).first);
}

/// (rows, columns, in, multiplier) to (in multiplier, 1, rows, columns), each channel a group.
void write_depthwise(Exporter& out, const LayerView& layer) {
  const Tensor* kernel = layer.weight("kernel");
  if (kernel == nullptr) kernel = layer.weight("depthwise_kernel");
  const Shape& s = kernel->shape();
  const Tensor flat(Shape{s[0], s[1], 1, s[2] * s[3]}, {kernel->values().begin(), kernel->values().end()});
  write_convolution(out, layer, channels_first(flat), s[2]);
}

// --- pooling ---

void write_pooling(Exporter& out, const LayerView& layer, const std::string& op) {
  out.channels_first();
  const auto size = layer.pair("pool_size", 2);
  const auto strides = layer.find("strides") == nullptr ? size : layer.pair("strides", 1);
  out.apply(op, {}, window(layer, size, strides, {1, 1}));
}

void write_global_pooling(Exporter& out, const LayerView& layer, const std::string& op) {
  out.channels_first();
  out.apply(op);
  if (layer.output.rank() == 3) return;
  out.channels_last();  // one pixel: costs nothing
  out.apply("Flatten", {}, {attribute("axis", std::int64_t{1})});
}

// --- normalizations ---

/// y = x * scale + offset with a pair of numbers for each place of the last axis.
void write_batch_normalization(Exporter& out, const LayerView& layer) {
  const Tensor *mean = layer.weight("moving_mean"), *variance = layer.weight("moving_variance");
  const std::int64_t channels = layer.input.back();
  if (mean->shape().elements() != channels) unsupported("a BatchNormalization over another axis than the last");
  const double epsilon = layer.real("epsilon", 1e-3);
  const auto given = [&](const char* name, float otherwise) {
    const Tensor* weight = layer.weight(name);
    return weight == nullptr ? std::vector<float>(static_cast<std::size_t>(channels), otherwise) : floats(*weight);
  };
  const std::vector<float> gamma = given("gamma", 1), beta = given("beta", 0);
  if (layer.input.rank() == 1 || layer.input.rank() == 3) {
    out.channels_first();
    out.apply("BatchNormalization",
              {out.constant("gamma", Shape{channels}, gamma), out.constant("beta", Shape{channels}, beta),
               out.constant("moving_mean", *mean), out.constant("moving_variance", *variance)},
              {attribute("epsilon", epsilon)});
    return;
  }
  // ONNX takes the second axis for the channels, Gradus the last.
  std::vector<float> scale, offset;
  for (std::size_t c = 0; c < gamma.size(); ++c) {
    const double factor =
        static_cast<double>(gamma[c]) / std::sqrt(static_cast<double>(variance->values()[c]) + epsilon);
    scale.push_back(static_cast<float>(factor));
    offset.push_back(
        static_cast<float>(static_cast<double>(beta[c]) - static_cast<double>(mean->values()[c]) * factor));
  }
  out.apply("Mul", {out.constant("scale", Shape{channels}, scale)});
  out.apply("Add", {out.constant("offset", Shape{channels}, offset)});
}

/// By its parts, for the operator of this name is of version 17.
void write_layer_normalization(Exporter& out, const LayerView& layer) {
  out.channels_last();
  const Tensor *gamma = layer.weight("gamma"), *beta = layer.weight("beta");
  for (const Tensor* weight : {gamma, beta}) {
    if (weight != nullptr && weight->shape() != Shape{layer.input.back()}) {
      unsupported("a LayerNormalization over other axes than the last");
    }
  }
  const std::vector<Attribute> last = {attribute("axes", Wholes{-1}), attribute("keepdims", std::int64_t{1})};
  const std::string centred = out.node("Sub", {out.value(), out.node("ReduceMean", {out.value()}, last)});
  const std::string variance = out.node("ReduceMean", {out.node("Mul", {centred, centred})}, last);
  const std::string deviation =
      out.node("Sqrt", {out.node("Add", {variance, out.scalar(layer.real("epsilon", 1e-3))})});
  out.set_value(out.node("Div", {centred, deviation}));
  if (gamma != nullptr) out.apply("Mul", {out.constant("gamma", *gamma)});
  if (beta != nullptr) out.apply("Add", {out.constant("beta", *beta)});
}

/// y = (x - mean) / max(sqrt(variance), 1e-7)
void write_normalization(Exporter& out, const LayerView& layer) {
  out.channels_last();
  const Tensor *mean = layer.weight("mean"), *variance = layer.weight("variance");
  const auto given = [&](const char* field) {
    const Value* value = layer.find(field);
    return FieldType<std::vector<double>>::from_value(value == nullptr ? Value() : *value);
  };
  Tensor given_mean, given_variance;
  if (mean == nullptr || variance == nullptr) {
    std::vector<double> means = given("mean"), variances = given("variance");
    const std::size_t features = std::max(means.size(), variances.size());
    for (std::vector<double>* each : {&means, &variances}) {
      if (each->size() == 1) each->resize(features, each->front());  // one is for all
    }
    const Shape shape{static_cast<std::int64_t>(features)};
    given_mean = Tensor(shape, {means.begin(), means.end()});
    given_variance = Tensor(shape, {variances.begin(), variances.end()});
    mean = &given_mean, variance = &given_variance;
  }
  // One number an axis that is kept, 1 elsewhere; or the flat list of the last axis.
  const Shape& kept = mean->shape();
  const std::int64_t count = kept.elements();
  if (count != 1 && count != layer.input.back() && kept.rank() < layer.input.rank()) {
    unsupported("a Normalization over other axes than the last");
  }
  std::vector<float> deviations;
  for (const Real value : variance->values()) {
    deviations.push_back(static_cast<float>(std::max(std::sqrt(static_cast<double>(value)), 1e-7)));
  }
  out.apply("Sub", {out.constant("mean", *mean)});
  out.apply("Div", {out.constant("deviation", kept, deviations)});
}

// --- shapes ---

void write_flatten(Exporter& out, const LayerView& layer) {
  out.channels_last();
  if (layer.input.rank() != 1) out.apply("Flatten", {}, {attribute("axis", std::int64_t{1})});
}

void write_reshape(Exporter& out, const LayerView& layer) {
  out.channels_last();
  Wholes sizes = {0};  // 0: as it is
  for (const std::int64_t size : layer.output.sizes()) sizes.push_back(size);
  out.apply("Reshape", {out.constant("shape", sizes)});
}

void write_permute(Exporter& out, const LayerView& layer) {
  out.channels_last();
  Wholes order = {0};
  const Value* dims = layer.find("dims");
  const auto* list = dims == nullptr ? nullptr : dims->get_if<Value::List>();
  if (list == nullptr) unsupported("a Permute without dims");
  for (const Value& axis : *list) order.push_back(FieldType<std::int64_t>::from_value(axis));
  out.apply("Transpose", {}, {attribute("perm", order)});
}

void write_zero_padding(Exporter& out, const LayerView& layer) {
  out.channels_last();
  const Value* padding = layer.find("padding");
  const auto* rows = padding == nullptr ? nullptr : padding->get_if<Value::List>();
  if (rows == nullptr || rows->size() != 2) unsupported("this padding");
  Wholes sizes;
  for (const Value& pair : *rows) {
    const auto* both = pair.get_if<Value::List>();
    if (both == nullptr || both->size() != 2) unsupported("this padding");
    for (const Value& size : *both) sizes.push_back(FieldType<std::int64_t>::from_value(size));
  }
  out.apply("Pad", {out.constant("pads", {0, sizes[0], sizes[2], 0, 0, sizes[1], sizes[3], 0})});
}

void write_up_sampling(Exporter& out, const LayerView& layer) {
  out.channels_first();
  const auto size = layer.pair("size", 2);
  const std::string how = layer.text("interpolation");
  const std::string scales =
      out.constant("scales", Shape{4}, {1, 1, static_cast<float>(size.first), static_cast<float>(size.second)});
  if (how.empty() || how == "nearest") {
    out.apply("Resize", {"", scales},
              {attribute("mode", std::string("nearest")),
               attribute("coordinate_transformation_mode", std::string("asymmetric")),
               attribute("nearest_mode", std::string("floor"))});
  } else if (how == "bilinear") {
    out.apply("Resize", {"", scales},
              {attribute("mode", std::string("linear")),
               attribute("coordinate_transformation_mode", std::string("half_pixel"))});
  } else {
    unsupported("interpolation " + in_quotes(how));
  }
}

// --- others ---

void write_rescaling(Exporter& out, const LayerView& layer) {
  const double scale = layer.real("scale", 1), offset = layer.real("offset", 0);
  if (scale != 1) out.apply("Mul", {out.scalar(scale)});
  if (offset != 0) out.apply("Add", {out.scalar(offset)});
}

void write_embedding(Exporter& out, const LayerView& layer) {
  out.channels_last();
  const auto to_int64 = static_cast<std::int64_t>(DataType::int64);
  const std::string places = out.node("Cast", {out.value()}, {attribute("to", to_int64)});
  out.set_value(out.node("Gather", {out.constant("embeddings", layer.ordered.at(0)), places},
                         {attribute("axis", std::int64_t{0})}));
}

void write_residual(Exporter& out, const LayerView& layer) {
  const Value* inner = layer.find("layers");
  const auto* list = inner == nullptr ? nullptr : inner->get_if<Value::List>();
  if (list == nullptr) unsupported("a Residual without layers");
  std::vector<Layer> layers;
  for (const Value& each : *list) layers.push_back(FieldType<Layer>::from_value(each));
  out.channels_last();
  const std::string before = out.value();
  std::size_t next = 0;
  out.layers(layers, layer.ordered, next);
  out.channels_last();
  out.set_value(out.node("Add", {before, out.value()}));
}

void write_nothing(Exporter&, const LayerView&) {}

}  // namespace

const std::map<std::string, LayerWriter, std::less<>>& layer_writers() {
  static const std::map<std::string, LayerWriter, std::less<>> writers = {
      {"Dense", write_dense},
      {"Conv2D", write_conv2d},
      {"DepthwiseConv2D", write_depthwise},
      {"MaxPooling2D", [](Exporter& out, const LayerView& layer) { write_pooling(out, layer, "MaxPool"); }},
      {"AveragePooling2D", [](Exporter& out, const LayerView& layer) { write_pooling(out, layer, "AveragePool"); }},
      {"GlobalMaxPooling2D",
       [](Exporter& out, const LayerView& layer) { write_global_pooling(out, layer, "GlobalMaxPool"); }},
      {"GlobalAveragePooling2D",
       [](Exporter& out, const LayerView& layer) { write_global_pooling(out, layer, "GlobalAveragePool"); }},
      {"BatchNormalization", write_batch_normalization},
      {"LayerNormalization", write_layer_normalization},
      {"Normalization", write_normalization},
      {"Rescaling", write_rescaling},
      {"Flatten", write_flatten},
      {"Reshape", write_reshape},
      {"Permute", write_permute},
      {"ZeroPadding2D", write_zero_padding},
      {"UpSampling2D", write_up_sampling},
      {"Embedding", write_embedding},
      {"Residual", write_residual},
      {"Activation", [](Exporter& out, const LayerView& layer) { write_activation(out, layer.text("activation")); }},
      {"ReLU", write_relu},
      {"LeakyReLU",
       [](Exporter& out, const LayerView& layer) {
         out.apply("LeakyRelu", {}, {attribute("alpha", layer.real("negative_slope", 0.3))});
       }},
      {"PReLU",
       [](Exporter& out, const LayerView& layer) {
         out.channels_last();
         out.apply("PRelu", {out.constant("alpha", *layer.weight("alpha"))});
       }},
      {"ELU", [](Exporter& out,
                 const LayerView& layer) { out.apply("Elu", {}, {attribute("alpha", layer.real("alpha", 1))}); }},
      {"Softmax", write_softmax},
      // These only do something in training.
      {"Dropout", write_nothing},
      {"SpatialDropout2D", write_nothing},
      {"AlphaDropout", write_nothing},
      {"GaussianDropout", write_nothing},
      {"GaussianNoise", write_nothing},
  };
  return writers;
}

}  // namespace gradus::onnx
