// Every kernel over the shapes of the workloads, on one thread, with its share of what the machine can do.
//
//     gradus_bench_kernels [--target=AVX2] [Google Benchmark's options, --benchmark_filter=product ...]
//
// GRADUS_TARGET in the environment does the same as --target. The peak is that of the chosen target. Rates count the
// processor's time of this thread, the peak that of the clock: where other work runs, shares come out too high.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/thread_pool.hpp"
#include "harness.hpp"

namespace gradus::bench {
namespace {

// What it costs to hand a piece of work to all threads and to wait for them.
void barrier(benchmark::State& state) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  for (auto _ : state) pool.run(static_cast<int>(state.range(0)), [](int tile) { benchmark::DoNotOptimize(tile); });
}

bool starts_with(const char* word, const char* start) { return std::strncmp(word, start, std::strlen(start)) == 0; }

// Takes --target=NAME out of the words.
std::string chosen_target(int& count, char** words) {
  constexpr const char* option = "--target=";
  const char* variable = std::getenv("GRADUS_TARGET");
  std::string name = variable == nullptr ? "" : variable;
  const auto is_target = [&](const char* word) { return starts_with(word, option); };
  for (int i = 1; i < count; ++i) {
    if (is_target(words[i])) name = words[i] + std::strlen(option);
  }
  count = static_cast<int>(std::remove_if(words + 1, words + count, is_target) - words);
  return name;
}

// The usual table, but a share is not written as "0.9/s".
class Table : public benchmark::ConsoleReporter {
 public:
  Table() : ConsoleReporter(isatty(STDOUT_FILENO) != 0 ? OO_ColorTabular : OO_Tabular) {}
  void ReportRuns(const std::vector<Run>& runs) override {
    std::vector<Run> plain = runs;
    for (Run& run : plain) {
      for (auto& [name, counter] : run.counters) counter.flags = benchmark::Counter::kDefaults;
    }
    ConsoleReporter::ReportRuns(plain);
  }
};

int run(int count, char** words) {
  const std::string target = chosen_target(count, words);
  if (!kernels::force_target(target.c_str())) {
    kernels::force_target("");
    std::string have;
    for (const char* name : kernels::targets()) have += std::string(" ") + name;
    std::fprintf(stderr, "this machine has no target '%s'; it has%s\n", target.c_str(), have.c_str());
    return 2;
  }
  const bool other_format =
      std::any_of(words + 1, words + count, [](const char* word) { return starts_with(word, "--benchmark_format"); });
  benchmark::Initialize(&count, words);
  if (benchmark::ReportUnrecognizedArguments(count, words)) return 2;
  benchmark::AddCustomContext("target", kernels::targets().front());
  benchmark::AddCustomContext("peak GFLOP/s, one thread", std::to_string(limits().gflops));
  benchmark::AddCustomContext("memory GB/s, one thread", std::to_string(limits().bandwidth_gbytes));
  add_convolutions();
  add_products();
  add_sparse();
  add_elementwise();
  add_optimizers();
  benchmark::RegisterBenchmark("pool_barrier", barrier)->DenseRange(1, std::max(2, ThreadPool::cores()))->UseRealTime();
  Table table;
  if (other_format) {
    benchmark::RunSpecifiedBenchmarks();
  } else {
    benchmark::RunSpecifiedBenchmarks(&table);
  }
  benchmark::Shutdown();
  return 0;
}

}  // namespace
}  // namespace gradus::bench

int main(int count, char** words) { return gradus::bench::run(count, words); }
