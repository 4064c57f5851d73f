#include "base/thread_pool.hpp"

#include <sched.h>

#include <algorithm>
#include <string>
#include <utility>

#include <gradus/error.hpp>

namespace gradus {
namespace {

void pause_core() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

constexpr int spins_before_yield = 1 << 12;
constexpr int yields_before_sleep = 64;
thread_local bool inside_tile = false;

}  // namespace

int check_threads(std::int64_t threads, std::string_view name) {
  constexpr std::int64_t most = 4096;
  if (threads < 0 || threads > most) {
    throw Error(ErrorCode::invalid_argument, std::string(name) + " must be 0 (all cores) or a number up to " +
                                                 std::to_string(most) + ", got " + std::to_string(threads));
  }
  return static_cast<int>(threads);
}

int ThreadPool::cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

ThreadPool& ThreadPool::shared() {
  static ThreadPool pool;
  return pool;
}

ThreadPool::ThreadPool(int threads) {
  const int count = threads > 0 ? threads : cores();
  workers_.reserve(static_cast<std::size_t>(count - 1));
  for (int i = 1; i < count; ++i) workers_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  stop_.store(true);
  wakeups_.fetch_add(1);
  wakeups_.notify_all();
  for (auto& worker : workers_) worker.join();
}

int ThreadPool::claim(End end) {
  if (all_claimed(ticket_.load(std::memory_order_acquire))) return -1;
  const std::uint64_t mine = end == End::front ? ticket_.fetch_add(1, std::memory_order_acq_rel)
                                               : ticket_.fetch_sub(std::uint64_t{1} << bits, std::memory_order_acq_rel);
  if (all_claimed(mine)) return -1;
  return static_cast<int>((end == End::front ? first_open(mine) : end_of_open(mine) - 1) - spare);
}

std::int64_t ThreadPool::compute_tiles(End end) {
  std::int64_t computed = 0;
  for (int tile = claim(end); tile >= 0; tile = claim(end)) {
    // The job cannot end before this tile is counted, so its function is still there.
    try {
      (*tile_)(tile);
    } catch (...) {
      const std::lock_guard guard(failure_mutex_);
      if (failure_ == nullptr || tile < failed_tile_) failure_ = std::current_exception(), failed_tile_ = tile;
    }
    ++computed;
  }
  // Counted at once, as each look at the count takes it from the other core's cache.
  if (computed > 0) done_.fetch_add(computed, std::memory_order_acq_rel);
  return computed;
}

void ThreadPool::work() {
  inside_tile = true;
  int idle = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    if (compute_tiles(End::back) > 0) {
      idle = 0;
      continue;
    }
    if (++idle < spins_before_yield) {
      pause_core();
    } else if (idle < spins_before_yield + yields_before_sleep) {
      sched_yield();
    } else {
      const std::uint32_t before = wakeups_.load();
      sleepers_.fetch_add(1);
      if (all_claimed(ticket_.load()) && !stop_.load()) wakeups_.wait(before);
      sleepers_.fetch_sub(1);
      idle = 0;
    }
  }
}

void ThreadPool::run(int tiles, FunctionRef<void(int)> tile) {
  const bool alone = workers_.empty() || tiles <= 1 || inside_tile;
  if (alone || !owner_.try_lock()) {
    for (int i = 0; i < tiles; ++i) tile(i);  // a throw here ends the run at the lowest
    return;
  }
  const std::lock_guard guard(owner_, std::adopt_lock);
  inside_tile = true;
  struct Outside {
    ~Outside() { inside_tile = false; }
  } outside;
  constexpr int most = 1 << (bits - 1);  // what a ticket counts, with room at both ends
  for (int first = 0; first < tiles; first += most) {
    const auto shifted = [&](int i) { tile(first + i); };
    run_job(std::min(most, tiles - first), shifted);
  }
}

void ThreadPool::run_job(int tiles, const FunctionRef<void(int)>& tile) {
  tile_ = &tile;
  done_.store(0, std::memory_order_relaxed);
  job_ = (job_ + 1) & 0xFFFFFF;
  ticket_.store((job_ << (2 * bits)) | ((spare + static_cast<std::uint64_t>(tiles)) << bits) | spare);
  if (sleepers_.load() > 0) {
    wakeups_.fetch_add(1);
    wakeups_.notify_all();
  }
  compute_tiles(End::front);
  for (int spins = 0; done_.load(std::memory_order_acquire) < tiles; ++spins) {
    if (spins < spins_before_yield) {
      pause_core();
    } else {
      sched_yield();
    }
  }
  if (failure_ != nullptr) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace gradus
