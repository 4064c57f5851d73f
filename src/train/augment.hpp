#pragma once

#include <cstdint>
#include <vector>

#include <gradus/augmentation.hpp>

#include "base/aligned.hpp"
#include "base/philox.hpp"
#include "base/thread_pool.hpp"
#include "kernels/augment.hpp"
#include "model/workspace.hpp"

namespace gradus {

/// How one image is moved. Its pixel at p goes to middle + shift + rotation · slant · size · flip · (p - middle).
struct Moves {
  double shift_x = 0, shift_y = 0;      ///< pixels, to the right and down
  double angle = 0;                     ///< degrees, counterclockwise
  double slant = 0;                     ///< degrees: a point one pixel lower lies tan(slant) further right
  double size_x = 1, size_y = 1;        ///< factors
  bool flip_x = false, flip_y = false;  ///< left and right, top and bottom swapped
};
/// The matrix that finds for each output pixel where it comes from.
kernels::Warp warp_of(const Moves& moves, std::int64_t height, std::int64_t width);
/// A number from Beta(a, a), a > 0.
double beta(Philox& random, double a);

/// Makes the augmented samples of one batch after another; all memory is made in the beginning.
class Augmenter {
 public:
  /// For batches of at most `max_rows` samples of `data`, which must outlive this, and a network of `outputs`; `seed`
  /// is the run's. Throws as check_augmentation does.
  Augmenter(const Dataset& data, const Augmentation& options, std::uint64_t seed, std::int64_t max_rows,
            std::int64_t outputs, int threads);

  /// Makes the samples order[0] ... order[rows - 1] as epoch `epoch` sees them.
  void make(std::int64_t epoch, const std::uint32_t* order, std::int64_t rows, ThreadPool* pool);
  /// Makes a pass read the samples made last, and with mixup their targets.
  void point(kernels::Samples& samples, BatchTargets& targets) const;
  /// Whether a set with many zeros still has them.
  [[nodiscard]] bool keeps_zeros() const;

 private:
  struct Block {  // the scratch of one range of rows
    AlignedBuffer framed, image, other, field, moved, smoothing;
  };
  void make_row(std::int64_t r, std::uint32_t sample, Block& block);
  void make_image(std::uint32_t sample, Philox& random, std::uint64_t key, std::uint64_t stream, Block& block,
                  Real* image) const;
  void load(std::uint32_t sample, Real* image, std::int64_t row, std::int64_t plane) const;
  void store(const Real* image, std::int64_t r);
  [[nodiscard]] Moves draw_moves(Philox& random) const;
  void displace(std::uint64_t key, std::uint64_t stream, Block& block, kernels::Warp& warp) const;
  void change_values(Philox& random, std::uint64_t key, std::uint64_t stream, Block& block, Real* image) const;
  void set_rectangle(double left, double top, double width, double height, const Real* filling, Real* image) const;
  void cut_and_erase(Philox& random, std::uint64_t key, std::uint64_t stream, Block& block, Real* image) const;
  void mix_targets(std::uint32_t a, std::uint32_t b, double share, std::int64_t r);
  [[nodiscard]] double target(std::uint32_t sample, std::int64_t i) const;

  std::int64_t count_, width_of_sample_;
  kernels::Samples samples_;
  BatchTargets targets_;
  Augmentation options_;
  std::uint64_t key_, epoch_key_ = 0;
  std::int64_t height_ = 1, width_ = 1, channels_ = 1, row_ = 0, plane_ = 0;
  bool moves_, whole_shifts_, bytes_;
  Real range_;  // what strengths of brightness and noise are shares of
  std::int64_t radius_ = 0;
  std::vector<Real> taps_;
  std::vector<Block> blocks_;
  std::vector<std::uint8_t> byte_rows_;
  AlignedBuffer real_rows_, target_rows_;
  std::int64_t target_width_ = 0;
};

}  // namespace gradus
