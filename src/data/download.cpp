#include "data/download.hpp"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>

#include <gradus/error.hpp>

#include "base/atomic_file.hpp"
#include "base/md5.hpp"
#include "base/text.hpp"

namespace gradus {
namespace {

[[noreturn]] void fail_io(const std::string& path, const char* what) {
  throw Error(ErrorCode::io, path + ": cannot " + what + ": " + std::strerror(errno));
}

// The name tells the URL: bytes of two places are not mixed.
std::string part_path(const std::string& destination, const std::string& url) {
  const auto bytes = std::span(reinterpret_cast<const std::uint8_t*>(url.data()), url.size());
  return destination + "." + md5_hex(bytes).substr(0, 8) + ".part";
}

// The bytes of one URL so far, locked against other processes that fetch the same.
class PartFile {
 public:
  PartFile(const std::string& destination, const std::string& url) : path_(part_path(destination, url)) {
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail_io(path_, "write");
    while (::flock(descriptor_, LOCK_EX) != 0) {
      if (errno != EINTR) break;  // a file system without locks: two downloads at a time are then the user's affair
    }
  }
  ~PartFile() { ::close(descriptor_); }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::uint64_t size() const {
    const off_t end = ::lseek(descriptor_, 0, SEEK_END);
    if (end < 0) fail_io(path_, "read");
    return static_cast<std::uint64_t>(end);
  }
  // False when the disk refuses; errno says why.
  [[nodiscard]] bool try_clear() const {
    return ::ftruncate(descriptor_, 0) == 0 && ::lseek(descriptor_, 0, SEEK_SET) == 0;
  }
  void clear() const {
    if (!try_clear()) fail_io(path_, "write");
  }
  // False when the disk refuses; errno says why.
  [[nodiscard]] bool append(std::span<const char> bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return false;
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return true;
  }
  void remove() const { ::unlink(path_.c_str()); }
  void become(const std::string& destination) const {
    if (::fsync(descriptor_) != 0) fail_io(path_, "write to the disk");
    if (::rename(path_.c_str(), destination.c_str()) != 0) fail_io(destination, "rename into place");
    sync_directory_of(destination);
  }

 private:
  std::string path_;
  int descriptor_ = -1;
};

class ProgressBar {
 public:
  ProgressBar(const std::string& name, bool wanted) : name_(name), shown_(wanted && ::isatty(STDERR_FILENO) == 1) {}
  ~ProgressBar() {
    if (shown_ && last_ >= 0) std::fputs("\r\033[K", stderr);
  }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void show(std::uint64_t done, std::uint64_t total) {
    if (!shown_ || total == 0) return;
    const int percent = static_cast<int>(std::min<std::uint64_t>(100, done * 100 / total));
    if (percent == last_) return;
    last_ = percent;
    constexpr int width = 24;
    const int full = percent * width / 100;
    std::fprintf(stderr, "\r%s [%s%s] %3d %% of %.1f MB", name_.c_str(),
                 std::string(static_cast<std::size_t>(full), '#').c_str(),
                 std::string(static_cast<std::size_t>(width - full), '-').c_str(), percent,
                 static_cast<double>(total) / 1e6);
    std::fflush(stderr);
  }

 private:
  const std::string& name_;
  bool shown_;
  int last_ = -1;
};

// One request. Lives while curl calls back.
struct Transfer {
  const Download& job;
  const PartFile& part;
  CURL* curl;
  std::uint64_t begin;    // bytes that were there before
  std::uint64_t got = 0;  // bytes that came
  int disk_error = 0;
  bool too_long = false;
  ProgressBar bar;
};

std::size_t on_bytes(char* data, std::size_t unit, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::size_t size = unit * count;
  if (transfer.got == 0 && transfer.begin > 0) {
    long status = 0;
    curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 206) {  // the server sends the whole file again
      if (!transfer.part.try_clear()) {
        transfer.disk_error = errno;
        return 0;
      }
      transfer.begin = 0;
    }
  }
  transfer.got += size;
  if (transfer.begin + transfer.got > transfer.job.most_bytes) {
    transfer.too_long = true;
    return 0;
  }
  if (!transfer.part.append({data, size})) {
    transfer.disk_error = errno;
    return 0;
  }
  return size;
}

int on_progress(void* user, curl_off_t total, curl_off_t now, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (total > 0) {
    transfer.bar.show(transfer.begin + static_cast<std::uint64_t>(now),
                      transfer.begin + static_cast<std::uint64_t>(total));
  }
  return 0;
}

void set_options(CURL* curl, const std::string& url, Transfer& transfer) {
  const DownloadPatience& patience = transfer.job.patience;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "gradus");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(patience.connect_seconds));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(patience.stall_seconds));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(patience.stall_bytes_per_second));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
  // A plain Range header: with CURLOPT_RESUME_FROM curl gives up on servers that know no ranges.
  if (transfer.begin > 0) curl_easy_setopt(curl, CURLOPT_RANGE, (std::to_string(transfer.begin) + "-").c_str());
}

struct Outcome {
  std::string problem;  // "" when the answer came to its end
  bool worth_again = false;
};

Outcome attempt(const Download& job, const std::string& url, const PartFile& part) {
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), &curl_easy_cleanup);
  if (!curl) throw Error(ErrorCode::io, "libcurl does not start");
  Transfer transfer{
      .job = job, .part = part, .curl = curl.get(), .begin = part.size(), .bar = {job.name, job.progress}};
  set_options(curl.get(), url, transfer);
  const CURLcode code = curl_easy_perform(curl.get());
  if (transfer.disk_error != 0) {
    errno = transfer.disk_error;
    fail_io(part.path(), "write");
  }
  if (code == CURLE_OK) return {};
  if (transfer.too_long) {
    part.clear();
    return {"sends more than " + count_of(static_cast<std::int64_t>(job.most_bytes), "byte") + ", so not this file"};
  }
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (code == CURLE_HTTP_RETURNED_ERROR) {
    const bool beyond_the_end = status == 416 && transfer.begin > 0;
    if (beyond_the_end) part.clear();
    return {"HTTP status " + std::to_string(status), beyond_the_end};
  }
  std::string problem = curl_easy_strerror(code);
  if (code == CURLE_OPERATION_TIMEDOUT) problem = transfer.got > 0 ? "the transfer stalled" : "timed out";
  if (transfer.got > 0)
    problem += " after " + count_of(static_cast<std::int64_t>(transfer.begin + transfer.got), "byte");
  return {problem, transfer.got > 0};
}

// Returns what went wrong, or "" when `job.destination` is there.
std::string fetch_from(const Download& job, const std::string& url) {
  const PartFile part(job.destination, url);
  if (std::filesystem::exists(job.destination)) {  // another process was faster
    part.remove();
    return {};
  }
  std::string problem;
  bool from_scratch = part.size() == 0;
  if (!from_scratch && job.check(part.path()).empty()) {
    part.become(job.destination);
    return {};
  }
  for (int attempts = 0; attempts < job.patience.attempts; ++attempts) {
    const Outcome outcome = attempt(job, url, part);
    problem = outcome.problem;
    if (outcome.problem.empty()) {
      problem = job.check(part.path());
      if (problem.empty()) {
        part.become(job.destination);
        return {};
      }
      // What an earlier run left may have been of another file; once more without it.
      part.clear();
      if (from_scratch) break;
      from_scratch = true;
      continue;
    }
    if (!outcome.worth_again) break;
  }
  if (part.size() == 0) part.remove();
  return problem;
}

void start_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

std::size_t download(const Download& job) {
  start_curl();
  std::string problems;
  for (std::size_t i = 0; i < job.urls.size(); ++i) {
    const std::string problem = fetch_from(job, job.urls[i]);
    if (problem.empty()) {
      for (const std::string& other : job.urls) {
        if (other != job.urls[i]) ::unlink(part_path(job.destination, other).c_str());
      }
      return i;
    }
    problems += (problems.empty() ? "" : "; ") + job.urls[i] + ": " + problem;
  }
  throw Error(ErrorCode::not_found, "cannot download " + job.name + ": " +
                                        (problems.empty() ? "there is no place to get it from" : problems));
}

}  // namespace gradus
