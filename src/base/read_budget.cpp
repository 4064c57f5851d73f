#include "base/read_budget.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <mutex>

#include <gradus/error.hpp>

namespace gradus {
namespace {

std::mutex limits_mutex;
ReadLimits limits_of_process;

std::uint64_t product(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  return b != 0 && a > most / b ? most : a * b;
}

}  // namespace

ReadLimits read_limits() {
  const std::lock_guard lock(limits_mutex);
  return limits_of_process;
}

void set_read_limits(const ReadLimits& limits) {
  const std::lock_guard lock(limits_mutex);
  limits_of_process = limits;
}

ReadBudget::ReadBudget(std::uint64_t file_size, const ReadLimits& limits) {
  const std::uint64_t by_size = std::max(limits.free, product(limits.per_byte, file_size));
  allowed_ = std::min(limits.most, by_size);
  whole_ = by_size >= limits.most;
}

void ReadBudget::take(std::uint64_t bytes, const std::string& name) {
  if (bytes > left()) fail(name);
  taken_ += bytes;
}

void ReadBudget::take(std::uint64_t count, std::uint64_t size, const std::string& name) {
  take(product(count, size), name);
}

void ReadBudget::fail(const std::string& name) const {
  throw Error(ErrorCode::bad_data, name + ": reading this takes more than " + bytes_text(allowed_) +
                                       " in all, the most allowed for " +
                                       (whole_ ? "any file" : "a file of this size") +
                                       "; where you trust it, raise the limit (--read-limit, ReadLimits)");
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array units{"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < units.size()) value /= 1024, ++unit;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4g %s", value, units[unit]);
  return text.data();
}

}  // namespace gradus
