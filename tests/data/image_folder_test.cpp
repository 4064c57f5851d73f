// Folders of pictures as data sets.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include <gradus/dataset.hpp>

#include "formats/image.hpp"
#include "support/expect_error.hpp"
#include "support/image_bytes.hpp"
#include "support/temporary_directory.hpp"

namespace gradus::test {
namespace {

namespace fs = std::filesystem;

Image filled(std::int64_t width, std::int64_t height, std::vector<std::uint8_t> pixel) {
  Image image{width, height, static_cast<std::int64_t>(pixel.size()), {}};
  for (std::int64_t i = 0; i < width * height; ++i) image.pixels.insert(image.pixels.end(), pixel.begin(), pixel.end());
  return image;
}

class ImageFolders : public testing::Test {
 protected:
  void picture(const std::string& file, const Image& image) {
    fs::create_directories(fs::path(path(file)).parent_path());
    write_png(path(file), image);
  }
  void text(const std::string& file, const std::string& content) {
    fs::create_directories(fs::path(path(file)).parent_path());
    directory_.write(file, content);
  }
  [[nodiscard]] std::string path(const std::string& file) const { return directory_ / file; }

  TemporaryDirectory directory_;
};

TEST_F(ImageFolders, AreASubFolderForEachClass) {
  picture("photos/dog/2.png", filled(8, 6, {10}));
  picture("photos/dog/10.PNG", filled(8, 6, {20}));
  picture("photos/cat/a.png", filled(8, 6, {30}));
  text("photos/cat/notes.txt", "no picture");
  text("photos/cat/.hidden.png", "no picture either");
  text("photos/readme.md", "not a class");
  const auto [parts, skipped] = datasets::image_folder(path("photos/"));
  EXPECT_TRUE(skipped.empty());
  EXPECT_TRUE(parts.test.empty());
  const Dataset& set = parts.train;
  EXPECT_EQ(set.sample_shape(), (Shape{6, 8, 1}));
  EXPECT_EQ(set.class_names(), (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(std::vector(set.labels().begin(), set.labels().end()), (std::vector<std::int32_t>{0, 1, 1}));
  EXPECT_EQ(set.inputs().at(0), 30);
  EXPECT_EQ(set.inputs().at(48), 20);  // 10.PNG comes before 2.png
  EXPECT_EQ(set.preparation(), "resized");
  EXPECT_EQ(datasets::load(path("photos")).train.size(), 3);
  // A data set's name is no folder, wherever one of that name may lie.
  picture("digits/a/1.png", filled(4, 4, {1}));
  const char* before = std::getenv("GRADUS_DATA_DIR");
  const std::string kept = before == nullptr ? "" : before;
  setenv("GRADUS_DATA_DIR", directory_.path().c_str(), 1);
  EXPECT_EQ(datasets::load("digits:20").train.size(), 20);
  EXPECT_EQ(datasets::load("photos").train.size(), 3);
  if (before == nullptr) unsetenv("GRADUS_DATA_DIR");
  if (before != nullptr) setenv("GRADUS_DATA_DIR", kept.c_str(), 1);
}

TEST_F(ImageFolders, BringPicturesToOneSizeAndColour) {
  picture("p/a/1.png", filled(100, 50, {200, 100, 0}));
  picture("p/b/1.png", filled(3, 5, {50}));
  const Dataset colour = datasets::image_folder(path("p"), {.height = 4, .width = 7}).parts.train;
  EXPECT_EQ(colour.sample_shape(), (Shape{4, 7, 3}));
  EXPECT_EQ(colour.inputs().at(0), 200);
  EXPECT_EQ(colour.inputs().at(1), 100);
  EXPECT_EQ(colour.inputs().at(4 * 7 * 3 + 2), 50);
  const Dataset grey = datasets::image_folder(path("p"), {.colour = false}).parts.train;
  EXPECT_EQ(grey.sample_shape(), (Shape{50, 64, 1}));
  EXPECT_EQ(grey.inputs().at(0), 119);  // 0.299 * 200 + 0.587 * 100 = 118.5
}

TEST_F(ImageFolders, HaveTrainAndTestParts) {
  for (const char* part : {"train", "test"}) {
    picture(std::string("p/") + part + "/a/1.png", filled(4, 4, {1}));
    picture(std::string("p/") + part + "/b/1.png", filled(4, 4, {2}));
  }
  const TrainTest parts = datasets::image_folder(path("p")).parts;
  EXPECT_EQ(parts.train.size(), 2);
  EXPECT_EQ(parts.test.size(), 2);
  EXPECT_EQ(parts.train.class_names(), (std::vector<std::string>{"a", "b"}));
  picture("p/test/c/1.png", filled(4, 4, {2}));
  expect_error(ErrorCode::bad_data, {"p/test/c", "no class 'c'"}, [&] { (void)datasets::image_folder(path("p")); });
}

TEST_F(ImageFolders, FindPartsHoweverTheyAreCalled) {
  const std::vector<std::pair<std::string, std::string>> pairs{
      {"training_set", "test_set"}, {"Train", "Test"},  {"TRAINING", "testing"}, {"train", "validation"},
      {"train-set", "val"},         {"train", "Valid"}, {"trainset", "testset"}};
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const std::string top = "p" + std::to_string(i) + "/";
    for (const std::string& part : {pairs[i].first, pairs[i].second}) {
      for (const char* kind : {"a", "b"}) picture(top + part + "/" + kind + "/1.png", filled(4, 4, {1}));
    }
    picture(top + pairs[i].first + "/a/2.png", filled(4, 4, {1}));
    const TrainTest parts = datasets::image_folder(path(top)).parts;
    EXPECT_EQ(parts.train.size(), 3) << pairs[i].first;
    EXPECT_EQ(parts.test.size(), 2) << pairs[i].second;
  }
  // Classes may be called so, too.
  for (const char* kind : {"train", "bus", "car"}) picture(std::string("v/") + kind + "/1.png", filled(4, 4, {1}));
  EXPECT_EQ(datasets::image_folder(path("v")).parts.train.target_width(), 3);
}

TEST_F(ImageFolders, ReadPicturesOfAnyFormatByContent) {
  const Image image = filled(4, 4, {100});
  const auto bytes = [&](const std::string& file, const ImageBytes& content) {
    text(file, std::string(content.begin(), content.end()));
  };
  bytes("p/a/1.jfif", jpeg_bytes(image));
  bytes("p/a/2", jpeg_bytes(image));
  bytes("p/a/3.bin", tiff_bytes(image));
  bytes("p/b/1.bmp", bmp_bytes(4, 1, 24, 0, {}, ImageBytes(12, 100)));
  bytes("p/b/2.gif", gif_bytes({.width = 2, .height = 1, .indices = {0, 0}}, {{100, 100, 100}}));
  bytes("p/b/3.webp", webp_bytes(1, 1, {100, 100, 100, 255}));
  text("p/b/notes.txt", "no picture");
  text("p/b/4.heic", std::string("\0\0\0\x18", 4) + "ftypheic");
  const auto [parts, skipped] = datasets::image_folder(path("p"), {.colour = false});
  EXPECT_EQ(parts.train.size(), 6);
  for (std::int64_t i = 0; i < parts.train.inputs().shape().elements(); ++i) {
    EXPECT_EQ(parts.train.inputs().at(i), 100) << i;
  }
  ASSERT_EQ(skipped.size(), 1u);
  EXPECT_NE(skipped[0].find("p/b/4.heic: a HEIC image"), std::string::npos) << skipped[0];
}

TEST_F(ImageFolders, ReadFoldersWithinAClassAndKeepTheFilesNames) {
  picture("p/a/2020/may/1.png", filled(4, 4, {1}));
  picture("p/a/3.png", filled(4, 4, {2}));
  picture("p/a/.hidden/4.png", filled(4, 4, {3}));
  picture("p/b/1.png", filled(4, 4, {4}));
  text("p/b/0.png", "broken");
  const Dataset set = datasets::image_folder(path("p")).parts.train;
  const std::vector<std::string> names{path("p/a/2020/may/1.png"), path("p/a/3.png"), path("p/b/1.png")};
  EXPECT_EQ(std::vector(set.sample_names().begin(), set.sample_names().end()), names);
  EXPECT_EQ(set.slice(1, 3).sample_names()[0], names[1]);
  EXPECT_EQ(set.slice(1, 3).subset(std::vector<std::int64_t>{1}).sample_names()[0], names[2]);
  const Dataset changed = set.slice(1, 2).with_inputs(std::vector<std::uint8_t>(16), {});
  EXPECT_EQ(changed.sample_names()[0], names[1]);
  EXPECT_EQ(set.slice(1, 2).with_sample_names({"x"}).sample_names()[0], "x");
  EXPECT_TRUE(set.with_sample_names({}).sample_names().empty());
  expect_error(ErrorCode::invalid_argument, {"2 sample names for 3 samples"}, [&] {
    (void)set.with_sample_names({"x", "y"});
  });
}

TEST_F(ImageFolders, SayWhatLiesBesideTheClasses) {
  picture("p/1.png", filled(4, 4, {1}));
  for (const char* part : {"train", "test", "val"}) {
    picture(std::string("p/") + part + "/a/1.png", filled(4, 4, {1}));
    picture(std::string("p/") + part + "/b/1.png", filled(4, 4, {1}));
  }
  picture("p/train/stray.png", filled(4, 4, {1}));
  std::vector<std::string> told;
  datasets::LoadOptions options;
  options.remark = [&](const std::string& line) { told.push_back(line); };
  (void)datasets::load(path("p"), options);
  ASSERT_EQ(told.size(), 3u);
  EXPECT_NE(told[0].find("p/val is left out"), std::string::npos) << told[0];
  EXPECT_NE(told[1].find("1 picture in " + path("p") + " itself is left out"), std::string::npos) << told[1];
  EXPECT_NE(told[2].find("1 picture in " + path("p/train") + " itself is left out"), std::string::npos) << told[2];
  told.clear();
  picture("q/animals/cat/1.png", filled(4, 4, {1}));
  (void)datasets::load(path("q"), options);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_NE(told[0].find("one class only, 'animals'"), std::string::npos) << told[0];
  EXPECT_NE(told[0].find("folders in " + path("q/animals")), std::string::npos) << told[0];
}

TEST_F(ImageFolders, NameWhatIsBroken) {
  picture("p/a/1.png", filled(4, 4, {1}));
  text("p/a/2.png", "\x89PNG\r\n\x1a\nrubbish");
  text("p/a/3.jpg", "");
  picture("p/b/1.png", filled(4, 4, {2}));
  const auto [parts, skipped] = datasets::image_folder(path("p"));
  EXPECT_EQ(parts.train.size(), 3 - 1);
  ASSERT_EQ(skipped.size(), 2u);
  EXPECT_NE(skipped[0].find("p/a/2.png"), std::string::npos) << skipped[0];
  EXPECT_NE(skipped[1].find("p/a/3.jpg"), std::string::npos) << skipped[1];
  expect_error(ErrorCode::bad_data, {"p/a/2.png"}, [&] { (void)datasets::image_folder(path("p"), {.strict = true}); });
  std::vector<std::string> told;
  datasets::LoadOptions options;
  options.remark = [&](const std::string& line) { told.push_back(line); };
  (void)datasets::load(path("p"), options);
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(told[0], "2 pictures could not be read and are left out:");
}

TEST_F(ImageFolders, RefuseWhatIsNoSuchFolder) {
  expect_error(ErrorCode::not_found, {"nowhere"}, [&] { (void)datasets::image_folder(path("nowhere")); });
  fs::create_directories(path("empty"));
  expect_error(ErrorCode::bad_data, {"empty", "sub-folders"}, [&] { (void)datasets::image_folder(path("empty")); });
  fs::create_directories(path("p/a"));
  expect_error(ErrorCode::bad_data, {"p/a", "no picture"}, [&] { (void)datasets::image_folder(path("p")); });
  text("p/a/1.png", "rubbish");
  expect_error(ErrorCode::bad_data, {"none of its pictures"}, [&] { (void)datasets::image_folder(path("p")); });
}

TEST_F(ImageFolders, MayStayOnTheDiskAndDependNotOnThreads) {
  for (int i = 0; i < 40; ++i) {
    Image image = filled(16, 12, {0, 0, 0});
    for (std::size_t p = 0; p < image.pixels.size(); ++p) image.pixels[p] = static_cast<std::uint8_t>(p * 7 + i * 31);
    picture("p/" + std::string(i % 2 == 0 ? "a" : "b") + "/" + std::to_string(i) + ".png", image);
  }
  const Dataset memory = datasets::image_folder(path("p"), {.height = 5, .width = 9, .threads = 1}).parts.train;
  const Dataset disk = datasets::image_folder(path("p"), {.height = 5, .width = 9, .threads = 3}, true).parts.train;
  EXPECT_TRUE(disk.is_on_disk());
  EXPECT_TRUE(std::ranges::equal(memory.inputs().bytes(), disk.inputs().bytes()));
  EXPECT_TRUE(std::ranges::equal(memory.labels(), disk.labels()));
}

// By hand: a triangle of two old pixels' reach over a row of four, brought to two.
TEST(Resizing, IsAMeanWeightedByATriangle) {
  const Image row{4, 1, 1, {0, 80, 160, 240}};
  const Image half = resized(row, 2, 1);
  // Middle 1: weights 3/4, 3/4, 1/4 at distances 1/2, 1/2, 3/2; sum 7/4.
  EXPECT_EQ(half.pixels[0], std::lround((0.75 * 0 + 0.75 * 80 + 0.25 * 160) / 1.75));
  EXPECT_EQ(half.pixels[1], std::lround((0.25 * 80 + 0.75 * 160 + 0.75 * 240) / 1.75));
  // Enlarged, a new pixel lies between two old ones.
  const Image twice = resized(Image{2, 1, 1, {0, 100}}, 4, 1);
  EXPECT_EQ(twice.pixels, (std::vector<std::uint8_t>{0, 25, 75, 100}));
  EXPECT_EQ(resized(row, 4, 1).pixels, row.pixels);
  EXPECT_EQ(resized(filled(31, 17, {9, 99, 199}), 7, 5).pixels, filled(7, 5, {9, 99, 199}).pixels);
}

}  // namespace
}  // namespace gradus::test
