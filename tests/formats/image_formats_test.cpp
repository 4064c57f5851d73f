// WebP, BMP, TIFF and GIF, the orientation in a file, and what is transparent.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "formats/image.hpp"
#include "support/expect_error.hpp"
#include "support/image_bytes.hpp"

namespace gradus::test {
namespace {

using Bytes = ImageBytes;

Image decoded(const Bytes& bytes) {
  EXPECT_TRUE(is_image(std::span(bytes).first(std::min(bytes.size(), image_start_bytes))));
  return decode_image(bytes, "x");
}

/// Grey pixels 0, 10, 20, ..., row by row.
Image ramp(std::int64_t width, std::int64_t height) {
  Image image{width, height, 1, {}};
  for (std::int64_t i = 0; i < width * height; ++i) image.pixels.push_back(static_cast<std::uint8_t>(10 * i));
  return image;
}

void expect_equal(const Image& image, std::int64_t width, std::int64_t height, const Bytes& pixels) {
  EXPECT_EQ(image.width, width);
  EXPECT_EQ(image.height, height);
  EXPECT_EQ(image.pixels, pixels);
}

/// What 3 x 2 pixels numbered 0 to 5 are to be seen as, for orientations 1 to 8: by hand from Exif 2.3, which says on
/// which side of the picture the file's first row and column lie.
const std::vector<Bytes> turned{{0, 1, 2, 3, 4, 5}, {2, 1, 0, 5, 4, 3}, {5, 4, 3, 2, 1, 0}, {3, 4, 5, 0, 1, 2},
                                {0, 3, 1, 4, 2, 5}, {3, 0, 4, 1, 5, 2}, {5, 2, 4, 1, 3, 0}, {2, 5, 1, 4, 0, 3}};

void expect_turned(const Image& image, int orientation) {
  EXPECT_EQ(image.width, orientation < 5 ? 3 : 2) << orientation;
  EXPECT_EQ(image.height, orientation < 5 ? 2 : 3) << orientation;
  Bytes numbers;
  for (std::size_t i = 0; i < image.pixels.size(); i += static_cast<std::size_t>(image.channels)) {
    numbers.push_back(static_cast<std::uint8_t>(image.pixels[i] / 10));
  }
  EXPECT_EQ(numbers, turned[static_cast<std::size_t>(orientation - 1)]) << orientation;
}

TEST(Orientation, IsAppliedInEveryFormatThatHasOne) {
  const Image image = ramp(3, 2);
  Bytes rgba;
  for (const std::uint8_t value : image.pixels) rgba.insert(rgba.end(), {value, value, value, 255});
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const bool little : {true, false}) {
      const Bytes exif = exif_bytes(orientation, little);
      expect_turned(decoded(png_bytes(3, 2, SPNG_COLOR_TYPE_GRAYSCALE, 8, image.pixels, exif)), orientation);
      expect_turned(decoded(webp_bytes(3, 2, rgba, exif)), orientation);
    }
    expect_turned(decoded(tiff_bytes(image, orientation)), orientation);
  }
}

TEST(Orientation, OfAJpegIsApplied) {
  // Four quarters of 8 x 8 pixels, grey in JPEG's blocks, so that nothing is lost.
  Image image{16, 16, 1, Bytes(256)};
  for (std::size_t i = 0; i < 256; ++i) image.pixels[i] = static_cast<std::uint8_t>(i % 16 < 8 ? 40 : 200);
  std::fill_n(image.pixels.begin() + 128, 128, std::uint8_t{120});
  const auto corners = [&](int orientation, bool little) {
    const Image seen = decoded(jpeg_bytes(image, exif_bytes(orientation, little)));
    return std::vector<int>{seen.pixels[0] / 40, seen.pixels[15] / 40, seen.pixels[240] / 40, seen.pixels[255] / 40};
  };
  for (const bool little : {true, false}) {
    EXPECT_EQ(corners(1, little), (std::vector<int>{1, 5, 3, 3}));
    EXPECT_EQ(corners(3, little), (std::vector<int>{3, 3, 5, 1}));
    EXPECT_EQ(corners(6, little), (std::vector<int>{3, 1, 3, 5}));
    EXPECT_EQ(corners(8, little), (std::vector<int>{5, 3, 1, 3}));
  }
  EXPECT_EQ(decoded(jpeg_bytes(image)).pixels, decoded(jpeg_bytes(image, exif_bytes(9))).pixels);
}

TEST(Orientation, OfDamagedExifIsNone) {
  const Image image = ramp(3, 2);
  const Bytes sound = exif_bytes(6);
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    Bytes exif = sound;
    for (int k = 0; k < 3; ++k) exif[random() % exif.size()] = static_cast<std::uint8_t>(random());
    exif.resize(1 + random() % exif.size());
    EXPECT_EQ(decoded(jpeg_bytes(image, exif)).pixels.size(), 6u);
  }
}

TEST(Webp, IsReadWithItsTransparency) {
  const Bytes rgba{10, 20, 30, 255, 200, 100, 0, 255, 0, 0, 0, 0};
  const Image image = decoded(webp_bytes(3, 1, rgba));
  EXPECT_EQ(image.channels, 3);
  expect_equal(image, 3, 1, {10, 20, 30, 200, 100, 0, 255, 255, 255});
}

TEST(Tiff, IsReadInGreyAndColour) {
  for (const int compression : {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE, COMPRESSION_PACKBITS}) {
    const Image grey = decoded(tiff_bytes(ramp(5, 4), 1, compression));
    EXPECT_EQ(grey.channels, 1);
    expect_equal(grey, 5, 4, ramp(5, 4).pixels);
    const Bytes colours{10, 20, 30, 200, 100, 0};
    const Image image = decoded(tiff_bytes({2, 1, 3, colours}, 1, compression));
    EXPECT_EQ(image.channels, 3);
    expect_equal(image, 2, 1, colours);
  }
  expect_equal(decoded(tiff_bytes({2, 1, 4, {10, 20, 30, 255, 0, 0, 0, 0}})), 2, 1, {10, 20, 30, 255, 255, 255});
}

TEST(Gif, IsReadByItsFirstFrame) {
  const std::vector<GifColorType> colours{{0, 0, 0}, {250, 0, 0}, {0, 250, 0}, {9, 9, 9}};
  expect_equal(decoded(gif_bytes({.width = 2, .height = 1, .indices = {1, 2}}, colours)), 2, 1, {250, 0, 0, 0, 250, 0});
  const std::vector<GifColorType> greys{{0, 0, 0}, {80, 80, 80}, {160, 160, 160}, {240, 240, 240}};
  GifFrame frame{.width = 2, .height = 9, .indices = Bytes(18)};
  for (std::size_t i = 0; i < 18; ++i) frame.indices[i] = static_cast<std::uint8_t>(i / 2 % 4);
  Bytes expected;
  for (const std::uint8_t index : frame.indices) expected.push_back(static_cast<std::uint8_t>(80 * index));
  for (const bool interlaced : {false, true}) {
    frame.interlaced = interlaced;
    const Image image = decoded(gif_bytes(frame, greys));
    EXPECT_EQ(image.channels, 1);
    expect_equal(image, 2, 9, expected);
  }
  // What the frame leaves free is transparent, as is one colour.
  const GifFrame part{.width = 2,
                      .height = 1,
                      .indices = {0, 1},
                      .left = 1,
                      .top = 1,
                      .canvas_width = 3,
                      .canvas_height = 2,
                      .transparent = 1};
  expect_equal(decoded(gif_bytes(part, greys)), 3, 2, {255, 255, 255, 255, 0, 255});
}

TEST(Bmp, IsReadAtEveryDepth) {
  const Bytes palette{0, 0, 0, 0, 0, 0, 250, 0, 0, 250, 0, 0, 9, 9, 9, 0};  // black, red, green, dark grey
  const Bytes red_green{250, 0, 0, 0, 250, 0};
  // Rows are filled up to 4 bytes, the lowest comes first.
  expect_equal(decoded(bmp_bytes(2, 1, 8, 0, palette, {1, 2, 0, 0})), 2, 1, red_green);
  expect_equal(decoded(bmp_bytes(2, 1, 4, 0, palette, {0x12, 0, 0, 0})), 2, 1, red_green);
  expect_equal(decoded(bmp_bytes(2, 1, 24, 0, {}, {0, 0, 250, 0, 250, 0, 0, 0})), 2, 1, red_green);
  expect_equal(decoded(bmp_bytes(2, 1, 32, 0, {}, {0, 0, 250, 7, 0, 250, 0, 7})), 2, 1, red_green);
  expect_equal(decoded(bmp_bytes(2, 1, 16, 0, {}, {0, 0x7c, 0xe0, 3})), 2, 1, {255, 0, 0, 0, 255, 0});
  const Bytes masks_565{0, 0xf8, 0, 0, 0xe0, 7, 0, 0, 0x1f, 0, 0, 0};
  expect_equal(decoded(bmp_bytes(2, 1, 16, 3, masks_565, {0, 0xf8, 0xe0, 7})), 2, 1, {255, 0, 0, 0, 255, 0});
  const Bytes masks_rgb{0xff, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 0xff, 0};
  expect_equal(decoded(bmp_bytes(2, 1, 32, 3, masks_rgb, {250, 0, 0, 0, 0, 250, 0, 0})), 2, 1, red_green);
  const Image bits = decoded(bmp_bytes(3, 2, 1, 0, {0, 0, 0, 0, 255, 255, 255, 0}, {0xe0, 0, 0, 0, 0x40, 0, 0, 0}));
  EXPECT_EQ(bits.channels, 1);
  expect_equal(bits, 3, 2, {0, 255, 0, 255, 255, 255});
  expect_equal(decoded(bmp_bytes(3, -2, 1, 0, {0, 0, 0, 0, 255, 255, 255, 0}, {0xe0, 0, 0, 0, 0x40, 0, 0, 0})), 3, 2,
               {255, 255, 255, 0, 255, 0});
}

TEST(Bmp, IsReadRunLengthEncoded) {
  Bytes palette;
  for (int i = 0; i < 16; ++i) palette.insert(palette.end(), 4, static_cast<std::uint8_t>(10 * i));
  // Three times 2; end of the row; 4, 5, 6 as they are, filled up; the end.
  const Bytes eight{3, 2, 0, 0, 0, 3, 4, 5, 6, 0, 0, 1};
  expect_equal(decoded(bmp_bytes(3, 2, 8, 1, palette, eight)), 3, 2, {40, 50, 60, 20, 20, 20});
  // Three times 2, 3 in turn; end of the row; one to the right; once 9; the end.
  const Bytes four{3, 0x23, 0, 0, 0, 2, 1, 0, 1, 0x90, 0, 1};
  expect_equal(decoded(bmp_bytes(3, 2, 4, 2, palette, four)), 3, 2, {0, 90, 0, 20, 30, 20});
  expect_error(ErrorCode::bad_data, {"x", "a run ends outside"}, [&] {
    (void)decode_image(bmp_bytes(3, 2, 8, 1, palette, {4, 2, 0, 1}), "x");
  });
  expect_error(ErrorCode::bad_data, {"x", "colour 16 of 16"}, [&] {
    (void)decode_image(bmp_bytes(3, 1, 8, 1, palette, {3, 16, 0, 1}), "x");
  });
  expect_error(ErrorCode::unsupported, {"x", "compression 4"},
               [&] { (void)decode_image(bmp_bytes(3, 1, 24, 4, {}, Bytes(12)), "x"); });
}

TEST(Transparency, LiesOnWhiteUnlessNothingWouldBeSeen) {
  const auto seen = [](const Bytes& rgba) {
    const auto pixels = static_cast<std::int64_t>(rgba.size() / 4);
    return decoded(png_bytes(pixels, 1, SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, 8, rgba)).pixels;
  };
  // White ink lies on black, whatever colour is transparent, and also where its edges are half transparent.
  EXPECT_EQ(seen({0, 0, 0, 0, 255, 255, 255, 255}), (Bytes{0, 0, 0, 255, 255, 255}));
  EXPECT_EQ(seen({255, 255, 255, 0, 255, 255, 255, 255}), (Bytes{0, 0, 0, 255, 255, 255}));
  EXPECT_EQ(seen({9, 9, 9, 0, 240, 240, 240, 255, 255, 255, 255, 100}), (Bytes{0, 0, 0, 240, 240, 240, 100, 100, 100}));
  // Black ink, and colours that are seen on white, lie on white; as does black ink on opaque white paper.
  EXPECT_EQ(seen({0, 0, 0, 0, 0, 0, 0, 255}), (Bytes{255, 255, 255, 0, 0, 0}));
  EXPECT_EQ(seen({255, 255, 255, 0, 255, 200, 0, 255}), (Bytes{255, 255, 255, 255, 200, 0}));
  EXPECT_EQ(seen({0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 255}), (Bytes{255, 255, 255, 255, 255, 255, 0, 0, 0}));
  // A faint shadow is not seen on black at all; nothing is seen on either.
  EXPECT_EQ(seen({0, 0, 0, 0, 0, 0, 0, 51}), (Bytes{255, 255, 255, 204, 204, 204}));
  EXPECT_EQ(seen({0, 0, 0, 0}), (Bytes{255, 255, 255}));
}

// The header's size counts, in every format; JPEG can be read at a part of its size.
TEST(ImageFormats, LimitsOfPixelsAreThoseOfTheCaller) {
  const Image colour{20, 10, 3, Bytes(600, 200)};
  const ImageLimits enough{.most_pixels = 200, .may_reduce = true}, less{.most_pixels = 199, .may_reduce = true};
  for (const Bytes& sound : {encode_png(colour), webp_bytes(20, 10, Bytes(800, 255)), tiff_bytes(colour),
                             gif_bytes({.width = 20, .height = 10, .indices = Bytes(200)}, {{0, 0, 0}, {9, 0, 9}}),
                             bmp_bytes(20, 10, 24, 0, {}, colour.pixels), jpeg_bytes(colour, {}, true)}) {
    EXPECT_EQ(decode_image(sound, "x", enough).width, 20);
    expect_error(ErrorCode::bad_data, {"x", "20 x 10", "199 in all"}, [&] { (void)decode_image(sound, "x", less); });
  }
  const Bytes jpeg = jpeg_bytes({20, 10, 3, Bytes(600, 200)}, exif_bytes(6));  // lies on its side
  EXPECT_EQ(decode_image(jpeg, "x", enough).reduced, 1);
  for (const auto& [most, n] : {std::pair(199, 2), std::pair(50, 2), std::pair(49, 4), std::pair(6, 8)}) {
    const Image image = decode_image(jpeg, "x", {.most_pixels = most, .may_reduce = true});
    EXPECT_EQ(image.reduced, n) << most;
    EXPECT_EQ(image.width, (10 + n - 1) / n);
    EXPECT_EQ(image.height, (20 + n - 1) / n);
    EXPECT_NEAR(image.pixels.front(), 200, 2);
    EXPECT_NEAR(image.pixels.back(), 200, 2);
  }
  expect_error(ErrorCode::bad_data, {"5 in all"},
               [&] { (void)decode_image(jpeg, "x", {.most_pixels = 5, .may_reduce = true}); });
  expect_error(ErrorCode::bad_data, {"20 x 10"}, [&] { (void)decode_image(jpeg, "x", {.most_pixels = 199}); });
}

TEST(ImageFormats, StandDamage) {
  Bytes rgba(4 * 20 * 10);
  std::iota(rgba.begin(), rgba.end(), std::uint8_t{0});
  Image colour{20, 10, 3, Bytes(600)};
  std::iota(colour.pixels.begin(), colour.pixels.end(), std::uint8_t{0});
  Bytes indices(200);
  for (std::size_t i = 0; i < 200; ++i) indices[i] = static_cast<std::uint8_t>(i * i % 4);
  std::mt19937 random(5);
  for (const Bytes& sound : {webp_bytes(20, 10, rgba, exif_bytes(6)), tiff_bytes(colour), tiff_bytes(ramp(5, 5), 6),
                             gif_bytes({.width = 20, .height = 10, .indices = indices}, {{0, 0, 0}, {9, 0, 9}}),
                             bmp_bytes(20, 10, 24, 0, {}, colour.pixels)}) {
    (void)decoded(sound);
    for (std::size_t cut = 0; cut + 64 < sound.size(); cut += 7) {
      EXPECT_THROW((void)decode_image(std::span(sound).first(cut), "x"), Error) << cut << " of " << sound.size();
    }
    for (int i = 0; i < 1000; ++i) {
      Bytes bytes = sound;
      for (int k = 0; k < 3; ++k) bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
      try {
        (void)decode_image(bytes, "x");
      } catch (const Error&) {
      }
    }
  }
}

}  // namespace
}  // namespace gradus::test
