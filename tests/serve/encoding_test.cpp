// Bodies of requests that are packed: Content-Encoding (RFC 9110, 8.4).
#include <cstring>

#include "serve/content_encoding.hpp"
#include "serve/served.hpp"
#include "support/gzip_text.hpp"

namespace gradus::test {
namespace {

class Encoding : public ::testing::Test {
 protected:
  TwoModels models;
  const std::string row = R"({"instances": [1]})";
  const std::string path = "/v1/models/one:predict";

  static std::string says(const std::string& encoding) { return "Content-Encoding: " + encoding + "\r\n"; }
};

TEST_F(Encoding, PackedBodiesGetTheAnswersOfPlainOnes) {
  Served served(models.options);
  const std::string three =
      R"({"inputs": [{"name": "input", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}]})";
  const std::vector<std::pair<std::string, std::string>> bodies{
      {path, row}, {"/v2/models/three/infer", three}, {"/predict?model=three", "1,2,3\n4,5,6\n"}};
  Client client(served.port());
  for (const auto& [target, body] : bodies) {
    const Reply plain = client.ask("POST", target, body);
    ASSERT_EQ(plain.status, 200) << target << plain.body;
    for (const char* encoding : {"gzip", "x-gzip", "GZIP", " gzip ", "identity, gzip"}) {
      const Reply packed = client.ask("POST", target, gzip(body), says(encoding));
      EXPECT_EQ(packed.status, 200) << target << encoding << packed.body;
      EXPECT_EQ(packed.body, plain.body) << target;
    }
    EXPECT_EQ(client.ask("POST", target, body, says("identity")).body, plain.body) << target;
    // Two members that follow one another are one body.
    const std::string in_two = gzip(body.substr(0, 5)) + gzip(body.substr(5));
    EXPECT_EQ(client.ask("POST", target, in_two, says("gzip")).body, plain.body) << target;
  }
  // The bytes of tensors: the length of the JSON in front is that of the unpacked body.
  const std::string json = R"({"inputs": [{"name": "input", "shape": [1, 3], "datatype": "FP32",
      "parameters": {"binary_data_size": 12}}]})";
  const float numbers[] = {1, 2, 3};
  std::string tensor(sizeof numbers, '\0');
  std::memcpy(tensor.data(), numbers, sizeof numbers);
  const Reply binary =
      client.ask("POST", "/v2/models/three/infer", gzip(json + tensor),
                 says("gzip") + "Inference-Header-Content-Length: " + std::to_string(json.size()) + "\r\n");
  EXPECT_EQ(binary.status, 200) << binary.body;
  EXPECT_NE(binary.body.find("7.0"), std::string::npos) << binary.body;
}

TEST_F(Encoding, PackedBodiesComeInChunksToo) {
  Served served(models.options);
  const std::string packed = gzip(row);
  char size[16];
  std::snprintf(size, sizeof size, "%zx", packed.size());
  Client client(served.port());
  client.send("POST " + path + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" + says("gzip") + "\r\n" + size +
              "\r\n" + packed + "\r\n0\r\n\r\n");
  EXPECT_EQ(client.read().status, 200);
  EXPECT_EQ(client.ask("GET", "/healthz").status, 200);
}

TEST_F(Encoding, WhatIsNotGzipIsSaidToBeNone) {
  Served served(models.options);
  Client client(served.port());
  const Reply plain = client.ask("POST", path, row, says("gzip"));
  EXPECT_EQ(plain.status, 400);
  EXPECT_NE(plain.error().find("the body is not gzip"), std::string::npos) << plain.body;
  std::string broken = gzip(row);
  broken[broken.size() - 5] = static_cast<char>(broken[broken.size() - 5] ^ 1);  // of the checksum
  for (const std::string& body : {broken, gzip(row).substr(0, 20), gzip(row) + "rubbish"}) {
    const Reply reply = client.ask("POST", path, body, says("gzip"));
    EXPECT_EQ(reply.status, 400);
    EXPECT_NE(reply.error().find("the body: "), std::string::npos) << reply.body;
    EXPECT_NE(reply.error().find("gzip"), std::string::npos) << reply.body;
  }
  EXPECT_EQ(client.ask("POST", path, row).status, 200) << "the connection goes on";
}

TEST_F(Encoding, OthersAreRefusedByName) {
  Served served(models.options);
  Client client(served.port());
  for (const char* encoding : {"br", "deflate", "zstd", "compress", "gzip, gzip", "gzip, br", "nonsense"}) {
    const Reply reply = client.ask("POST", path, gzip(row), says(encoding));
    EXPECT_EQ(reply.status, 415) << encoding;
    EXPECT_NE(reply.error().find(encoding), std::string::npos) << reply.body;
    EXPECT_NE(reply.error().find("packed with gzip"), std::string::npos) << reply.body;
    EXPECT_EQ(reply.header("Accept-Encoding"), "gzip");
  }
  EXPECT_EQ(client.ask("POST", path, gzip(gzip(row)), says("gzip") + says("gzip")).status, 415) << "two fields";
  EXPECT_EQ(client.ask("GET", "/healthz", "", says("br")).status, 200) << "no body, nothing to unpack";
}

TEST_F(Encoding, TheLimitIsThatOfTheUnpackedBody) {
  models.options.max_body_bytes = 10'000;
  Served served(models.options);
  Client client(served.port());
  const auto padded = [&](std::size_t size) { return row + std::string(size - row.size(), ' '); };
  EXPECT_EQ(client.ask("POST", path, gzip(padded(10'000)), says("gzip")).status, 200);
  for (const std::size_t size : {10'001UL, 20'000UL, 5'000'000UL}) {
    const std::string packed = gzip(padded(size));
    ASSERT_LT(packed.size(), 10'000U);
    const Reply reply = client.ask("POST", path, packed, says("gzip"));
    EXPECT_EQ(reply.status, 413) << size;
    EXPECT_NE(reply.error().find("10000 bytes"), std::string::npos) << reply.body;
  }
}

// No more of a body is unpacked than the limit and a byte, however much it promises.
TEST(UnpackBody, StopsAtTheLimit) {
  serve::Request request;
  request.headers = {{"Content-Encoding", "gzip"}};
  request.body = gzip(std::string(50'000'000, 'x'));
  const auto refused = serve::unpack_body(request, 1000);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->status, 413);
  EXPECT_LT(request.body.size(), 100'000U) << "it is as it was";
}

}  // namespace
}  // namespace gradus::test
