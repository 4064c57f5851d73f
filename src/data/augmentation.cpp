#include "data/augmentation.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gradus/error.hpp>

#include "base/spec_members.hpp"
#include "base/text.hpp"

namespace gradus {
template <>
struct Maker<AugmentationKind> {};
}  // namespace gradus

GRADUS_INSTANTIATE_SPEC(AugmentationKind)

namespace gradus {
namespace {

[[noreturn]] void fail(const std::string& sentence) {
  throw Error(ErrorCode::invalid_argument, "augmentation: " + sentence);
}

void check_range(std::string_view name, double value, double least, double most) {
  if (value >= least && value <= most) return;
  fail(std::string(name) + " must be from " + Value(least).to_string() + " to " + Value(most).to_string() + ", got " +
       Value(value).to_string());
}

}  // namespace

bool moves_pixels(const Augmentation& a) {
  return a.shift > 0 || a.rotate > 0 || a.scale > 0 || a.stretch > 0 || a.shear > 0 || a.elastic_alpha > 0 ||
         a.horizontal_flip || a.vertical_flip;
}

bool shifts_whole_pixels(const Augmentation& a) {
  return a.shift > 0 && a.rotate == 0 && a.scale == 0 && a.stretch == 0 && a.shear == 0 && a.elastic_alpha == 0;
}

bool Augmentation::active() const {
  return moves_pixels(*this) || contrast > 0 || brightness > 0 || noise > 0 || cutout > 0 || erase > 0 || mixup > 0;
}

void check_augmentation(const Augmentation& a, const Shape& sample_shape) {
  constexpr double most_pixels = 1e4, below_one = 0.999;
  check_range("shift", a.shift, 0, most_pixels);
  check_range("rotate", a.rotate, 0, 360);
  check_range("scale", a.scale, 0, below_one);
  check_range("stretch", a.stretch, 0, 10);
  check_range("shear", a.shear, 0, 89);
  check_range("elastic_alpha", a.elastic_alpha, 0, most_pixels);
  check_range("elastic_sigma", a.elastic_sigma, 0.1, 100);
  check_range("contrast", a.contrast, 0, 1);
  check_range("brightness", a.brightness, 0, 1e6);
  check_range("noise", a.noise, 0, 1e6);
  check_range("cutout", a.cutout, 0, most_pixels);
  check_range("erase", a.erase, 0, 1);
  check_range("mixup", a.mixup, 0, 1e3);
  check_range("share", a.share, 1e-9, 1);
  if (a.edge != "zero" && a.edge != "nearest") fail("edge must be zero or nearest, got " + in_quotes(a.edge));
  const bool image = sample_shape.rank() == 2 || sample_shape.rank() == 3;
  if (!image && (moves_pixels(a) || a.cutout > 0 || a.erase > 0)) {
    fail("only images can be moved, cut or erased: samples of shape " + sample_shape.to_string() +
         " are none; noise and mixup suit them");
  }
}

namespace {

/// An option and what other libraries call it: without underscores, "random" in front and "range" behind.
struct OtherNames {
  std::string_view option;
  std::vector<std::string_view> names;
};

const std::vector<OtherNames>& other_names() {
  static const std::vector<OtherNames> all{
      {"horizontal_flip",
       {"horizontalflip", "fliphorizontal", "fliphorizontally", "horizontalflips", "hflip", "fliph", "fliplr",
        "flipleftright", "flipx", "mirror", "flip", "horizontal"}},
      {"vertical_flip",
       {"verticalflip", "flipvertical", "flipvertically", "verticalflips", "vflip", "flipv", "flipud", "flipupdown",
        "flipy", "vertical"}},
      {"shift",
       {"shift", "translate", "translation", "widthshift", "heightshift", "shiftx", "shifty", "move", "crop",
        "cropping", "offset"}},
      {"rotate", {"rotate", "rotation", "rotations", "angle", "degrees", "turn"}},
      {"scale", {"scale", "zoom", "scaling", "size", "resize", "resizedcrop"}},
      {"stretch", {"stretch", "aspect", "aspectratio", "ratio"}},
      {"shear", {"shear", "shearing", "skew", "slant"}},
      {"elastic_alpha", {"elastic", "elastictransform", "elasticdeformation", "elasticdistortion", "distort", "alpha"}},
      {"elastic_sigma", {"sigma"}},
      {"contrast", {"contrast"}},
      {"brightness", {"brightness", "bright", "brighten", "light"}},
      {"noise", {"noise", "gaussiannoise", "gaussnoise"}},
      {"cutout", {"cutout", "coarsedropout"}},
      {"erase", {"erase", "erasing"}},
      {"share", {"p", "prob", "probability"}},
      {"edge", {"fillmode", "fill", "padding", "paddingmode", "border", "bordermode"}}};
  return all;
}

}  // namespace

std::string_view usual_augmentation(std::string_view name) {
  std::string word = lower(name);
  std::erase_if(word, [](char c) { return c == '_' || c == '-'; });
  constexpr std::string_view before = "random", behind = "range";
  if (word.starts_with(before)) word.erase(0, before.size());
  if (word.ends_with(behind)) word.resize(word.size() - behind.size());
  for (const auto& [option, names] : other_names()) {
    if (std::find(names.begin(), names.end(), word) != names.end()) return option;
  }
  return {};
}

namespace {

[[maybe_unused]] const bool registered = SpecRegistry<AugmentationKind>::instance().add(Augmentation{}, {}, __FILE__);

}  // namespace
}  // namespace gradus
