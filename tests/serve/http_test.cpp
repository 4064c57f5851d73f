#include "serve/http.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <memory>

#include "serve/served.hpp"

namespace gradus::test {
namespace {

class Http : public ::testing::Test {
 protected:
  TwoModels models;
  Served served{models.options};
  const std::string row = R"({"instances": [1]})";
  const std::string path = "/v1/models/one:predict";

  /// What comes back for bytes as they are, and whether the connection is closed after it.
  Reply raw(const std::string& bytes, bool closes = true) {
    Client client(served.port());
    client.send(bytes);
    const Reply reply = client.read();
    if (closes) {
      EXPECT_TRUE(client.ended()) << bytes;
    }
    return reply;
  }
  void expect_healthy() { EXPECT_EQ(served.ask("POST", path, row).status, 200); }
};

TEST_F(Http, KeepsConnectionsAndAnswersPipelinedRequestsInOrder) {
  Client client(served.port());
  std::string all;
  for (int i = 0; i < 50; ++i) {
    all += Client::request("POST", path, R"({"instances": [)" + std::to_string(i) + "]}");
  }
  client.send(all);
  for (int i = 0; i < 50; ++i) {
    const Reply reply = client.read();
    ASSERT_EQ(reply.status, 200);
    EXPECT_NE(reply.body.find("[" + std::to_string(2 * i + 1) + ".0]"), std::string::npos) << reply.body;
    EXPECT_EQ(reply.header("Connection"), "");
  }
}

TEST_F(Http, OldAndClosingClients) {
  EXPECT_EQ(raw("GET /healthz HTTP/1.0\r\n\r\n").header("Connection"), "close");
  EXPECT_EQ(raw("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false).header("Connection"), "keep-alive");
  EXPECT_EQ(raw("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").header("Connection"), "close");
  EXPECT_EQ(raw("\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", false).status, 200);
}

TEST_F(Http, TakesTargetsWithAHost) {
  EXPECT_EQ(raw("GET http://a/healthz HTTP/1.1\r\nHost: a\r\n\r\n", false).body, "{\"ready\": true}\n");
  EXPECT_EQ(raw("GET HTTPS://a:80/healthz?x=1 HTTP/1.1\r\nHost: a\r\n\r\n", false).status, 200);
  EXPECT_EQ(raw("GET http://a/healthz HTTP/1.0\r\n\r\n").status, 200);
  EXPECT_EQ(raw("GET http://a?x=1 HTTP/1.1\r\nHost: a\r\n\r\n", false).header("Content-Type"),
            "text/html; charset=utf-8");
  EXPECT_EQ(raw("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", false).status, 204);
  // The target's host is what counts (RFC 9112, 3.2.2).
  EXPECT_EQ(raw("GET http://a/healthz HTTP/1.1\r\nHost: other\r\n\r\n", false).status, 200);
  EXPECT_EQ(raw("GET http://other/healthz HTTP/1.1\r\nHost: a\r\n\r\n", false).status, 403);
}

TEST_F(Http, HeadAndOptions) {
  Client client(served.port());
  const Reply get = client.ask("GET", "/v1/models/one"), head = client.ask("HEAD", "/v1/models/one");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), get.header("Content-Length"));
  const Reply options = client.ask("OPTIONS", path);
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.header("Allow"), "POST, OPTIONS");
  EXPECT_EQ(options.header("Access-Control-Allow-Origin"), "");
  EXPECT_EQ(client.ask("OPTIONS", "*").status, 204);
  EXPECT_EQ(client.ask("GET", "/healthz").status, 200);
}

TEST_F(Http, BodiesInChunks) {
  const std::string head = "POST " + path + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string body = "5\r\n{\"ins\r\nD;name=value\r\ntances\": [1]}\r\n0\r\nTrailer: x\r\n\r\n";
  Client client(served.port());
  client.send(head + body + Client::request("GET", "/healthz"));
  EXPECT_EQ(client.read().status, 200);
  EXPECT_EQ(client.read().status, 200);
  // Byte by byte, so that every cut is tried.
  for (const char c : head + body) client.send(std::string(1, c));
  EXPECT_NE(client.read().body.find("[3.0]"), std::string::npos);
  for (const char* bad : {"x\r\n", "5\r\nabcdefgh\r\n", "-1\r\n", "FFFFFFFFFFFFFFFFF\r\n", "5\nabcde\r\n0\r\n\r\n"}) {
    EXPECT_EQ(raw(head + bad).status, 400) << bad;
  }
  expect_healthy();
}

TEST_F(Http, WaitsForContinue) {
  Client client(served.port());
  client.send("POST " + path + " HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: " +
              std::to_string(row.size()) + "\r\n\r\n");
  EXPECT_EQ(client.read().status, 100);
  client.send(row);
  EXPECT_EQ(client.read().status, 200);
  EXPECT_EQ(raw("POST " + path + " HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 3\r\n\r\n").status, 417);
  // What is too large is refused before it is asked for.
  EXPECT_EQ(
      raw("POST " + path + " HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n").status,
      413);
}

TEST_F(Http, RefusesWhatIsNoRequest) {
  const std::string nul(1, '\0');
  const std::vector<std::pair<std::string, int>> cases = {
      {"hello\r\n\r\n", 400},
      {"GET\r\n\r\n", 400},
      {"GET /\r\n\r\n", 400},
      {" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 505},
      {"GET / HTTP/1.1\nHost: a\n\n", 400},
      {"GET /" + nul + " HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a" + nul + "\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHo st: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nH\xC3\xA9: a\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET http:///healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET http://user@a/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET ftp://a/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET http://a/healthz HTTP/1.1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\na", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\na", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\na", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4294967295\r\n\r\na", 413},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n", 431},
      {"GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", 431},
  };
  for (const auto& [bytes, status] : cases) EXPECT_EQ(raw(bytes).status, status) << bytes.substr(0, 100);
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 200; ++i) many += "A: b\r\n";
  EXPECT_EQ(raw(many + "\r\n").status, 431);
  expect_healthy();
}

TEST_F(Http, EightBitValuesAndFoldedLinesDoNoHarm) {
  EXPECT_EQ(raw("GET /healthz HTTP/1.1\r\nHost: a\r\nX: \xff\xfe\xe9\r\n\r\n", false).status, 200);
  const int folded = raw("GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", false).status;
  EXPECT_TRUE(folded == 200 || folded == 400) << folded;
}

TEST_F(Http, ClosingEarlyAtEveryByteHarmsNobody) {
  const std::string whole = Client::request("POST", path, row);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Client client(served.port());
    client.send(whole.substr(0, size));
  }
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Client client(served.port());
    client.send(whole.substr(0, size));
    client.end_sending();
    const Reply reply = client.read();
    EXPECT_NE(reply.status, 200);
  }
  Client client(served.port());
  client.send(whole);
  client.end_sending();
  EXPECT_EQ(client.read().status, 200);
}

TEST_F(Http, GzipOnlyWhenAskedFor) {
  std::string rows = "1";
  for (int i = 0; i < 2000; ++i) rows += ", 1";
  const std::string body = "{\"instances\": [" + rows + "]}";
  const Reply plain = served.ask("POST", path, body),
              packed = served.ask("POST", path, body, "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(plain.header("Content-Encoding"), "");
  EXPECT_EQ(packed.header("Content-Encoding"), "gzip");
  EXPECT_LT(packed.body.size(), plain.body.size() / 10);
  EXPECT_EQ(packed.body.substr(0, 2), "\x1f\x8b");
  EXPECT_EQ(served.ask("POST", path, body, "Accept-Encoding: gzip;q=0, br\r\n").header("Content-Encoding"), "");
}

TEST_F(Http, MetricsCountWhatHappened) {
  served.ask("POST", path, row);
  served.ask("POST", path, "{}");
  const Reply reply = served.ask("GET", "/metrics");
  EXPECT_EQ(reply.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  const auto has = [&](const std::string& line) {
    EXPECT_NE(("\n" + reply.body).find("\n" + line + "\n"), std::string::npos) << line << "\n" << reply.body;
  };
  has(R"(gradus_requests_total{model="one",path="/v1/models/{model}:predict",method="POST",status="200"} 1)");
  has(R"(gradus_requests_total{model="one",path="/v1/models/{model}:predict",method="POST",status="400"} 1)");
  has(R"(gradus_request_seconds_count{model="one",path="/v1/models/{model}:predict"} 2)");
  has(R"(gradus_batch_rows_bucket{model="one",le="1"} 1)");
  has("gradus_ready 1");
  has("gradus_model_loads_total 2");
  EXPECT_EQ(reply.body.back(), '\n');
  EXPECT_EQ(served.ask("GET", "/monitoring/prometheus/metrics").status, 200);
}

TEST(HttpLimits, TimesAreKept) {
  TwoModels models;
  models.options.header_timeout = models.options.body_timeout = 0.2;
  models.options.idle_timeout = 0.2;
  Served served(models.options);
  Client slow_head(served.port()), slow_body(served.port()), idle(served.port());
  slow_head.send("GET / HT");
  slow_body.send("POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(slow_head.read().status, 408);
  EXPECT_EQ(slow_body.read().status, 408);
  EXPECT_TRUE(idle.ended());
  EXPECT_TRUE(slow_head.ended());
}

TEST(HttpLimits, LineEndsDoNotKeepAnIdleConnection) {
  TwoModels models;
  models.options.idle_timeout = 0.2;
  Served served(models.options);
  Client idle(served.port());
  int sent = 0;
  for (; sent < 200 && idle.send("\r\n"); ++sent) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_LT(sent, 200);  // the server closed it
}

TEST(HttpLimits, RaisesTheLimitOfDescriptorsToItsConnections) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  TwoModels models;
  models.options.max_connections = 900;
  rlimit few = before;
  few.rlim_cur = std::min<rlim_t>(200, before.rlim_max);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  rlimit raised{};
  {
    const Served served(models.options);
    ::getrlimit(RLIMIT_NOFILE, &raised);
  }
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_GE(raised.rlim_cur, std::min<rlim_t>(900, before.rlim_max));
}

TEST(HttpLimits, ConnectionsAndRequestsInFlight) {
  TwoModels models;
  models.options.max_connections = 2;
  models.options.max_requests_in_flight = 1;
  models.options.batch_timeout_micros = 2'000'000;
  Served served(models.options);
  Client first(served.port());
  EXPECT_EQ(first.ask("GET", "/healthz").status, 200);
  first.send(Client::request("POST", "/v1/models/one:predict", R"({"instances": [1]})"));  // waits for company
  Client second(served.port());
  Reply busy;
  for (int i = 0; i < 5000 && busy.status != 503; ++i) busy = second.ask("GET", "/v1/models/one");
  EXPECT_EQ(busy.status, 503);
  EXPECT_EQ(busy.header("Retry-After"), "1");
  EXPECT_EQ(second.ask("GET", "/healthz").status, 200);  // is alive all the same
  Client third(served.port());
  EXPECT_EQ(third.read().status, 503);
  EXPECT_TRUE(third.ended());
  EXPECT_EQ(first.read().status, 200);
  Reply free;
  for (int i = 0; i < 500 && free.status != 200; ++i) free = second.ask("GET", "/v1/models/one");
  EXPECT_EQ(free.status, 200);
}

TEST(HttpToken, IsAskedForExceptForHealth) {
  TwoModels models;
  models.options.token = "sesame";
  models.options.cors_origin = "https://page.example";
  Served served(models.options);
  const auto status = [&](const std::string& path, const std::string& headers) {
    return served.ask("GET", path, "", headers).status;
  };
  EXPECT_EQ(status("/healthz", ""), 200);
  EXPECT_EQ(status("/v2/health/ready", ""), 200);
  EXPECT_EQ(status("/v1/models/one", ""), 401);
  EXPECT_EQ(status("/metrics", ""), 401);
  for (const char* wrong : {"Authorization: Bearer\r\n", "Authorization: Bearer sesam\r\n", "Authorization: sesame\r\n",
                            "Authorization: Bearer sesamesesame\r\n", "Authorization: Basic sesame\r\n"}) {
    EXPECT_EQ(status("/v1/models/one", wrong), 401) << wrong;
  }
  EXPECT_EQ(status("/v1/models/one", "Authorization: Bearer sesame\r\n"), 200);
  const Reply reload = served.ask("POST", "/v1/config/reload", "", "Authorization: bearer sesame\r\n");
  EXPECT_EQ(reload.body, "{\"changes\": 0}\n");
  const Reply preflight = served.ask("OPTIONS", "/predict", "", "Access-Control-Request-Method: POST\r\n");
  EXPECT_EQ(preflight.header("Access-Control-Allow-Origin"), "https://page.example");
  EXPECT_EQ(preflight.header("Access-Control-Allow-Methods"), "POST, OPTIONS");
}

TEST(HttpStop, FinishesWhatIsInFlight) {
  TwoModels models;
  Served served(models.options);
  Client busy(served.port()), idle(served.port());
  EXPECT_EQ(idle.ask("GET", "/healthz").status, 200);
  const std::string row = R"({"instances": [1]})";
  const std::string whole = Client::request("POST", "/v1/models/one:predict", row);
  busy.send(whole.substr(0, whole.size() - 5));
  EXPECT_EQ(Client(served.port()).ask("GET", "/healthz").status, 200);
  served.server().stop();
  EXPECT_TRUE(idle.ended());
  busy.send(whole.substr(whole.size() - 5));
  const Reply reply = busy.read();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Connection"), "close");
  served.stop();
  EXPECT_THROW(Client(served.port()), std::runtime_error);
}

TEST(HttpStop, AnswersWhatHadCome) {
  TwoModels models;
  const std::string request = Client::request("POST", "/v1/models/one:predict", R"({"instances": [1]})");
  for (int round = 0; round < 10; ++round) {
    Served served(models.options);
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 32; ++i) {
      clients.push_back(std::make_unique<Client>(served.port()));
      if (i % 4 != 0) {
        EXPECT_EQ(clients.back()->ask("GET", "/healthz").status, 200);
      }
    }
    // A connection that nobody accepted yet, one request, and several in one piece.
    for (std::size_t i = 0; i < clients.size(); ++i)
      clients[i]->send(i % 2 == 0 ? request : request + request + request);
    served.server().stop();
    for (std::size_t i = 0; i < clients.size(); ++i) {
      const int count = i % 2 == 0 ? 1 : 3;
      for (int each = 1; each <= count; ++each) {
        const Reply reply = clients[i]->read();
        EXPECT_EQ(reply.status, 200) << "connection " << i << ", request " << each;
      }
      EXPECT_TRUE(clients[i]->ended());
    }
  }
}

TEST(HttpText, Pieces) {
  using namespace serve;
  EXPECT_TRUE(accepts_gzip("gzip"));
  EXPECT_TRUE(accepts_gzip("br, GZIP;q=0.5"));
  EXPECT_TRUE(accepts_gzip("*"));
  EXPECT_FALSE(accepts_gzip("gzip;q=0, *"));
  EXPECT_FALSE(accepts_gzip("identity"));
  EXPECT_EQ(percent_decoded("a%20b%2fc"), "a b/c");
  EXPECT_EQ(percent_decoded("%0"), std::nullopt);
  EXPECT_EQ(percent_decoded("%00"), std::nullopt);
  EXPECT_EQ(percent_decoded("%zz"), std::nullopt);
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abcabc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("", "abc"));
  Request request;
  request.target = "/predict?a=1&model=m%20n&x";
  EXPECT_EQ(request.query("model"), "m n");
  EXPECT_EQ(request.query("x"), "");
  EXPECT_EQ(request.query("y"), std::nullopt);
}

}  // namespace
}  // namespace gradus::test
