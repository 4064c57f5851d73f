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
constexpr int least_patience = 4;
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
  shares_ = std::vector<Share>(static_cast<std::size_t>(count));
  threads_ = 1 + workers_.start(count - 1, [this](int i) { work(i + 1); });
}

ThreadPool::~ThreadPool() {
  stop_.store(true);
  wakeups_.fetch_add(1);
  wakeups_.notify_all();
  workers_.join();
}

bool ThreadPool::compute_from(int owner, bool front, std::uint64_t least) {
  Share& share = shares_[static_cast<std::size_t>(owner)];
  std::uint64_t open = share.open.load(std::memory_order_acquire);
  do {
    if (count_of(open) < least) return false;
  } while (!share.open.compare_exchange_weak(open, front ? open + 1 : open - (mask + 1), std::memory_order_acq_rel,
                                             std::memory_order_acquire));
  // The job cannot end before this tile is counted, so its function is still there.
  const auto tile = static_cast<int>(front ? begin_of(open) : end_of(open) - 1);
  try {
    (*share.compute)(tile);
  } catch (...) {
    const std::lock_guard guard(failure_mutex_);
    if (failure_ == nullptr || tile < failed_tile_) failure_ = std::current_exception(), failed_tile_ = tile;
  }
  return true;
}

// From the front or, every other thread, from the back: so the first two meet in the middle, where one takes from the
// other what its own work did not touch last.
bool ThreadPool::compute_own(int thread) { return compute_from(thread, thread % 2 == 0, 1); }

bool ThreadPool::compute_others(int thread, bool wait) {
  int& patience = shares_[static_cast<std::size_t>(thread)].patience;
  for (int spins = 0;; ++spins) {
    const bool waiting = wait && spins < patience;
    bool open = false;
    for (int i = 1; i < threads(); ++i) {
      const int other = (thread + i) % threads();
      if (compute_from(other, other % 2 != 0, waiting ? 2 : 1)) {
        if (wait && !waiting) patience = std::max(patience / 2, least_patience);
        return true;
      }
      open = open || count_of(shares_[static_cast<std::size_t>(other)].open.load(std::memory_order_relaxed)) > 0;
    }
    if (!open) {
      if (spins > 0) patience = std::min(2 * patience, most_patience);
      return false;
    }
    pause_core();
  }
}

void ThreadPool::compute_tiles(int thread, bool wait) {
  std::int64_t computed = 0;
  while (compute_own(thread) || compute_others(thread, wait)) ++computed;
  // Counted at once, as each look at the count takes it from the other core's cache.
  if (computed > 0) done_.fetch_add(computed, std::memory_order_acq_rel);
}

void ThreadPool::work(int thread) {
  inside_tile = true;
  const std::atomic<std::uint64_t>& open = shares_[static_cast<std::size_t>(thread)].open;
  std::uint64_t seen = 0;
  int idle = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    if (const std::uint64_t job = job_of(open.load(std::memory_order_acquire)); job != seen) {
      compute_tiles(thread, true);
      seen = job, idle = 0;
    } else if (++idle < spins_before_yield) {
      pause_core();
    } else if (idle < spins_before_yield + yields_before_sleep) {
      sched_yield();
    } else {
      const std::uint32_t before = wakeups_.load();
      sleepers_.fetch_add(1);
      if (job_of(open.load()) == seen && !stop_.load()) wakeups_.wait(before);
      sleepers_.fetch_sub(1);
      idle = 0;
    }
  }
}

void ThreadPool::run(int tiles, FunctionRef<void(int)> tile) {
  const bool alone = threads_ == 1 || tiles <= 1 || inside_tile;
  if (alone || !owner_.try_lock()) {
    for (int i = 0; i < tiles; ++i) tile(i);  // a throw here ends the run at the lowest
    return;
  }
  const std::lock_guard guard(owner_, std::adopt_lock);
  inside_tile = true;
  struct Outside {
    ~Outside() { inside_tile = false; }
  } outside;
  constexpr int most = static_cast<int>(mask);
  for (int first = 0; first < tiles; first += most) {
    const auto shifted = [&](int i) { tile(first + i); };
    run_job(std::min(most, tiles - first), shifted);
  }
}

void ThreadPool::run_job(int tiles, const FunctionRef<void(int)>& tile) {
  done_.store(0, std::memory_order_relaxed);
  job_ = (job_ + 1) & 0xFFFFFF;
  // When there are few tiles the caller has one of them in any case, as it need not be woken.
  const auto begin_of_share = [&](int thread) {
    const auto begin =
        static_cast<std::uint64_t>(tiles) * static_cast<std::uint64_t>(thread) / static_cast<std::uint64_t>(threads_);
    return thread == 0 ? 0 : std::max<std::uint64_t>(begin, 1);
  };
  for (int thread = threads() - 1; thread >= 0; --thread) {
    Share& share = shares_[static_cast<std::size_t>(thread)];
    share.compute = &tile;
    share.open.store((job_ << (2 * bits)) | (begin_of_share(thread + 1) << bits) | begin_of_share(thread),
                     std::memory_order_release);
  }
  // An addition, not a load: whichever of this and a sleeper's own addition is second sees what was stored before the
  // other.
  const bool awake = sleepers_.fetch_add(0) == 0;
  if (!awake) {
    wakeups_.fetch_add(1);
    wakeups_.notify_all();
  }
  // A thread that has slept is waited for in nothing.
  compute_tiles(0, awake);
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
