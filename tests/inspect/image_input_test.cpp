#include "inspect/image_input.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include <gradus/dataset.hpp>

#include "support/shared_data.hpp"

namespace gradus::test {
namespace {

const Shape mnist_shape{28, 28, 1};

void fill(Picture& picture, std::int64_t left, std::int64_t top, std::int64_t width, std::int64_t height) {
  for (std::int64_t y = top; y < top + height; ++y) {
    std::fill_n(picture.at(left, y), static_cast<std::size_t>(3 * width), std::uint8_t{255});
  }
}

/// A seven of straight strokes, `unit` * 6 wide and `unit` * 8 high, bright on a dark square.
Picture seven(std::int64_t side, std::int64_t left, std::int64_t top, std::int64_t unit) {
  Picture picture(side, side);
  fill(picture, left, top, 6 * unit, unit);
  fill(picture, left + 4 * unit, top, unit, 8 * unit);
  return picture;
}

struct Place {
  double x = 0, y = 0;                 // the centre of mass, pixels counted from 0
  std::int64_t width = 0, height = 0;  // of what is drawn
};
Place place_of(const std::vector<std::uint8_t>& pixels) {
  double mass = 0, x_sum = 0, y_sum = 0;
  std::int64_t left = 28, right = -1, top = 28, bottom = -1;
  for (std::int64_t i = 0; i < 784; ++i) {
    const double value = pixels[static_cast<std::size_t>(i)];
    if (value > 0) {
      left = std::min(left, i % 28), right = std::max(right, i % 28);
      top = std::min(top, i / 28), bottom = std::max(bottom, i / 28);
    }
    mass += value, x_sum += value * static_cast<double>(i % 28), y_sum += value * static_cast<double>(i / 28);
  }
  return {x_sum / mass, y_sum / mass, right - left + 1, bottom - top + 1};
}

/// Pearson's correlation.
double agreement(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  const auto mean = [](const std::vector<std::uint8_t>& v) {
    double sum = 0;
    for (const std::uint8_t x : v) sum += x;
    return sum / static_cast<double>(v.size());
  };
  const double mean_a = mean(a), mean_b = mean(b);
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = a[i] - mean_a, y = b[i] - mean_b;
    ab += x * y, aa += x * x, bb += y * y;
  }
  return ab / std::sqrt(aa * bb);
}

std::vector<std::uint8_t> grey_of(const Picture& picture) {
  std::vector<std::uint8_t> pixels;
  for (std::size_t i = 0; i < picture.rgb.size(); i += 3) pixels.push_back(picture.rgb[i]);
  return pixels;
}

Picture picture_from(const std::vector<std::uint8_t>& grey) {
  Picture picture(28, 28);
  for (std::size_t i = 0; i < grey.size(); ++i) std::fill_n(&picture.rgb[3 * i], 3, grey[i]);
  return picture;
}

TEST(ImageInput, IsPlacedAsMnistsDigitsAre) {
  const ImageInput input = image_input(seven(200, 20, 90, 10), mnist_shape, {});
  const Place place = place_of(input.pixels);
  EXPECT_NEAR(place.x, 14, 0.51);
  EXPECT_NEAR(place.y, 14, 0.51);
  EXPECT_EQ(place.width, 15);
  EXPECT_EQ(place.height, 20);
  EXPECT_EQ(input.remark, "cut out of 200x200 and centred as MNIST's images are");
  EXPECT_EQ(input.kind, "cut out and centred as MNIST's images are");
  // What lies as MNIST's digits do stays as it is, and is found again when enlarged.
  const ImageInput again = image_input(picture_from(input.pixels), mnist_shape, {});
  EXPECT_EQ(again.pixels, input.pixels);
  EXPECT_EQ(again.remark, "");
  const ImageInput enlarged_input = image_input(enlarged(picture_from(input.pixels), 10), mnist_shape, {});
  EXPECT_GT(agreement(enlarged_input.pixels, input.pixels), 0.97);
}

TEST(ImageInput, SmallDigitsOnAPictureOfMnistsSizeAreCutOut) {
  const ImageInput large = image_input(seven(280, 30, 30, 20), mnist_shape, {});
  struct Drawing {
    std::int64_t left, top, unit;
  };
  for (const auto& [left, top, unit] : {Drawing{1, 1, 1}, Drawing{20, 18, 1}, Drawing{11, 10, 1}, Drawing{1, 10, 1}}) {
    const Picture small = seven(28, left, top, unit);
    const ImageInput input = image_input(small, mnist_shape, {});
    EXPECT_GT(agreement(input.pixels, large.pixels), 0.7) << left << " " << top;
    EXPECT_EQ(input.remark, "cut out of 28x28 and centred as MNIST's images are");
    EXPECT_EQ(image_input(small, mnist_shape, {.center = false}).pixels, grey_of(small));
    EXPECT_EQ(image_input(small, Shape{784}, {}).pixels, input.pixels);
  }
  // Of MNIST's size, but in a corner; on white paper as well.
  Picture corner(28, 28);
  fill(corner, 0, 0, 15, 3);
  fill(corner, 10, 0, 3, 20);
  const Place place = place_of(image_input(corner, mnist_shape, {}).pixels);
  EXPECT_NEAR(place.x, 14, 0.51);
  EXPECT_NEAR(place.y, 14, 0.51);
  Picture paper = seven(28, 4, 4, 1);
  for (std::uint8_t& value : paper.rgb) value = static_cast<std::uint8_t>(255 - value);
  EXPECT_EQ(image_input(paper, mnist_shape, {}).pixels, image_input(seven(28, 4, 4, 1), mnist_shape, {}).pixels);
}

TEST(ImageInput, WhatFillsAPictureOfMnistsSizeOrIsEmptyStays) {
  Picture wide(28, 28);
  fill(wide, 0, 2, 28, 9);
  EXPECT_EQ(image_input(wide, mnist_shape, {}).pixels, grey_of(wide));
  EXPECT_EQ(image_input(Picture(28, 28), mnist_shape, {}).pixels, std::vector<std::uint8_t>(784));
  // Models of other sizes, or of colours, take a picture as it is.
  const Picture small = seven(28, 1, 1, 1);
  EXPECT_EQ(image_input(small, Shape{28, 28, 3}, {}).pixels, small.rgb);
  EXPECT_EQ(image_input(seven(30, 1, 1, 1), Shape{30, 30, 1}, {}).remark, "");
}

TEST(ImageInput, MnistsOwnImagesStayAsTheyAre) {
  GRADUS_SHARED_DATA_OR_SKIP(folder, "mnist/t10k-images-idx3-ubyte.gz");
  const std::string labels = shared_data("mnist/t10k-labels-idx1-ubyte.gz");
  const Dataset images = datasets::idx(folder, labels);
  std::int64_t moved = 0, far = 0;
  for (std::int64_t i = 0; i < 1000; ++i) {
    const Picture picture = picture_of(images, i);
    moved += image_input(picture, mnist_shape, {}).pixels == grey_of(picture) ? 0 : 1;
    if (i >= 100) continue;
    far += agreement(image_input(enlarged(picture, 10), mnist_shape, {}).pixels, grey_of(picture)) > 0.95 ? 0 : 1;
  }
  EXPECT_LE(moved, 1);
  EXPECT_LE(far, 6);  // a centre of mass between two pixels may be rounded the other way
}

}  // namespace
}  // namespace gradus::test
