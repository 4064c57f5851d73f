#pragma once

#include <cstdint>
#include <string>

#include <gradus/dataset.hpp>
#include <gradus/spec.hpp>

namespace gradus {

struct AugmentationKind {
  static constexpr std::string_view name = "augmentation";
};

/// How training samples are varied, so that a network sees new ones in every epoch. Each option is a strength; 0 turns
/// it off, and all are off by default. What becomes of a sample depends on (seed, epoch, number of the sample) alone:
/// neither on threads nor on batches nor on their order.
///
/// Shifts to flips move pixels: they need samples of shape (height, width) or (height, width, channels), and are done
/// in one pass with bilinear sampling. "Drawn to r" means uniformly between -r and r. Where shifts, with or without
/// flips, are the only moves, they are drawn among the whole pixels from -r to r (r rounded, 1 at least), so that
/// images keep their sharpness: a shift by half a pixel is a mean of neighbours, and a network that learns from such
/// images misses edges in those it is tested on. With any other move each image is sampled between its pixels once,
/// shift and all. The order is: move, contrast, brightness, noise, cutout, erase, mixup. Bytes stay bytes, rounded and
/// kept within 0 to 255.
///
/// Throws `invalid_argument` (in `fit`) for a strength that is negative or out of its range, or for an option that does
/// not fit the shape of the samples.
struct Augmentation {
  using Kind = AugmentationKind;
  double shift = 0;          ///< each way, drawn to so many pixels; below 1, to this share of the side
  double rotate = 0;         ///< drawn to so many degrees, about the middle; at most 360
  double scale = 0;          ///< size times a factor drawn from 1 - scale to 1 + scale; below 1
  double stretch = 0;        ///< width times, height divided by, a factor from 1 / (1 + stretch) to 1 + stretch
  double shear = 0;          ///< slanted by an angle drawn to so many degrees; below 90
  double elastic_alpha = 0;  ///< every pixel moved by a smooth random field: uniform noise from -1 to 1, smoothed by a
                             ///< Gaussian of elastic_sigma, times elastic_alpha pixels (Simard, Steinkraus, Platt 2003)
  double elastic_sigma = 4;  ///< pixels, 0.1 to 100; the noise is 0 beyond the image
  bool horizontal_flip = false;  ///< left and right swapped in half of the samples
  bool vertical_flip = false;    ///< top and bottom likewise
  double contrast = 0;  ///< distance from the image's mean times a factor from 1 - contrast to 1 + contrast; at most 1
  double brightness = 0;  ///< plus a number drawn to this share of the range: of 255 for bytes, else of 1
  double noise = 0;       ///< plus normal noise of this standard deviation, as a share of the range likewise
  double cutout = 0;      ///< a square of so many pixels, its middle anywhere, set to 0 (DeVries, Taylor 2017)
  double erase = 0;       ///< chance that a rectangle of 2 to 33 % of the area and an aspect of 0.3 to 3.3 is filled
                          ///< with uniform noise (Zhong et al. 2017)
  double mixup = 0;       ///< blended with a random other sample, l : 1 - l, and the targets likewise; l is drawn from
                          ///< Beta(mixup, mixup) (Zhang et al. 2018). Not for a loss that needs labels.
  double share = 1;       ///< share of the samples that all this is done to, above 0 to 1
  std::string edge = "zero";  ///< what lies beyond the image's edge: "zero", or "nearest", the edge's own pixels

  /// Whether anything is done at all.
  [[nodiscard]] bool active() const;
  friend bool operator==(const Augmentation&, const Augmentation&) = default;

  static constexpr std::string_view class_name = "Augmentation";
  static constexpr void fields(auto&& field) {
    using A = Augmentation;
    field("shift", &A::shift, "each way, up to so many pixels; below 1, up to this share of the side");
    field("rotate", &A::rotate, "up to so many degrees either way");
    field("scale", &A::scale, "size times 1 - scale to 1 + scale");
    field("stretch", &A::stretch, "width against height, by up to 1 + stretch");
    field("shear", &A::shear, "slant, up to so many degrees either way");
    field("elastic_alpha", &A::elastic_alpha, "strength of smooth random distortions in pixels; 34 is usual");
    field("elastic_sigma", &A::elastic_sigma, "their smoothness in pixels");
    field("horizontal_flip", &A::horizontal_flip, "swap left and right in half of the samples");
    field("vertical_flip", &A::vertical_flip, "swap top and bottom in half of the samples");
    field("contrast", &A::contrast, "contrast times 1 - contrast to 1 + contrast");
    field("brightness", &A::brightness, "brighter or darker, up to this share of the range");
    field("noise", &A::noise, "standard deviation of noise, as a share of the range");
    field("cutout", &A::cutout, "a square of so many pixels is set to 0");
    field("erase", &A::erase, "chance that a rectangle is filled with noise");
    field("mixup", &A::mixup, "blend with another sample, by Beta(mixup, mixup)");
    field("share", &A::share, "share of the samples that this is done to");
    field("edge", &A::edge, "what lies beyond the edge: zero or nearest");
  }
};

/// `data` as a run with this seed sees it in its epoch number `epoch`, in the set's own order; with mixup, targets are
/// numbers. For looking at, and for tests: `fit` makes the same samples as it goes.
Dataset augmented(const Dataset& data, const Augmentation& options, std::uint64_t seed = 0, std::int64_t epoch = 0);

}  // namespace gradus
