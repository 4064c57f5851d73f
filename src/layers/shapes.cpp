// Layers that move numbers about: Reshape, Permute, ZeroPadding2D, UpSampling2D.
#include <algorithm>
#include <numeric>

#include <gradus/error.hpp>

#include "layers/layer.hpp"

namespace gradus {
namespace {

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); }

std::string text_of(const std::vector<std::int64_t>& sizes) {
  return FieldType<std::vector<std::int64_t>>::to_value(sizes).to_string();
}

/// Steps by rows where f(x, y) makes a sample's output and g(d, d_in) its gradient.
class Moving : public LayerFunction {
 public:
  using LayerFunction::LayerFunction;
  void forward(const LayerBuffers& b, Steps& steps) const override {
    steps.push_back({true, {}, [this, b](const Pass&, std::int64_t begin, std::int64_t end) {
                       for (std::int64_t r = begin; r < end; ++r)
                         move(b.in + r * in_stride(), b.out + r * out_stride());
                     }});
  }
  void backward(const LayerBuffers& b, Steps& steps) const override {
    if (b.d_in == nullptr) return;
    steps.push_back({true, {}, [this, b](const Pass&, std::int64_t begin, std::int64_t end) {
                       for (std::int64_t r = begin; r < end; ++r) {
                         move_back(b.d_out + r * out_stride(), b.d_in + r * in_stride());
                       }
                     }});
  }

 protected:
  virtual void move(const Real* x, Real* y) const = 0;
  virtual void move_back(const Real* d, Real* d_in) const = 0;

  /// Height, width, channels.
  static const Shape& image(const Shape& input) {
    if (input.rank() != 3) refuse("takes (height, width, channels), got shape " + input.to_string());
    return input;
  }

 private:
  [[nodiscard]] std::int64_t in_stride() const { return row_stride(input_shape().elements()); }
  [[nodiscard]] std::int64_t out_stride() const { return row_stride(output_shape().elements()); }
};

class ReshapeFunction final : public LayerFunction {
 public:
  ReshapeFunction(const Reshape& spec, const Shape& input) : LayerFunction(input, output_shape_of(spec, input)) {}
  [[nodiscard]] bool is_view(bool) const override { return true; }
  void forward(const LayerBuffers&, Steps&) const override {}
  void backward(const LayerBuffers&, Steps&) const override {}

 private:
  static Shape output_shape_of(const Reshape& spec, const Shape& input) {
    std::vector<std::int64_t> sizes = spec.target_shape;
    const std::string problem = "cannot make " + text_of(sizes) + " of " + input.to_string();
    const auto open = std::find(sizes.begin(), sizes.end(), -1);
    if (open != sizes.end()) {
      *open = 1;
      if (std::count(sizes.begin(), sizes.end(), -1) > 0) refuse(problem + ": only one size may be -1");
    }
    if (std::any_of(sizes.begin(), sizes.end(), [](std::int64_t size) { return size < 1; })) {
      refuse(problem + ": sizes are 1 or more, or -1");
    }
    const std::int64_t others = Shape(sizes).elements();
    if (open != sizes.end() && input.elements() % others == 0) *open = input.elements() / others;
    Shape shape(std::move(sizes));
    if (shape.elements() != input.elements()) {
      refuse(problem + ", which has " + std::to_string(input.elements()) + " numbers");
    }
    return shape;
  }
};

class PermuteFunction final : public Moving {
 public:
  PermuteFunction(const Permute& spec, const Shape& input) : Moving(input, output_shape_of(spec, input)) {
    // Where each output comes from.
    std::vector<std::int64_t> steps(input.rank());
    std::int64_t step = 1;
    for (std::size_t axis = input.rank(); axis-- > 0; step *= input[axis]) steps[axis] = step;
    source_.resize(static_cast<std::size_t>(input.elements()));
    for (std::int64_t i = 0; i < input.elements(); ++i) {
      std::int64_t rest = i, from = 0;
      for (std::size_t axis = input.rank(); axis-- > 0; rest /= output_shape()[axis]) {
        from += rest % output_shape()[axis] * steps[static_cast<std::size_t>(spec.dims[axis] - 1)];
      }
      source_[static_cast<std::size_t>(i)] = static_cast<std::uint32_t>(from);
    }
  }

 private:
  static Shape output_shape_of(const Permute& spec, const Shape& input) {
    std::vector<std::int64_t> sorted = spec.dims, all(input.rank()), sizes;
    std::sort(sorted.begin(), sorted.end());
    std::iota(all.begin(), all.end(), 1);
    if (sorted != all) {
      refuse("dims must be the axes 1 to " + std::to_string(input.rank()) + " of " + input.to_string() +
             " in a new order, got " + text_of(spec.dims));
    }
    for (const std::int64_t axis : spec.dims) sizes.push_back(input[static_cast<std::size_t>(axis - 1)]);
    return Shape(std::move(sizes));
  }
  void move(const Real* x, Real* y) const override {
    for (std::size_t i = 0; i < source_.size(); ++i) y[i] = x[source_[i]];
  }
  void move_back(const Real* d, Real* d_in) const override {
    for (std::size_t i = 0; i < source_.size(); ++i) d_in[source_[i]] = d[i];
  }

  std::vector<std::uint32_t> source_;
};

class ZeroPaddingFunction final : public Moving {
 public:
  ZeroPaddingFunction(const ZeroPadding2D& spec, const Shape& input)
      : Moving(input, output_shape_of(spec, image(input))), top_(spec.padding[0][0]), left_(spec.padding[1][0]) {}

 private:
  static Shape output_shape_of(const ZeroPadding2D& spec, const Shape& input) {
    for (const auto& axis : spec.padding) {
      if (axis[0] < 0 || axis[1] < 0) {
        refuse("padding must be 0 or more, got " +
               FieldType<decltype(spec.padding)>::to_value(spec.padding).to_string());
      }
    }
    return Shape{spec.padding[0][0] + input[0] + spec.padding[0][1], spec.padding[1][0] + input[1] + spec.padding[1][1],
                 input[2]};
  }
  void move(const Real* x, Real* y) const override {
    const std::int64_t line = input_shape()[1] * input_shape()[2];
    std::fill_n(y, output_shape().elements(), Real{0});
    for (std::int64_t h = 0; h < input_shape()[0]; ++h) std::copy_n(x + h * line, line, y + inside(h));
  }
  void move_back(const Real* d, Real* d_in) const override {
    const std::int64_t line = input_shape()[1] * input_shape()[2];
    for (std::int64_t h = 0; h < input_shape()[0]; ++h) std::copy_n(d + inside(h), line, d_in + h * line);
  }
  // Where line h of the input begins in the output.
  [[nodiscard]] std::int64_t inside(std::int64_t h) const {
    return ((top_ + h) * output_shape()[1] + left_) * input_shape()[2];
  }

  std::int64_t top_, left_;
};

class UpSamplingFunction final : public Moving {
 public:
  UpSamplingFunction(const UpSampling2D& spec, const Shape& input)
      : Moving(input, output_shape_of(spec, image(input))), bilinear_(spec.interpolation == "bilinear") {
    rows_ = taps_of(input[0], output_shape()[0]);
    columns_ = taps_of(input[1], output_shape()[1]);
  }

 private:
  /// Output i is made of inputs `first` and `second`, the latter with weight `share`.
  struct Tap {
    std::int64_t first, second;
    Real share;
  };

  static Shape output_shape_of(const UpSampling2D& spec, const Shape& input) {
    if (spec.size.height < 1 || spec.size.width < 1) refuse("size must be 1 or more, got " + spec.size.to_string());
    if (spec.interpolation != "nearest" && spec.interpolation != "bilinear") {
      refuse("interpolation must be nearest or bilinear, got '" + spec.interpolation + "'");
    }
    return Shape{input[0] * spec.size.height, input[1] * spec.size.width, input[2]};
  }

  // The centre of output i lies at (i + 1/2) n / m - 1/2 of the input; beyond the first and last centre it is theirs.
  [[nodiscard]] std::vector<Tap> taps_of(std::int64_t n, std::int64_t m) const {
    std::vector<Tap> taps;
    for (std::int64_t i = 0; i < m; ++i) {
      if (!bilinear_) {
        taps.push_back({i * n / m, i * n / m, 0});
        continue;
      }
      const double at =
          std::max(0.0, (static_cast<double>(i) + 0.5) * static_cast<double>(n) / static_cast<double>(m) - 0.5);
      const auto first = std::min(static_cast<std::int64_t>(at), n - 1);
      taps.push_back({first, std::min(first + 1, n - 1), static_cast<Real>(at - static_cast<double>(first))});
    }
    return taps;
  }

  // f(output pixel's first number, input pixel's, weight) for each of the one or four inputs of each output.
  template <class F>
  void for_taps(F&& f) const {
    const std::int64_t channels = input_shape()[2], width = input_shape()[1];
    std::int64_t out = 0;
    for (const Tap& row : rows_) {
      for (const Tap& column : columns_) {
        const auto pixel = [&](std::int64_t h, std::int64_t w) { return (h * width + w) * channels; };
        f(out, pixel(row.first, column.first), (1 - row.share) * (1 - column.share));
        if (bilinear_) {
          f(out, pixel(row.first, column.second), (1 - row.share) * column.share);
          f(out, pixel(row.second, column.first), row.share * (1 - column.share));
          f(out, pixel(row.second, column.second), row.share * column.share);
        }
        out += channels;
      }
    }
  }

  void move(const Real* x, Real* y) const override {
    const std::int64_t channels = input_shape()[2];
    if (bilinear_) std::fill_n(y, output_shape().elements(), Real{0});
    for_taps([&](std::int64_t out, std::int64_t in, Real weight) {
      if (!bilinear_) {
        std::copy_n(x + in, channels, y + out);
      } else if (weight != 0) {
        kernels::sgd(y + out, x + in, channels, -weight);  // y += weight x
      }
    });
  }
  void move_back(const Real* d, Real* d_in) const override {
    std::fill_n(d_in, input_shape().elements(), Real{0});
    for_taps([&](std::int64_t out, std::int64_t in, Real weight) {
      if (weight != 0) kernels::sgd(d_in + in, d + out, input_shape()[2], -weight);
    });
  }

  bool bilinear_;
  std::vector<Tap> rows_, columns_;
};

[[maybe_unused]] const bool registered[] = {
    register_layer<Reshape, ReshapeFunction>(
        {{Reshape{.target_shape = {5, 3}}, {15}}, {Reshape{.target_shape = {2, -1}}, {3, 4}}}, __FILE__),
    register_layer<Permute, PermuteFunction>(
        {{Permute{.dims = {2, 1}}, {3, 5}}, {Permute{.dims = {3, 1, 2}}, {2, 3, 4}}}, __FILE__),
    register_layer<ZeroPadding2D, ZeroPaddingFunction>(
        {{ZeroPadding2D{}, {3, 4, 2}}, {ZeroPadding2D{.padding = {{{0, 1}, {2, 3}}}}, {2, 3, 5}}}, __FILE__),
    register_layer<UpSampling2D, UpSamplingFunction>(
        {{UpSampling2D{}, {2, 3, 2}},
         {UpSampling2D{.size = {3, 1}}, {2, 2, 17}},
         {UpSampling2D{.size = {2, 3}, .interpolation = "bilinear"}, {3, 2, 2}}},
        __FILE__)};

}  // namespace
}  // namespace gradus
