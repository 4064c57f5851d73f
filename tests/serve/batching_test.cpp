#include "serve/batching.hpp"

#include <atomic>
#include <condition_variable>

#include "serve/served.hpp"

namespace gradus::test {
namespace {

using namespace serve;

std::shared_ptr<ServedModel> wide_model() {
  return std::make_shared<ServedModel>(ServedModel{
      "wide", 1, "",
      Sequential{{50}, {Dense{.units = 33, .activation = relu}, Dense{.units = 7, .activation = softmax}}}});
}

std::shared_ptr<Job> job_of(const std::shared_ptr<const ServedModel>& model, std::int64_t rows, int seed) {
  auto job = std::make_shared<Job>();
  job->model = model;
  job->rows = rows;
  for (std::int64_t i = 0; i < rows * 50; ++i) {
    job->inputs.push_back(static_cast<Real>((i * 7919 + seed * 104729) % 1000) / 997);
  }
  return job;
}

std::vector<Real> alone(const Job& job) {
  const Tensor outputs = job.model->model.predict({Shape{job.rows, 50}, std::span<const Real>(job.inputs)});
  return {outputs.values().begin(), outputs.values().end()};
}

/// Waits until a number of jobs are done.
class Countdown {
 public:
  explicit Countdown(int count) : count_(count) {}
  std::function<void()> one() {
    return [this] {
      const std::lock_guard lock(mutex_);
      --count_;
      changed_.notify_all();
    };
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  int count_;
  std::mutex mutex_;
  std::condition_variable changed_;
};

TEST(Batching, GatheredRowsAreTheSameBits) {
  Metrics metrics;
  Gather gather(8, metrics);
  const auto one = wide_model(), two = wide_model();
  std::vector<std::shared_ptr<Job>> jobs;
  int done = 0;
  for (int i = 0; i < 20; ++i) {
    jobs.push_back(job_of(i % 3 == 0 ? two : one, 1 + i % 5, i));
    jobs.back()->done = [&done] { ++done; };
    EXPECT_EQ(gather.is_empty(), i == 0);
    gather.add(jobs.back());
  }
  gather.flush();
  EXPECT_EQ(done, 20);
  for (const auto& job : jobs) EXPECT_EQ(job->outputs, alone(*job));
  const std::string text = metrics.text({});
  EXPECT_EQ(text.find("gradus_batch_rows_bucket{model=\"wide\",le=\"8\"}"),
            text.rfind("gradus_batch_rows_bucket{model=\"wide\",le=\"8\"}"));
  EXPECT_NE(text.find("gradus_batch_rows_sum{model=\"wide\"} 60\n"), std::string::npos) << text;
  EXPECT_TRUE(gather.is_empty());  // the next round
}

TEST(Batching, ThreadsFillBatchesWithinTheTimeOut) {
  Metrics metrics;
  ServeOptions options;
  options.max_batch_size = 16;
  options.batch_timeout_micros = 20'000'000;  // only a full batch goes
  options.compute_threads = 2;
  const auto model = wide_model();
  Countdown countdown(16);
  std::vector<std::shared_ptr<Job>> jobs;
  ComputePool pool(options, metrics);
  EXPECT_FALSE(pool.is_small(*model, 1));
  for (int i = 0; i < 16; ++i) {
    jobs.push_back(job_of(model, 1, i));
    jobs.back()->done = countdown.one();
    ASSERT_TRUE(pool.submit(jobs.back()));
  }
  countdown.wait();
  for (const auto& job : jobs) EXPECT_EQ(job->outputs, alone(*job));
  const std::string text = metrics.text({});
  EXPECT_NE(text.find("gradus_batch_rows_count{model=\"wide\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("gradus_queued_rows 0\n"), std::string::npos);
}

TEST(Batching, FullQueuesRefuseAndTheEndComputesTheRest) {
  Metrics metrics;
  ServeOptions options;
  options.max_batch_size = 4;
  options.max_enqueued_batches = 2;
  options.compute_threads = 1;
  const auto model = wide_model();
  std::vector<std::shared_ptr<Job>> jobs;
  Countdown blocked(1), countdown(3);
  std::mutex gate;
  {
    ComputePool pool(options, metrics);
    gate.lock();
    ASSERT_TRUE(pool.submit([&](bool) {
      blocked.one()();
      const std::lock_guard lock(gate);
    }));
    blocked.wait();  // the one thread is busy now
    for (const std::int64_t rows : {3, 1, 100, 1}) {
      jobs.push_back(job_of(model, rows, static_cast<int>(jobs.size())));
      jobs.back()->done = countdown.one();
      // 104 rows are more than two batches of four, so the last is refused. A job may be larger than a batch.
      EXPECT_EQ(pool.submit(jobs.back()), jobs.size() <= 3);
    }
    EXPECT_NE(metrics.text({}).find("gradus_queued_rows 104\n"), std::string::npos);
    gate.unlock();
  }
  countdown.wait();
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(jobs[i]->outputs, alone(*jobs[i]));
  EXPECT_NE(metrics.text({}).find("gradus_batch_rows_count{model=\"wide\"} 2\n"), std::string::npos);  // 4 and 100
}

/// A pool with one thread, which waits until `open` is called.
struct BlockedPool {
  Metrics metrics;
  std::mutex gate;
  std::unique_lock<std::mutex> closed{gate};
  ComputePool pool{[] {
                     ServeOptions options;
                     options.compute_threads = 1;
                     return options;
                   }(),
                   metrics};
  BlockedPool() {
    Countdown begun(1);
    EXPECT_TRUE(pool.submit([this, one = begun.one()](bool) {
      one();
      const std::lock_guard lock(gate);
    }));
    begun.wait();
  }
  void open() { closed.unlock(); }
};

TEST(Batching, TasksAndBatchesTakeTurns) {
  BlockedPool blocked;
  const auto model = wide_model();
  std::vector<std::string> order;
  constexpr int tasks = 10;
  Countdown countdown(tasks + 2);
  for (int i = 0; i < tasks; ++i) {
    ASSERT_TRUE(blocked.pool.submit([&, one = countdown.one()](bool dropped) {
      order.emplace_back(dropped ? "dropped" : "task");
      one();
    }));
  }
  std::vector<std::shared_ptr<Job>> jobs;
  for (int i = 0; i < 2; ++i) {
    jobs.push_back(job_of(i == 0 ? model : wide_model(), 1, i));  // a queue for each
    jobs.back()->done = [&, one = countdown.one()] {
      order.emplace_back("batch");
      one();
    };
    ASSERT_TRUE(blocked.pool.submit(jobs.back()));
  }
  blocked.open();
  countdown.wait();
  ASSERT_EQ(order.size(), 12u);
  EXPECT_EQ(std::vector<std::string>(order.begin(), order.begin() + 4),
            (std::vector<std::string>{"batch", "task", "batch", "task"}));
}

TEST(Batching, DropEndsWhatWaitsAndTakesNothingMore) {
  BlockedPool blocked;
  const auto model = wide_model();
  int dropped = 0;
  Countdown countdown(2);
  ASSERT_TRUE(blocked.pool.submit([&, one = countdown.one()](bool drops) {
    dropped += drops ? 1 : 0;
    one();
  }));
  const auto job = job_of(model, 3, 1);
  job->done = countdown.one();
  ASSERT_TRUE(blocked.pool.submit(job));
  blocked.pool.drop();  // though its one thread is busy
  countdown.wait();
  EXPECT_EQ(dropped, 1);
  EXPECT_EQ(job->fate, Job::Fate::dropped);
  EXPECT_FALSE(blocked.pool.submit(job_of(model, 1, 2)));
  EXPECT_FALSE(blocked.pool.submit([](bool) {}));
  EXPECT_NE(blocked.metrics.text({}).find("gradus_queued_rows 0\n"), std::string::npos);
  blocked.open();
  // A large job that is under way is given up between two of its slices.
  const std::atomic<bool> over{true};
  const auto large = job_of(model, 1000, 3);
  large->done = [] {};
  compute({&large, 1}, nullptr, blocked.metrics, &over);
  EXPECT_EQ(large->fate, Job::Fate::dropped);
}

// A large job is computed slice by slice, and gives the same bits.
TEST(Batching, SlicesAreTheSameBits) {
  Metrics metrics;
  const auto model = wide_model();
  model->seconds_per_row = 1;  // so that a slice is as small as can be
  const auto job = job_of(model, 500, 3);
  job->done = [] {};
  const std::atomic<bool> over{false};
  compute({&job, 1}, nullptr, metrics, &over);
  EXPECT_EQ(job->fate, Job::Fate::computed);
  EXPECT_EQ(job->outputs, alone(*job));
}

TEST(Batching, ServedAnswersAreThoseOfTheLibrary) {
  TemporaryDirectory directory;
  const Sequential model{{50}, {Dense{.units = 33, .activation = relu}, Dense{.units = 7, .activation = softmax}}};
  model.save(directory / "wide.keras");
  for (const std::int64_t micros : {0, 500}) {
    ServeOptions options;
    options.models = {directory / "wide.keras"};
    options.batch_timeout_micros = micros;
    Served served(options);
    std::vector<std::thread> clients;
    std::atomic<int> wrong{0};
    for (int c = 0; c < 8; ++c) {
      clients.emplace_back([&, c] {
        Client client(served.port());
        for (int i = 0; i < 25; ++i) {
          Tensor row({1, 50});
          for (Real& value : row.values())
            value = static_cast<Real>((&value - row.values().data()) * 31 % 17 + c + i) / 8;
          std::string body = "{\"instances\": [[";
          for (const Real value : row.values()) body += std::to_string(value) + ",";
          body.back() = ']';
          const Reply reply = client.ask("POST", "/v1/models/wide:predict", body + "]}");
          const Value answer = reply.json();
          const Tensor expected = model.predict(row);
          const auto* list = answer.find("predictions")->get_if<Value::List>();
          const auto& numbers = *(*list)[0].get_if<Value::List>();
          for (std::size_t k = 0; k < 7; ++k) {
            if (static_cast<Real>(*numbers[k].get_if<double>()) != expected.values()[k]) ++wrong;
          }
        }
      });
    }
    for (std::thread& client : clients) client.join();
    EXPECT_EQ(wrong, 0);
  }
}

}  // namespace
}  // namespace gradus::test
