#include "base/thread_group.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <fstream>

#include "base/thread_pool.hpp"
#include "paths.hpp"

namespace gradus {
namespace {

/// While this lives the process may map only so much more memory: room for a few threads' stacks.
class LittleMemory {
 public:
  LittleMemory() {
    getrlimit(RLIMIT_AS, &before_);
    rlim_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    constexpr rlim_t more = rlim_t{64} << 20;
    const rlimit limit{pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + more, before_.rlim_max};
    setrlimit(RLIMIT_AS, &limit);
  }
  ~LittleMemory() { setrlimit(RLIMIT_AS, &before_); }
  LittleMemory(const LittleMemory&) = delete;
  LittleMemory& operator=(const LittleMemory&) = delete;

 private:
  rlimit before_{};
};

constexpr int too_many = 200;  // stacks of 8 MiB by default

TEST(ThreadGroup, StartsAllAndWaitsForThem) {
  std::atomic<int> sum{0};
  {
    ThreadGroup group;
    EXPECT_EQ(group.start(3, [&](int i) { sum += 1 << i; }), 3);
    EXPECT_EQ(group.start(0, [&](int) { sum += 100; }), 0);
    EXPECT_EQ(group.start(-1, [&](int) { sum += 100; }), 0);
  }
  EXPECT_EQ(sum, 7);
}

TEST(ThreadGroup, GoesOnWithThoseThatTheSystemMakes) {
  if (std::string(GRADUS_SANITIZED) != "")
    GTEST_SKIP() << "a sanitizer takes more address space than this test allows: the release tests run it";
  std::string said;
  on_missing_threads([&](const std::string& sentence) { said += sentence; });
  std::atomic<int> ran{0};
  {
    const LittleMemory little;
    ThreadGroup group;
    std::atomic<bool> end{false};
    const int started = group.start(too_many, [&](int) {
      ++ran;
      end.wait(false);
    });
    EXPECT_LT(started, too_many);
    end = true;
    end.notify_all();
    group.join();
    EXPECT_EQ(ran, started);
  }
  EXPECT_NE(said.find("of 200 further threads could be started"), std::string::npos) << said;
  const std::string once = said;
  const LittleMemory little;
  ThreadPool pool(too_many);
  EXPECT_LT(pool.threads(), too_many);
  for (const int tiles : {1, 7, 1000}) {
    std::vector<std::atomic<int>> counts(static_cast<std::size_t>(tiles));
    pool.run(tiles, [&](int tile) { ++counts[static_cast<std::size_t>(tile)]; });
    for (const auto& count : counts) EXPECT_EQ(count, 1);
  }
  EXPECT_EQ(said, once);
  on_missing_threads(nullptr);
}

}  // namespace
}  // namespace gradus
