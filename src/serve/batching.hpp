#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <gradus/serve.hpp>

#include "base/thread_group.hpp"
#include "base/thread_pool.hpp"
#include "serve/metrics.hpp"
#include "serve/store.hpp"

namespace gradus::serve {

/// Rows that are to go through a model. `outputs` is filled, or `fate` says why not; then `done` is called, once.
struct Job {
  enum class Fate : std::uint8_t {
    computed,
    failed,     ///< `error` says why
    no_memory,  ///< there was not enough
    dropped,    ///< the server stops, and its time is over
  };
  std::shared_ptr<const ServedModel> model;
  std::vector<Real> inputs;
  std::int64_t rows = 0;
  std::vector<Real> outputs{};
  Fate fate = Fate::computed;
  std::string error{};
  std::function<void()> done{};
};

/// Computes jobs of one model as one batch and calls their `done`. `threads` may be null: the caller's alone. A job of
/// many rows is given up within a moment once `dropped` (may be null) is true.
void compute(std::span<const std::shared_ptr<Job>> jobs, ThreadPool* threads, Metrics& metrics,
             const std::atomic<bool>* dropped = nullptr);

/// The small jobs that one thread came upon in one round through its connections: they become batches at the round's
/// end, or as soon as there are enough to be worth one. So a lone request is computed at once, under load what arrived
/// together is computed together, and clients need not wait for a whole round while the thread reads on. Belongs to one
/// thread.
class Gather {
 public:
  Gather(std::int64_t max_batch_size, Metrics& metrics) : max_batch_size_(max_batch_size), metrics_(metrics) {}
  /// Whether no job waits: who adds the first one has to see to it that flush() is called.
  [[nodiscard]] bool is_empty() const { return jobs_.empty(); }
  void add(std::shared_ptr<Job> job);
  /// Whether flush() had better be called before the next job: there are so many rows that a larger batch would hardly
  /// be quicker by the row. Never while flush() runs, which may lead to further jobs.
  [[nodiscard]] bool is_enough() const { return !flushing_ && rows_ >= std::min(max_batch_size_, enough_rows); }
  /// Computes everything, in batches of at most max_batch_size rows; a larger job is a batch of its own.
  void flush();

 private:
  static constexpr std::int64_t enough_rows = 8;
  std::int64_t max_batch_size_;
  Metrics& metrics_;
  std::vector<std::shared_ptr<Job>> jobs_;
  std::int64_t rows_ = 0;
  bool flushing_ = false;
};

/// Threads that compute what takes longer than a moment, or is to wait for company: one queue a model, batches of at
/// most `max_batch_size` rows, a job never longer in the queue than `batch_timeout_micros` while a thread is idle.
/// Batches and tasks take turns: however many pictures wait to be decoded, a batch waits for one of them at most. Where
/// the system makes no thread at all, everything is computed by the callers.
class ComputePool {
 public:
  /// Other work that takes long, such as decoding a picture. It is called once; with `dropped` it is not to be done.
  using Task = std::function<void(bool dropped)>;

  ComputePool(const ServeOptions& options, Metrics& metrics);
  /// Computes what is left, unless that was dropped, then ends the threads.
  ~ComputePool();
  ComputePool(const ComputePool&) = delete;
  ComputePool& operator=(const ComputePool&) = delete;

  /// False when the model's queue holds max_enqueued_batches already.
  [[nodiscard]] bool submit(std::shared_ptr<Job> job);
  /// False when max_enqueued_batches tasks wait already.
  [[nodiscard]] bool submit(Task task);
  /// Drops all that waits, gives up what is being computed as soon as may be, and takes nothing more. From any thread.
  void drop();
  /// Whether a job of this many rows is better computed where it was read.
  [[nodiscard]] bool is_small(const ServedModel& model, std::int64_t rows) const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiting {
    std::shared_ptr<Job> job;
    Clock::time_point since;
  };
  struct Queue {
    std::deque<Waiting> jobs;
    std::int64_t rows = 0;
  };
  using Queues = std::map<const ServedModel*, Queue>;

  void work();
  /// One task or one batch, or a wait for some; false when all is done and the threads are to end.
  bool work_once();
  void run_task(std::unique_lock<std::mutex>& lock);
  void run_batch(std::unique_lock<std::mutex>& lock, Queues::iterator at);
  /// The queue whose batch is next, if there is one, and when it is due.
  [[nodiscard]] Queues::iterator next_batch(Clock::time_point& due);
  [[nodiscard]] std::vector<std::shared_ptr<Job>> take(Queue& queue);

  const std::int64_t max_batch_size_, max_enqueued_batches_;
  const std::chrono::microseconds timeout_;
  Metrics& metrics_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Queues queues_;
  std::deque<Task> tasks_;
  bool stop_ = false;
  bool tasks_turn_ = false;  ///< the last that began was a batch
  std::atomic<bool> dropped_{false};
  int thread_count_ = 0;
  ThreadGroup threads_;
};

}  // namespace gradus::serve
