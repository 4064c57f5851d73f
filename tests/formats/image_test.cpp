#include "formats/image.hpp"

#include <gtest/gtest.h>

#include <random>

#include "support/expect_error.hpp"
#include "support/image_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace gradus {
namespace {

using test::expect_error;
using test::jpeg_bytes;
using test::TemporaryDirectory;

Image noise(std::int64_t width, std::int64_t height, std::int64_t channels) {
  Image image{width, height, channels, {}};
  std::mt19937 random(3);
  for (std::int64_t i = 0; i < width * height * channels; ++i)
    image.pixels.push_back(static_cast<std::uint8_t>(random()));
  return image;
}

TEST(Image, PngGivesBackWhatItWrote) {
  TemporaryDirectory directory;
  for (const std::int64_t channels : {1, 3}) {
    const Image image = noise(13, 7, channels);
    write_png(directory / "x.png", image);
    const Image back = read_image(directory / "x.png");
    EXPECT_EQ(back.width, 13);
    EXPECT_EQ(back.height, 7);
    EXPECT_EQ(back.channels, channels);
    EXPECT_EQ(back.pixels, image.pixels);
  }
}

TEST(Image, PngOfEveryDepthBecomesBytes) {
  const auto pixels = [](const std::vector<std::uint8_t>& bytes) { return decode_image(bytes, "x.png").pixels; };
  using Bytes = std::vector<std::uint8_t>;
  EXPECT_EQ(pixels(test::png_bytes(2, 1, SPNG_COLOR_TYPE_GRAYSCALE, 1, {0x40})), (Bytes{0, 255}));
  // libspng takes 16-bit values in the machine's byte order: 0x1234.
  EXPECT_EQ(pixels(test::png_bytes(2, 1, SPNG_COLOR_TYPE_GRAYSCALE, 16, {0x34, 0x12, 0xff, 0xff})),
            (Bytes{0x12, 0xff}));
  // See-through pixels lie on white: none, half, all of black.
  EXPECT_EQ(pixels(test::png_bytes(3, 1, SPNG_COLOR_TYPE_GRAYSCALE_ALPHA, 8, {0, 255, 0, 128, 0, 0})),
            (Bytes{0, 127, 255}));
  EXPECT_EQ(pixels(test::png_bytes(1, 1, SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, 8, {10, 20, 30, 255})), (Bytes{10, 20, 30}));
}

TEST(Image, JpegIsReadNearly) {
  for (const bool progressive : {false, true}) {
    for (const std::int64_t channels : {1, 3}) {
      Image image{16, 16, channels, std::vector<std::uint8_t>(static_cast<std::size_t>(256 * channels), 77)};
      const Image back = decode_image(jpeg_bytes(image, {}, progressive), "x.jpg");
      EXPECT_EQ(back.channels, channels);
      ASSERT_EQ(back.pixels.size(), image.pixels.size());
      for (const std::uint8_t value : back.pixels) EXPECT_NEAR(value, 77, 2);
    }
  }
}

TEST(Image, OtherFilesAreNamed) {
  TemporaryDirectory directory;
  const auto read = [&](const std::string& content) {
    return [&directory, content] { (void)read_image(directory.write("x.png", content)); };
  };
  using namespace std::string_literals;
  expect_error(ErrorCode::bad_data, {"x.png", "damaged GIF"}, read("GIF89a......"));
  expect_error(ErrorCode::bad_data, {"x.png", "damaged WebP"}, read("RIFF1234WEBPVP8 "));
  expect_error(ErrorCode::bad_data, {"x.png", "no image"}, read("BMI,age,outcome\n23.5,50,1\n"));
  expect_error(ErrorCode::unsupported, {"x.png", "a HEIC image", "JPEG"},
               read("\0\0\0\x18"
                    "ftypheic"s));
  expect_error(ErrorCode::unsupported, {"x.png", "an AVIF image"},
               read("\0\0\0\x18"
                    "ftypavif"s));
  expect_error(ErrorCode::unsupported, {"x.png", "an ICO image"}, read("\0\0\1\0......"s));
  expect_error(ErrorCode::bad_data, {"x.png", "no image"}, read("hello"));
  expect_error(ErrorCode::bad_data, {"x.png", "is empty"}, read(""));
  expect_error(ErrorCode::not_found, {"none.png"}, [&] { (void)read_image(directory / "none.png"); });
}

TEST(Image, HugeSizesAreRefusedBeforeMemoryIsTaken) {
  auto bytes = encode_png(noise(4, 4, 1));
  bytes[16] = 0x7f;  // the width's first byte; the checksum is wrong then, and may be what is noticed
  expect_error(ErrorCode::bad_data, {"x.png"}, [&] { (void)decode_image(bytes, "x.png"); });
  auto wide = jpeg_bytes(noise(16, 16, 1));
  for (std::size_t i = 0; i + 9 < wide.size(); ++i) {
    if (wide[i] == 0xff && wide[i + 1] == 0xc0) wide[i + 5] = wide[i + 7] = 0x7f;
  }
  expect_error(ErrorCode::bad_data, {"x.jpg", "32528 x 32528"}, [&] { (void)decode_image(wide, "x.jpg"); });
}

TEST(Image, DamageIsNoticedOrSurvived) {
  std::mt19937 random(5);
  for (const auto& sound :
       {encode_png(noise(20, 10, 3)), jpeg_bytes(noise(20, 10, 3), {}, true), jpeg_bytes(noise(20, 10, 1))}) {
    // The last bytes of a PNG file only say that it ends.
    for (std::size_t cut = 0; cut + 16 < sound.size(); cut += 7) {
      expect_error(ErrorCode::bad_data, {"x"}, [&] { (void)decode_image(std::span(sound).first(cut), "x"); });
    }
    for (int i = 0; i < 3000; ++i) {
      auto bytes = sound;
      for (int k = 0; k < 3; ++k) bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
      try {
        (void)decode_image(bytes, "x");
      } catch (const Error&) {
      }
    }
  }
}

TEST(Image, WhatIsNoImageIsNotWritten) {
  expect_error(ErrorCode::invalid_argument, {"0 x 5"}, [] { (void)encode_png({0, 5, 1, {}}); });
  expect_error(ErrorCode::invalid_argument, {"2 channels"}, [] { (void)encode_png(noise(2, 2, 2)); });
  expect_error(ErrorCode::invalid_argument, {"3 bytes"}, [] { (void)encode_png({2, 2, 1, {1, 2, 3}}); });
}

}  // namespace
}  // namespace gradus
