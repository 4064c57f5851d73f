#pragma once

#include "kernels/convolution.hpp"

namespace gradus::kernels {

/// Where each filter reads one channel, and each channel one filter, the functions of convolution.hpp hand their work
/// to those below, which have vectors of channels.
inline bool is_depthwise(const Convolution& c) {
  return c.channels > 1 && c.groups == c.channels && c.filters == c.channels;
}
void convolve_depthwise(const Convolution& c, std::int64_t samples, ConstImages x, const Real* kernel,
                        std::int64_t kernel_row, const Real* bias, bool relu, Images y);
void depthwise_input_gradient(const Convolution& c, std::int64_t samples, ConstImages d, const Real* kernel,
                              std::int64_t kernel_row, Images dx);
void depthwise_kernel_gradient(const Convolution& c, std::int64_t samples, ConstImages x, ConstImages d,
                               std::int64_t first, std::int64_t last, Real* g, std::int64_t g_row, bool add_to);

}  // namespace gradus::kernels
