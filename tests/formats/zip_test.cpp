#include "formats/zip.hpp"

#include <gtest/gtest.h>

#include <random>

#include "support/expect_error.hpp"
#include "support/temporary_directory.hpp"

namespace gradus {
namespace {

using test::expect_error;
using test::TemporaryDirectory;

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

void write(const std::string& path, const std::vector<std::pair<std::string, std::string>>& content) {
  std::vector<ZipMember> members;
  for (const auto& [name, text] : content) members.push_back({name, bytes_of(text)});
  AtomicFile file(path);
  write_zip(file, members);
  file.commit();
}

/// A number of `count` bytes, low byte first, in an archive.
std::uint64_t number_at(const std::string& bytes, std::size_t position, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i)
    value |= std::uint64_t{static_cast<std::uint8_t>(bytes[position + i])} << (8 * i);
  return value;
}

TEST(Zip, GivesBackWhatItWrote) {
  TemporaryDirectory directory;
  write(directory / "a.zip", {{"config.json", "{}"}, {"deep/er/x", std::string(100'000, 'x')}, {"empty", ""}});
  const ZipReader archive(directory / "a.zip");
  ASSERT_EQ(archive.members().size(), 3u);
  EXPECT_EQ(archive.read("config.json", 10).size(), 2u);
  EXPECT_EQ(archive.read("deep/er/x", 100'000), std::vector<std::uint8_t>(100'000, 'x'));
  EXPECT_TRUE(archive.read("empty", 0).empty());
  EXPECT_TRUE(archive.contains("empty"));
  EXPECT_FALSE(archive.contains("other"));
}

TEST(Zip, WritesAsKerasDoes) {
  TemporaryDirectory directory;
  write(directory / "a.zip", {{"metadata.json", "{}"}});
  const std::string bytes = test::read_all(directory / "a.zip");
  EXPECT_EQ(bytes.substr(0, 4), "PK\x03\x04");
  EXPECT_LE(number_at(bytes, 4, 2), 20u) << "version needed";
  EXPECT_EQ(number_at(bytes, 6, 2) & ~0x800u, 0u) << "flags: no data descriptor, no encryption";
  EXPECT_EQ(number_at(bytes, 8, 2), 0u) << "stored";
  EXPECT_EQ(number_at(bytes, 10, 2), 0u) << "00:00";
  EXPECT_EQ(number_at(bytes, 12, 2), (1u << 5) | 1u) << "1980-01-01";
  EXPECT_EQ(number_at(bytes, 18, 4), 2u);
  EXPECT_EQ(number_at(bytes, 28, 2), 0u) << "no extra field";
}

TEST(Zip, SaysWhatIsMissingOrTooLarge) {
  TemporaryDirectory directory;
  expect_error(ErrorCode::not_found, {"none.zip"}, [&] { ZipReader(directory / "none.zip"); });
  expect_error(ErrorCode::bad_data, {"text.zip", "no readable zip archive"},
               [&] { ZipReader(directory.write("text.zip", "not a zip archive at all")); });
  write(directory / "a.zip", {{"x", "12345"}});
  const ZipReader archive(directory / "a.zip");
  expect_error(ErrorCode::bad_data, {"a.zip", "'y'"}, [&] { (void)archive.read("y", 10); });
  expect_error(ErrorCode::bad_data, {"'x'", "5 bytes", "4 allowed"}, [&] { (void)archive.read("x", 4); });
}

TEST(Zip, RefusesNamesThatLeadOut) {
  TemporaryDirectory directory;
  for (const char* name : {"../x", "a/../../x", "/etc/passwd", "..\\x", "a/..", ".."}) {
    write(directory / "a.zip", {{name, "1"}});
    expect_error(ErrorCode::bad_data, {"leads out of the archive"}, [&] { ZipReader(directory / "a.zip"); });
  }
  write(directory / "a.zip", {{"a..b/...", "1"}});
  EXPECT_EQ(ZipReader(directory / "a.zip").members().size(), 1u);
}

TEST(Zip, NoticesDamage) {
  TemporaryDirectory directory;
  write(directory / "a.zip", {{"x", std::string(1000, 'x')}});
  std::string bytes = test::read_all(directory / "a.zip");
  bytes[500] = 'y';
  const std::string path = directory.write("b.zip", bytes);
  expect_error(ErrorCode::bad_data, {"b.zip", "'x'", "damaged"}, [&] { (void)ZipReader(path).read("x", 1000); });
  bytes[500] = 'x';
  // The size in the central directory, too large and too small.
  const std::size_t directory_at = bytes.rfind("PK\x01\x02");
  for (const int delta : {1, -1, 100}) {
    std::string lying = bytes;
    const auto size = static_cast<std::uint32_t>(1000 + delta);
    for (std::size_t i = 0; i < 4; ++i) lying[directory_at + 24 + i] = static_cast<char>(size >> (8 * i));
    const std::string other = directory.write("c.zip", lying);
    expect_error(ErrorCode::bad_data, {"c.zip"}, [&] { (void)ZipReader(other).read("x", 1'000'000); });
  }
}

TEST(Zip, SurvivesAnyDamage) {
  TemporaryDirectory directory;
  write(directory / "a.zip", {{"x", std::string(200, 'x')}, {"y", "yy"}});
  const std::string sound = test::read_all(directory / "a.zip");
  std::mt19937 random(1);
  for (std::size_t i = 0; i < 400 + sound.size(); ++i) {
    std::string bytes = sound;
    if (i < sound.size()) {
      bytes.resize(i);
    } else {
      for (int k = 0; k < 2; ++k) bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    const std::string path = directory.write("b.zip", bytes);
    try {
      const ZipReader archive(path);
      for (const auto& member : archive.members()) (void)archive.read(member.name, 1'000'000);
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace gradus
