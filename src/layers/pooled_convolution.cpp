#include "layers/pooled_convolution.hpp"

#include "kernels/pooled.hpp"
#include "kernels/scratch.hpp"
#include "layers/convolution.hpp"
#include "layers/pooling.hpp"

namespace gradus {
namespace {

using kernels::ScratchSlot;

/// A convolution and the maximum above it. The convolution's outputs are not kept, and their gradient, which is 0 but
/// for one number of each window, is not written down where kernels/pooled.hpp can do without. The slope of the
/// activation can be told from the maxima alone.
class PooledConvolutionFunction final : public ConvolutionFunction {
 public:
  PooledConvolutionFunction(const ConvolutionFunction& below, const PoolingFunction& above)
      : ConvolutionFunction(below, above.output_shape()), p_(above.windows()) {}

  [[nodiscard]] bool worthwhile() const {
    return kernels::is_pooled(c_, p_) && by_groups() && !kernels::is_over_axis(activation_) && !activity_regularizer_;
  }

  /// Behind the numbers of a convolution: where each maximum stood, and the kernel once more, turned.
  [[nodiscard]] std::int64_t scratch_size(const LayerBuffers& b) const override {
    return ConvolutionFunction::scratch_size(b) + (b.d_out != nullptr ? b.max_rows * out_stride() : 0) +
           (has_turned(b) ? kernels::turned_size(c_) : 0);
  }
  void refresh(const LayerBuffers& b, const Real* parameters) const override {
    renew(b, parameters, 0, c_.kernel_rows());
  }

  void forward(const LayerBuffers& b, Steps& steps) const override {
    const auto run = [this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
      copy_images(p, b, begin, end);
      if (activation_ == Activation::linear || activation_ == Activation::relu) {
        const kernels::Images place{b.d_out != nullptr ? places(b, begin) : nullptr, out_stride()};
        kernels::convolve_pooled(c_, p_, end - begin, images(b, begin), kernel_matrix(p), matrix_row_, bias(p),
                                 activation_ == Activation::relu, {b.out + begin * out_stride(), out_stride()}, place);
        return;
      }
      Real* y = kernels::scratch(c_.y_size(), ScratchSlot::samples);
      for (std::int64_t r = begin; r < end; ++r) {
        compute(p, b, r, r + 1, y, c_.y_size());
        kernels::max_pool(p_, y, b.out + r * out_stride(), b.d_out != nullptr ? places(b, r) : nullptr);
      }
    };
    steps.push_back({.by_rows = true, .tiles = {}, .run = run, .rows_at_once = samples_at_once(b)});
  }

  void backward(const LayerBuffers& b, Steps& steps) const override {
    const auto run = [this, b](const Pass& p, std::int64_t begin, std::int64_t end) {
      to_delta(b, begin, end);
      for_row_groups(begin, end, [&](std::int64_t r, std::int64_t next, std::int64_t group, bool add_to) {
        Real* to = sums(b, group);
        add_bias_sums(b, r, next, to + kernel_sums(), add_to);
        if (by_lists()) {
          list_gradients(b, r, next, to, add_to);
        } else {
          for (; r < next; ++r, add_to = true) spread_gradient(p, b, r, to, add_to);
        }
      });
    };
    steps.push_back({.by_rows = true, .tiles = {}, .run = run, .rows_at_once = samples_at_once(b)});
  }

 private:
  // What a few samples read and write should stay in the second-level cache.
  [[nodiscard]] std::int64_t samples_at_once(const LayerBuffers& b) const {
    constexpr std::int64_t cached_numbers = 64 * 1024;
    const std::int64_t numbers = (b.d_in == nullptr ? 1 : 2) * c_.x_size() + 3 * output_shape().elements();
    std::int64_t samples = row_group;
    while (samples > 1 && samples * numbers > cached_numbers) samples /= 2;
    return samples;
  }
  [[nodiscard]] Real* places(const LayerBuffers& b, std::int64_t r) const {
    return b.scratch + ConvolutionFunction::scratch_size(b) + r * out_stride();
  }

  [[nodiscard]] bool has_turned(const LayerBuffers& b) const { return b.d_in != nullptr && by_lists(); }
  [[nodiscard]] Real* turned(const LayerBuffers& b) const { return places(b, b.max_rows); }

  // Lists cost a vector of each kernel row for each maximum and filter; without them, vectors of filters, or, with few,
  // of pixels are multiplied for all outputs.
  [[nodiscard]] bool by_lists() const {
    const auto vectors = [](std::int64_t numbers) { return kernels::padded(numbers) / kernels::lane; };
    const std::int64_t run = c_.kernel_width * c_.channels, pixels = c_.rows * c_.columns;
    const std::int64_t all = c_.channels == 1 ? std::min(vectors(c_.filters) * pixels, c_.filters * vectors(pixels))
                                              : vectors(c_.filters) * pixels;
    return output_shape().elements() * vectors(run) <= all * run;
  }

  void list_gradients(const LayerBuffers& b, std::int64_t begin, std::int64_t end, Real* to, bool add_to) const {
    const kernels::ConstImages d{b.d_out + begin * out_stride(), out_stride()}, place{places(b, begin), out_stride()};
    if (b.d_in == nullptr) {
      kernels::pooled_gradients(c_, p_, end - begin, images(b, begin), d, place, nullptr, {}, to, add_to);
      return;
    }
    const kernels::Images dx = input_gradients(b, begin, end);
    kernels::pooled_gradients(c_, p_, end - begin, images(b, begin), d, place, turned(b), dx, to, add_to);
    crop_images(b, begin, end, dx.data);
  }

  // Without a gradient by the inputs, in parts that stay in the first-level cache.
  void spread_gradient(const Pass& p, const LayerBuffers& b, std::int64_t r, Real* to, bool add_to) const {
    const std::int64_t rows = b.d_in == nullptr ? kernels::rows_of_part(c_, p_, 4096) : p_.rows;
    for (std::int64_t first = 0; first < p_.rows; first += rows, add_to = true) {
      const kernels::PooledPart part = kernels::part_of(c_, p_, first, std::min(p_.rows, first + rows));
      Real* d = kernels::scratch(part.c.y_size(), ScratchSlot::row);
      kernels::max_pool_gradient(part.p, b.d_out + r * out_stride() + part.y, places(b, r) + part.y, d);
      kernels::convolution_kernel_gradient(part.c, 1, {images(b, r).data + part.x, 0}, {d, 0}, 0, c_.kernel_rows(), to,
                                           matrix_row_, add_to);
      if (b.d_in == nullptr) continue;
      const kernels::Images dx = input_gradients(b, r, r + 1);
      kernels::convolution_input_gradient(part.c, 1, {d, 0}, kernel_matrix(p), matrix_row_, dx);
      crop_images(b, r, r + 1, dx.data);
    }
  }

  // The groups' sums lie as the lists are summed.
  [[nodiscard]] std::int64_t kernel_sums() const override {
    return by_lists() ? kernels::turned_size(c_) : ConvolutionFunction::kernel_sums();
  }
  [[nodiscard]] std::int64_t rows_of_tile() const override {
    if (!by_lists()) return ConvolutionFunction::rows_of_tile();
    const std::int64_t run = c_.kernel_width * c_.channels;
    return std::max<std::int64_t>(1, 4096 / (run * matrix_row_)) * run;
  }
  void renew(const LayerBuffers& b, const Real* parameters, std::int64_t first, std::int64_t last) const override {
    if (!has_turned(b)) return;
    const std::int64_t run = c_.kernel_width * c_.channels, begin = first / run;
    kernels::turn_kernel(c_, begin, last / run, parameters + kernel().offset + first * matrix_row_, matrix_row_,
                         turned(b) + begin * c_.filters * kernels::turned_row(c_));
  }
  void add_groups(const Pass& p, const LayerBuffers& b, std::int64_t first, std::int64_t last,
                  Real* matrix) const override {
    if (!by_lists()) return ConvolutionFunction::add_groups(p, b, first, last, matrix);
    const std::int64_t run = c_.kernel_width * c_.channels, row = c_.filters * kernels::turned_row(c_);
    const std::int64_t begin = first / run, end = last / run, groups = (p.rows + row_group - 1) / row_group;
    Real* turned = kernels::scratch((end - begin) * row, ScratchSlot::samples);
    kernels::column_sums(sums(b, 0) + begin * row, groups, sums_stride(), (end - begin) * row, turned, false);
    kernels::turn_back(c_, begin, end, turned, matrix, matrix_row_);
  }

  kernels::Pooling p_;
};

}  // namespace

std::unique_ptr<LayerFunction> pooled_convolution(const LayerFunction& below, const LayerFunction& above) {
  const auto* convolution = dynamic_cast<const ConvolutionFunction*>(&below);
  const auto* pooling = dynamic_cast<const PoolingFunction*>(&above);
  if (convolution == nullptr || pooling == nullptr || !pooling->takes_maximum()) return nullptr;
  auto joined = std::make_unique<PooledConvolutionFunction>(*convolution, *pooling);
  return joined->worthwhile() ? std::move(joined) : nullptr;
}

}  // namespace gradus
