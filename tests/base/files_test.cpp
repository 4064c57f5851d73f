#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "base/atomic_file.hpp"
#include "base/byte_reader.hpp"
#include "base/gzip.hpp"
#include "base/mapped_file.hpp"
#include "base/nearest.hpp"
#include "support/expect_error.hpp"
#include "support/gzip_text.hpp"
#include "support/temporary_directory.hpp"

namespace gradus {
namespace {

using test::expect_error;
using test::gzip;
using test::read_all;
using test::TemporaryDirectory;

std::string text_of(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

std::string long_text() {
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += std::to_string(i * 7919 % 1'000'003) + (i % 9 == 0 ? "\n" : " ");
  return text;
}

TEST(InputFile, ReadsPlainAndPackedAlike) {
  const TemporaryDirectory directory;
  const std::string content = long_text();
  const std::string plain = directory.write("a.gz", content);  // the name does not decide
  const std::string packed = directory.write("b", gzip(content));
  EXPECT_EQ(text_of(read_file(plain, 1 << 30)), content);
  EXPECT_EQ(text_of(read_file(packed, 1 << 30)), content);
  EXPECT_FALSE(InputFile(plain).compressed());
  EXPECT_TRUE(InputFile(packed).compressed());
}

TEST(InputFile, JoinsConcatenatedMembersAndPassesOverPadding) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("a", gzip("one ") + gzip("") + gzip("two") + std::string(700, '\0'));
  EXPECT_EQ(text_of(read_file(path, 100)), "one two");
}

TEST(InputFile, ReadsInPieces) {
  const TemporaryDirectory directory;
  const std::string content = long_text();
  InputFile file(directory.write("a", gzip(content)));
  std::string all;
  std::vector<std::uint8_t> piece(777);
  while (!file.at_end()) {
    const std::size_t count = file.read(piece);
    all.append(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(count));
    EXPECT_EQ(file.offset(), all.size());
  }
  EXPECT_EQ(all, content);
  EXPECT_EQ(file.read(piece), 0u);
}

TEST(InputFile, RefusesWhatIsBroken) {
  const TemporaryDirectory directory;
  const std::string packed = gzip(long_text());
  const auto read = [&](const std::string& content) {
    return [&, path = directory.write("x", content)] { (void)read_file(path, 1 << 30); };
  };
  expect_error(ErrorCode::bad_data, {"x: ", "cut off at offset 5000"}, read(packed.substr(0, 5000)));
  expect_error(ErrorCode::bad_data, {"cut off"}, read(packed.substr(0, packed.size() - 1)));
  expect_error(ErrorCode::bad_data, {"something else follows"}, read(packed + "rubbish"));
  std::string wrong_checksum = packed;
  wrong_checksum[packed.size() - 6] ^= 1;
  expect_error(ErrorCode::bad_data, {"broken", "incorrect data check"}, read(wrong_checksum));
  expect_error(ErrorCode::not_found, {"absent: no such file"}, [&] { InputFile(directory / "absent"); });
  const std::string near = directory.write("train.csv", "1,2");
  expect_error(ErrorCode::not_found, {"trian.csv: no such file; did you mean '" + near + "'?"},
               [&] { InputFile(directory / "trian.csv"); });
  directory.write("a.csv", "1,2");
  EXPECT_EQ(no_such_file(directory / "m.csv"), (directory / "m.csv") + ": no such file");
  expect_error(ErrorCode::bad_data, {"is a directory, where a file is expected"},
               [&] { InputFile(directory.path().string()); });
}

TEST(InputFile, StopsAtTheLimit) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("a", gzip("0123456789"));
  EXPECT_EQ(text_of(read_file(path, 10)), "0123456789");
  expect_error(ErrorCode::bad_data, {"more than 9 bytes"}, [&] { (void)read_file(path, 9); });
}

TEST(ByteReader, ReadsBothOrdersAndStopsAtTheEnd) {
  const std::vector<std::uint8_t> bytes = {1, 2, 3, 4, 0, 0, 0x80, 0x3f, 'h', 'i'};
  ByteReader reader("f", bytes);
  EXPECT_EQ(reader.be<std::uint32_t>(), 0x01020304u);
  reader.seek(0);
  EXPECT_EQ(reader.le<std::uint16_t>(), 0x0201);
  EXPECT_EQ(reader.be<std::int16_t>(), 0x0304);
  EXPECT_EQ(reader.le<float>(), 1.0f);
  EXPECT_EQ(reader.text(2), "hi");
  EXPECT_TRUE(reader.at_end());
  expect_error(ErrorCode::bad_data, {"f: at offset 10: expected 1 more byte, found 0"}, [&] { (void)reader.u8(); });
  reader.seek(8);
  expect_error(ErrorCode::bad_data, {"offset 8", "found 2"}, [&] { (void)reader.le<std::uint64_t>(); });
  expect_error(ErrorCode::bad_data, {"found 2"}, [&] { (void)reader.take(UINT64_MAX); });
  expect_error(ErrorCode::bad_data, {"11"}, [&] { reader.seek(11); });
  EXPECT_EQ(reader.offset(), 8u);
  expect_error(ErrorCode::bad_data, {"at offset 100:"}, [&] { ByteReader("f", bytes, 100).fail("x"); });
}

TEST(AtomicFile, AppearsWholeOrNotAtAll) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("m", "old");
  {
    AtomicFile file(path);
    file.write(std::string_view("new"));
    EXPECT_EQ(read_all(path), "old");
  }
  EXPECT_EQ(read_all(path), "old");
  AtomicFile file(path);
  file.write(std::string_view("new"));
  file.commit();
  EXPECT_EQ(read_all(path), "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1);
}

TEST(AtomicFile, TakesAFileThatALibraryPutInPlace) {
  const TemporaryDirectory directory;
  AtomicFile file(directory / "m");
  std::filesystem::remove(file.temporary_path());
  { std::ofstream(file.temporary_path()) << "written by another"; }
  file.commit();
  EXPECT_EQ(read_all(directory / "m"), "written by another");
}

TEST(AtomicFile, RemovesWhatDeadProcessesLeft) {
  const TemporaryDirectory directory;
  const pid_t dead = fork();
  if (dead == 0) _exit(0);
  ASSERT_EQ(waitpid(dead, nullptr, 0), dead);
  const std::string mine = std::to_string(getppid()), gone = std::to_string(dead);
  const std::string left = directory.write("m.keras.tmp-" + gone + "-0", "half");
  const std::vector<std::string> stay{directory.write("m.keras.tmp-" + mine + "-0", "at work"),
                                      directory.write("other.keras.tmp-" + gone + "-0", "another file"),
                                      directory.write("m.keras.tmp-" + gone, "no such name"),
                                      directory.write("m.keras.tmp-x-0", "nor this")};
  write_file_atomically(directory / "m.keras", std::string_view("whole"));
  EXPECT_FALSE(std::filesystem::exists(left));
  for (const std::string& path : stay) EXPECT_TRUE(std::filesystem::exists(path)) << path;
}

TEST(MappedFile, SaysThatItsFileWasCutOff) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("x", std::string(100'000, 'x'));
  const MappedFile file(path);
  EXPECT_NO_THROW(file.check());
  std::filesystem::resize_file(path, 10);
  std::size_t sum = 0;
  for (const std::uint8_t byte : file.bytes()) sum += byte;  // would end the process
  EXPECT_LT(sum, std::size_t{100'000} * 'x');
  expect_error(ErrorCode::bad_data, {path + ": ", "100,000 bytes to 10"}, [&] { file.check(); });
  expect_error(ErrorCode::bad_data, {path}, [&] { file.release(); });
  // Even where it is as long as before in the end.
  std::filesystem::resize_file(path, 100'000);
  expect_error(ErrorCode::bad_data, {path, "was changed"}, [&] { file.check(); });
}

TEST(MappedFile, SaysThatItsFileWasChanged) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("x", "abc");
  const MappedFile file(path);
  std::filesystem::last_write_time(path, std::filesystem::last_write_time(path) + std::chrono::seconds(2));
  expect_error(ErrorCode::bad_data, {"was changed while it was read"}, [&] { file.check(); });
}

TEST(InputFile, SaysThatItsFileWasChanged) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("x", std::string(1'000'000, 'x'));
  InputFile file(path);
  EXPECT_EQ(file.read_up_to(1000).size(), 1000U);
  std::filesystem::resize_file(path, 500'000);
  expect_error(ErrorCode::bad_data, {path + ": was changed while it was read"},
               [&] { (void)file.read_up_to(1'000'000); });
}

TEST(AtomicFile, KeepsLinksAndPermissions) {
  const TemporaryDirectory directory;
  const std::string target = directory.write("real", "old");
  ASSERT_EQ(::chmod(target.c_str(), 0640), 0);
  std::filesystem::create_symlink("real", directory / "link");
  write_file_atomically(directory / "link", std::string_view("new"));
  EXPECT_TRUE(std::filesystem::is_symlink(directory / "link"));
  EXPECT_EQ(read_all(target), "new");
  EXPECT_EQ(std::filesystem::status(target).permissions(), static_cast<std::filesystem::perms>(0640));
}

TEST(AtomicFile, LeavesWhatIsNoFileInItsPlace) {
  const TemporaryDirectory directory;
  const std::string pipe = directory / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  expect_error(ErrorCode::io, {"pipe: cannot write: it is a device or a pipe"},
               [&] { write_file_atomically(pipe, "text"); });
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1);
}

TEST(AtomicFile, SaysWhereItCannotWrite) {
  const TemporaryDirectory directory;
  expect_error(ErrorCode::not_found, {directory / "no/m", "cannot write"}, [&] { AtomicFile(directory / "no/m"); });
  expect_error(ErrorCode::io, {"directory"}, [&] { AtomicFile(directory.path().string()); });
}

}  // namespace
}  // namespace gradus
