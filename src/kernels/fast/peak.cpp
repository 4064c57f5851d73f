// The limits of the machine: as many multiply-adds as the registers allow, and a stream through memory.
#include "kernels/peak.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/aligned.hpp"
#include "base/thread_pool.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/fast/peak.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/fast/simd-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace gradus::kernels::HWY_NAMESPACE {

// Runs `rounds` times 12 multiply-adds that do not wait for one another; returns how many operations that were.
double MultiplyAdds(std::int64_t rounds, float* sink) {
  const D d;
  constexpr int chains = 12;
  V sum[chains];
#pragma GCC unroll 12
  for (int i = 0; i < chains; ++i) sum[i] = hn::Set(d, static_cast<float>(i));
  const V factor = hn::Set(d, sink[0]), add = hn::Set(d, sink[1]);
  for (std::int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) sum[i] = hn::MulAdd(sum[i], factor, add);
  }
  V total = sum[0];
#pragma GCC unroll 12
  for (int i = 1; i < chains; ++i) total = hn::Add(total, sum[i]);
  hn::StoreU(total, d, sink);
  return 2.0 * chains * static_cast<double>(hn::Lanes(d)) * static_cast<double>(rounds);
}

void Stream(const float* x, float* y, std::int64_t n) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const V factor = hn::Set(d, 0.5f);
  for (std::int64_t i = 0; i + lanes <= n; i += lanes) {
    hn::StoreU(hn::MulAdd(factor, hn::LoadU(d, x + i), hn::LoadU(d, y + i)), d, y + i);
  }
}

}  // namespace gradus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::kernels {
HWY_EXPORT(MultiplyAdds);
HWY_EXPORT(Stream);

namespace {

double seconds_of(FunctionRef<void()> work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Limits measure_limits(int threads) {
  ThreadPool pool(threads);
  Limits limits;
  // Many short attempts: on a busy machine one of them finds the cores free.
  for (int attempt = 0; attempt < 50; ++attempt) {
    std::vector<double> operations(static_cast<std::size_t>(pool.threads()));
    const double seconds = seconds_of([&] {
      pool.run(pool.threads(), [&](int i) {
        alignas(64) float sink[16] = {0.999F, 0.001F};
        operations[static_cast<std::size_t>(i)] = HWY_DYNAMIC_DISPATCH(MultiplyAdds)(400'000, sink);
      });
    });
    double total = 0;
    for (const double each : operations) total += each;
    limits.gflops = std::max(limits.gflops, total / seconds * 1e-9);
  }
  constexpr std::int64_t numbers = 16 << 20;
  AlignedBuffer x(numbers), y(numbers);
  const std::int64_t pieces = 4 * pool.threads(), piece = numbers / pieces;
  for (int attempt = 0; attempt < 5; ++attempt) {
    const double seconds = seconds_of([&] {
      pool.run(static_cast<int>(pieces), [&](int i) {
        HWY_DYNAMIC_DISPATCH(Stream)(x.data() + i * piece, y.data() + i * piece, piece);
      });
    });
    const double bytes = 3.0 * sizeof(float) * static_cast<double>(pieces * piece);
    limits.bandwidth_gbytes = std::max(limits.bandwidth_gbytes, bytes / seconds * 1e-9);
  }
  return limits;
}

}  // namespace gradus::kernels
#endif
