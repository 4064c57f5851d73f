// From a folder of pictures to a model that names further ones.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/philox.hpp"
#include "cli/program.hpp"
#include "formats/image.hpp"

namespace gradus::test {
namespace {

namespace fs = std::filesystem;

/// Stripes that lie or stand, dark on bright, somewhere.
Image stripes(bool standing, std::int64_t width, std::int64_t height, Philox& random) {
  Image image{width, height, 3, {}};
  const auto offset = static_cast<std::int64_t>(random.below(16));
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const bool dark = ((standing ? x * 32 / width : y * 32 / height) + offset) / 4 % 2 == 0;
      const auto value = static_cast<std::uint8_t>((dark ? 40 : 200) + random.below(40));
      image.pixels.insert(image.pixels.end(), {value, static_cast<std::uint8_t>(value / 2), 30});
    }
  }
  return image;
}

TEST(Pictures, AFolderIsLearntAndFurtherOnesAreNamed) {
  const TemporaryDirectory directory;
  Philox random(9, 0);
  for (const char* kind : {"lying", "standing"}) {
    fs::create_directories(directory.path() / "photos" / kind);
    for (int i = 0; i < 60; ++i) {
      const std::string file = std::string("photos/") + kind + "/" + std::to_string(i) + ".png";
      write_png(directory / file, stripes(kind[0] == 's', 40 + i % 3, 36, random));
    }
  }
  directory.write("photos/lying/broken.jpg", "no picture");
  const std::vector<std::string> train = {"train", "photos/",  "--image-size", "16x20", "--seed",
                                          "1",     "--epochs", "60",           "--json"};
  const Finished finished = run(gradus(train), in(directory));
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_TRUE(contains(finished.err, "1 picture could not be read and is left out")) << finished.err;
  EXPECT_TRUE(contains(finished.err, "photos/lying/broken.jpg")) << finished.err;
  EXPECT_TRUE(contains(finished.err, "(16, 20, 3)")) << finished.err;
  EXPECT_GE(number(at(at(json_of(finished), "test"), "accuracy")), 0.9);
  EXPECT_EQ(text(at(json_of(finished), "model")), "photos.keras");

  write_png(directory / "new.png", stripes(true, 200, 120, random));
  const Finished predicted = run(gradus({"predict", "photos.keras", "new.png"}), in(directory));
  EXPECT_TRUE(contains(predicted.out, "new.png: standing")) << predicted.out << predicted.err;
  EXPECT_TRUE(contains(predicted.err, "resized from 200x120")) << predicted.err;
  EXPECT_FALSE(contains(predicted.err, "invert")) << predicted.err;

  // A folder is read with all below it, in order; what was done is said once, and what cannot be read is named.
  fs::create_directories(directory.path() / "new/below");
  for (const char* file : {"new/b.png", "new/a.png", "new/below/c.png"}) {
    write_png(directory / file, stripes(true, 200 + file[4], 120, random));
  }
  directory.write("new/broken.png", "no picture");
  directory.write("new/notes.txt", "no picture");
  const Finished folder = run(gradus({"predict", "photos.keras", "new", "--json"}), in(directory));
  ASSERT_EQ(folder.status, 0) << folder.err;
  const Value answers = json_of(folder);
  const Value::List& all = list(answers);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(text(at(all[0], "source")), "new/a.png");
  EXPECT_EQ(text(at(all[1], "source")), "new/b.png");
  EXPECT_EQ(text(at(all[2], "source")), "new/below/c.png");
  EXPECT_EQ(text(at(all[2], "class")), "standing");
  const Value::List& classes = list(at(all[2], "classes"));
  ASSERT_EQ(classes.size(), 2u);
  EXPECT_EQ(text(classes[0]), "lying");
  EXPECT_GT(number(list(at(all[2], "probabilities"))[1]), 0.5);
  EXPECT_TRUE(contains(folder.err, "3 pictures: resized\n")) << folder.err;
  EXPECT_TRUE(contains(folder.err, "1 picture could not be read and is left out:\n  new/broken.png")) << folder.err;
  EXPECT_FALSE(contains(folder.err, "notes.txt")) << folder.err;
  fs::create_directories(directory.path() / "empty");
  expect_refusal(run(gradus({"predict", "photos.keras", "empty"}), in(directory)), 3,
                 "empty: is a directory, where a file is expected, or a folder with pictures");

  // The samples that a model gets wrong are named by their files.
  fs::create_directories(directory.path() / "swapped/lying");
  fs::create_directories(directory.path() / "swapped/standing");
  fs::copy(directory / "photos/standing/7.png", directory / "swapped/lying/seven.png");
  fs::copy(directory / "photos/lying/8.png", directory / "swapped/lying/eight.png");
  fs::copy(directory / "photos/standing/9.png", directory / "swapped/standing/nine.png");
  const std::vector<std::string> show{"show", "swapped", "--model", "photos.keras", "--wrong"};
  const Finished wrong = run(gradus(show), in(directory));
  EXPECT_TRUE(contains(wrong.out, "swapped/lying/seven.png: standing, is lying\n")) << wrong.out << wrong.err;
  EXPECT_FALSE(contains(wrong.out, "eight.png")) << wrong.out;
  std::vector<std::string> as_json = show;
  as_json.emplace_back("--json");
  const Value cells = json_of(run(gradus(as_json), in(directory)));
  ASSERT_EQ(list(at(cells, "cells")).size(), 1u);
  EXPECT_EQ(text(at(list(at(cells, "cells"))[0], "file")), "swapped/lying/seven.png");

  // Evaluated at the model's size without being told, and from the disk: the pictures that training kept in memory.
  const Finished measured = run(gradus({"evaluate", "photos.keras", "photos", "--on-disk", "--json"}), in(directory));
  ASSERT_EQ(measured.status, 0) << measured.err;
  EXPECT_EQ(number(at(json_of(measured), "samples")), 24);
  EXPECT_EQ(at(json_of(measured), "accuracy"), at(at(json_of(finished), "test"), "accuracy"));
  EXPECT_EQ(at(json_of(measured), "learnt_from"), Value(false));
  const Finished whole = run(gradus({"evaluate", "photos.keras", "photos", "--part", "all", "--json"}), in(directory));
  EXPECT_EQ(number(at(json_of(whole), "samples_learnt_from")), 96);
  expect_refusal(run(gradus({"train", "photos", "--strict"}), in(directory)), 3, "photos/lying/broken.jpg");
}

TEST(Pictures, OnlySmallOnesAreMagnifiedInAFile) {
  const TemporaryDirectory directory;
  Philox random(9, 0);
  for (const auto& [side, expected] : {std::pair{20, 200}, std::pair{100, 200}, std::pair{300, 300}}) {
    const std::string folder = "p" + std::to_string(side);
    for (const char* kind : {"/a", "/b"}) {
      fs::create_directories(directory.path() / (folder + kind));
      write_png(directory / (folder + kind + "/1.png"), stripes(true, side, side, random));
    }
    const std::string size = std::to_string(side) + "x" + std::to_string(side);
    const Finished shown = run(gradus({"show", folder, "--image-size", size, "--out", "out.png"}), in(directory));
    ASSERT_EQ(shown.status, 0) << shown.err;
    EXPECT_TRUE(contains(shown.out, folder + "/a/1.png: a")) << shown.out;
    EXPECT_EQ(read_image(directory / "out.png").width, expected);
  }
}

TEST(Pictures, TheHelpListsWhatAugmentationCanDo) {
  const TemporaryDirectory directory;
  const Finished help = run(gradus({"train", "--help"}), in(directory));
  for (const char* option : {"shift ", "horizontal_flip ", "elastic_alpha ", "cutout ", "mixup ", "edge "}) {
    EXPECT_TRUE(contains(help.out, std::string("\n  ") + option)) << option;
  }
  expect_refusal(run(gradus({"train", "digits:100", "--augment", "hflip"}), in(directory)), 2,
                 "did you mean 'horizontal_flip'");
}

/// A ring or a cross of some five pixels, somewhere in noise.
Image sign(bool cross, Philox& random) {
  constexpr std::int64_t side = 24;
  Image image{side, side, 1, {}};
  for (std::int64_t i = 0; i < side * side; ++i) image.pixels.push_back(static_cast<std::uint8_t>(random.below(60)));
  const auto left = static_cast<std::int64_t>(random.below(side - 6)),
             top = static_cast<std::int64_t>(random.below(side - 6));
  for (std::int64_t y = 0; y < 5; ++y) {
    for (std::int64_t x = 0; x < 5; ++x) {
      const bool border = x == 0 || y == 0 || x == 4 || y == 4;
      if (cross ? x == 2 || y == 2 : border) image.pixels[static_cast<std::size_t>((top + y) * side + left + x)] = 220;
    }
  }
  return image;
}

TEST(Pictures, WhatLiesAnywhereIsFoundByTheUsualNetwork) {
  const TemporaryDirectory directory;
  Philox random(3, 0);
  for (const bool cross : {true, false}) {
    const fs::path folder = directory.path() / "signs" / (cross ? "cross" : "ring");
    fs::create_directories(folder);
    for (int i = 0; i < 150; ++i) write_png(folder / (std::to_string(i) + ".png"), sign(cross, random));
  }
  const Finished finished = run(gradus({"train", "signs", "--seed", "1", "--epochs", "40", "--json"}), in(directory));
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_TRUE(contains(finished.err, "conv2d 16 3x3 relu, max_pooling2d, conv2d 32 3x3 relu")) << finished.err;
  EXPECT_GE(number(at(at(json_of(finished), "test"), "accuracy")), 0.95);
}

}  // namespace
}  // namespace gradus::test
