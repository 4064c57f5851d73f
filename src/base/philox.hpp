#pragma once

#include <array>
#include <cstdint>

namespace gradus {

/// Random numbers from a counter: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as
/// 1, 2, 3", SC 2011). Number n of stream s under key k is a pure function of (k, s, n), so that no draw depends on
/// who drew before, on which thread, or how often.
class Philox {
 public:
  Philox(std::uint64_t key, std::uint64_t stream) : key_(key), stream_(stream) {}

  /// 32 uniform bits.
  std::uint32_t next();
  /// Uniform in [0, 1), a multiple of 2^-53.
  double uniform();
  /// Standard normal (Box and Muller 1958); two draws of uniform() a pair.
  double normal();
  /// Uniform in [0, n) without bias (Lemire 2019); n must be 1 or more and below 2^32.
  std::uint64_t below(std::uint64_t n);

 private:
  std::uint64_t key_;
  std::uint64_t stream_;
  std::uint64_t counter_ = 0;
  std::array<std::uint32_t, 4> block_{};
  unsigned used_ = 4;
  bool has_spare_ = false;
  double spare_ = 0;
};

/// One key out of several numbers, so that streams for (seed, epoch), (seed, layer, weight), ... never meet.
std::uint64_t mix_key(std::uint64_t a, std::uint64_t b);

/// What a stream of random numbers is for: the second argument of mix_key keeps the purposes apart.
enum class RandomPurpose : std::uint64_t {
  weights = 1,
  shuffle = 2,
  split = 3,
  samples = 4,
  noise = 5,
  layers = 6,
  augmentation = 16,
  folds = 20,
  search = 21,
};

}  // namespace gradus
