#include <atomic>
#include <bit>
#include <filesystem>

#include "serve/served.hpp"

namespace gradus::test {
namespace {

namespace fs = std::filesystem;

constexpr int clients_at_once = 32, most_versions = 1000;

/// Whether an answer has one and the same number for each of its three rows, that of a version from `newest` on; which
/// it then is.
bool is_of_one_version(const std::vector<double>& numbers, double& newest) {
  const bool good = numbers.size() == 3 && numbers[1] == numbers[0] && numbers[2] == numbers[0] && numbers[0] >= newest;
  if (good) newest = numbers[0];
  return good;
}

std::vector<double> numbers_of(const Reply& reply, const char* key) {
  std::vector<double> numbers;
  const Value answer = reply.json();
  const Value* list = answer.find(key);
  for (const Value& number : *list->get_if<Value::List>()) numbers.push_back(*number.get_if<double>());
  return numbers;
}

std::vector<double> floats_of(const Reply& reply) {
  std::vector<double> numbers;
  const auto head = static_cast<std::size_t>(std::stoi(reply.header("Inference-Header-Content-Length")));
  for (std::size_t at = head; at + 4 <= reply.body.size(); at += 4) {
    float number = 0;
    std::memcpy(&number, reply.body.data() + at, sizeof number);
    numbers.push_back(static_cast<double>(number));
  }
  return numbers;
}

/// One of many clients, each with a way of its own to ask for three zeros.
class Asker {
 public:
  Asker(int port, int kind) : client_(port), kind_(kind) {}

  /// Whether the next answer is right.
  bool ask() {
    switch (kind_ % 4) {
      case 0: {
        const Reply reply = client_.ask("POST", "/v1/models/m:predict", R"({"instances": [0, 0.0, 0e1]})");
        return reply.status == 200 && is_of_one_version(numbers_of(reply, "predictions"), newest_);
      }
      case 1: {
        const std::string json = R"({"inputs": [{"name": "input", "shape": [3, 1], "datatype": "FP32", "parameters":
            {"binary_data_size": 12}}], "outputs": [{"name": "output", "parameters": {"binary_data": true}}]})";
        const Reply reply = client_.ask("POST", "/v2/models/m/infer", json + std::string(12, '\0'),
                                        "Inference-Header-Content-Length: " + std::to_string(json.size()) + "\r\n");
        return reply.status == 200 && is_of_one_version(floats_of(reply), newest_);
      }
      case 2: {
        // Two at a time, the second a fault.
        client_.send(Client::request("POST", "/v1/models/m:predict", R"({"inputs": [[0], [0], [0]]})") +
                     Client::request("POST", "/v1/models/m:predict", R"({"inputs": [["x"]]})"));
        const Reply first = client_.read(), second = client_.read();
        std::vector<double> numbers;
        const Value answer = first.json();
        for (const Value& row : *answer.find("outputs")->get_if<Value::List>()) {
          numbers.push_back(*(*row.get_if<Value::List>())[0].get_if<double>());
        }
        return first.status == 200 && second.status == 400 && is_of_one_version(numbers, newest_);
      }
      default: {
        // What a model takes long for is computed in other threads.
        const Reply slow = client_.ask("POST", "/v1/models/slow:predict", slow_body_);
        const Reply metrics = client_.ask("GET", kind_ % 8 == 3 ? "/metrics" : "/models");
        return slow.status == 200 && metrics.status == 200;
      }
    }
  }

 private:
  static std::string slow_body() {
    std::string row = "[0";
    for (int i = 1; i < 64; ++i) row += ", 0";
    std::string body = R"({"instances": [)" + row + "]";
    for (int i = 1; i < 100; ++i) body += "," + row + "]";
    return body + "]}";
  }
  Client client_;
  int kind_;
  double newest_ = 0;
  std::string slow_body_ = slow_body();
};

// Under the sanitizers this is what looks for races between connections, batches, reloads and the end of the server.
TEST(Load, ManyClientsWhileVersionsComeAndGo) {
  TemporaryDirectory directory;
  // Versions come and go whole: under names that are none first.
  const fs::path folder = directory.path() / "m";
  const auto put = [&](int version) {
    fs::create_directories(folder / "coming");
    doubling_model(1, static_cast<float>(version)).save((folder / "coming" / "model.keras").string());
    fs::rename(folder / "coming", folder / std::to_string(version));
  };
  const auto remove = [&](int version) {
    fs::rename(folder / std::to_string(version), folder / "going");
    fs::remove_all(folder / "going");
  };
  put(1);
  Sequential{{64},
             {Dense{.units = 512, .activation = relu}, Dense{.units = 512, .activation = tanh}, Dense{.units = 1}}}
      .save(directory / "slow.keras");
  ServeOptions options;
  options.model_dir = directory.path().string();
  options.poll_seconds = 0.01;
  options.grace_seconds = 5;
  std::mutex log_mutex;
  std::int64_t logged = 0;
  options.access_log = [&](const std::string& line) {
    const std::lock_guard lock(log_mutex);
    logged += line.empty() ? 0 : 1;
  };
  std::atomic<std::int64_t> right{0}, wrong{0};
  {
    Served served(options);
    std::atomic<bool> stop{false};
    std::vector<std::thread> clients;
    for (int kind = 0; kind < clients_at_once; ++kind) {
      clients.emplace_back([&, kind] {
        Asker asker(served.port(), kind);
        while (!stop) ++(asker.ask() ? right : wrong);
      });
    }
    // Until each has been answered some times, and at least ten versions have come and gone.
    for (int version = 2; version < most_versions && (version < 12 || right < 20 * clients_at_once); ++version) {
      put(version);
      served.server().reload();
      remove(version - 1);
      if (version == 5) directory.write("m/labels.json", R"({"stable": 5})");
      if (version == 7) directory.write("m/labels.json", "nothing");
    }
    stop = true;
    for (std::thread& client : clients) client.join();
    EXPECT_EQ(wrong, 0) << served.said();
    EXPECT_GE(right, 20 * clients_at_once);
    EXPECT_NE(served.ask("GET", "/metrics").body.find("gradus_model_load_failures_total 0\n"), std::string::npos);
  }
  EXPECT_GT(logged, right);
}

// A stop while all are asking: each gets whole answers until the connection ends, and the server is gone in the end.
TEST(Load, StopsWhileManyAsk) {
  TwoModels models;
  for (int round = 0; round < 3; ++round) {
    Served served(models.options);
    std::atomic<std::int64_t> right{0}, broken{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < clients_at_once; ++i) {
      // Connected here: a thread that starts late may find the server gone.
      clients.emplace_back([&, client = std::make_shared<Client>(served.port())] {
        for (;;) {
          const Reply reply = client->ask("POST", "/v1/models/one:predict", R"({"instances": [1]})");
          if (reply.status == 200 && reply.body.find("[3.0]") != std::string::npos) {
            ++right;
            if (reply.header("Connection") == "close") return;
          } else {
            // The end of an idle connection; what had been begun was answered.
            broken += reply.status == 0 && reply.head.empty() ? 0 : 1;
            return;
          }
        }
      });
    }
    while (right < 2 * clients_at_once) std::this_thread::yield();
    served.stop();
    for (std::thread& client : clients) client.join();
    EXPECT_EQ(broken, 0);
  }
}

}  // namespace
}  // namespace gradus::test
