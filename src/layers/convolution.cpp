#include "layers/convolution.hpp"

#include <algorithm>

#include <gradus/error.hpp>

#include "kernels/scratch.hpp"

namespace gradus {
namespace {

using kernels::padded;

[[noreturn]] void wrong(const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); }

void check(const ConvolutionFunction::Options& o, const Shape& input) {
  check_image(input);
  if (o.filters < 1) wrong("filters must be 1 or more, got " + std::to_string(o.filters));
  check_sizes("kernel_size", o.kernel_size);
  check_sizes("strides", o.strides);
  check_sizes("dilation_rate", o.dilation);
  if (o.strides != Size2D(1) && o.dilation != Size2D(1)) {
    wrong("strides " + o.strides.to_string() + " and dilation_rate " + o.dilation.to_string() +
          " cannot both be above 1");
  }
  if (o.groups < 1) wrong("groups must be 1 or more, got " + std::to_string(o.groups));
  for (const auto& [what, count] :
       {std::pair{"channels of the input", input.back()}, std::pair{"filters", o.filters}}) {
    if (count % o.groups == 0) continue;
    wrong("groups must divide the " + std::string(what) + ", got " + std::to_string(o.groups) + " groups of " +
          std::to_string(count));
  }
}

Windows windows_of(const ConvolutionFunction::Options& o, const Shape& input) {
  check(o, input);
  return {input, o.kernel_size, o.strides, o.dilation, o.padding, "a kernel"};
}

Shape output_shape_of(const ConvolutionFunction::Options& o, const Shape& input) {
  const Windows windows = windows_of(o, input);
  return {windows.y.count, windows.x.count, o.filters};
}

}  // namespace

ConvolutionFunction::ConvolutionFunction(const Options& o, const Shape& input)
    : LayerFunction(input, output_shape_of(o, input)), activation_(o.activation), use_bias_(o.use_bias) {
  const Windows windows = windows_of(o, input);
  before_y_ = windows.y.before, before_x_ = windows.x.before;
  c_.height = input[0] + windows.y.before + windows.y.after;
  c_.width = input[1] + windows.x.before + windows.x.after;
  padded_ = c_.height != input[0] || c_.width != input[1];
  c_.channels = input[2], c_.filters = o.filters, c_.groups = o.groups;
  c_.rows = windows.y.count, c_.columns = windows.x.count;
  c_.kernel_height = o.kernel_size.height, c_.kernel_width = o.kernel_size.width;
  c_.stride_y = o.strides.height, c_.stride_x = o.strides.width;
  c_.dilation_y = o.dilation.height, c_.dilation_x = o.dilation.width;
  // The fans of the kernel's shape as Keras computes them: its last two axes, times the pixels of the kernel.
  const std::int64_t pixels = c_.kernel_height * c_.kernel_width;
  const std::int64_t from = o.depthwise ? c_.channels : c_.in_group();
  const std::int64_t to = o.depthwise ? c_.filters / c_.channels : c_.filters;
  parameters_.push_back(
      {"kernel", {c_.kernel_height, c_.kernel_width, from, to}, o.kernel_initializer, pixels * from, pixels * to});
  parameters_[0].regularizer = o.kernel_regularizer, parameters_[0].constraint = o.kernel_constraint;
  if (use_bias_) {
    parameters_.push_back({"bias", {c_.filters}, o.bias_initializer, c_.filters, c_.filters});
    parameters_[1].regularizer = o.bias_regularizer, parameters_[1].constraint = o.bias_constraint;
  }
  activity_regularizer_ = o.activity_regularizer;
  parts_ = o.depthwise ? c_.channels : 1;
  matrix_row_ = row_stride(c_.filters);
}

ConvolutionFunction::ConvolutionFunction(const ConvolutionFunction& like, const Shape& output)
    : LayerFunction(like.input_shape(), output),
      c_(like.c_),
      activation_(like.activation_),
      use_bias_(like.use_bias_),
      padded_(like.padded_),
      before_y_(like.before_y_),
      before_x_(like.before_x_),
      parts_(like.parts_),
      matrix_row_(like.matrix_row_) {
  parameters_ = like.parameters_;
  activity_regularizer_ = like.activity_regularizer_;
}

std::string ConvolutionFunction::why_not_trainable() const {
  return activation_ == Activation::step ? "the step activation has no useful gradient" : "";
}

// A loss that takes softmax over takes it of all outputs; here it is taken of each pixel's.
Activation ConvolutionFunction::final_activation() const {
  const bool of_pixels = kernels::is_over_axis(activation_) && c_.rows * c_.columns > 1;
  return of_pixels ? Activation::linear : activation_;
}

std::unique_ptr<LayerFunction> ConvolutionFunction::without_activation() const {
  auto plain = std::make_unique<ConvolutionFunction>(*this);
  plain->activation_ = Activation::linear;
  return plain;
}

// What a few samples write and read should stay in the second-level cache until the layers above and below are through.
std::int64_t ConvolutionFunction::rows_at_once(const LayerBuffers& b) const {
  constexpr std::int64_t cached_numbers = 16 * 1024;
  const std::int64_t numbers = (b.d_out == nullptr ? 1 : 2) * std::max(c_.x_size(), c_.y_size());
  return std::clamp<std::int64_t>(cached_numbers / numbers, 1, row_group);
}

const Real* ConvolutionFunction::bias(const Pass& p) const {
  return use_bias_ ? p.parameters + parameters_[1].offset : nullptr;
}

// The kernel with whole rows: in the block itself, or put together.
const Real* ConvolutionFunction::kernel_matrix(const Pass& p) const {
  const Real* block = p.parameters + kernel().offset;
  if (parts_ == 1) return block;
  const std::int64_t part = c_.filters / parts_;
  Real* matrix = kernels::scratch(c_.kernel_rows() * matrix_row_, kernels::ScratchSlot::row);
  for (std::int64_t i = 0; i < c_.kernel_rows() * parts_; ++i) {
    std::copy_n(block + i * kernel().stride(), part, matrix + i / parts_ * matrix_row_ + i % parts_ * part);
  }
  return matrix;
}

kernels::ConstImages ConvolutionFunction::images(const LayerBuffers& b, std::int64_t r) const {
  if (copies(b)) return {image(b, r), image_stride()};
  return {b.in + r * image_stride(), image_stride()};
}

void ConvolutionFunction::copy_image(const Pass& p, const LayerBuffers& b, std::int64_t r) const {
  const Shape& shape = input_shape();
  const std::int64_t line = shape[1] * shape[2];
  kernels::Samples samples{b.in, false, row_stride(shape.elements())};
  Real offset = 0;
  if (b.first) samples = p.samples, samples.scale = b.scale, offset = b.offset;
  if (!padded_) return kernels::scale_row(samples, r, shape.elements(), offset, image(b, r));
  const std::int64_t bytes = samples.bytes ? line : line * static_cast<std::int64_t>(sizeof(Real));
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    Real* to = image(b, r) + ((i + before_y_) * c_.width + before_x_) * c_.channels;
    kernels::scale_row(samples, r, line, offset, to);
    samples.data = static_cast<const char*>(samples.data) + bytes;
  }
}

void ConvolutionFunction::crop_image(const Real* image, Real* x) const {
  const std::int64_t line = input_shape()[1] * c_.channels;
  for (std::int64_t i = 0; i < input_shape()[0]; ++i) {
    std::copy_n(image + ((i + before_y_) * c_.width + before_x_) * c_.channels, line, x + i * line);
  }
}

std::int64_t ConvolutionFunction::scratch_size(const LayerBuffers& b) const {
  const std::int64_t copied = copies(b) ? b.max_rows * image_stride() : 0;
  const std::int64_t groups = b.d_out != nullptr && by_groups() ? (b.max_rows + row_group - 1) / row_group : 0;
  return copied + groups * sums_stride();
}

void ConvolutionFunction::forward(const LayerBuffers& b, Steps& steps) const {
  const auto run = [this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
    copy_images(p, b, begin, end);
    compute(p, b, begin, end, b.out + begin * out_stride(), out_stride());
  };
  steps.push_back({.by_rows = true, .tiles = {}, .run = run, .rows_at_once = rows_at_once(b)});
}

void ConvolutionFunction::copy_images(const Pass& p, const LayerBuffers& b, std::int64_t begin,
                                      std::int64_t end) const {
  if (!copies(b)) return;
  for (std::int64_t r = begin; r < end; ++r) copy_image(p, b, r);
}

void ConvolutionFunction::compute(const Pass& p, const LayerBuffers& b, std::int64_t begin, std::int64_t end, Real* out,
                                  std::int64_t stride) const {
  kernels::convolve(c_, end - begin, images(b, begin), kernel_matrix(p), matrix_row_, bias(p),
                    activation_ == Activation::relu, {out, stride});
  if (activation_ == Activation::linear || activation_ == Activation::relu) return;
  for (std::int64_t r = begin; r < end; ++r, out += stride) {
    if (!kernels::is_over_axis(activation_)) {
      kernels::activate(activation_, out, c_.y_size(), out);
      continue;
    }
    for (std::int64_t i = 0; i < c_.y_size(); i += c_.filters)
      kernels::activate_axis(activation_, out + i, c_.filters, out + i);
  }
}

void ConvolutionFunction::backward(const LayerBuffers& b, Steps& steps) const {
  const auto run = [this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
    to_delta(b, begin, end);
    if (by_groups()) add_to_sums(b, begin, end);
    if (b.d_in != nullptr) pull_back(p, b, begin, end);
  };
  steps.push_back({.by_rows = true, .tiles = {}, .run = run, .rows_at_once = rows_at_once(b)});
}

void ConvolutionFunction::to_delta(const LayerBuffers& b, std::int64_t begin, std::int64_t end) const {
  const std::int64_t size = output_shape().elements();
  for (std::int64_t r = begin; r < end; ++r) {
    const Real* y = b.out + r * out_stride();
    Real* d = b.d_out + r * out_stride();
    if (kernels::is_over_axis(activation_)) {
      for (std::int64_t i = 0; i < size; i += c_.filters) {
        kernels::activation_axis_gradient(activation_, y + i, c_.filters, d + i);
      }
    } else if (activation_ != Activation::linear) {
      kernels::activation_gradient(activation_, y, size, d);
    }
  }
}

// Where gradients by the images are written: in place, or where crop_images takes them from.
kernels::Images ConvolutionFunction::input_gradients(const LayerBuffers& b, std::int64_t begin,
                                                     std::int64_t end) const {
  if (!padded_) return {b.d_in + begin * image_stride(), image_stride()};
  return {kernels::scratch((end - begin) * image_stride(), kernels::ScratchSlot::samples), image_stride()};
}

void ConvolutionFunction::crop_images(const LayerBuffers& b, std::int64_t begin, std::int64_t end,
                                      const Real* dx) const {
  if (!padded_) return;
  const std::int64_t stride = row_stride(input_shape().elements());
  for (std::int64_t r = begin; r < end; ++r, dx += image_stride()) crop_image(dx, b.d_in + r * stride);
}

void ConvolutionFunction::pull_back(const Pass& p, const LayerBuffers& b, std::int64_t begin, std::int64_t end) const {
  const kernels::Images dx = input_gradients(b, begin, end);
  kernels::convolution_input_gradient(c_, end - begin, {b.d_out + begin * out_stride(), out_stride()}, kernel_matrix(p),
                                      matrix_row_, dx);
  crop_images(b, begin, end, dx.data);
}

bool ConvolutionFunction::by_groups() const { return c_.kernel_rows() * matrix_row_ <= 64 * 1024; }
std::int64_t ConvolutionFunction::sums_stride() const { return row_stride(kernel_sums() + padded(c_.filters)); }
Real* ConvolutionFunction::sums(const LayerBuffers& b, std::int64_t group) const {
  return b.scratch + (copies(b) ? b.max_rows * image_stride() : 0) + group * sums_stride();
}

void ConvolutionFunction::add_to_sums(const LayerBuffers& b, std::int64_t begin, std::int64_t end) const {
  for_row_groups(begin, end, [&](std::int64_t r, std::int64_t next, std::int64_t group, bool add_to) {
    Real* to = sums(b, group);
    kernels::convolution_kernel_gradient(c_, next - r, images(b, r), {b.d_out + r * out_stride(), out_stride()}, 0,
                                         c_.kernel_rows(), to, matrix_row_, add_to);
    add_bias_sums(b, r, next, to + kernel_sums(), add_to);
  });
}

void ConvolutionFunction::add_bias_sums(const LayerBuffers& b, std::int64_t begin, std::int64_t end, Real* to,
                                        bool add_to) const {
  const std::int64_t pixels = output_shape().elements() / c_.filters;
  for (std::int64_t r = begin; use_bias_ && r < end; ++r) {
    kernels::column_sums(b.d_out + r * out_stride(), pixels, c_.filters, c_.filters, to, add_to || r > begin);
  }
}

void ConvolutionFunction::add_groups(const Pass& p, const LayerBuffers& b, std::int64_t first, std::int64_t last,
                                     Real* matrix) const {
  const std::int64_t groups = (p.rows + row_group - 1) / row_group;
  kernels::column_sums(sums(b, 0) + first * matrix_row_, groups, sums_stride(), (last - first) * matrix_row_, matrix,
                       false);
}

// Where samples are summed by groups, a tile only adds these sums; else it walks through the whole batch, and few tall
// tiles are better.
std::int64_t ConvolutionFunction::rows_of_tile() const {
  const std::int64_t rows = c_.kernel_rows();
  return std::max<std::int64_t>(1, by_groups() ? 4096 / matrix_row_ : std::max<std::int64_t>(48, (rows + 15) / 16));
}

void ConvolutionFunction::gradients(const LayerBuffers& b, Steps& steps) const {
  const std::int64_t tiles = (c_.kernel_rows() + rows_of_tile() - 1) / rows_of_tile();
  steps.push_back({.by_rows = false,
                   .tiles = [this, tiles](const Pass&) { return tiles + (use_bias_ ? 1 : 0); },
                   .run =
                       [this, b, tiles](const Pass& p, std::int64_t begin, std::int64_t end) {
                         for (std::int64_t tile = begin; tile < std::min(end, tiles); ++tile) kernel_tile(p, b, tile);
                         if (end > tiles) bias_tile(p, b);
                       }});
}

void ConvolutionFunction::kernel_tile(const Pass& p, const LayerBuffers& b, std::int64_t tile) const {
  const std::int64_t first = tile * rows_of_tile(), last = std::min(c_.kernel_rows(), first + rows_of_tile());
  const std::int64_t stride = kernel().stride(), from = kernel().offset + first * parts_ * stride;
  const std::int64_t numbers = (last - first) * matrix_row_;
  Real* g = p.gradients + from;
  Real* matrix = parts_ == 1 ? g : kernels::scratch(numbers, kernels::ScratchSlot::row);
  if (by_groups()) {
    add_groups(p, b, first, last, matrix);
  } else {
    kernels::convolution_kernel_gradient(c_, p.rows, images(b, 0), {b.d_out, out_stride()}, first, last, matrix,
                                         matrix_row_, false);
  }
  if (parts_ > 1) {
    const std::int64_t part = c_.filters / parts_;
    for (std::int64_t i = 0; i < (last - first) * parts_; ++i) {
      std::copy_n(matrix + i / parts_ * matrix_row_ + i % parts_ * part, part, g + i * stride);
    }
  }
  if (p.update == nullptr) return;
  (*p.update)(from, from + (last - first) * parts_ * stride);
  renew(b, p.parameters, first, last);
}

void ConvolutionFunction::bias_tile(const Pass& p, const LayerBuffers& b) const {
  const Parameter& parameter = parameters_[1];
  Real* g = p.gradients + parameter.offset;
  if (by_groups()) {
    const std::int64_t groups = (p.rows + row_group - 1) / row_group;
    const Real* from = sums(b, 0) + kernel_sums();
    kernels::column_sums(from, groups, sums_stride(), c_.filters, g, false);
  } else {
    for (std::int64_t r = 0; r < p.rows; ++r) {
      kernels::column_sums(b.d_out + r * out_stride(), c_.rows * c_.columns, c_.filters, c_.filters, g, r > 0);
    }
  }
  if (p.update != nullptr) (*p.update)(parameter.offset, parameter.offset + parameter.size());
}

}  // namespace gradus
