#include "data/download.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "base/gzip.hpp"
#include "base/md5.hpp"
#include "data/http_server.hpp"
#include "data/idx_bytes.hpp"
#include "data/mnist.hpp"
#include "support/expect_error.hpp"
#include "support/gzip_text.hpp"
#include "support/shared_data.hpp"
#include "support/temporary_directory.hpp"

namespace gradus {
namespace {

using test::expect_error;
using test::HttpServer;
using test::read_all;
using test::TemporaryDirectory;
using Answer = HttpServer::Answer;
using Request = HttpServer::Request;

// A variable of the environment, put back at the end of the scope.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    const char* old = std::getenv(name);
    if (old != nullptr) old_ = old;
    had_ = old != nullptr;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { had_ ? ::setenv(name_, old_.c_str(), 1) : ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::string old_;
  bool had_ = false;
};

class DownloadTest : public ::testing::Test {
 protected:
  DownloadTest() {
    for (unsigned i = 0; i < 300'000; ++i) content_ += static_cast<char>(i * i >> 3 & 0xff);
    job_.name = "file";
    job_.destination = directory_ / "file";
    job_.most_bytes = content_.size() + 1000;
    job_.check = [this](const std::string& path) { return read_all(path) == content_ ? "" : "the checksum is wrong"; };
    job_.patience = {.connect_seconds = 2, .stall_seconds = 1, .stall_bytes_per_second = 10, .attempts = 3};
  }
  void expect_fetched() {
    EXPECT_EQ(read_all(job_.destination), content_);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_.path()), {}), 1) << "something is left over";
  }
  // The rest of the content, as a server that knows ranges sends it.
  Answer ranged(const Request& request) const {
    if (request.range.empty()) return {.body = content_};
    const std::size_t begin = std::stoul(request.range.substr(6));
    return {.status = 206,
            .body = content_.substr(begin),
            .headers = "Content-Range: bytes " + std::to_string(begin) + "-" + std::to_string(content_.size() - 1) +
                       "/" + std::to_string(content_.size()) + "\r\n"};
  }

  Variable no_proxy_{"no_proxy", "127.0.0.1"};
  TemporaryDirectory directory_;
  std::string content_;
  Download job_;
};

TEST_F(DownloadTest, GoodFile) {
  const HttpServer server([&](const Request&) { return Answer{.body = content_}; });
  job_.urls = {server.url("/a/file")};
  download(job_);
  expect_fetched();
  ASSERT_EQ(server.requests().size(), 1u);
  EXPECT_EQ(server.requests()[0].path, "/a/file");
  EXPECT_EQ(server.requests()[0].range, "");
}

TEST_F(DownloadTest, GoesOnWhereItWasCutOff) {
  int calls = 0;
  const HttpServer server([&](const Request& request) {
    Answer answer = ranged(request);
    if (calls++ == 0) answer.send_only = 100'000;
    return answer;
  });
  job_.urls = {server.url()};
  download(job_);
  expect_fetched();
  ASSERT_EQ(server.requests().size(), 2u);
  EXPECT_EQ(server.requests()[1].range, "bytes=100000-");
}

TEST_F(DownloadTest, GoesOnInALaterRun) {
  bool broken = true;
  const HttpServer server([&](const Request& request) {
    Answer answer = ranged(request);
    if (broken) answer.send_only = 50'000;
    return answer;
  });
  job_.urls = {server.url()};
  job_.patience.attempts = 1;
  expect_error(ErrorCode::not_found, {"cannot download file", server.url(), "after 50,000 bytes"},
               [&] { download(job_); });
  EXPECT_FALSE(std::filesystem::exists(job_.destination));
  broken = false;
  download(job_);
  expect_fetched();
  EXPECT_EQ(server.requests().back().range, "bytes=50000-");
}

TEST_F(DownloadTest, StartsAnewWhereAServerKnowsNoRanges) {
  int calls = 0;
  const HttpServer server(
      [&](const Request&) { return Answer{.body = content_, .send_only = calls++ == 0 ? 70'000 : SIZE_MAX}; });
  job_.urls = {server.url()};
  download(job_);
  expect_fetched();
}

// The bytes of an earlier run were of another file: the sum is wrong, so all is fetched once more.
TEST_F(DownloadTest, ForgetsAMistakenBeginning) {
  int calls = 0;
  const HttpServer server([&](const Request& request) {
    if (calls++ == 0) return Answer{.body = std::string(content_.size(), 'x'), .send_only = 1000};
    return ranged(request);
  });
  job_.urls = {server.url()};
  job_.patience.attempts = 1;
  EXPECT_THROW(download(job_), Error);
  job_.patience.attempts = 3;
  download(job_);
  expect_fetched();
}

TEST_F(DownloadTest, TruncatedFileIsNoFile) {
  const HttpServer server([&](const Request&) { return Answer{.body = content_.substr(0, 1000)}; });
  job_.urls = {server.url()};
  expect_error(ErrorCode::not_found, {server.url(), "checksum"}, [&] { download(job_); });
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
}

TEST_F(DownloadTest, WrongChecksumThenNextMirror) {
  const HttpServer wrong([&](const Request&) { return Answer{.body = std::string(content_.size(), 'x')}; });
  const HttpServer right([&](const Request&) { return Answer{.body = content_}; });
  job_.urls = {wrong.url(), right.url()};
  download(job_);
  expect_fetched();
  EXPECT_EQ(wrong.requests().size(), 1u);
}

TEST_F(DownloadTest, NotFoundAndUnreachableThenNextMirror) {
  const HttpServer missing([&](const Request&) { return Answer{.status = 404, .body = "no such page"}; });
  const HttpServer right([&](const Request&) { return Answer{.body = content_}; });
  job_.urls = {missing.url(), "http://127.0.0.1:1/", right.url()};
  EXPECT_EQ(download(job_), 2u);
  expect_fetched();
}

TEST_F(DownloadTest, StalledServerIsLeft) {
  const HttpServer stalled([&](const Request&) { return Answer{.body = content_, .send_only = 0, .stall = true}; });
  const HttpServer right([&](const Request&) { return Answer{.body = content_}; });
  job_.urls = {stalled.url(), right.url()};
  EXPECT_EQ(download(job_), 1u);
  expect_fetched();
  EXPECT_LE(stalled.requests().size(), static_cast<std::size_t>(job_.patience.attempts));
}

TEST_F(DownloadTest, StallInTheMiddleIsResumed) {
  int calls = 0;
  const HttpServer server([&](const Request& request) {
    Answer answer = ranged(request);
    if (calls++ == 0) answer.send_only = 120'000, answer.stall = true;
    return answer;
  });
  job_.urls = {server.url()};
  download(job_);
  expect_fetched();
  EXPECT_EQ(server.requests().back().range, "bytes=120000-");
}

TEST_F(DownloadTest, EndlessAnswerIsCutOff) {
  const HttpServer server([&](const Request&) { return Answer{.body = std::string(5'000'000, 'x')}; });
  job_.urls = {server.url()};
  expect_error(ErrorCode::not_found, {"more than 301,000 bytes"}, [&] { download(job_); });
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
}

TEST_F(DownloadTest, SaysWhatHappenedAtEachPlace) {
  const HttpServer missing([&](const Request&) { return Answer{.status = 404}; });
  const HttpServer failing([&](const Request&) { return Answer{.status = 503}; });
  job_.urls = {missing.url("/a"), failing.url("/b")};
  expect_error(ErrorCode::not_found, {missing.url("/a") + ": HTTP status 404", failing.url("/b") + ": HTTP status 503"},
               [&] { download(job_); });
  job_.urls = {};
  expect_error(ErrorCode::not_found, {"no place"}, [&] { download(job_); });
}

TEST_F(DownloadTest, FollowsRedirectionsToHttpAlone) {
  const HttpServer right([&](const Request&) { return Answer{.body = content_}; });
  const HttpServer moved([&](const Request& request) {
    const std::string to = request.path == "/good" ? right.url() : "file:///etc/hostname";
    return Answer{.status = 302, .headers = "Location: " + to + "\r\n"};
  });
  job_.urls = {moved.url("/bad")};
  EXPECT_THROW(download(job_), Error);
  job_.urls = {moved.url("/good")};
  download(job_);
  expect_fetched();
}

TEST_F(DownloadTest, TwoAtATimeFetchOnce) {
  const HttpServer server([&](const Request&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return Answer{.body = content_};
  });
  job_.urls = {server.url()};
  std::thread other([&] { download(job_); });
  download(job_);
  other.join();
  expect_fetched();
  EXPECT_EQ(server.requests().size(), 1u);
}

// A small set with MNIST's names, searched and fetched as the real ones are.
class IdxSetTest : public ::testing::Test {
 protected:
  IdxSetTest() {
    const std::vector<std::string> names = {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
                                            "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"};
    const std::vector<std::string> raw = {
        test::idx_bytes(0x803, {2, 28, 28}, std::string(2 * 784, 'a')), test::idx_bytes(0x801, {2}, "\1\2"),
        test::idx_bytes(0x803, {1, 28, 28}, std::string(784, 'b')), test::idx_bytes(0x801, {1}, "\3")};
    set_.name = "tiny";
    set_.folders = {"tiny"};
    for (std::size_t i = 0; i < 4; ++i) {
      files_[names[i]] = test::gzip(raw[i]);
      set_.unpacked_md5[i] = md5_hex({reinterpret_cast<const std::uint8_t*>(raw[i].data()), raw[i].size()});
    }
  }
  Answer file(const Request& request) const {
    const auto found = files_.find(request.path.substr(request.path.rfind('/') + 1));
    return found == files_.end() ? Answer{.status = 404} : Answer{.body = found->second};
  }
  void put_files(const std::string& directory) const {
    std::filesystem::create_directories(directory);
    for (const auto& [name, content] : files_) std::ofstream(directory + "/" + name, std::ios::binary) << content;
  }

  TemporaryDirectory directory_;
  Variable cache_{"XDG_CACHE_HOME", directory_ / "cache"};
  Variable data_{"GRADUS_DATA_DIR", ""};
  Variable no_proxy_{"no_proxy", "127.0.0.1"};
  IdxSet set_;
  std::map<std::string, std::string> files_;
};

TEST_F(IdxSetTest, IsDownloadedOnceIntoTheCache) {
  const HttpServer server([&](const Request& request) { return file(request); });
  const Variable mirrors("GRADUS_MIRRORS", "http://127.0.0.1:1/ " + server.url("/mirror"));
  for (int round = 0; round < 2; ++round) {
    const TrainTest sets = load_idx_set(set_, {});
    EXPECT_EQ(sets.train.size(), 2);
    EXPECT_EQ(sets.train.labels()[1], 2);
    EXPECT_EQ(sets.test.inputs().bytes()[0], 'b');
    EXPECT_EQ(sets.train.name(), "tiny");
  }
  EXPECT_EQ(server.requests().size(), 4u);
  EXPECT_EQ(server.requests()[0].path, "/mirror/train-images-idx3-ubyte.gz");
  EXPECT_TRUE(std::filesystem::exists(directory_ / "cache/gradus/tiny/t10k-labels-idx1-ubyte.gz"));
}

TEST_F(IdxSetTest, AsksTheMirrorThatAnsweredFirst) {
  const HttpServer down([](const Request&) { return Answer{.status = 503}; });
  const HttpServer up([&](const Request& request) { return file(request); });
  const Variable mirrors("GRADUS_MIRRORS", down.url() + " " + up.url());
  (void)load_idx_set(set_, {});
  EXPECT_EQ(down.requests().size(), 1u);
  EXPECT_EQ(up.requests().size(), 4u);
}

TEST_F(IdxSetTest, OnlyMissingFilesAreFetched) {
  put_files(directory_ / "cache/gradus/tiny");
  std::filesystem::remove(directory_ / "cache/gradus/tiny/t10k-images-idx3-ubyte.gz");
  const HttpServer server([&](const Request& request) { return file(request); });
  const Variable mirrors("GRADUS_MIRRORS", server.url());
  EXPECT_EQ(load_idx_set(set_, {}).train.size(), 2);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(IdxSetTest, WrongContentIsNotKept) {
  files_["t10k-labels-idx1-ubyte.gz"] = test::gzip("something else");
  const HttpServer server([&](const Request& request) { return file(request); });
  const Variable mirrors("GRADUS_MIRRORS", server.url());
  expect_error(ErrorCode::not_found, {"tiny is not in", "t10k-labels-idx1-ubyte.gz", "MD5", "digits"},
               [&] { (void)load_idx_set(set_, {}); });
  EXPECT_FALSE(std::filesystem::exists(directory_ / "cache/gradus/tiny/t10k-labels-idx1-ubyte.gz"));
  files_["t10k-labels-idx1-ubyte.gz"] = "<html>please log in</html>";
  expect_error(ErrorCode::not_found, {"MD5"}, [&] { (void)load_idx_set(set_, {}); });
}

TEST_F(IdxSetTest, IsFoundInAnyDataDirectory) {
  const Variable data("GRADUS_DATA_DIR", directory_ / "nothing:" + (directory_ / "root"));
  put_files(directory_ / "root/tiny");
  EXPECT_EQ(load_idx_set(set_, {.download = false}).train.size(), 2);
}

TEST_F(IdxSetTest, SaysWhereItLooked) {
  const Variable data("GRADUS_DATA_DIR", directory_ / "one:" + (directory_ / "two"));
  put_files(directory_ / "two/tiny");
  std::filesystem::remove(directory_ / "two/tiny/train-labels-idx1-ubyte.gz");
  expect_error(ErrorCode::not_found,
               {directory_ / "one", directory_ / "two/tiny (which lacks train-labels-idx1-ubyte)", "cache/gradus/tiny",
                "not to be downloaded", "digits"},
               [&] { (void)load_idx_set(set_, {.download = false}); });
}

TEST_F(IdxSetTest, BrokenFilesAreAnErrorAndNoReasonToLookFurther) {
  const Variable data("GRADUS_DATA_DIR", directory_ / "root");
  put_files(directory_ / "root/tiny");
  const std::string labels = directory_ / "root/tiny/train-labels-idx1-ubyte.gz";
  std::filesystem::resize_file(labels, 20);
  expect_error(ErrorCode::bad_data, {labels, "cut off"}, [&] { (void)load_idx_set(set_, {.download = false}); });
}

// The four names and sizes are the same for MNIST, Fashion-MNIST and KMNIST; only the content differs.
TEST_F(IdxSetTest, RealMnistIsNotTakenForFashion) {
  GRADUS_SHARED_DATA_OR_SKIP(mnist, "mnist");
  const Variable data("GRADUS_DATA_DIR", mnist);
  EXPECT_EQ(datasets::mnist({.download = false}).test.size(), 10'000);
  EXPECT_THROW((void)datasets::fashion_mnist({.download = false}), Error);
  EXPECT_THROW((void)datasets::kmnist({.download = false}), Error);
  EXPECT_EQ(datasets::load("mnist:7", {.download = false}).train.size(), 7);
  // Not even in a directory that says so.
  std::filesystem::create_directories(directory_ / "root");
  std::filesystem::create_directory_symlink(mnist, directory_ / "root/fashion_mnist");
  const Variable mistaken("GRADUS_DATA_DIR", directory_ / "root");
  EXPECT_THROW((void)datasets::fashion_mnist({.download = false}), Error);
}

TEST_F(IdxSetTest, DottedAndUnpackedNamesAreFound) {
  const Variable data("GRADUS_DATA_DIR", directory_ / "root");
  std::filesystem::create_directories(directory_ / "root/tiny");
  for (const auto& [name, packed] : files_) {
    std::string dotted = name.substr(0, name.size() - 3);
    dotted[dotted.rfind("-idx")] = '.';
    const std::string packed_path = directory_.write("packed", packed);
    const auto raw = read_file(packed_path, 1 << 20);
    std::ofstream(directory_ / ("root/tiny/" + dotted), std::ios::binary)
        .write(reinterpret_cast<const char*>(raw.data()), static_cast<std::streamsize>(raw.size()));
  }
  EXPECT_EQ(load_idx_set(set_, {.download = false}).test.labels()[0], 3);
}

TEST(IdxSets, AreToldApartByPublishedSums) {
  for (const IdxSet& set : idx_sets()) {
    EXPECT_FALSE(set.mirrors.empty());
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ((set.unpacked_md5[i] + set.packed_md5[i]).size(), 32u) << set.name;
  }
  GRADUS_SHARED_DATA_OR_SKIP(fashion, "models/idx/fashion_t10k-labels-idx1-ubyte.gz");
  const auto labels = read_file(fashion, 1 << 20);
  EXPECT_EQ(md5_hex(labels), idx_sets()[1].unpacked_md5[3]);
}

}  // namespace
}  // namespace gradus
