#include <memory>
#include <vector>

#include "serve/served.hpp"

/// What a server does with bodies that nobody needs, that do not come, or that are too many.
namespace gradus::test {
namespace {

const std::string predict = "/v1/models/one:predict", row = R"({"instances": [1]})";

/// A header that promises a body of this many bytes.
std::string promise(const std::string& method, const std::string& path, std::size_t bytes,
                    const std::string& headers = "") {
  return method + " " + path + " HTTP/1.1\r\nHost: a\r\n" + headers + "Content-Length: " + std::to_string(bytes) +
         "\r\n\r\n";
}

TEST(Bodies, AreRefusedFromTheHeaderWhereNoneBelongs) {
  TwoModels models;
  Served served(models.options);
  for (const char* path : {"/healthz", "/", "/v2/health/live", "/v2/health/ready", "/metrics", "/v1/models/one",
                           "/v2/models/one", "/nothing", "/predict"}) {
    for (const std::string body : {"Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"}) {
      Client client(served.port());
      client.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + body + "\r\n");
      const Reply reply = client.read();
      EXPECT_GE(reply.status, 400) << path;
      EXPECT_LT(reply.status, 500) << path;
      EXPECT_EQ(reply.header("Connection"), "close");
    }
  }
  const std::vector<std::pair<std::string, int>> cases = {
      {promise("OPTIONS", predict, 16 << 20), 400},
      {promise("HEAD", "/healthz", 5), 400},
      {promise("POST", "/healthz", 16 << 20), 405},
      {promise("POST", "/", 5), 405},
      {promise("POST", "/v1/config/reload", 5), 403},
      {promise("POST", "/nothing", 5), 404},
      {promise("PUT", predict, 5), 405},
      {promise("DELETE", "/v2/models/one/infer", 5), 405},
      {promise("POST", "/v2/health/live", 17 << 20), 413},
  };
  for (const auto& [head, status] : cases) {
    Client client(served.port());
    client.send(head);
    EXPECT_EQ(client.read(head.starts_with("HEAD")).status, status) << head;
  }
  EXPECT_EQ(served.ask("GET", "/healthz", "", "Content-Length: 0\r\n").status, 200);
}

TEST(Bodies, AreReadOnlyForThoseWhoHaveTheToken) {
  TwoModels models;
  models.options.token = "sesame";
  Served served(models.options);
  for (const char* headers : {"", "Authorization: Bearer wrong\r\n", "Expect: 100-continue\r\n"}) {
    Client client(served.port());
    client.send(promise("POST", predict, 16 << 20, headers));
    EXPECT_EQ(client.read().status, 401);
    EXPECT_TRUE(client.ended());
  }
  EXPECT_EQ(served.ask("POST", predict, row, "Authorization: Bearer sesame\r\n").status, 200);
}

TEST(Bodies, ThatDoNotComeHoldNobodyUp) {
  TwoModels models;
  models.options.max_requests_in_flight = 4;
  models.options.max_body_memory = models.options.max_body_bytes = 1 << 20;
  Served served(models.options);
  std::vector<std::unique_ptr<Client>> slow;
  for (int i = 0; i < 100; ++i) {
    slow.push_back(std::make_unique<Client>(served.port()));
    slow.back()->send(promise("POST", predict, i % 2 == 0 ? 5 : 1 << 20) + (i % 3 == 0 ? "{" : ""));
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(served.ask("POST", predict, row).status, 200);
    // In two pieces, as some clients send.
    Client client(served.port());
    client.send(promise("POST", predict, row.size()));
    client.send(row);
    EXPECT_EQ(client.read().status, 200);
  }
  const std::string metrics = served.ask("GET", "/metrics").body;
  EXPECT_EQ(figure(metrics, "gradus_requests_in_flight"), 1);
  EXPECT_EQ(figure(metrics, "gradus_body_bytes"), 0);
}

TEST(Bodies, ShareABudgetOfBytesWithASmallerOneForEachSender) {
  TwoModels models;
  models.options.max_body_bytes = 1 << 20;
  models.options.max_body_memory = 2 << 20;
  Served served(models.options);
  const auto held = [&] { return figure(served.ask("GET", "/metrics").body, "gradus_body_bytes"); };
  const std::string most(700'000, ' ');
  const std::string rest = std::string((1 << 20) - most.size() - row.size(), ' ') + row;
  const std::string head = promise("POST", predict, 1 << 20);
  Client first(served.port()), second(served.port()), third(served.port(), 2), fourth(served.port(), 3);
  first.send(head + most);
  while (held() < 1 << 20) std::this_thread::yield();
  // The same sender may not begin another large one, but small ones.
  second.send(head + most);
  const Reply refused = second.read();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Retry-After"), "1");
  EXPECT_TRUE(second.ended());
  EXPECT_EQ(served.ask("POST", predict, row).status, 200);
  // Another may, until the budget of all is used up.
  third.send(head + most);
  while (held() < 2 << 20) std::this_thread::yield();
  fourth.send("POST " + predict + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n28\r\n" +
              std::string(40, ' '));
  EXPECT_EQ(fourth.read().status, 503);
  EXPECT_EQ(served.ask("GET", "/healthz").status, 200);
  // What was begun is finished and answered, and then there is room again.
  first.send(rest);
  EXPECT_EQ(first.read().status, 200);
  third.send(rest);
  EXPECT_EQ(third.read().status, 200);
  while (held() > 0) std::this_thread::yield();
  EXPECT_EQ(first.ask("POST", predict, most + row).status, 200);
}

}  // namespace
}  // namespace gradus::test
