#include <signal.h>

#include <map>

#include "paths.hpp"
#include "serve/served.hpp"
#include "support/subprocess.hpp"

namespace gradus::test {
namespace {

/// The program, serving y = 2 x + 1 as "one", in a process that may use `kib` of address space.
class Confined {
 public:
  explicit Confined(std::int64_t kib, const std::string& options = "") : process_(command(kib, options), {}) {
    const std::string before = "Serving on http://127.0.0.1:";
    if (process_.wait_for(before))
      port_ = std::stoi(process_.err().substr(process_.err().find(before) + before.size()));
  }
  [[nodiscard]] int port() const { return port_; }
  Finished stop() {
    process_.send(SIGTERM);
    return process_.finish();
  }

 private:
  std::vector<std::string> command(std::int64_t kib, const std::string& options) {
    doubling_model(1).save(directory_ / "one.keras");
    return {"sh", "-c",
            "ulimit -v " + std::to_string(kib) + " && exec " GRADUS_PROGRAM " serve --port 0 --allow-host test " +
                options + " " + (directory_ / "one.keras")};
  }
  TemporaryDirectory directory_;
  Process process_;
  int port_ = 0;
};

constexpr const char* question = R"({"instances": [1]})";

TEST(Limits, WithoutMemoryRequestsAreToldAndTheServerLives) {
  if (std::string(GRADUS_SANITIZED) != "")
    GTEST_SKIP() << "a sanitizer takes more address space than this test allows: the release tests run it";
  Confined confined(200'000);
  ASSERT_NE(confined.port(), 0);
  // Each takes some ten times its size to parse.
  std::string large = R"({"instances": [1)";
  for (int i = 0; i < 1'000'000; ++i) large += ",[2,3]";
  large += "]}";
  std::mutex mutex;
  std::map<int, int> statuses;
  std::vector<std::thread> clients;
  for (int c = 0; c < 24; ++c) {
    clients.emplace_back([&] {
      for (int i = 0; i < 4; ++i) {
        int status = -1;
        try {
          status = Client(confined.port()).ask("POST", "/v1/models/one:predict", large).status;
        } catch (const std::exception&) {
          // the server is gone
        }
        const std::lock_guard lock(mutex);
        ++statuses[status];
      }
    });
  }
  for (std::thread& client : clients) client.join();
  // 0: a body that is refused while its sender still sends.
  for (const auto& [status, count] : statuses) {
    EXPECT_TRUE(status == 400 || status == 503 || status == 0) << status << ": " << count;
  }
  EXPECT_GT(statuses[503], 0);
  if (statuses[-1] == 0) {
    EXPECT_EQ(Client(confined.port()).ask("POST", "/v1/models/one:predict", question).status, 200);
  }
  const Finished end = confined.stop();
  EXPECT_EQ(end.status, 0) << end.signal << " " << end.err;
}

TEST(Limits, WithoutThreadsTheServerGoesOnWithFewer) {
  if (std::string(GRADUS_SANITIZED) != "")
    GTEST_SKIP() << "a sanitizer takes more address space than this test allows: the release tests run it";
  Confined confined(1'000'000, "--threads 4 --compute-threads 200");
  ASSERT_NE(confined.port(), 0);
  for (int i = 0; i < 50; ++i) {
    const Reply reply = Client(confined.port()).ask("POST", "/v1/models/one:predict", question);
    EXPECT_EQ(reply.status, 200) << reply.body;
  }
  const Finished end = confined.stop();
  EXPECT_EQ(end.status, 0) << end.err;
  EXPECT_NE(end.err.find("of 200 further threads could be started"), std::string::npos) << end.err;
}

}  // namespace
}  // namespace gradus::test
