#include "serve/application.hpp"

#include "serve/served.hpp"

namespace gradus::test {
namespace {

// Reading a large body takes longer than the thread of many connections may take: another thread does it.
TEST(Application, LargeBodiesAreReadElsewhere) {
  TwoModels models;
  models.options.log = [](const std::string&) {};
  serve::ModelStore store(models.options, models.options.log, models.options.log);
  serve::Metrics metrics;
  const std::atomic<bool> stopping{false};
  const serve::Log log(models.options.log, false);
  const serve::Sites sites("127.0.0.1", true, {}, "");
  const serve::Secrets secrets(models.options, log);
  const serve::Application application({models.options, store, metrics, stopping, sites, secrets});
  const auto ask = [&](std::size_t rows) {
    auto request = std::make_unique<serve::Request>();
    request->method = "POST";
    request->target = "/v1/models/one:predict";
    request->body = R"({"instances": [1)";
    for (std::size_t r = 1; r < rows; ++r) request->body += ",   2   ";
    request->body += "]}";
    request->body.reserve(request->body.size() + serve::body_padding);
    return request;
  };
  const auto small = ask(10), large = ask(9000);
  ASSERT_GT(large->body.size(), serve::Application::most_bytes_at_once);
  EXPECT_TRUE(std::holds_alternative<serve::Prediction>(application.answer(*small).what));
  const serve::Answer later = application.answer(*large);
  const auto* work = std::get_if<serve::Work>(&later.what);
  ASSERT_NE(work, nullptr);
  const serve::Answer answer = (*work)();
  const auto* prediction = std::get_if<serve::Prediction>(&answer.what);
  ASSERT_NE(prediction, nullptr);
  EXPECT_EQ(prediction->rows, 9000);
  EXPECT_EQ(answer.route, "/v1/models/{model}:predict");
}

}  // namespace
}  // namespace gradus::test
