#include "formats/tensorboard_events.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include <gradus/error.hpp>

#include "base/crc32c.hpp"
#include "formats/protobuf.hpp"

namespace gradus {
namespace {

std::string masked_crc(const std::string& bytes) {
  const std::uint32_t crc = crc32c({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  const std::uint32_t masked = ((crc >> 15) | (crc << 17)) + 0xA282EAD8U;
  std::string text(sizeof masked, '\0');
  std::memcpy(text.data(), &masked, sizeof masked);
  return text;
}

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

/// events.out.tfevents.SECONDS.HOST.PROCESS.COUNT.v2
std::string file_name() {
  static std::atomic<int> counter = 0;
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) std::strcpy(host.data(), "localhost");
  std::array<char, 400> name{};
  std::snprintf(name.data(), name.size(), "events.out.tfevents.%010lld.%s.%d.%d.v2", static_cast<long long>(now()),
                host.data(), static_cast<int>(::getpid()), counter++);
  return name.data();
}

std::vector<double> finite(std::span<const Real> values) {
  std::vector<double> numbers;
  numbers.reserve(values.size());
  for (const Real value : values) {
    if (std::isfinite(value)) numbers.push_back(static_cast<double>(value));
  }
  return numbers;
}

std::string histogram_of(const std::vector<double>& numbers) {
  constexpr std::size_t most = 30;
  const auto [least, greatest] = std::minmax_element(numbers.begin(), numbers.end());
  const std::size_t buckets = *least == *greatest ? 1 : most;
  const double width = (*greatest - *least) / static_cast<double>(buckets);
  std::vector<double> limits(buckets), counts(buckets);
  for (std::size_t i = 0; i < buckets; ++i) {
    limits[i] = i + 1 == buckets ? *greatest : *least + width * static_cast<double>(i + 1);
  }
  double sum = 0, squares = 0;
  for (const double x : numbers) {
    const auto at = width == 0 ? 0 : static_cast<std::size_t>((x - *least) / width);
    counts[std::min(at, buckets - 1)] += 1;
    sum += x;
    squares += x * x;
  }
  return ProtoWriter()
      .real64(1, *least)
      .real64(2, *greatest)
      .real64(3, static_cast<double>(numbers.size()))
      .real64(4, sum)
      .real64(5, squares)
      .reals64(6, limits)
      .reals64(7, counts)
      .bytes();
}

}  // namespace

void EventWriter::add_event(const std::string& event) {
  const std::uint64_t length = event.size();
  std::string head(sizeof length, '\0');
  std::memcpy(head.data(), &length, sizeof length);
  pending_ += head + masked_crc(head) + event + masked_crc(event);
}

void EventWriter::add_value(std::int64_t step, const std::string& value) {
  if (path_.empty() && pending_.empty()) add_event(ProtoWriter().real64(1, now()).text(3, "brain.Event:2").bytes());
  const std::string summary = ProtoWriter().text(1, value).bytes();
  add_event(ProtoWriter().real64(1, now()).whole(2, step).text(5, summary).bytes());
}

void EventWriter::scalar(const std::string& tag, std::int64_t step, double value) {
  add_value(step, ProtoWriter().text(1, tag).real32(2, static_cast<float>(value)).bytes());
}

void EventWriter::histogram(const std::string& tag, std::int64_t step, std::span<const Real> values) {
  const std::vector<double> numbers = finite(values);
  if (numbers.empty()) return;
  add_value(step, ProtoWriter().text(1, tag).text(5, histogram_of(numbers)).bytes());
}

void EventWriter::image(const std::string& tag, std::int64_t step, const Image& image) {
  const std::vector<std::uint8_t> png = encode_png(image);
  const ProtoWriter picture = ProtoWriter()
                                  .whole(1, image.height)
                                  .whole(2, image.width)
                                  .whole(3, image.channels)
                                  .text(4, std::string(png.begin(), png.end()));
  add_value(step, ProtoWriter().text(1, tag).message(4, picture).bytes());
}

void EventWriter::flush() {
  if (pending_.empty()) return;
  if (path_.empty()) {
    std::error_code ignored;
    std::filesystem::create_directories(directory_, ignored);
    path_ = directory_ + "/" + file_name();
  }
  errno = EIO;
  std::ofstream out(path_, std::ios::binary | std::ios::app);
  out << pending_ << std::flush;
  if (!out) throw Error(ErrorCode::io, path_ + ": cannot write: " + std::strerror(errno));
  size_ += static_cast<std::int64_t>(pending_.size());
  pending_.clear();
}

void EventWriter::go_on(const std::string& path, std::int64_t size) {
  std::error_code failed;
  const auto there = std::filesystem::file_size(path, failed);
  if (failed || static_cast<std::int64_t>(there) < size) return;  // taken away: a new file is begun
  std::filesystem::resize_file(path, static_cast<std::uintmax_t>(size), failed);
  if (failed) throw Error(ErrorCode::io, path + ": cannot write: " + failed.message());
  path_ = path;
  size_ = size;
}

}  // namespace gradus
