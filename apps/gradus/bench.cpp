#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>

#include <gradus/error.hpp>

#include "base/nearest.hpp"
#include "base/thread_pool.hpp"
#include "cli.hpp"
#include "commands.hpp"
#include "kernels/kernels.hpp"
#include "kernels/peak.hpp"
#include "terminal.hpp"
#include "values.hpp"
#include "workloads.hpp"

namespace gradus::app {

namespace {

// The line "KEY...: VALUE" of a file under /proc.
std::string proc_value(const std::string& file, const std::string& key) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    if (line.starts_with(key) && colon != std::string::npos) {
      const auto begin = line.find_first_not_of(" \t", colon + 1);
      return begin == std::string::npos ? "" : line.substr(begin);
    }
  }
  return {};
}

std::string machine() {
  utsname names{};
  uname(&names);
  const std::string cpu = proc_value("/proc/cpuinfo", "model name");
  return (cpu.empty() ? names.machine : cpu) + ", " + std::to_string(ThreadPool::cores()) + " cores, " +
         kernels::targets().front();
}

// Linux counts the greatest memory anew after this.
void reset_peak_memory() { std::ofstream("/proc/self/clear_refs") << "5"; }
std::int64_t peak_memory() {
  const std::string text = proc_value("/proc/self/status", "VmHWM");
  return text.empty() ? 0 : std::stoll(text) * 1024;
}

TrainTest bench_data() {
  try {
    return datasets::mnist();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::bad_data) throw;
    note("MNIST is not to be had (" + std::string(error.what()) + "); measuring on drawn digits");
    return {datasets::digits(60'000, 1), datasets::digits(10'000, 2)};
  }
}

struct Result {
  const Workload* workload;
  Measurement measured;
  std::int64_t memory;
  [[nodiscard]] double gflops() const { return measured.flops_per_unit / measured.seconds_per_unit * 1e-9; }
};

Result run(const Workload& workload, const TrainTest& data, std::int64_t threads, std::int64_t repeat) {
  reset_peak_memory();
  std::vector<Measurement> all;
  for (std::int64_t i = 0; i < repeat; ++i) all.push_back(workload.run(data, threads));
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.seconds_per_unit < b.seconds_per_unit; });
  return {&workload, all[all.size() / 2], peak_memory()};
}

Value result_value(const Result& r, double peak) {
  const Measurement& m = r.measured;
  Value::Object object{{"name", r.workload->name},
                       {"unit", r.workload->unit},
                       {"seconds_per_unit", m.seconds_per_unit},
                       {"samples_per_second", m.samples_per_second},
                       {"gflops", r.gflops()},
                       {"share_of_peak", r.gflops() / peak},
                       {"allocations_per_step", m.allocations_per_step},
                       {"peak_rss_bytes", r.memory}};
  if (m.accuracy >= 0) object.emplace_back("accuracy", m.accuracy);
  return object;
}

std::string duration(double seconds) {
  char text[32];
  const char* unit = seconds >= 1 ? "s" : seconds >= 1e-3 ? "ms" : "us";
  std::snprintf(text, sizeof text, "%.3f %s",
                seconds >= 1      ? seconds
                : seconds >= 1e-3 ? seconds * 1e3
                                  : seconds * 1e6,
                unit);
  return text;
}

void print_result(const Result& r, double peak) {
  char line[160];
  const Measurement& m = r.measured;
  std::snprintf(line, sizeof line, "%-15s %12s / %-9s %12.0f %9.1f %6.1f %% %8.2f %7.0f", r.workload->name.c_str(),
                duration(m.seconds_per_unit).c_str(), r.workload->unit.c_str(), m.samples_per_second, r.gflops(),
                100 * r.gflops() / peak, m.allocations_per_step, static_cast<double>(r.memory) / 1e6);
  std::string text = line;
  if (m.accuracy >= 0) {
    std::snprintf(line, sizeof line, " %8.2f %%", 100 * m.accuracy);
    text += line;
  }
  print(text + "\n");
  flush_output();
}

std::vector<const Workload*> chosen(const std::vector<std::string>& names) {
  std::vector<const Workload*> list;
  std::vector<std::string> known;
  for (const Workload& workload : workloads()) known.push_back(workload.name);
  for (const std::string& name : names.empty() ? known : names) {
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) throw UsageError("there is no workload '" + name + "'" + did_you_mean(name, known));
    list.push_back(&workloads()[static_cast<std::size_t>(found - known.begin())]);
  }
  return list;
}

std::string workload_help() {
  std::string text = "Workloads, each on MNIST (drawn digits where that is not to be had):\n";
  for (const Workload& workload : workloads()) {
    std::string name = "  " + workload.name;
    name.resize(19, ' ');
    text += name + workload.summary + "; a unit is one " + workload.unit + "\n";
  }
  return text + "GFLOP/s count the dense products with all their zeros, so that skipping zeros can exceed the peak.";
}

}  // namespace

int bench(const Words& words) {
  std::vector<std::string> names;
  std::optional<std::int64_t> threads, repeat;
  bool json = false;
  Arguments arguments("bench", "Measures how fast this machine trains and predicts.");
  arguments.optional_words("NAME", names, "workloads to run; all unless given")
      .option("--threads", "N", threads, "threads to train with", "all cores", 0)
      .option("--repeat", "N", repeat, "runs of each; the median is shown", "3 runs", 1)
      .flag("--json", json, "print one JSON object")
      .more_help(workload_help);
  if (!arguments.parse(words)) return done;
  check_threads(threads.value_or(0), "--threads");

  const std::vector<const Workload*> list = chosen(names);
  const TrainTest data = bench_data();
  const std::int64_t asked = check_threads(threads.value_or(0), "--threads");
  const std::int64_t count = asked > 0 ? asked : ThreadPool::cores();
  const kernels::Limits limits = kernels::measure_limits(static_cast<int>(count));
  Value::List results;
  if (!json) {
    char line[160];
    std::snprintf(line, sizeof line, "%s\n%lld threads, peak %.0f GFLOP/s, memory %.0f GB/s\n\n", machine().c_str(),
                  static_cast<long long>(count), limits.gflops, limits.bandwidth_gbytes);
    print(line);
    print(
        "workload                time / unit         samples/s   GFLOP/s  of peak  alloc/step     MB   test "
        "accuracy\n");
  }
  for (const Workload* workload : list) {
    const Result result = run(*workload, data, count, repeat.value_or(3));
    if (json) {
      results.push_back(result_value(result, limits.gflops));
    } else {
      print_result(result, limits.gflops);
    }
  }
  if (json) {
    print_json(Value::Object{{"machine", machine()},
                             {"threads", count},
                             {"peak_gflops", limits.gflops},
                             {"memory_gbytes_per_second", limits.bandwidth_gbytes},
                             {"data", data.train.name()},
                             {"workloads", results}});
  }
  return done;
}

}  // namespace gradus::app
