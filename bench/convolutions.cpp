// Convolutions, and the maxima above them, of `lenet5` and `convnet`: outputs, gradients by inputs and by the kernel,
// and both from the gradient by the maxima. One round is a few samples that lie in the second-level cache, as in
// training.
#include <algorithm>

#include "harness.hpp"
#include "kernels/pooled.hpp"

namespace gradus::bench {
namespace {

using kernels::padded;

constexpr std::int64_t samples = 4;

struct ImageShape {
  std::int64_t side, channels, filters, kernel;
  [[nodiscard]] kernels::Convolution convolution() const {
    const std::int64_t out = side - kernel + 1;
    return {side, side, channels, out, out, filters, kernel, kernel};
  }
  [[nodiscard]] kernels::Pooling pooling() const {
    const std::int64_t out = side - kernel + 1;
    return {out, out, filters, out / 2, out / 2, 2, 2, 2, 2, 0, 0};
  }
  [[nodiscard]] std::string text() const {
    return std::to_string(side) + "x" + std::to_string(side) + "x" + std::to_string(channels) + "_" +
           std::to_string(filters) + "of" + std::to_string(kernel) + "x" + std::to_string(kernel);
  }
};
constexpr ImageShape image_shapes[] = {{28, 1, 6, 5}, {12, 6, 16, 5}, {28, 1, 32, 3}, {13, 32, 64, 3}};

struct Operands {
  explicit Operands(const ImageShape& s)
      : c(s.convolution()),
        p(s.pooling()),
        row(padded(c.filters)),
        pooled(p.rows * p.columns * p.channels),
        x(random(samples * c.x_size() + kernels::lane)),
        y(random(samples * c.y_size())),
        d(random(samples * pooled)),
        dx(random(samples * c.x_size())),
        place(samples * pooled),
        kernel(random(c.kernel_rows() * row)),
        bias(random(row)),
        turned(kernels::turned_size(c)),
        g(std::max(kernels::turned_size(c), c.kernel_rows() * row)) {
    for (std::int64_t i = 0; i < samples; ++i) {
      kernels::max_pool(p, y.data() + i * c.y_size(), d.data() + i * pooled, place.data() + i * pooled);
    }
    // As after relu and dropout: half of the maxima have no gradient.
    const AlignedBuffer coin = random(d.size());
    for (std::int64_t i = 0; i < d.size(); ++i) d.data()[i] = coin.data()[i] < 0 ? 0 : coin.data()[i];
    kernels::turn_kernel(c, 0, c.kernel_height, kernel.data(), row, turned.data());
  }
  [[nodiscard]] kernels::ConstImages images() const { return {x.data(), c.x_size()}; }
  [[nodiscard]] double operations() const { return 2.0 * static_cast<double>(samples * c.y_size() * c.kernel_rows()); }

  kernels::Convolution c;
  kernels::Pooling p;
  std::int64_t row, pooled;
  AlignedBuffer x, y, d, dx, place, kernel, bias, turned, g;
};

void outputs(benchmark::State& state, const ImageShape& s) {
  Operands o(s);
  for (auto _ : state) {
    kernels::convolve(o.c, samples, o.images(), o.kernel.data(), o.row, o.bias.data(), true,
                      {o.y.data(), o.c.y_size()});
  }
  count_operations(state, o.operations());
}

void by_inputs(benchmark::State& state, const ImageShape& s) {
  Operands o(s);
  for (auto _ : state) {
    kernels::convolution_input_gradient(o.c, samples, {o.y.data(), o.c.y_size()}, o.kernel.data(), o.row,
                                        {o.dx.data(), o.c.x_size()});
  }
  count_operations(state, o.operations());
}

void by_kernel(benchmark::State& state, const ImageShape& s) {
  Operands o(s);
  for (auto _ : state) {
    kernels::convolution_kernel_gradient(o.c, samples, o.images(), {o.y.data(), o.c.y_size()}, 0, o.c.kernel_rows(),
                                         o.g.data(), o.row, true);
  }
  count_operations(state, o.operations());
}

// Shares are of what a gradient with all its zeros would take; half of the maxima have one.
void from_maxima(benchmark::State& state, const ImageShape& s, bool down) {
  Operands o(s);
  const kernels::Images dx{down ? o.dx.data() : nullptr, o.c.x_size()};
  for (auto _ : state) {
    kernels::pooled_gradients(o.c, o.p, samples, o.images(), {o.d.data(), o.pooled}, {o.place.data(), o.pooled},
                              o.turned.data(), dx, o.g.data(), true);
  }
  count_operations(state, (down ? 2 : 1) * o.operations());
}
void by_kernel_from_maxima(benchmark::State& state, const ImageShape& s) { from_maxima(state, s, false); }
void by_both_from_maxima(benchmark::State& state, const ImageShape& s) { from_maxima(state, s, true); }

void maximum(benchmark::State& state, const ImageShape& s) {
  Operands o(s);
  for (auto _ : state) {
    for (std::int64_t i = 0; i < samples; ++i) {
      kernels::max_pool(o.p, o.y.data() + i * o.c.y_size(), o.d.data() + i * o.pooled, o.place.data() + i * o.pooled);
    }
  }
  count_bytes(state, static_cast<double>(samples * (o.c.y_size() + 2 * o.pooled)) * sizeof(float));
}

void maximum_gradient(benchmark::State& state, const ImageShape& s) {
  Operands o(s);
  for (auto _ : state) {
    for (std::int64_t i = 0; i < samples; ++i) {
      kernels::max_pool_gradient(o.p, o.d.data() + i * o.pooled, o.place.data() + i * o.pooled,
                                 o.y.data() + i * o.c.y_size());
    }
  }
  count_bytes(state, static_cast<double>(samples * (o.c.y_size() + 2 * o.pooled)) * sizeof(float));
}

}  // namespace

void add_convolutions() {
  using ImageBody = void (*)(benchmark::State&, const ImageShape&);
  const std::pair<const char*, ImageBody> bodies[] = {{"outputs", outputs},
                                                      {"by_inputs", by_inputs},
                                                      {"by_kernel", by_kernel},
                                                      {"by_kernel_from_maxima", by_kernel_from_maxima},
                                                      {"by_both_from_maxima", by_both_from_maxima},
                                                      {"maximum", maximum},
                                                      {"maximum_gradient", maximum_gradient}};
  for (const auto& [name, body] : bodies) {
    for (const ImageShape& s : image_shapes) {
      benchmark::RegisterBenchmark(("convolution_" + std::string(name) + "/" + s.text()).c_str(),
                                   [body = body, s](benchmark::State& state) { body(state, s); });
    }
  }
}

}  // namespace gradus::bench
