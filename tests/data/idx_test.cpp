#include "data/idx.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include <gradus/dataset.hpp>

#include "base/md5.hpp"
#include "data/idx_bytes.hpp"
#include "support/expect_error.hpp"
#include "support/gzip_text.hpp"
#include "support/shared_data.hpp"
#include "support/temporary_directory.hpp"

namespace gradus {
namespace {

using test::expect_error;
using test::gzip;
using test::idx_bytes;
using test::TemporaryDirectory;

TEST(Idx, ReadsAPairPackedOrNot) {
  const TemporaryDirectory directory;
  const std::string images = idx_bytes(0x803, {3, 2, 2}, std::string("abcdefghijkl"));
  const std::string labels = idx_bytes(0x801, {3}, std::string("\2\0\1", 3));
  for (const bool packed : {false, true}) {
    const Dataset set = datasets::idx(directory.write("i", packed ? gzip(images) : images),
                                      directory.write("l", packed ? gzip(labels) : labels));
    EXPECT_EQ(set.size(), 3);
    EXPECT_EQ(set.sample_shape(), (Shape{2, 2, 1}));
    EXPECT_EQ(set.target_width(), 3);
    EXPECT_EQ(set.labels()[0], 2);
    EXPECT_EQ(set.inputs().bytes()[11], 'l');
  }
}

TEST(Idx, KeepsOtherRanks) {
  const TemporaryDirectory directory;
  const std::string labels = directory.write("l", idx_bytes(0x801, {1}, std::string(1, '\0')));
  EXPECT_EQ(datasets::idx(directory.write("a", idx_bytes(0x802, {1, 5}, "abcde")), labels).sample_shape(), (Shape{5}));
  EXPECT_EQ(datasets::idx(directory.write("b", idx_bytes(0x804, {1, 2, 1, 3}, "abcdef")), labels).sample_shape(),
            (Shape{2, 1, 3}));
}

TEST(Idx, RefusesWhatIsBroken) {
  const TemporaryDirectory directory;
  const auto images = [&](const std::string& bytes) {
    return [path = directory.write("img", bytes)] { (void)read_idx(path, IdxKind::images); };
  };
  const auto labels = [&](const std::string& bytes) {
    return [path = directory.write("lab", bytes)] { (void)read_idx(path, IdxKind::labels); };
  };
  const std::string good = idx_bytes(0x803, {2, 2, 2}, "abcdefgh");
  expect_error(ErrorCode::bad_data, {"img: is empty"}, images(""));
  expect_error(ErrorCode::bad_data, {"img: is empty"}, images(gzip("")));
  expect_error(ErrorCode::bad_data, {"offset 2", "magic"}, images(good.substr(0, 2)));
  expect_error(ErrorCode::bad_data, {"offset 9", "sizes"}, images(good.substr(0, 9)));
  expect_error(ErrorCode::bad_data, {"offset 23", "expected 8", "found 7"}, images(gzip(good.substr(0, 23))));
  expect_error(ErrorCode::bad_data, {"more than the file of 23 bytes can hold"},
               images(idx_bytes(0x803, {3, 5, 5}, "abcdefg")));
  expect_error(ErrorCode::bad_data, {"goes on behind offset 24"}, images(good + "x"));
  expect_error(ErrorCode::bad_data, {"not an IDX file", "0x504b0304"}, images("PK\3\4 and so on"));
  expect_error(ErrorCode::bad_data, {"swapped"}, images(idx_bytes(0x801, {1}, "a")));
  expect_error(ErrorCode::bad_data, {"swapped"}, labels(good));
  expect_error(ErrorCode::bad_data, {"0x00000805"}, images(idx_bytes(0x805, {1, 1, 1, 1, 1}, "a")));
  expect_error(ErrorCode::unsupported, {"0x00000d03", "unsigned bytes"}, images(idx_bytes(0xd03, {1, 1, 1}, "abcd")));
  expect_error(ErrorCode::bad_data, {"0x00000703"}, images(idx_bytes(0x703, {1, 1, 1}, "a")));
  expect_error(ErrorCode::bad_data, {"size 1 of 3 is 0"}, images(idx_bytes(0x803, {2, 0, 2}, "")));
  expect_error(ErrorCode::not_found, {"no such file"}, [] { (void)read_idx("/nowhere/at/all", IdxKind::images); });
}

// Sizes whose product overflows 64 bits, and sizes that a bomb could claim: refused without taking memory.
TEST(Idx, SizesThatLieCostNothing) {
  const TemporaryDirectory directory;
  for (const bool packed : {false, true}) {
    for (const std::uint32_t size : {0xffffffffu, 0x80000000u, 0x10000u}) {
      const std::string lie = idx_bytes(0x803, {size, size, size}, "abc");
      const std::string path = directory.write("img", packed ? gzip(lie) : lie);
      expect_error(ErrorCode::bad_data, {"can hold"}, [&] { (void)read_idx(path, IdxKind::images); });
    }
  }
}

TEST(Idx, RefusesPairsThatDoNotFit) {
  const TemporaryDirectory directory;
  const std::string images = directory.write("i", idx_bytes(0x803, {2, 1, 1}, "ab"));
  const std::string three = directory.write("three", idx_bytes(0x801, {3}, std::string("\0\1\0", 3)));
  expect_error(ErrorCode::bad_data, {"three", "3 labels", "2 images"}, [&] { (void)datasets::idx(images, three); });
  const std::string wrong = directory.write("wrong", idx_bytes(0x801, {2}, std::string("\0\12", 2)));
  expect_error(ErrorCode::bad_data, {"wrong: at offset 9: label 10 is outside 0 to 9"},
               [&] { (void)read_idx_pair("x", images, wrong, 10); });
}

TEST(Mnist, RealFilesHaveTheirSums) {
  GRADUS_SHARED_DATA_OR_SKIP(mnist, "mnist");
  const Dataset set = datasets::idx(mnist + "/train-images-idx3-ubyte.gz", mnist + "/train-labels-idx1-ubyte.gz");
  EXPECT_EQ(set.inputs().shape(), (Shape{60'000, 28, 28, 1}));
  EXPECT_EQ(set.target_width(), 10);
  EXPECT_EQ(set.labels()[0], 5);
  EXPECT_EQ(set.inputs().bytes()[152], 3);  // the first ink of the first image
  EXPECT_EQ(set.inputs().bytes()[153], 18);
  std::vector<std::uint8_t> file = {0, 0, 8, 3, 0, 0, 0xea, 0x60, 0, 0, 0, 28, 0, 0, 0, 28};
  const auto pixels = set.inputs().bytes();
  file.insert(file.end(), pixels.begin(), pixels.end());
  EXPECT_EQ(md5_hex(file), "6bbc9ace898e44ae57da46a324031adb");
}

}  // namespace
}  // namespace gradus
