#pragma once

namespace gradus::kernels {

/// What this machine can do at best, measured in a fraction of a second: the limits that benchmarks are held against.
struct Limits {
  double gflops = 0;  ///< float multiply-adds in registers, two operations each, 10^9 a second, all threads
  double bandwidth_gbytes =
      0;  ///< y = a x + y over arrays larger than the caches, bytes read and written, 10^9 a second
};
Limits measure_limits(int threads);

}  // namespace gradus::kernels
