#include <ctime>
#include <regex>

#include "serve/served.hpp"

/// What /metrics says, and the port that it has to itself.
namespace gradus::test {
namespace {

TEST(Metrics, AboutTheProcess) {
  TwoModels models;
  Served served(models.options);
  const std::string text = served.ask("GET", "/metrics").body;
  EXPECT_GT(figure(text, "process_resident_memory_bytes"), 1e6);
  EXPECT_GT(figure(text, "process_virtual_memory_bytes"), figure(text, "process_resident_memory_bytes"));
  EXPECT_GE(figure(text, "process_cpu_seconds_total"), 0);
  EXPECT_GT(figure(text, "process_open_fds"), 3);
  EXPECT_GE(figure(text, "process_max_fds"), figure(text, "process_open_fds"));
  const double started = figure(text, "process_start_time_seconds"), now = static_cast<double>(std::time(nullptr));
  EXPECT_GT(started, now - 86400);
  EXPECT_LT(started, now + 2);
}

TEST(Metrics, NumbersAsPrometheusWritesThem) {
  TwoModels models;
  Served served(models.options);
  EXPECT_EQ(served.ask("POST", "/v1/models/one:predict", R"({"instances": [1]})").status, 200);
  const std::string text = served.ask("GET", "/metrics").body;
  for (const char* bound : {"0.0001", "0.00025", "0.0005", "0.001", "0.01", "1", "2.5", "10", "+Inf", "1024"}) {
    EXPECT_NE(text.find("le=\"" + std::string(bound) + "\""), std::string::npos) << bound;
  }
  EXPECT_FALSE(std::regex_search(text, std::regex("le=\"[^\"]*e"))) << text;
}

TEST(AdminPort, HasHealthAndMetricsAlone) {
  TwoModels models;
  models.options.token = "sesame";
  models.options.max_connections = 2;
  models.options.admin_port = 0;
  Served served(models.options);
  const int admin = served.server().admin_port();
  ASSERT_GT(admin, 0);
  EXPECT_NE(admin, served.port());
  const Client first(served.port()), second(served.port());  // as many as the models' port takes
  const auto ask = [&](const std::string& method, const std::string& path, const std::string& body = "") {
    return Client(admin).ask(method, path, body);
  };
  for (const char* path : {"/healthz", "/v2/health/live", "/v2/health/ready", "/metrics"}) {
    EXPECT_EQ(ask("GET", path).status, 200) << path;
  }
  EXPECT_NE(ask("GET", "/metrics").body.find("gradus_ready 1\n"), std::string::npos);
  for (const char* path : {"/", "/models", "/v1/models/one", "/v2", "/openapi.json", "/nothing"}) {
    EXPECT_EQ(ask("GET", path).status, 404) << path;
  }
  EXPECT_EQ(ask("POST", "/v1/models/one:predict", "{}").status, 404);
  EXPECT_EQ(ask("POST", "/v1/config/reload").status, 404);
  EXPECT_EQ(ask("POST", "/metrics").status, 405);
  served.stop();
  EXPECT_THROW(Client{admin}, std::runtime_error);
}

TEST(AdminPort, IsNotThereUnasked) {
  TwoModels models;
  Served served(models.options);
  EXPECT_EQ(served.server().admin_port(), -1);
  models.options.admin_port = models.options.port = 8501;
  EXPECT_THROW(Server{models.options}, Error);
}

}  // namespace
}  // namespace gradus::test
