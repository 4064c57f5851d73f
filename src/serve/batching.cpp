#include "serve/batching.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <thread>

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

/// Computes a job by itself: slice by slice, so that it can be given up in between.
void predict_alone(Job& job, ThreadPool* threads, const std::atomic<bool>* dropped) {
  constexpr double slice_seconds = 0.1;
  const Sequential& model = job.model->model;
  const std::int64_t in = model.input_shape().elements(), out = model.output_shape().elements();
  const double rows = slice_seconds / std::max(job.model->seconds_per_row, 1e-9);
  const std::int64_t slice = std::max<std::int64_t>(64, static_cast<std::int64_t>(std::min(rows, 1e9)) / 64 * 64);
  job.outputs.resize(static_cast<std::size_t>(job.rows * out));
  for (std::int64_t begin = 0; begin < job.rows; begin += slice) {
    if (dropped != nullptr && dropped->load(std::memory_order_relaxed)) {
      job.fate = Job::Fate::dropped;
      return;
    }
    const std::int64_t count = std::min(slice, job.rows - begin);
    const std::span<const Real> inputs(job.inputs.data() + begin * in, static_cast<std::size_t>(count * in));
    predict_into(model, {model.input_shape().with_rows(count), inputs},
                 {job.outputs.data() + begin * out, static_cast<std::size_t>(count * out)}, threads);
  }
}

void predict_rows(std::span<const std::shared_ptr<Job>> jobs, std::int64_t rows, ThreadPool* threads,
                  const std::atomic<bool>* dropped) {
  if (jobs.size() == 1) {
    predict_alone(*jobs[0], threads, dropped);
    return;
  }
  const Sequential& model = jobs[0]->model->model;
  const auto width = static_cast<std::size_t>(model.output_shape().elements());
  const Shape shape = model.input_shape().with_rows(rows);
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

void fail(std::span<const std::shared_ptr<Job>> jobs, Job::Fate fate, const char* error = "") {
  for (const std::shared_ptr<Job>& job : jobs) {
    try {
      job->error = error;
      job->fate = fate;
    } catch (const std::bad_alloc&) {
      job->fate = Job::Fate::no_memory;
    }
  }
}

}  // namespace

void compute(std::span<const std::shared_ptr<Job>> jobs, ThreadPool* threads, Metrics& metrics,
             const std::atomic<bool>* dropped) {
  std::int64_t rows = 0;
  for (const std::shared_ptr<Job>& job : jobs) rows += job->rows;
  try {
    predict_rows(jobs, rows, threads, dropped);
    metrics.count_batch(jobs[0]->model->name, rows);
  } catch (const std::bad_alloc&) {
    fail(jobs, Job::Fate::no_memory);
  } catch (const std::exception& error) {
    fail(jobs, Job::Fate::failed, error.what());
  }
  finish(jobs);
}

void Gather::add(std::shared_ptr<Job> job) {
  jobs_.push_back(std::move(job));
  rows_ += jobs_.back()->rows;
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
  thread_count_ = threads_.start(static_cast<int>(count), [this](int) { work(); });
}

ComputePool::~ComputePool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  threads_.join();
}

bool ComputePool::is_small(const ServedModel& model, std::int64_t rows) const {
  if (thread_count_ == 0) return true;
  return timeout_.count() == 0 && model.seconds_per_row * static_cast<double>(rows) <= small_seconds;
}

bool ComputePool::submit(std::shared_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    if (dropped_) return false;
    const ServedModel* model = job->model.get();
    Queue& queue = queues_[model];
    if (queue.rows >= max_batch_size_ * max_enqueued_batches_) return false;
    const std::int64_t rows = job->rows;
    try {
      queue.jobs.push_back({std::move(job), Clock::now()});
    } catch (...) {
      if (queue.jobs.empty()) queues_.erase(model);
      throw;
    }
    queue.rows += rows;
    metrics_.add_queued(rows);
  }
  changed_.notify_one();
  return true;
}

bool ComputePool::submit(Task task) {
  if (thread_count_ == 0) {
    task(dropped_);
    return true;
  }
  {
    const std::lock_guard lock(mutex_);
    if (dropped_ || static_cast<std::int64_t>(tasks_.size()) >= max_enqueued_batches_) return false;
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
  return true;
}

void ComputePool::drop() {
  Queues queues;
  std::deque<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    dropped_ = true;
    queues.swap(queues_);
    tasks.swap(tasks_);
  }
  for (auto& [model, queue] : queues) {
    metrics_.add_queued(-queue.rows);
    for (const Waiting& waiting : queue.jobs) {
      fail({&waiting.job, 1}, Job::Fate::dropped);
      finish({&waiting.job, 1});
    }
  }
  for (const Task& task : tasks) task(true);
}

std::vector<std::shared_ptr<Job>> ComputePool::take(Queue& queue) {
  std::vector<std::shared_ptr<Job>> jobs;
  jobs.reserve(std::min(queue.jobs.size(), static_cast<std::size_t>(max_batch_size_)));  // what fails, fails here
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
  constexpr std::chrono::milliseconds pause{10};
  for (bool more = true; more;) {
    try {
      more = work_once();
    } catch (const std::bad_alloc&) {
      std::this_thread::sleep_for(pause);  // nothing was taken from a queue: another attempt, when there is memory
    }
  }
}

// Of the queues the one whose first job has waited longest; one that fills a batch comes first, and goes at once.
ComputePool::Queues::iterator ComputePool::next_batch(Clock::time_point& due) {
  auto next = queues_.end();
  for (auto at = queues_.begin(); at != queues_.end(); ++at) {
    const bool older = next == queues_.end() || at->second.jobs.front().since < next->second.jobs.front().since;
    const bool full = at->second.rows >= max_batch_size_;
    if (full || older) next = at;
    if (full) {
      due = Clock::time_point::min();
      return next;
    }
  }
  if (next != queues_.end()) due = stop_ ? Clock::time_point::min() : next->second.jobs.front().since + timeout_;
  return next;
}

void ComputePool::run_task(std::unique_lock<std::mutex>& lock) {
  const Task task = std::move(tasks_.front());
  tasks_.pop_front();
  tasks_turn_ = false;
  lock.unlock();
  task(false);
}

void ComputePool::run_batch(std::unique_lock<std::mutex>& lock, Queues::iterator at) {
  const std::vector<std::shared_ptr<Job>> jobs = take(at->second);
  if (at->second.jobs.empty()) queues_.erase(at);
  tasks_turn_ = true;
  lock.unlock();
  compute(jobs, &ThreadPool::shared(), metrics_, &dropped_);
}

bool ComputePool::work_once() {
  std::unique_lock lock(mutex_);
  Clock::time_point due{};
  const auto batch = next_batch(due);
  const bool ready = batch != queues_.end() && (due == Clock::time_point::min() || Clock::now() >= due);
  if (!tasks_.empty() && (tasks_turn_ || !ready)) {
    run_task(lock);
  } else if (ready) {
    run_batch(lock, batch);
  } else if (batch != queues_.end()) {
    changed_.wait_until(lock, due);
  } else if (stop_) {
    return false;
  } else {
    changed_.wait(lock);
  }
  return true;
}

}  // namespace gradus::serve
