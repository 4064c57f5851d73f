#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "formats/onnx_reader.hpp"
#include "layers/image_window.hpp"

/// Convolution, pooling and what else works on images: (channels, rows, columns) in the graph.
namespace gradus::onnx {
namespace {

/// One axis of a window that goes over an image.
struct Axis {
  std::int64_t in = 0, size = 1, stride = 1, dilation = 1, before = 0, after = 0;
  [[nodiscard]] std::int64_t reach() const { return (size - 1) * dilation + 1; }
};

/// With what Keras's "same" would put around it.
WindowAxis with_same(const Axis& axis) {
  return window_axis(axis.in, axis.size, axis.stride, axis.dilation, Padding::same);
}

bool is_same(const Axis& axis) { return axis.before == with_same(axis).before && axis.after == with_same(axis).after; }

std::int64_t at_or(const Wholes& values, std::size_t index, std::int64_t otherwise) {
  return values.empty() ? otherwise : values.at(index);
}

/// Both axes of a node's window. Sizes are kept small enough that nothing here overflows.
std::vector<Axis> window(const Step& step, const Wholes& kernel) {
  constexpr std::int64_t most = std::int64_t{1} << 24;
  const Wholes strides = step.node.wholes("strides"), dilations = step.node.wholes("dilations"),
               pads = step.node.wholes("pads");
  const std::string automatic = step.node.text("auto_pad", "NOTSET");
  step.need(kernel.size() == 2 && (strides.empty() || strides.size() == 2) &&
                (dilations.empty() || dilations.size() == 2) && (pads.empty() || pads.size() == 4),
            "its window has not two axes");
  std::vector<Axis> axes;
  for (std::size_t i = 0; i < 2; ++i) {
    Axis axis{.in = step.flow.dims[i + 1],
              .size = kernel[i],
              .stride = at_or(strides, i, 1),
              .dilation = at_or(dilations, i, 1)};
    for (const std::int64_t value : {axis.in, axis.size, axis.stride, axis.dilation}) {
      step.need(value >= 1 && value < most, "a size of its window is not from 1 to 16,777,215");
    }
    if (automatic == "NOTSET") {
      axis.before = at_or(pads, i, 0), axis.after = at_or(pads, i + 2, 0);
    } else if (automatic != "VALID") {
      axis.before = with_same(axis).before, axis.after = with_same(axis).after;
      if (automatic == "SAME_LOWER") std::swap(axis.before, axis.after);
    }
    step.need(axis.before >= 0 && axis.after >= 0 && axis.before < most && axis.after < most, "a padding below 0");
    axes.push_back(axis);
  }
  return axes;
}

/// With ceil_mode a last window may reach over the border: as if there were more padding behind.
void round_up(std::vector<Axis>& axes) {
  for (Axis& axis : axes) {
    const std::int64_t free = axis.in + axis.before + axis.after - axis.reach();
    if (free < 0) continue;
    const std::int64_t over = (axis.stride - free % axis.stride) % axis.stride;
    // A window that would begin behind the image is not there.
    if (over > 0 && free + over < axis.in + axis.before) axis.after += over;
  }
}

Value both(std::int64_t rows, std::int64_t columns) { return Value::List{rows, columns}; }

/// "valid" or "same"; where it is neither, zeros are put around the image by a layer of their own.
std::string padding_of(Step& step, const std::vector<Axis>& axes) {
  const bool none = std::all_of(axes.begin(), axes.end(), [](const Axis& a) { return a.before == 0 && a.after == 0; });
  if (none) return "valid";
  if (std::all_of(axes.begin(), axes.end(), is_same)) return "same";
  step.chain.add("ZeroPadding2D",
                 {{"padding", Value::List{both(axes[0].before, axes[0].after), both(axes[1].before, axes[1].after)}}});
  return "valid";
}

/// The layers' shape is (rows, columns, channels): back to the graph's.
void set_image(Step& step) {
  const Shape& shape = step.chain.shape();
  step.flow.dims = {shape[2], shape[0], shape[1]};
}

void read_conv(Step& step) {
  step.need(step.at == 0, "the kernel is no constant");
  const Tensor kernel = step.reals(1);
  const Shape& k = kernel.shape();
  step.need(k.rank() == 4, "a kernel of " + std::to_string(k.rank()) + " axes; images have 4");
  step.bring_image();
  const std::int64_t channels = step.flow.dims[0], groups = step.node.whole("group", 1);
  step.need(groups >= 1 && k[0] % groups == 0 && k[1] == channels / groups && channels % groups == 0,
            "its kernel of shape " + k.to_string() + " does not fit " + count_of(channels, "channel"));
  Wholes size = step.node.wholes("kernel_shape");
  if (size.empty()) size = {k[2], k[3]};
  const std::vector<Axis> axes = window(step, size);
  step.need(axes[0].size == k[2] && axes[1].size == k[3], "kernel_shape is not the kernel's");
  const std::string padding = padding_of(step, axes);

  Value::Object fields = {{"kernel_size", both(axes[0].size, axes[1].size)},
                          {"strides", both(axes[0].stride, axes[1].stride)},
                          {"padding", padding},
                          {"use_bias", step.has_input(2)}};
  if (axes[0].dilation != 1 || axes[1].dilation != 1) {
    fields.emplace_back("dilation_rate", both(axes[0].dilation, axes[1].dilation));
  }
  const bool depthwise = groups > 1 && groups == channels;
  // (out, in, rows, columns) to (rows, columns, in, out); for channels alone out is (channel, multiplier).
  Tensor turned = permuted(kernel, {2, 3, 1, 0});
  if (depthwise) {
    const std::int64_t multiplier = k[0] / channels;
    turned = Tensor(Shape{k[2], k[3], channels, multiplier}, {turned.values().begin(), turned.values().end()});
    fields.emplace_back("depth_multiplier", multiplier);
  } else {
    fields.emplace_back("filters", k[0]);
    if (groups > 1) fields.emplace_back("groups", groups);
  }
  std::vector<Tensor> weights = {std::move(turned)};
  if (step.has_input(2)) weights.push_back(step.reals(2));
  step.chain.add(depthwise ? "DepthwiseConv2D" : "Conv2D", fields, std::move(weights));
  set_image(step);
}

/// Whether no number can be below 0, so that zeros around the image do not change which is the greatest.
bool never_negative(const Chain& chain) {
  const Layer* last = chain.last();
  if (last == nullptr) return false;
  for (const auto& [field, value] : last->fields()) {
    if (field != "activation") continue;
    for (const char* name : {"relu", "relu6", "sigmoid", "softmax", "softplus", "hard_sigmoid", "exponential"}) {
      if (value == Value(name)) return true;
    }
  }
  return false;
}

void read_pooling(Step& step) {
  const bool average = step.node.op == "AveragePool";
  step.bring_image();
  std::vector<Axis> axes = window(step, step.node.wholes("kernel_shape"));
  const bool counts = step.node.whole("count_include_pad", 0) != 0;
  const bool pads = axes[0].before + axes[0].after + axes[1].before + axes[1].after > 0;
  std::vector<Axis> rounded = axes;
  if (step.node.whole("ceil_mode", 0) != 0) round_up(rounded);
  const bool over = rounded[0].after != axes[0].after || rounded[1].after != axes[1].after;
  step.need(axes[0].dilation == 1 && axes[1].dilation == 1, "dilations");
  const bool same = std::all_of(rounded.begin(), rounded.end(), is_same);
  std::string padding = "valid";
  if (average && pads && counts) {
    step.need(!over, "ceil_mode with padding that counts");
    step.chain.add(
        "ZeroPadding2D",
        {{"padding", Value::List{both(axes[0].before, axes[0].after), both(axes[1].before, axes[1].after)}}});
  } else if (pads || over) {
    step.need(same || (!average && never_negative(step.chain)), "its padding is not Keras's 'same'");
    padding = padding_of(step, rounded);
  }
  step.chain.add(average ? "AveragePooling2D" : "MaxPooling2D", {{"pool_size", both(axes[0].size, axes[1].size)},
                                                                 {"strides", both(axes[0].stride, axes[1].stride)},
                                                                 {"padding", padding}});
  set_image(step);
}

void add_global_pooling(Step& step, const std::string& class_name, bool keeps_axes) {
  step.bring_image();
  const std::int64_t channels = step.flow.dims[0];
  step.chain.add(class_name, {});
  step.set_dims(keeps_axes ? Wholes{channels, 1, 1} : Wholes{channels});
}

void read_global_average(Step& step) { add_global_pooling(step, "GlobalAveragePooling2D", true); }
void read_global_max(Step& step) { add_global_pooling(step, "GlobalMaxPooling2D", true); }

/// Over rows and columns it is a pooling.
void read_reduction(Step& step) {
  const auto axes = step.list("axes", 1);
  step.need(axes && step.flow.dims.size() == 3, "only over the rows and columns of images");
  // Which axes are rows and columns shows by what is left: the channels.
  std::vector<bool> gone(3, false);
  for (const std::int64_t written : *axes) {
    const std::size_t axis = step.axis(written);
    step.need(axis != Step::batch_axis, "over the samples");
    gone[axis] = true;
  }
  step.need(std::count(gone.begin(), gone.end(), true) == 2, "only over the rows and columns of images");
  const auto channel = static_cast<std::size_t>(std::find(gone.begin(), gone.end(), false) - gone.begin());
  const std::int64_t channels = step.flow.dims[channel];
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < 3; ++i) {
    if (gone[i]) order.push_back(i);
  }
  order.push_back(channel);
  step.bring(order);
  step.chain.add(step.node.op == "ReduceMean" ? "GlobalAveragePooling2D" : "GlobalMaxPooling2D", {});
  Wholes dims = {channels};
  if (step.node.whole("keepdims", 1) != 0) {
    dims = {1, 1, 1};
    dims[channel] = channels;
  }
  step.set_dims(std::move(dims));
}

void read_pad(Step& step) {
  const auto pads = step.list("pads", 1);
  const std::size_t batch = step.flow.batch ? 1 : 0, rank = step.flow.dims.size() + batch;
  step.need(pads && pads->size() == 2 * rank, "pads has not two numbers an axis");
  if (std::all_of(pads->begin(), pads->end(), [](std::int64_t size) { return size == 0; })) return;
  step.need(step.node.text("mode", "constant") == "constant", "mode " + in_quotes(step.node.text("mode", "")));
  step.need(step.number("value", 2).value_or(0) == 0, "by other numbers than 0");
  step.need(batch == 1 && rank == 4, "it does not work on images");
  for (const std::int64_t size : *pads) {
    step.need(size >= 0 && size < (std::int64_t{1} << 24), "a padding below 0, or beyond 16,777,215");
  }
  // Rows and columns are the two axes that are padded, whatever their place.
  std::vector<std::size_t> padded, order;
  for (std::size_t i = 0; i < 3; ++i) {
    if ((*pads)[i + 1] != 0 || (*pads)[i + 5] != 0) padded.push_back(i);
  }
  const bool channels_last = std::find(padded.begin(), padded.end(), std::size_t{0}) != padded.end();
  order = channels_last ? std::vector<std::size_t>{0, 1, 2} : std::vector<std::size_t>{1, 2, 0};
  step.need((*pads)[order[2] + 1] == 0 && (*pads)[order[2] + 5] == 0, "all three axes of an image are padded");
  step.bring(order);
  const auto pair = [&](std::size_t axis) { return both((*pads)[axis + 1], (*pads)[axis + 5]); };
  step.chain.add("ZeroPadding2D", {{"padding", Value::List{pair(order[0]), pair(order[1])}}});
  for (std::size_t i = 0; i < 3; ++i) step.flow.dims[order[i]] = step.chain.shape()[i];
}

/// Rows and columns repeated, or points between them, by whole factors.
void read_resize(Step& step) {
  step.bring_image();
  const std::string mode = step.node.text("mode", "nearest");
  const std::string places = step.node.text(
      "coordinate_transformation_mode", step.opset() < 11 || step.node.op == "Upsample" ? "asymmetric" : "half_pixel");
  const std::size_t scales_at = step.node.op == "Upsample" || step.opset() < 11 ? 1 : 2;
  std::vector<double> factors;
  if (const Attribute* written = step.node.find("scales"); written != nullptr) {
    factors.assign(written->reals.begin(), written->reals.end());
  } else if (step.has_input(scales_at) && step.reals(scales_at).shape().elements() > 0) {
    const Tensor scales = step.reals(scales_at);
    factors.assign(scales.values().begin(), scales.values().end());
  } else {
    const Wholes sizes = step.wholes(3);
    step.need(sizes.size() == 4, "sizes has not four numbers");
    factors = {1, static_cast<double>(sizes[1]) / static_cast<double>(step.flow.dims[0])};
    for (std::size_t i = 2; i < 4; ++i) {
      factors.push_back(static_cast<double>(sizes[i]) / static_cast<double>(step.flow.dims[i - 1]));
    }
  }
  step.need(factors.size() == 4 && factors[0] == 1 && factors[1] == 1, "it changes other axes than rows and columns");
  for (const double factor : factors) {
    step.need(factor >= 1 && factor < 65536 && factor == std::floor(factor), "a factor that is not whole");
  }
  const std::string nearest = step.node.text("nearest_mode", "round_prefer_floor");
  const bool repeats = mode == "nearest" && ((places == "asymmetric" && nearest == "floor") ||
                                             (places == "half_pixel" && nearest == "round_prefer_floor") ||
                                             step.node.op == "Upsample" || step.opset() < 11);
  const bool between = mode == "linear" && places == "half_pixel";
  step.need(repeats || between, "mode " + in_quotes(mode) + " with " + in_quotes(places));
  step.chain.add("UpSampling2D",
                 {{"size", both(static_cast<std::int64_t>(factors[2]), static_cast<std::int64_t>(factors[3]))},
                  {"interpolation", repeats ? "nearest" : "bilinear"}});
  set_image(step);
}

}  // namespace

const std::map<std::string, StepReader, std::less<>>& image_readers() {
  static const std::map<std::string, StepReader, std::less<>> readers = {
      {"Conv", read_conv},
      {"MaxPool", read_pooling},
      {"AveragePool", read_pooling},
      {"GlobalAveragePool", read_global_average},
      {"GlobalMaxPool", read_global_max},
      {"ReduceMean", read_reduction},
      {"ReduceMax", read_reduction},
      {"Pad", read_pad},
      {"Resize", read_resize},
      {"Upsample", read_resize},
  };
  return readers;
}

}  // namespace gradus::onnx
