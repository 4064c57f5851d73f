// In the double build the kernels are the reference ones.
#ifdef GRADUS_REAL_DOUBLE

#include "kernels/reference/augment.hpp"

namespace gradus::kernels {

void uniform_field(std::uint64_t key, std::uint64_t stream, std::int64_t count, Real* x) {
  reference::uniform_field(key, stream, count, x);
}
void normal_field(std::uint64_t key, std::uint64_t stream, std::int64_t count, Real* x) {
  reference::normal_field(key, stream, count, x);
}
std::int64_t smoothing_scratch(std::int64_t, std::int64_t, std::int64_t) { return 0; }
void smooth(const Smoothing& s) { reference::smooth(s); }
void warp(const Warp& w) { reference::warp(w); }

}  // namespace gradus::kernels

#endif
