#include "serve/sites.hpp"
#include "serve/served.hpp"

/// Whom a server answers, by the names that requests call it and the pages that they come from.
namespace gradus::test {
namespace {

serve::Request head_of(const std::string& method, serve::HeaderFields fields) {
  serve::Request request;
  request.method = method;
  request.target = "/predict";
  request.headers = std::move(fields);
  return request;
}

int status(const serve::Sites& sites, const std::string& method, serve::HeaderFields fields) {
  const auto refused = sites.refusal(head_of(method, std::move(fields)));
  return refused ? refused->status : 200;
}

TEST(Sites, OnLoopbackOnlyItsOwnNames) {
  const serve::Sites sites("127.0.0.1", true, {}, "");
  for (const char* own : {"localhost", "localhost:8501", "LOCALHOST:1", "localhost.", "127.0.0.1", "127.0.0.1:8501",
                          "127.0.0.2", "[::1]", "[::1]:8501", " localhost "}) {
    EXPECT_EQ(status(sites, "GET", {{"Host", own}}), 200) << own;
  }
  for (const char* other : {"evil.example", "evil.example:8501", "", ":8501", "localhost.evil.example",
                            "127.0.0.1.evil", "10.0.0.1", "[::2]:8501", "xlocalhost", "0x7f000001"}) {
    EXPECT_EQ(status(sites, "GET", {{"Host", other}}), 403) << other;
  }
  EXPECT_EQ(status(sites, "GET", {}), 200);  // HTTP/1.0; no browser
}

TEST(Sites, AllowedNames) {
  const serve::Sites loopback("localhost", true, {"Models.example", "b:80"}, "");
  EXPECT_EQ(status(loopback, "GET", {{"Host", "models.example:8501"}}), 200);
  EXPECT_EQ(status(loopback, "GET", {{"Host", "b"}}), 200);
  EXPECT_EQ(status(loopback, "GET", {{"Host", "x.models.example"}}), 403);
  const serve::Sites any("127.0.0.1", true, {"*"}, ""), open("0.0.0.0", false, {}, "");
  EXPECT_EQ(status(any, "GET", {{"Host", "evil.example"}}), 200);
  EXPECT_EQ(status(open, "GET", {{"Host", "whatever.example"}}), 200);
  const serve::Sites named("0.0.0.0", false, {"models.example"}, "");
  EXPECT_EQ(status(named, "GET", {{"Host", "models.example"}}), 200);
  EXPECT_EQ(status(named, "GET", {{"Host", "10.1.2.3:8501"}}), 200);  // as probes have it; no name leads there
  EXPECT_EQ(status(named, "GET", {{"Host", "evil.example"}}), 403);
}

TEST(Sites, PagesOfOthersMayNotPost) {
  const serve::Sites sites("127.0.0.1", true, {"models.example"}, "https://page.example");
  const auto post = [&](const std::string& origin) {
    return status(sites, "POST", {{"Host", "localhost:8501"}, {"Origin", origin}, {"Content-Type", "text/plain"}});
  };
  EXPECT_EQ(post("http://localhost:8501"), 200);  // the server's own page
  EXPECT_EQ(post("https://page.example"), 200);
  EXPECT_EQ(post("https://models.example"), 200);
  for (const char* foreign : {"http://evil.example", "null", "", "http://localhost:3000", "http://localhost:8501.evil",
                              "localhost:8501", "https://"}) {
    EXPECT_EQ(post(foreign), 403) << foreign;
  }
  const serve::HeaderFields evil = {{"Host", "localhost"}, {"Origin", "http://evil.example"}};
  EXPECT_EQ(status(sites, "GET", evil), 200);  // reads are the browser's to guard
  EXPECT_EQ(status(sites, "OPTIONS", evil), 200);
  EXPECT_EQ(status(sites, "DELETE", evil), 403);
  for (const char* site : {"cross-site", "same-site"}) {
    EXPECT_EQ(status(sites, "POST", {{"Host", "localhost"}, {"Sec-Fetch-Site", site}}), 403) << site;
  }
  EXPECT_EQ(status(sites, "POST", {{"Host", "localhost"}, {"Sec-Fetch-Site", "same-origin"}}), 200);
  const serve::Sites every("127.0.0.1", true, {}, "*");
  EXPECT_EQ(status(every, "POST", {{"Host", "localhost"}, {"Origin", "http://evil.example"}}), 200);
}

TEST(Sites, TypesThatAPageMaySendUnasked) {
  const serve::Sites sites("127.0.0.1", true, {}, ""), open("0.0.0.0", false, {}, "");
  const auto post = [](const serve::Sites& where, const std::string& type) {
    return status(where, "POST", {{"Host", "localhost"}, {"Content-Type", type}});
  };
  for (const char* type : {"application/json", "application/octet-stream", "image/png", "text/csv",
                           "application/x-www-form-urlencoded"}) {  // the last is what curl says
    EXPECT_EQ(post(sites, type), 200) << type;
  }
  EXPECT_EQ(post(sites, "text/plain"), 415);
  EXPECT_EQ(post(sites, " Text/Plain;charset=UTF-8"), 415);
  EXPECT_EQ(post(open, "text/plain"), 200);
}

TEST(Sites, AreCheckedForEveryPathBeforeTheBody) {
  TwoModels models;
  models.options.allowed_hosts = {"models.example"};
  Served served(models.options);
  const auto ask = [&](const std::string& head) {
    Client client(served.port());
    client.send(head + "\r\n");
    return client.read();
  };
  for (const char* path : {"/healthz", "/", "/v1/models/one", "/metrics", "/models"}) {
    const std::string line = "GET " + std::string(path) + " HTTP/1.1\r\n";
    EXPECT_EQ(ask(line + "Host: localhost:" + std::to_string(served.port()) + "\r\n").status, 200) << path;
    EXPECT_EQ(ask(line + "Host: models.example\r\n").status, 200) << path;
    EXPECT_EQ(ask(line + "Host: evil.example\r\n").status, 403) << path;
  }
  const Reply foreign =
      ask("POST /v1/models/one:predict HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n"
          "Content-Type: text/plain\r\nContent-Length: 1000\r\n");
  EXPECT_EQ(foreign.status, 403);
  EXPECT_NE(foreign.error().find("--cors-origin"), std::string::npos);
}

}  // namespace
}  // namespace gradus::test
