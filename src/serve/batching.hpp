#pragma once

#include <algorithm>
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
#include <thread>
#include <vector>

#include <gradus/serve.hpp>

#include "base/thread_pool.hpp"
#include "serve/metrics.hpp"
#include "serve/store.hpp"

namespace gradus::serve {

/// Rows that are to go through a model. `outputs` or `error` is filled, then `done` is called, once.
struct Job {
  std::shared_ptr<const ServedModel> model;
  std::vector<Real> inputs;
  std::int64_t rows = 0;
  std::vector<Real> outputs{};
  std::string error{};
  std::function<void()> done{};
};

/// Computes jobs of one model as one batch and calls their `done`. `threads` may be null: the caller's alone.
void compute(std::span<const std::shared_ptr<Job>> jobs, ThreadPool* threads, Metrics& metrics);

/// The small jobs that one thread came upon in one round through its connections: they become batches at the round's
/// end, or as soon as there are enough to be worth one. So a lone request is computed at once, under load what arrived
/// together is computed together, and clients need not wait for a whole round while the thread reads on. Belongs to one
/// thread.
class Gather {
 public:
  Gather(std::int64_t max_batch_size, Metrics& metrics) : max_batch_size_(max_batch_size), metrics_(metrics) {}
  /// True for the first job of a batch: someone has to call flush().
  bool add(std::shared_ptr<Job> job);
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
class ComputePool {
 public:
  ComputePool(const ServeOptions& options, Metrics& metrics);
  /// Computes what is left, then ends the threads.
  ~ComputePool();
  ComputePool(const ComputePool&) = delete;
  ComputePool& operator=(const ComputePool&) = delete;

  /// False when the model's queue holds max_enqueued_batches already.
  [[nodiscard]] bool submit(std::shared_ptr<Job> job);
  /// Any other work that takes long; false when max_enqueued_batches pieces of work wait.
  [[nodiscard]] bool submit(std::function<void()> work);
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
  void work();
  [[nodiscard]] std::vector<std::shared_ptr<Job>> take(Queue& queue);

  const std::int64_t max_batch_size_, max_enqueued_batches_;
  const std::chrono::microseconds timeout_;
  Metrics& metrics_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<const ServedModel*, Queue> queues_;
  std::deque<std::function<void()>> works_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace gradus::serve
