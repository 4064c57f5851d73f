#pragma once

#include <algorithm>

#include "kernels/convolution.hpp"
#include "layers/image_window.hpp"
#include "layers/layer.hpp"

namespace gradus {

/// What Conv2D and DepthwiseConv2D have in common: all but how the kernel's numbers lie.
///
/// Where the image is padded or the layer is the model's first, each sample is laid into an image of its own in scratch
/// (scaled, zeros around it), which the gradient of the kernel reads again. Zeros beyond the border are not scaled:
/// that is why an offset is put in there and not, as in Dense, by the sums of the kernel.
///
/// The gradient of a small kernel is summed for each group of samples on the way down, while they are in cache, and
/// the groups' sums are added in order. Of a large kernel, each tile sums over all samples by itself.
class ConvolutionFunction : public LayerFunction {
 public:
  struct Options {
    std::int64_t filters = 0;
    Size2D kernel_size, strides, dilation;
    Padding padding = Padding::valid;
    std::int64_t groups = 1;
    Activation activation = Activation::linear;
    bool use_bias = true;
    bool depthwise = false;  ///< the kernel has the shape (height, width, channels, filters / channels)
    Initializer kernel_initializer, bias_initializer;
    std::optional<Regularizer> kernel_regularizer, bias_regularizer, activity_regularizer;
    std::optional<Constraint> kernel_constraint, bias_constraint;
  };
  ConvolutionFunction(const Options& options, const Shape& input);

  [[nodiscard]] bool reads_samples() const override { return true; }
  [[nodiscard]] std::string why_not_trainable() const override;
  [[nodiscard]] Activation final_activation() const override;
  [[nodiscard]] std::unique_ptr<LayerFunction> without_activation() const override;
  [[nodiscard]] std::int64_t work() const override { return c_.y_size() * c_.kernel_rows(); }
  [[nodiscard]] std::int64_t scratch_size(const LayerBuffers& b) const override;
  void forward(const LayerBuffers& b, Steps& steps) const override;
  void backward(const LayerBuffers& b, Steps& steps) const override;
  void gradients(const LayerBuffers& b, Steps& steps) const override;

 protected:
  /// The same convolution as a part of a function with other outputs.
  ConvolutionFunction(const ConvolutionFunction& like, const Shape& output);

  [[nodiscard]] std::int64_t rows_at_once(const LayerBuffers& b) const;
  [[nodiscard]] const Parameter& kernel() const { return parameters_[0]; }
  [[nodiscard]] const Real* bias(const Pass& p) const;
  [[nodiscard]] const Real* kernel_matrix(const Pass& p) const;

  [[nodiscard]] bool copies(const LayerBuffers& b) const { return b.first || padded_; }
  [[nodiscard]] std::int64_t image_stride() const { return row_stride(c_.x_size()); }
  [[nodiscard]] std::int64_t out_stride() const { return row_stride(output_shape().elements()); }
  [[nodiscard]] kernels::ConstImages images(const LayerBuffers& b, std::int64_t r) const;
  [[nodiscard]] Real* image(const LayerBuffers& b, std::int64_t r) const { return b.scratch + r * image_stride(); }
  void copy_image(const Pass& p, const LayerBuffers& b, std::int64_t r) const;
  void crop_image(const Real* image, Real* x) const;

  /// Lays the samples into their images where that is called for.
  void copy_images(const Pass& p, const LayerBuffers& b, std::int64_t begin, std::int64_t end) const;
  /// Writes the outputs of the convolution, one sample every `stride` numbers.
  void compute(const Pass& p, const LayerBuffers& b, std::int64_t begin, std::int64_t end, Real* out,
               std::int64_t stride) const;
  /// dL/dy becomes dL/dz, in place.
  void to_delta(const LayerBuffers& b, std::int64_t begin, std::int64_t end) const;
  [[nodiscard]] kernels::Images input_gradients(const LayerBuffers& b, std::int64_t begin, std::int64_t end) const;
  void crop_images(const LayerBuffers& b, std::int64_t begin, std::int64_t end, const Real* dx) const;
  void pull_back(const Pass& p, const LayerBuffers& b, std::int64_t begin, std::int64_t end) const;

  /// Whether groups of samples have sums of their own: the kernel's matrix, then the bias.
  [[nodiscard]] bool by_groups() const;
  [[nodiscard]] std::int64_t sums_stride() const;
  [[nodiscard]] Real* sums(const LayerBuffers& b, std::int64_t group) const;
  void add_to_sums(const LayerBuffers& b, std::int64_t begin, std::int64_t end) const;
  void add_bias_sums(const LayerBuffers& b, std::int64_t begin, std::int64_t end, Real* to, bool add_to) const;
  /// How a group's sums of the kernel lie, behind which those of the bias do: how many numbers they are, and how rows
  /// [first, last) of the kernel's matrix, one tile, are summed over the groups.
  [[nodiscard]] virtual std::int64_t kernel_sums() const { return c_.kernel_rows() * matrix_row_; }
  virtual void add_groups(const Pass& p, const LayerBuffers& b, std::int64_t first, std::int64_t last,
                          Real* matrix) const;

  /// Rows [first, last) of the kernel's matrix have been updated in the model's block.
  virtual void renew(const LayerBuffers& b, const Real* parameters, std::int64_t first, std::int64_t last) const {
    (void)b, (void)parameters, (void)first, (void)last;
  }

  [[nodiscard]] virtual std::int64_t rows_of_tile() const;
  void kernel_tile(const Pass& p, const LayerBuffers& b, std::int64_t tile) const;
  void bias_tile(const Pass& p, const LayerBuffers& b) const;

  kernels::Convolution c_;
  Activation activation_;
  bool use_bias_, padded_;
  std::int64_t before_y_, before_x_;
  /// The kernel as a matrix of c_.kernel_rows() rows and filters columns; in the model's block, each row is cut into
  /// `parts_` rows.
  std::int64_t parts_, matrix_row_;
};

}  // namespace gradus
