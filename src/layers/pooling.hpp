#pragma once

#include "kernels/convolution.hpp"
#include "layers/image_window.hpp"
#include "layers/layer.hpp"

namespace gradus {

/// The layers that make one number of each window of each channel: the greatest, or the mean.
class PoolingFunction : public LayerFunction {
 public:
  struct Options {
    Size2D pool_size, strides;
    Padding padding = Padding::valid;
    bool max = false;
  };
  PoolingFunction(const Options& options, const Shape& input) : PoolingFunction(options, input, {}) {}
  /// `output` is another shape for the same numbers; unset for (rows, columns, channels).
  PoolingFunction(const Options& options, const Shape& input, std::optional<Shape> output)
      : LayerFunction(input, output ? *output : output_shape_of(options, input)), max_(options.max) {
    const Windows windows = windows_of(options, input);
    p_.height = input[0], p_.width = input[1], p_.channels = input[2];
    p_.rows = windows.y.count, p_.columns = windows.x.count;
    p_.pool_height = options.pool_size.height, p_.pool_width = options.pool_size.width;
    p_.stride_y = options.strides.height, p_.stride_x = options.strides.width;
    p_.before_y = windows.y.before, p_.before_x = windows.x.before;
  }

  [[nodiscard]] const kernels::Pooling& windows() const { return p_; }
  [[nodiscard]] bool takes_maximum() const { return max_; }
  [[nodiscard]] std::int64_t work() const override { return input_shape().elements(); }
  /// Where each greatest number stood, for the way down.
  [[nodiscard]] std::int64_t scratch_size(const LayerBuffers& b) const override {
    return max_ && b.d_out != nullptr ? b.max_rows * out_stride() : 0;
  }

  void forward(const LayerBuffers& b, Steps& steps) const override {
    const auto run = [this, b](const Pass&, std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const Real* x = b.in + r * in_stride();
        Real* y = b.out + r * out_stride();
        if (max_) {
          kernels::max_pool(p_, x, y, b.d_out != nullptr ? b.scratch + r * out_stride() : nullptr);
        } else {
          kernels::average_pool(p_, x, y);
        }
      }
    };
    steps.push_back({.by_rows = true, .tiles = {}, .run = run, .rows_at_once = rows_at_once(b)});
  }

  void backward(const LayerBuffers& b, Steps& steps) const override {
    if (b.d_in == nullptr) return;
    const auto run = [this, b](const Pass&, std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const Real* d = b.d_out + r * out_stride();
        Real* dx = b.d_in + r * in_stride();
        if (max_) {
          kernels::max_pool_gradient(p_, d, b.scratch + r * out_stride(), dx);
        } else {
          kernels::average_pool_gradient(p_, d, dx);
        }
      }
    };
    steps.push_back({.by_rows = true, .tiles = {}, .run = run, .rows_at_once = rows_at_once(b)});
  }

 private:
  static Windows windows_of(const Options& o, const Shape& input) {
    check_image(input);
    check_sizes("pool_size", o.pool_size);
    check_sizes("strides", o.strides);
    return {input, o.pool_size, o.strides, 1, o.padding, "a window"};
  }
  static Shape output_shape_of(const Options& o, const Shape& input) {
    const Windows windows = windows_of(o, input);
    return {windows.y.count, windows.x.count, input[2]};
  }

  [[nodiscard]] std::int64_t in_stride() const { return row_stride(input_shape().elements()); }
  [[nodiscard]] std::int64_t out_stride() const { return row_stride(output_shape().elements()); }
  // As for convolutions, between which pooling stands.
  [[nodiscard]] std::int64_t rows_at_once(const LayerBuffers& b) const {
    constexpr std::int64_t cached_numbers = 16 * 1024;
    const std::int64_t numbers = (b.d_out == nullptr ? 1 : 2) * input_shape().elements();
    return std::clamp<std::int64_t>(cached_numbers / numbers, 1, row_group);
  }

  kernels::Pooling p_;
  bool max_;
};

}  // namespace gradus
