#include "inspect/image_input.hpp"

#include <algorithm>
#include <cmath>

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

/// Pastes `piece` into a black picture of this size so that its centre of mass lies in the middle, as far as it fits.
Picture with_mass_in_middle(const Picture& piece, std::int64_t side) {
  double mass = 0, mass_x = 0, mass_y = 0;
  for (std::int64_t y = 0; y < piece.height; ++y) {
    for (std::int64_t x = 0; x < piece.width; ++x) {
      const double value = *piece.at(x, y);
      mass += value;
      mass_x += value * (static_cast<double>(x) + 0.5);
      mass_y += value * (static_cast<double>(y) + 0.5);
    }
  }
  const double middle = static_cast<double>(side) / 2;
  const auto place = [&](double center, std::int64_t size) {
    const std::int64_t wanted = std::lround(middle - center / std::max(mass, 1.0));
    return std::clamp<std::int64_t>(wanted, 0, side - size);
  };
  const std::int64_t left = place(mass_x, piece.width), top = place(mass_y, piece.height);
  Picture whole(side, side);
  for (std::int64_t y = 0; y < piece.height; ++y) std::copy_n(piece.at(0, y), 3 * piece.width, whole.at(left, top + y));
  return whole;
}

/// As MNIST's images were made from scans (LeCun et al. 1998): 20 x 20 in the middle of 28 x 28.
Picture centered_as_mnist(const Picture& picture) {
  constexpr std::int64_t side = 28, box = 20, ink = 64;
  std::int64_t left = picture.width, right = -1, top = picture.height, bottom = -1;
  for (std::int64_t y = 0; y < picture.height; ++y) {
    for (std::int64_t x = 0; x < picture.width; ++x) {
      if (*picture.at(x, y) < ink) continue;
      left = std::min(left, x), right = std::max(right, x);
      top = std::min(top, y), bottom = std::max(bottom, y);
    }
  }
  if (right < 0) return resized(picture, side, side);
  Picture cut(right - left + 1, bottom - top + 1);
  for (std::int64_t y = 0; y < cut.height; ++y) std::copy_n(picture.at(left, top + y), 3 * cut.width, cut.at(0, y));
  const double scale = static_cast<double>(box) / static_cast<double>(std::max(cut.width, cut.height));
  const auto scaled = [&](std::int64_t size) {
    return std::clamp<std::int64_t>(std::lround(static_cast<double>(size) * scale), 1, box);
  };
  return with_mass_in_middle(resized(cut, scaled(cut.width), scaled(cut.height)), side);
}

}  // namespace

ImageInput image_input(const Picture& picture, const Shape& input_shape, const ImageInputOptions& options) {
  const ImageSize size = size_of(input_shape);
  Picture image = picture;
  ImageInput result;
  const auto remark = [&](const std::string& what) { result.remark += (result.remark.empty() ? "" : ", ") + what; };
  if (size.channels == 1) make_grey(image);
  if (options.invert.value_or(size.channels == 1 && border_mean(image) > 127)) {
    for (std::uint8_t& value : image.rgb) value = static_cast<std::uint8_t>(255 - value);
    remark(options.invert ? "inverted" : "inverted, since its border is bright");
  }
  if (image.width != size.width || image.height != size.height) {
    const std::string before = std::to_string(image.width) + "x" + std::to_string(image.height);
    if (options.center && size.channels == 1 && size.width == 28 && size.height == 28) {
      stretch_contrast(image);
      image = centered_as_mnist(image);
      remark("cut out of " + before + " and centred as MNIST's images are");
    } else {
      image = resized(image, size.width, size.height);
      remark("resized from " + before);
    }
  }
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
    for (std::size_t c = 0; c < static_cast<std::size_t>(size.channels); ++c) result.pixels.push_back(image.rgb[i + c]);
  }
  return result;
}

}  // namespace gradus
