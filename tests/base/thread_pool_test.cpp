#include <gtest/gtest.h>

#include <algorithm>
#include <array>
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

// Two threads side by side, as each tile waits for one of the other thread: neither comes to take from the other.
TEST(ThreadPool, EachThreadComputesNeighbouringTilesTheSameInEachJob) {
  ThreadPool pool(2);
  constexpr int tiles = 8;
  const auto caller = std::this_thread::get_id();
  for (int job = 0; job < 50; ++job) {
    std::atomic<int> begun{0};
    std::array<bool, tiles> by_caller{};
    pool.run(tiles, [&](int tile) {
      const int round = begun.fetch_add(1) / 2;
      while (begun < std::min(tiles, 2 * round + 2)) std::this_thread::yield();
      by_caller[static_cast<std::size_t>(tile)] = std::this_thread::get_id() == caller;
    });
    for (int tile = 0; tile < tiles; ++tile) EXPECT_EQ(by_caller[static_cast<std::size_t>(tile)], tile < 4) << tile;
  }
}

TEST(ThreadPool, AThreadThatIsPutAsideKeepsNoTileBack) {
  for (const int threads : {2, 3, 5}) {
    ThreadPool pool(threads);
    const auto caller = std::this_thread::get_id();
    constexpr int tiles = 40;
    std::atomic<int> others{0}, stuck{0};
    pool.run(tiles, [&](int) {
      if (std::this_thread::get_id() != caller) {
        ++stuck;
        while (others < tiles - stuck) std::this_thread::yield();  // for ever, were a tile kept for this thread
      } else {
        ++others;
      }
    });
    EXPECT_EQ(others + stuck, tiles);
    EXPECT_LT(stuck, threads);
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
