#include "serve/batching.hpp"

#include <algorithm>
#include <exception>

#include "base/thread_pool.hpp"
#include "model/predict.hpp"

namespace gradus::serve {

namespace {

/// What a thread that has connections to look after may compute itself.
constexpr double small_seconds = 500e-6;

void finish(std::span<const std::shared_ptr<Job>> jobs) {
  for (const std::shared_ptr<Job>& job : jobs) {
    const std::function<void()> done = std::move(job->done);  // may be all that keeps what it calls
    done();
  }
}

void predict_rows(std::span<const std::shared_ptr<Job>> jobs, std::int64_t rows, ThreadPool* threads) {
  const Sequential& model = jobs[0]->model->model;
  const auto width = static_cast<std::size_t>(model.output_shape().elements());
  const Shape shape = model.input_shape().with_rows(rows);
  if (jobs.size() == 1) {
    Job& job = *jobs[0];
    job.outputs.resize(static_cast<std::size_t>(rows) * width);
    predict_into(model, {shape, std::span<const Real>(job.inputs)}, job.outputs, threads);
    return;
  }
  thread_local std::vector<Real> inputs, outputs;
  inputs.clear();
  for (const std::shared_ptr<Job>& job : jobs) inputs.insert(inputs.end(), job->inputs.begin(), job->inputs.end());
  outputs.resize(static_cast<std::size_t>(rows) * width);
  predict_into(model, {shape, std::span<const Real>(inputs)}, outputs, threads);
  const Real* next = outputs.data();
  for (const std::shared_ptr<Job>& job : jobs) {
    const std::size_t count = static_cast<std::size_t>(job->rows) * width;
    job->outputs.assign(next, next + count);
    next += count;
  }
}

}  // namespace

void compute(std::span<const std::shared_ptr<Job>> jobs, ThreadPool* threads, Metrics& metrics) {
  std::int64_t rows = 0;
  for (const std::shared_ptr<Job>& job : jobs) rows += job->rows;
  try {
    predict_rows(jobs, rows, threads);
  } catch (const std::exception& error) {
    for (const std::shared_ptr<Job>& job : jobs) job->error = error.what();
  }
  metrics.count_batch(jobs[0]->model->name, rows);
  finish(jobs);
}

bool Gather::add(std::shared_ptr<Job> job) {
  rows_ += job->rows;
  jobs_.push_back(std::move(job));
  return jobs_.size() == 1;
}

void Gather::flush() {
  std::vector<std::shared_ptr<Job>> jobs = std::exchange(jobs_, {});
  rows_ = 0;
  const bool within = std::exchange(flushing_, true);
  const auto before = [](const auto& a, const auto& b) { return a->model < b->model; };
  if (!std::is_sorted(jobs.begin(), jobs.end(), before)) std::stable_sort(jobs.begin(), jobs.end(), before);
  for (std::size_t begin = 0; begin < jobs.size();) {
    std::size_t end = begin;
    std::int64_t rows = 0;
    do {
      rows += jobs[end++]->rows;
    } while (end < jobs.size() && jobs[end]->model == jobs[begin]->model && rows + jobs[end]->rows <= max_batch_size_);
    compute({&jobs[begin], end - begin}, nullptr, metrics_);
    begin = end;
  }
  flushing_ = within;
}

ComputePool::ComputePool(const ServeOptions& options, Metrics& metrics)
    : max_batch_size_(options.max_batch_size),
      max_enqueued_batches_(options.max_enqueued_batches),
      timeout_(options.batch_timeout_micros),
      metrics_(metrics) {
  const std::int64_t count = options.compute_threads > 0 ? options.compute_threads : ThreadPool::cores();
  for (std::int64_t i = 0; i < count; ++i) threads_.emplace_back([this] { work(); });
}

ComputePool::~ComputePool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool ComputePool::is_small(const ServedModel& model, std::int64_t rows) const {
  return timeout_.count() == 0 && model.seconds_per_row * static_cast<double>(rows) <= small_seconds;
}

bool ComputePool::submit(std::shared_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    Queue& queue = queues_[job->model.get()];
    if (queue.rows >= max_batch_size_ * max_enqueued_batches_) return false;
    queue.rows += job->rows;
    metrics_.add_queued(job->rows);
    queue.jobs.push_back({std::move(job), Clock::now()});
  }
  changed_.notify_one();
  return true;
}

bool ComputePool::submit(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (static_cast<std::int64_t>(works_.size()) >= max_enqueued_batches_) return false;
    works_.push_back(std::move(work));
  }
  changed_.notify_one();
  return true;
}

std::vector<std::shared_ptr<Job>> ComputePool::take(Queue& queue) {
  std::vector<std::shared_ptr<Job>> jobs;
  std::int64_t rows = 0;
  while (!queue.jobs.empty() && (jobs.empty() || rows + queue.jobs.front().job->rows <= max_batch_size_)) {
    rows += queue.jobs.front().job->rows;
    jobs.push_back(std::move(queue.jobs.front().job));
    queue.jobs.pop_front();
  }
  queue.rows -= rows;
  metrics_.add_queued(-rows);
  return jobs;
}

void ComputePool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!works_.empty()) {
      const std::function<void()> next = std::move(works_.front());
      works_.pop_front();
      lock.unlock();
      next();
      lock.lock();
      continue;
    }
    // Of the queues the one whose first job has waited longest; it goes when it fills a batch or its time is over.
    auto oldest = queues_.end();
    for (auto at = queues_.begin(); at != queues_.end(); ++at) {
      const bool older = oldest == queues_.end() || at->second.jobs.front().since < oldest->second.jobs.front().since;
      const bool full = at->second.rows >= max_batch_size_;
      if (full || older) oldest = at;
      if (full) break;
    }
    if (oldest == queues_.end()) {
      if (stop_) return;
      changed_.wait(lock);
      continue;
    }
    const Clock::time_point due = oldest->second.jobs.front().since + timeout_;
    if (!stop_ && oldest->second.rows < max_batch_size_ && Clock::now() < due) {
      changed_.wait_until(lock, due);
      continue;
    }
    const std::vector<std::shared_ptr<Job>> jobs = take(oldest->second);
    if (oldest->second.jobs.empty()) queues_.erase(oldest);
    lock.unlock();
    compute(jobs, &ThreadPool::shared(), metrics_);
    lock.lock();
  }
}

}  // namespace gradus::serve
