#include "serve/process_figures.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace gradus::serve {

namespace {

double seconds_of(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Reads /proc/self/stat: see proc(5). Field 2 is the name in brackets, which may hold anything.
void read_stat(ProcessFigures& figures) {
  std::ifstream file("/proc/self/stat");
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::size_t end = text.rfind(')');
  if (end == std::string::npos) return;
  std::istringstream fields(text.substr(end + 1));
  std::string skipped;
  double value[25] = {};
  fields >> skipped;  // field 3, a letter
  for (int i = 4; i < 25; ++i) fields >> value[i];
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  figures.cpu_seconds = (value[14] + value[15]) / ticks;
  figures.start_seconds = seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME) + value[22] / ticks;
  figures.virtual_bytes = value[23];
  figures.resident_bytes = value[24] * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

ProcessFigures process_figures() {
  ProcessFigures figures;
  read_stat(figures);
  std::error_code error;
  std::filesystem::directory_iterator open("/proc/self/fd", error);
  // One of them is the folder's own.
  if (!error) figures.open_fds = static_cast<double>(std::distance(begin(open), end(open)) - 1);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) figures.max_fds = static_cast<double>(limit.rlim_cur);
  return figures;
}

}  // namespace gradus::serve
