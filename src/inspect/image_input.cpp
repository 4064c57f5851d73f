#include "inspect/image_input.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <gradus/error.hpp>

namespace gradus {

namespace {

struct ImageSize {
  std::int64_t height = 0, width = 0, channels = 1;
};

/// The images that a model of this input shape takes; a flat one takes square grey ones.
ImageSize size_of(const Shape& shape) {
  if (is_image_shape(shape)) return {shape[0], shape[1], shape.rank() == 2 ? 1 : shape[2]};
  const auto side = static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(shape.elements()))));
  if (shape.rank() == 1 && side >= 4 && side * side == shape.elements()) return {side, side, 1};
  throw Error(ErrorCode::invalid_argument, "the model takes " + shape.to_string() + ", which is no image");
}

std::uint8_t grey_of(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
}

void make_grey(Picture& picture) {
  for (std::size_t i = 0; i < picture.rgb.size(); i += 3) {
    std::fill_n(&picture.rgb[i], 3, grey_of(&picture.rgb[i]));
  }
}

/// The mean of the outermost pixels of a grey picture.
double border_mean(const Picture& picture) {
  double sum = 0, count = 0;
  for (std::int64_t y = 0; y < picture.height; ++y) {
    for (std::int64_t x = 0; x < picture.width; ++x) {
      if (x > 0 && y > 0 && x + 1 < picture.width && y + 1 < picture.height) continue;
      sum += *picture.at(x, y);
      ++count;
    }
  }
  return sum / count;
}

/// Makes the background 0 and the brightest point 255, and drops the grain of paper and camera.
void stretch_contrast(Picture& picture) {
  const double low = border_mean(picture);
  const double high = *std::max_element(picture.rgb.begin(), picture.rgb.end());
  if (high - low < 8) return;
  for (std::uint8_t& value : picture.rgb) {
    const double share = (value - low) / (high - low);
    value = share < 0.15 ? 0 : static_cast<std::uint8_t>(std::lround(std::min(share, 1.0) * 255));
  }
}

/// The mean place of a picture's brightness, in pixels counted from 0 at the middle of the first.
struct Mass {
  double x = 0, y = 0;
};

Mass centre_of_mass(const Picture& picture) {
  double mass = 0, x_sum = 0, y_sum = 0;
  for (std::int64_t y = 0; y < picture.height; ++y) {
    for (std::int64_t x = 0; x < picture.width; ++x) {
      const double value = *picture.at(x, y);
      mass += value;
      x_sum += value * static_cast<double>(x);
      y_sum += value * static_cast<double>(y);
    }
  }
  return {x_sum / std::max(mass, 1.0), y_sum / std::max(mass, 1.0)};
}

// MNIST's images: 28 pixels a side, the digit's longer side 20, its centre of mass on pixel 14.
constexpr std::int64_t mnist_side = 28, mnist_box = 20, mnist_middle = 14;

/// Pastes `piece` into a black picture so that its centre of mass lies where MNIST's digits have it, as far as it fits.
Picture with_mass_in_middle(const Picture& piece) {
  const auto place = [](double centre, std::int64_t size) {
    const std::int64_t wanted = std::lround(static_cast<double>(mnist_middle) - centre);
    return std::clamp<std::int64_t>(wanted, 0, mnist_side - size);
  };
  const Mass mass = centre_of_mass(piece);
  const std::int64_t left = place(mass.x, piece.width), top = place(mass.y, piece.height);
  Picture whole(mnist_side, mnist_side);
  for (std::int64_t y = 0; y < piece.height; ++y) std::copy_n(piece.at(0, y), 3 * piece.width, whole.at(left, top + y));
  return whole;
}

/// The least rectangle with all that is drawn; of no size for an empty picture.
struct Box {
  std::int64_t left = 0, top = 0, width = 0, height = 0;
  [[nodiscard]] std::int64_t longer_side() const { return std::max(width, height); }
};

Box box_of(const Picture& picture) {
  constexpr std::int64_t ink = 64;
  std::int64_t left = picture.width, right = -1, top = picture.height, bottom = -1;
  for (std::int64_t y = 0; y < picture.height; ++y) {
    for (std::int64_t x = 0; x < picture.width; ++x) {
      if (*picture.at(x, y) < ink) continue;
      left = std::min(left, x), right = std::max(right, x);
      top = std::min(top, y), bottom = std::max(bottom, y);
    }
  }
  return right < 0 ? Box{} : Box{left, top, right - left + 1, bottom - top + 1};
}

/// What lies in the box, scaled and placed as MNIST's images were made from scans.
Picture centered_as_mnist(const Picture& picture, const Box& box) {
  Picture cut(box.width, box.height);
  for (std::int64_t y = 0; y < cut.height; ++y) {
    std::copy_n(picture.at(box.left, box.top + y), 3 * cut.width, cut.at(0, y));
  }
  const double scale = static_cast<double>(mnist_box) / static_cast<double>(box.longer_side());
  const auto scaled = [&](std::int64_t size) {
    return std::clamp<std::int64_t>(std::lround(static_cast<double>(size) * scale), 1, mnist_box);
  };
  return with_mass_in_middle(resized(cut, scaled(cut.width), scaled(cut.height)));
}

/// Whether a picture of MNIST's size, on black and with full contrast, is to stay as it is. Of MNIST's own 70,000
/// images all but ten are at least 17 pixels long; their centres of mass are within 0.61 of the middle.
bool stays_in_place(const Picture& picture, const Box& box) {
  constexpr std::int64_t least_side = 17;
  constexpr double furthest = 0.75;
  if (box.longer_side() == 0 || box.longer_side() > mnist_box) return true;
  const Mass mass = centre_of_mass(picture);
  return box.longer_side() >= least_side && std::abs(mass.x - static_cast<double>(mnist_middle)) <= furthest &&
         std::abs(mass.y - static_cast<double>(mnist_middle)) <= furthest;
}

/// `picture` cut out and centred; nothing where it is to stay as it is.
std::optional<Picture> fitted_as_mnist(Picture picture) {
  stretch_contrast(picture);
  const Box box = box_of(picture);
  const bool of_its_size = picture.width == mnist_side && picture.height == mnist_side;
  if (of_its_size && stays_in_place(picture, box)) return std::nullopt;
  if (box.longer_side() == 0) return resized(picture, mnist_side, mnist_side);
  return centered_as_mnist(picture, box);
}

}  // namespace

ImageInput image_input(const Picture& picture, const Shape& input_shape, const ImageInputOptions& options) {
  const ImageSize size = size_of(input_shape);
  Picture image = picture;
  ImageInput result;
  const std::string before = std::to_string(image.width) + "x" + std::to_string(image.height);
  const auto remark = [&](const std::string& what, const std::string& from = "", const std::string& then = "") {
    const std::string comma = result.kind.empty() ? "" : ", ";
    result.remark += comma + what + (from.empty() ? "" : from + before) + then;
    result.kind += comma + what + then;
  };
  if (size.channels == 1) make_grey(image);
  if (options.invert.value_or(size.channels == 1 && border_mean(image) > 127)) {
    for (std::uint8_t& value : image.rgb) value = static_cast<std::uint8_t>(255 - value);
    remark(options.invert ? "inverted" : "inverted, since the border is bright");
  }
  const bool as_mnist = options.center && size.channels == 1 && size.width == mnist_side && size.height == mnist_side;
  if (as_mnist) {
    if (auto fitted = fitted_as_mnist(image)) {
      image = std::move(*fitted);
      remark("cut out", " of ", " and centred as MNIST's images are");
    }
  } else if (image.width != size.width || image.height != size.height) {
    image = resized(image, size.width, size.height);
    remark("resized", " from ");
  }
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
    for (std::size_t c = 0; c < static_cast<std::size_t>(size.channels); ++c) result.pixels.push_back(image.rgb[i + c]);
  }
  return result;
}

}  // namespace gradus
