// One step of each optimizer: over a tile of weights that is in cache, as in training, and over all weights of
// wide-mlp.
#include "harness.hpp"

namespace gradus::bench {
namespace {

/// Weights, gradients and up to three arrays of state, which are not negative.
struct Arrays {
  explicit Arrays(std::int64_t n) : w(random(n)), g(random(n)), a(n), b(n), c(n) {}
  AlignedBuffer w, g, a, b, c;
};

// `touched`: how many numbers a step reads or writes for each weight.
template <class Step>
void measure(benchmark::State& state, int touched, Step step) {
  const std::int64_t n = state.range(0);
  Arrays arrays(n);
  for (auto _ : state) step(arrays, n);
  count_bytes(state, static_cast<double>(n * touched) * sizeof(Real));
}

constexpr Real rate = 1e-6F;

void sgd(benchmark::State& state) {
  measure(state, 3, [](Arrays& s, std::int64_t n) { kernels::sgd(s.w.data(), s.g.data(), n, rate); });
}

void sgd_momentum(benchmark::State& state) {
  measure(state, 5, [](Arrays& s, std::int64_t n) {
    kernels::sgd_momentum(s.w.data(), s.g.data(), s.a.data(), n, rate, Real{0.9F}, false);
  });
}

void rmsprop(benchmark::State& state) {
  measure(state, 5, [](Arrays& s, std::int64_t n) {
    kernels::rmsprop(s.w.data(), s.g.data(), s.a.data(), nullptr, nullptr, n, {rate, Real{0.9F}, 0, Real{1e-7F}});
  });
}

void rmsprop_all(benchmark::State& state) {
  measure(state, 9, [](Arrays& s, std::int64_t n) {
    kernels::rmsprop(s.w.data(), s.g.data(), s.a.data(), s.b.data(), s.c.data(), n,
                     {rate, Real{0.9F}, Real{0.9F}, Real{1e-7F}});
  });
}

void adam(benchmark::State& state) {
  measure(state, 7, [](Arrays& s, std::int64_t n) {
    kernels::adam(s.w.data(), s.g.data(), s.a.data(), s.b.data(), n, {rate, Real{0.9F}, Real{0.999F}, Real{1e-7F}});
  });
}

}  // namespace

void add_optimizers() {
  constexpr std::int64_t tile = 64 * 512, wide = 784 * 2048 + 2048 * 2048 + 2048 * 16;
  const auto add = [](const char* name, void (*body)(benchmark::State&)) {
    benchmark::RegisterBenchmark(name, body)->Arg(tile)->Arg(wide);
  };
  add("sgd", sgd);
  add("sgd_momentum", sgd_momentum);
  add("rmsprop", rmsprop);
  add("rmsprop_momentum_centered", rmsprop_all);
  add("adam", adam);
}

}  // namespace gradus::bench
