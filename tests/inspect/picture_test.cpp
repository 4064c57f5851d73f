#include "inspect/picture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <gradus/error.hpp>

#include "inspect/confusion.hpp"

namespace gradus {
namespace {

Dataset two_images() {
  return Dataset::classified("tiny", {2, 2, 1}, std::vector<std::uint8_t>{0, 255, 128, 64, 1, 2, 3, 4}, {0, 1}, 2);
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(Picture, ComesFromBytesAsTheyAre) {
  const Picture picture = picture_of(two_images(), 0);
  EXPECT_EQ(picture.width, 2);
  EXPECT_EQ(picture.height, 2);
  EXPECT_EQ(picture.rgb, (std::vector<std::uint8_t>{0, 0, 0, 255, 255, 255, 128, 128, 128, 64, 64, 64}));
  EXPECT_EQ(*picture_of(two_images(), 1).at(1, 1), 4);
}

TEST(Picture, StretchesNumbers) {
  const auto byte_of = [](std::vector<Real> values) {
    const Dataset data = Dataset::classified("numbers", {1, 2}, std::move(values), {0}, 1);
    const Picture picture = picture_of(data, 0);
    return std::pair<int, int>(*picture.at(0, 0), *picture.at(1, 0));
  };
  EXPECT_EQ(byte_of({0, 0.5}), (std::pair<int, int>(0, 128)));
  EXPECT_EQ(byte_of({100, 255}), (std::pair<int, int>(100, 255)));
  EXPECT_EQ(byte_of({-1, 1}), (std::pair<int, int>(0, 255)));
}

TEST(Picture, RefusesWhatIsNoImage) {
  EXPECT_THROW((void)picture_of(datasets::xor_corners(), 0), Error);
  EXPECT_THROW((void)picture_of(two_images(), 2), Error);
  EXPECT_THROW((void)picture_of(two_images(), -1), Error);
}

TEST(Picture, IsResizedByArea) {
  Picture picture(4, 2);
  for (std::int64_t x = 0; x < 2; ++x) {
    for (std::int64_t y = 0; y < 2; ++y) std::fill_n(picture.at(x, y), 3, std::uint8_t{200});
  }
  const Picture half = resized(picture, 2, 1);
  EXPECT_EQ(*half.at(0, 0), 200);
  EXPECT_EQ(*half.at(1, 0), 0);
  EXPECT_EQ(*resized(picture, 1, 1).at(0, 0), 100);
  EXPECT_EQ(*resized(picture, 3, 1).at(1, 0), 100);
  EXPECT_EQ(resized(picture, 8, 4).rgb, enlarged(picture, 2).rgb);
}

TEST(PictureText, IsPlainWithoutColors) { EXPECT_EQ(picture_text(picture_of(two_images(), 0), Colors::none), ":*\n"); }

TEST(PictureText, UsesHalfBlocksInColor) {
  const std::string text = picture_text(picture_of(two_images(), 0), Colors::full);
  EXPECT_EQ(text,
            "\x1b[38;2;0;0;0m\x1b[48;2;128;128;128m\xE2\x96\x80\x1b[38;2;255;255;255m\x1b[48;2;64;64;64m\xE2\x96\x80"
            "\x1b[0m\n");
  const std::string palette = picture_text(picture_of(two_images(), 0), Colors::palette);
  EXPECT_NE(palette.find("\x1b[38;5;16m"), std::string::npos) << palette;
  EXPECT_NE(palette.find("\x1b[38;5;231m"), std::string::npos) << palette;
}

TEST(Grid, MarksWrongOnes) {
  Picture picture(28, 28);
  const std::vector<GridCell> cells{{picture, "7", "7", false}, {picture, "3", "5", true}, {picture, "1", "1", false}};
  const std::string text = grid_text(cells, 2, Colors::none, 80);
  EXPECT_NE(text.find("x 3, is 5"), std::string::npos) << text;
  EXPECT_EQ(text.find("x 7"), std::string::npos);
  EXPECT_EQ(lines_of(text), 2u * (14 + 1) + 1);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    EXPECT_LE(end - begin, 80u);
    begin = end + 1;
  }
  const std::string narrow = grid_text(cells, 3, Colors::none, 40);
  EXPECT_LE(narrow.find('\n'), 40u);
}

TEST(Grid, FramesWrongOnesInRed) {
  const Picture picture(28, 28);
  const std::vector<GridCell> right{{picture, "7", "7", false}};
  const std::vector<GridCell> wrong{{picture, "3", "5", true}};
  const auto red_pixels = [](const Picture& grid) {
    int count = 0;
    for (std::size_t i = 0; i < grid.rgb.size(); i += 3) count += grid.rgb[i] > 150 && grid.rgb[i + 1] < 80 ? 1 : 0;
    return count;
  };
  EXPECT_EQ(red_pixels(grid_picture(right, 5)), 0);
  EXPECT_GT(red_pixels(grid_picture(wrong, 5)), 4 * 84);
  const Picture two_rows = grid_picture(std::vector<GridCell>(3, right[0]), 2);
  EXPECT_EQ(two_rows.width, 2 * (84 + 12));
  EXPECT_EQ(two_rows.rgb.size(), static_cast<std::size_t>(3 * two_rows.width * two_rows.height));
}

TEST(Confusion, IsATableWithShares) {
  const ConfusionMatrix matrix{2, {9, 1, 0, 4}};
  const std::string text = confusion_text(matrix, {"cat", "dog"});
  EXPECT_NE(text.find("90.0 %"), std::string::npos) << text;
  EXPECT_NE(text.find("100.0 %"), std::string::npos) << text;
  EXPECT_EQ(lines_of(text), 4u);
  EXPECT_NE(confusion_text({1, {0}}, {}).find(" -\n"), std::string::npos);
  // Long names are cut between characters, and characters are what the columns count.
  const std::string long_names = confusion_text(matrix, {"abcdefghijk\u00e4\u00f6", "\u00e4"});
  EXPECT_NE(long_names.find("\nabcdefghijk\u00e4  "), std::string::npos) << long_names;
  EXPECT_NE(long_names.find("\n           \u00e4  "), std::string::npos) << long_names;
}

}  // namespace
}  // namespace gradus
