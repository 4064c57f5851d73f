#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "base/thread_pool.hpp"

namespace gradus {
namespace {

TEST(ThreadPool, ComputesEachTileOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const int tiles : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> counts(static_cast<std::size_t>(tiles));
      pool.run(tiles, [&](int tile) { ++counts[static_cast<std::size_t>(tile)]; });
      for (const auto& count : counts) EXPECT_EQ(count, 1);
    }
  }
}

// The caller has done its four tiles as the other thread ends its third: the fourth is left to that thread, unless the
// system puts it aside just then, hence the further tries.
TEST(ThreadPool, AThreadLeavesAnotherItsLastTile) {
  if (ThreadPool::cores() < 2) GTEST_SKIP() << "two threads side by side take two cores";
  ThreadPool pool(2);
  const auto caller = std::this_thread::get_id();
  constexpr int jobs = 200;
  int left = 0;
  for (int tries = 0; tries < 100 && left <= jobs / 2; ++tries) {
    left = 0;
    for (int job = 0; job < jobs; ++job) {
      std::atomic<bool> at_third{false}, caller_done{false};
      pool.run(8, [&](int tile) {
        const bool by_caller = std::this_thread::get_id() == caller;
        if (tile == 4) {
          left += by_caller ? 0 : 1;
          return;
        }
        EXPECT_EQ(by_caller, tile < 4) << tile;
        if (tile == 3) {
          while (!at_third) std::this_thread::yield();
          caller_done = true;
        } else if (tile == 5) {
          at_third = true;
          while (!caller_done) {
          }
        }
      });
    }
  }
  EXPECT_GT(left, jobs / 2);
}

TEST(ThreadPool, AThreadThatIsPutAsideKeepsNoTileBack) {
  for (const int threads : {2, 3, 5}) {
    ThreadPool pool(threads);
    const auto caller = std::this_thread::get_id();
    constexpr int tiles = 40;
    std::atomic<int> others{0}, stuck{0};
    pool.run(tiles, [&](int) {
      const bool by_caller = std::this_thread::get_id() == caller;
      ++(by_caller ? others : stuck);
      while (stuck < threads - 1) std::this_thread::yield();
      // For ever, were a tile kept for this thread.
      while (!by_caller && others < tiles - (threads - 1)) std::this_thread::yield();
    });
    EXPECT_EQ(stuck, threads - 1);
    EXPECT_EQ(others, tiles - (threads - 1));
  }
}

TEST(ThreadPool, WorksThroughManyShortJobs) {
  ThreadPool pool(4);
  std::int64_t sum = 0;
  for (int job = 0; job < 20'000; ++job) {
    std::atomic<std::int64_t> part{0};
    pool.run(5, [&](int tile) { part += tile; });
    sum += part;
  }
  EXPECT_EQ(sum, 20'000 * 10);
}

TEST(ThreadPool, WakesThreadsThatSleep) {
  ThreadPool pool(3);
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    std::atomic<int> done{0};
    pool.run(64, [&](int) { ++done; });
    EXPECT_EQ(done, 64);
  }
}

TEST(ThreadPool, AJobWithinAJobAndASecondCallerAreComputedAtOnce) {
  ThreadPool pool(2);
  std::atomic<int> inner{0};
  pool.run(4, [&](int) { pool.run(3, [&](int) { ++inner; }); });
  EXPECT_EQ(inner, 12);
  std::atomic<int> total{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int i = 0; i < 200; ++i) pool.run(8, [&](int) { ++total; });
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(total, 4 * 200 * 8);
}

TEST(ThreadPool, MoreTilesThanOneTicketCounts) {
  ThreadPool pool(2);
  std::atomic<std::int64_t> sum{0};
  constexpr int tiles = 1'500'000;
  pool.run(tiles, [&](int tile) { sum.fetch_add(tile, std::memory_order_relaxed); });
  EXPECT_EQ(sum, std::int64_t{tiles} * (tiles - 1) / 2);
}

}  // namespace
}  // namespace gradus
