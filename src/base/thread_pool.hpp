#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "base/function_ref.hpp"

namespace gradus {

/// `threads` as ThreadPool takes it. Throws `invalid_argument` with a sentence that begins with `name`, such as "fit:
/// threads", unless it is 0 (all cores) to 4096.
int check_threads(std::int64_t threads, std::string_view name);

/// Threads that compute the tiles of one job after another, the caller among them.
///
/// A job is a count of tiles and a function; which thread computes which tile is open, so a tile's result must not
/// depend on it. Idle threads spin for some microseconds, then sleep. A job is done when its tiles are done, not when
/// every thread has looked at it: a thread that the system has put aside delays nobody. The caller takes tiles from the
/// front and the others from the back: where job follows job over the same memory, most of it stays in one core's
/// cache.
class ThreadPool {
 public:
  /// `threads` counts the caller; 0 means one for each core.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int threads() const noexcept { return static_cast<int>(workers_.size()) + 1; }

  /// Calls `tile(i)` once for each i in [0, tiles) and returns when all are done. When another caller is at work in
  /// this pool, or from within a tile, the calling thread computes all tiles by itself. When tiles throw, `run` throws
  /// what the lowest of them threw, once all are done.
  void run(int tiles, FunctionRef<void(int)> tile);

  /// How many cores this process may use.
  static int cores();
  /// The pool that prediction shares: all cores, started at the first use.
  static ThreadPool& shared();

 private:
  void work();
  void run_job(int tiles, const FunctionRef<void(int)>& tile);
  enum class End : std::uint8_t { front, back };
  /// The next tile from this end, or -1.
  int claim(End end);
  std::int64_t compute_tiles(End end);

  // One word tells everything about the job at hand, so that it can be claimed from in one atomic step: 24 bits job
  // number, 20 bits end of the open tiles, 20 bits their begin. Each thread may claim once too often, so that the two
  // pass each other; hence the numbers start at `spare`.
  static constexpr unsigned bits = 20;
  static constexpr std::uint64_t mask = (std::uint64_t{1} << bits) - 1, spare = 1 << 16;
  static std::uint64_t first_open(std::uint64_t ticket) { return ticket & mask; }
  static std::uint64_t end_of_open(std::uint64_t ticket) { return (ticket >> bits) & mask; }
  static bool all_claimed(std::uint64_t ticket) { return first_open(ticket) >= end_of_open(ticket); }

  alignas(64) std::atomic<std::uint64_t> ticket_{0};
  alignas(64) std::atomic<std::int64_t> done_{0};
  alignas(64) std::atomic<int> sleepers_{0};
  std::atomic<std::uint32_t> wakeups_{0};
  std::atomic<bool> stop_{false};
  const FunctionRef<void(int)>* tile_ = nullptr;
  std::mutex owner_;
  std::uint64_t job_ = 0;
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
  int failed_tile_ = 0;
  std::vector<std::thread> workers_;
};

}  // namespace gradus
