#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/function_ref.hpp"
#include "base/thread_group.hpp"

namespace gradus {

/// `threads` as ThreadPool takes it. Throws `invalid_argument` with a sentence that begins with `name`, such as "fit:
/// threads", unless it is 0 (all cores) to 4096.
int check_threads(std::int64_t threads, std::string_view name);

/// Threads that compute the tiles of one job after another, the caller among them.
///
/// A job is a count of tiles and a function; which thread computes which tile is open, so a tile's result must not
/// depend on it. Each thread begins with a share of its own, neighbouring tiles: where job follows job over the same
/// memory, most of it stays in one core's cache. A thread that has done its share takes from the others', but leaves
/// each its last tile for a while: to move that tile's memory may take longer than to wait. Idle threads spin for some
/// microseconds, then sleep. A job is done when its tiles are done, not when every thread has looked at it: a thread
/// that the system has put aside delays nobody for long.
class ThreadPool {
 public:
  /// `threads` counts the caller; 0 means one for each core. Fewer where the system makes no more (ThreadGroup).
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int threads() const noexcept { return threads_; }

  /// Calls `tile(i)` once for each i in [0, tiles) and returns when all are done. When another caller is at work in
  /// this pool, or from within a tile, the calling thread computes all tiles by itself. When tiles throw, `run` throws
  /// what the lowest of them threw, once all are done.
  void run(int tiles, FunctionRef<void(int)> tile);

  /// How many cores this process may use.
  static int cores();
  /// The pool that prediction shares: all cores, started at the first use.
  static ThreadPool& shared();

 private:
  static constexpr int most_patience = 1 << 9;  // some ten microseconds
  // The tiles of a job that one thread begins with. One word tells which of them nobody has taken, so that they can be
  // taken from in one atomic step: 24 bits job number, 20 bits end, 20 bits begin.
  struct alignas(64) Share {
    std::atomic<std::uint64_t> open{0};
    const FunctionRef<void(int)>* compute = nullptr;
    // How often its thread looks at another's last tile before it takes it. Half as often after each time in vain,
    // twice as often after each other: where threads share cores, nobody waits for one that is put aside.
    int patience = most_patience;
  };
  static constexpr unsigned bits = 20;
  static constexpr std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
  static std::uint64_t job_of(std::uint64_t open) { return open >> (2 * bits); }
  static std::uint64_t end_of(std::uint64_t open) { return (open >> bits) & mask; }
  static std::uint64_t begin_of(std::uint64_t open) { return open & mask; }
  static std::uint64_t count_of(std::uint64_t open) { return end_of(open) - begin_of(open); }

  void work(int thread);
  void run_job(int tiles, const FunctionRef<void(int)>& tile);
  /// `wait` says whether others are left their last tiles for a while.
  void compute_tiles(int thread, bool wait);
  /// Computes one tile of `owner`'s share if at least `least` are open.
  bool compute_from(int owner, bool front, std::uint64_t least);
  bool compute_own(int thread);
  bool compute_others(int thread, bool wait);

  // What threads read, what all write at the end of a job, what they write to sleep, and what the caller writes lie on
  // lines of their own.
  alignas(64) std::vector<Share> shares_;  // room for all that were asked for
  int threads_ = 1;                        // set before the first job
  std::atomic<bool> stop_{false};
  alignas(64) std::atomic<std::int64_t> done_{0};
  alignas(64) std::atomic<int> sleepers_{0};
  std::atomic<std::uint32_t> wakeups_{0};
  alignas(64) std::mutex owner_;
  std::uint64_t job_ = 0;
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
  int failed_tile_ = 0;
  ThreadGroup workers_;
};

}  // namespace gradus
