#include <algorithm>
#include <array>

#include "base/aligned.hpp"
#include "kernels/kernels.hpp"
#include "kernels/multiply.hpp"
#include "kernels/scratch.hpp"

namespace gradus::kernels {

Real* scratch(std::int64_t count, ScratchSlot slot) {
  thread_local std::array<AlignedBuffer, static_cast<std::size_t>(ScratchSlot::count)> memory;
  AlignedBuffer& buffer = memory[static_cast<std::size_t>(slot)];
  if (buffer.size() < count) buffer = AlignedBuffer(std::max(count, 2 * buffer.size()));
  return buffer.data();
}

bool mostly_zero(const Samples& samples, std::int64_t rows, std::int64_t width) {
  std::int64_t zeros = 0;
  for (std::int64_t r = 0; r < rows; ++r) zeros += count_zeros(samples, r, width);
  return 5 * zeros > 3 * rows * width;
}

namespace {

/// The samples' numbers as a block of reals that a product can walk.
void gather(Product& p) {
  const Samples& samples = *p.samples;
  if (!p.samples_transposed) {
    const std::int64_t stride = padded(p.k);
    Real* block = scratch(p.m * stride, ScratchSlot::samples);
    for (std::int64_t r = 0; r < p.m; ++r) {
      scale_row(samples, p.first_sample_row + r, p.k, 0, block + r * stride);
    }
    p.a = block, p.a_row = stride, p.a_col = 1;
    return;
  }
  const std::int64_t stride = padded(p.m);
  Real* block = scratch(p.k * stride, ScratchSlot::samples);
  Samples part = samples;
  const std::int64_t size = samples.bytes ? 1 : static_cast<std::int64_t>(sizeof(Real));
  part.data = static_cast<const char*>(samples.data) + p.first_sample_column * size;
  for (std::int64_t r = 0; r < p.k; ++r) scale_row(part, r, p.m, 0, block + r * stride);
  p.a = block, p.a_row = 1, p.a_col = stride;
}

}  // namespace

void product(const Product& p) {
  if (p.samples != nullptr) {
    Product gathered = p;
    gather(gathered);
    multiply(gathered);
  } else {
    multiply(p);
  }
  const bool done = p.activation == Activation::linear || p.activation == Activation::relu || p.accumulate;
  if (done) return;
  for (std::int64_t r = 0; r < p.m; ++r) {
    Real* row = p.c + r * p.c_row;
    activate(p.activation, row, p.c_padded ? padded(p.n) : p.n, row);
  }
}

}  // namespace gradus::kernels
