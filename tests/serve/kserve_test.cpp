#include <cmath>
#include <cstring>

#include "serve/served.hpp"

namespace gradus::test {
namespace {

class KServe : public ::testing::Test {
 protected:
  TwoModels models;
  Served served{models.options};
  Reply infer(const std::string& body, const std::string& headers = "", const std::string& model = "three") {
    return served.ask("POST", "/v2/models/" + model + "/infer", body, headers);
  }
  static std::string floats(std::initializer_list<float> values) {
    std::string bytes(values.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), values.begin(), bytes.size());
    return bytes;
  }
  static std::string length(const std::string& json) {
    return "Inference-Header-Content-Length: " + std::to_string(json.size()) + "\r\n";
  }
};

TEST_F(KServe, HealthAndMetadata) {
  const auto json = [&](const std::string& path) { return served.ask("GET", path).json(); };
  EXPECT_EQ(json("/v2/health/live"), read_json(R"({"live": true})", "expected"));
  EXPECT_EQ(json("/v2/health/ready"), read_json(R"({"live": true, "ready": true})", "expected"));
  EXPECT_EQ(json("/v2/models/three/ready"), read_json(R"({"name": "three", "ready": true})", "expected"));
  EXPECT_EQ(json("/v2/models/three/versions/1/ready"), read_json(R"({"name": "three", "ready": true})", "expected"));
  EXPECT_EQ(json("/v2"),
            read_json(R"({"name": "gradus", "version": "0.1.0", "extensions": ["binary_tensor_data"]})", "expected"));
  EXPECT_EQ(json("/v2/models/three"), read_json(R"({"name": "three", "versions": ["1"], "platform": "gradus_sequential",
                          "inputs": [{"name": "input", "datatype": "FP32", "shape": [-1, 3]}],
                          "outputs": [{"name": "output", "datatype": "FP32", "shape": [-1, 3]}]})",
                                                "expected"));
}

// The shape of the specification's example: an id, an input, an output by name.
TEST_F(KServe, InfersFromJson) {
  const char* expected = R"({"model_name": "three", "model_version": "1", "id": "42", "outputs": [
      {"name": "output", "datatype": "FP32", "shape": [2, 3], "data": [3.0, 5.0, 7.0, -1.0, 1.0, 2.0]}]})";
  for (const char* data : {"[1, 2, 3, -1, 0, 0.5]", "[[1, 2, 3], [-1, 0, 0.5]]"}) {
    const std::string body = std::string(R"({"id": "42", "inputs": [{"name": "input", "shape": [2, 3],
        "datatype": "FP32", "parameters": {"note": "x"}, "data": )") +
                             data + R"(}], "outputs": [{"name": "output"}]})";
    const Reply reply = infer(body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.json(), read_json(expected, "expected"));
  }
  const Reply whole =
      infer(R"({"inputs": [{"name": "input", "shape": [1, 3], "datatype": "INT64", "data": [1, 2, 3]}]})");
  EXPECT_EQ(whole.status, 200) << whole.body;
  EXPECT_EQ(whole.body.find("\"id\""), std::string::npos);
}

TEST_F(KServe, NumbersThatTheTypeCannotHoldAreRefused) {
  const auto with = [&](const std::string& type, const std::string& number) {
    return infer(R"({"inputs": [{"name": "input", "shape": [1, 3], "datatype": ")" + type + R"(", "data": [1, 2, )" +
                 number + "]}]}");
  };
  for (const char* number : {"300", "256", "-4", "-1", "5.7", "1e9"}) {
    const Reply reply = with("UINT8", number);
    EXPECT_EQ(reply.status, 400) << number << reply.body;
    EXPECT_NE(reply.error().find("inputs[0].data: number 2 (counted from 0) is "), std::string::npos) << reply.body;
    EXPECT_NE(reply.error().find("UINT8 cannot hold: whole numbers of 0 to 255"), std::string::npos) << reply.body;
  }
  for (const auto& [type, number] :
       {std::pair("UINT8", "255"), std::pair("UINT8", "0.0"), std::pair("INT8", "-128"), std::pair("INT16", "32767"),
        std::pair("UINT32", "4294967295"), std::pair("INT64", "9223372036854775807"),
        std::pair("UINT64", "18446744073709551615"), std::pair("FP16", "5.7"), std::pair("FP32", "300")}) {
    EXPECT_EQ(with(type, number).status, 200) << type << " " << number;
  }
  EXPECT_EQ(with("INT8", "128").status, 400);
  EXPECT_EQ(with("INT64", "1e30").status, 400);
  EXPECT_EQ(with("UINT64", "-1").status, 400);
}

// Training takes arrays of grey images with or without their one channel; so do both protocols.
TEST(GreyImages, MayLackTheirChannel) {
  TemporaryDirectory directory;
  Sequential model{{2, 3, 1}, {Flatten{}, Dense{.units = 1}}};
  model.set_weight(0, Tensor({6, 1}, {1, 2, 3, 4, 5, 6}));
  model.save(directory / "grey.keras");
  ServeOptions options;
  options.models = {directory / "grey.keras"};
  Served served(options);
  const auto sum_of = [&](const std::string& path, const std::string& body) {
    const Reply reply = served.ask("POST", path, body);
    return reply.status == 200 && reply.body.find("91.0") != std::string::npos ? "" : reply.body;
  };
  for (const char* row : {"[[1, 2, 3], [4, 5, 6]]", "[[[1], [2], [3]], [[4], [5], [6]]]"}) {
    for (const char* key : {"instances", "inputs", "instance\\u0073"}) {
      EXPECT_EQ(sum_of("/v1/models/grey:predict", "{\"" + std::string(key) + "\": [" + row + ", " + row + "]}"), "");
    }
  }
  EXPECT_EQ(served.ask("POST", "/v1/models/grey:predict", R"({"instances": [[[1, 2, 3], [4, 5]]]})").status, 400);
  EXPECT_EQ(served.ask("POST", "/v1/models/grey:predict", R"({"instances": [[[1, 2], [3, 4], [5, 6]]]})").status, 400);
  for (const auto& [shape, data] :
       {std::pair("[1, 2, 3]", "[[[1, 2, 3], [4, 5, 6]]]"), std::pair("[1, 2, 3]", "[1, 2, 3, 4, 5, 6]"),
        std::pair("[1, 2, 3, 1]", "[[[[1], [2], [3]], [[4], [5], [6]]]]")}) {
    EXPECT_EQ(sum_of("/v2/models/grey/infer", R"({"inputs": [{"name": "input", "datatype": "FP32", "shape": )" +
                                                  std::string(shape) + ", \"data\": " + data + "}]}"),
              "");
  }
  EXPECT_EQ(
      served
          .ask("POST", "/v2/models/grey/infer",
               R"({"inputs": [{"name": "input", "datatype": "FP32", "shape": [1, 3, 2], "data": [1, 2, 3, 4, 5, 6]}]})")
          .status,
      400);
}

TEST_F(KServe, BinaryTensors) {
  const std::string json = R"({"inputs": [{"name": "input", "shape": [1, 3], "datatype": "FP32",
      "parameters": {"binary_data_size": 12}}], "outputs": [{"name": "output", "parameters": {"binary_data": true}}]})";
  const Reply reply = infer(json + floats({1, 2, 3}), length(json));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.header("Content-Type"), "application/octet-stream");
  const std::size_t head = std::stoul(reply.header("Inference-Header-Content-Length"));
  EXPECT_EQ(reply.body.substr(head), floats({3, 5, 7}));
  EXPECT_EQ(read_json(reply.body.substr(0, head), "head"),
            read_json(R"({"model_name": "three", "model_version": "1", "outputs": [{"name": "output",
                          "datatype": "FP32", "shape": [1, 3], "parameters": {"binary_data_size": 12}}]})",
                      "expected"));
  // All outputs, by the request's own parameter; the numbers as bytes of another type.
  const std::string bytes = R"({"parameters": {"binary_data_output": true}, "inputs": [{"name": "input",
      "shape": [2, 3], "datatype": "UINT8", "parameters": {"binary_data_size": 6}}]})";
  const Reply small = infer(bytes + std::string("\1\2\3\0\377\5", 6), length(bytes));
  ASSERT_EQ(small.status, 200) << small.body;
  EXPECT_EQ(small.body.substr(std::stoul(small.header("Inference-Header-Content-Length"))),
            floats({3, 5, 7, 1, 511, 11}));
  // A raw body: one row.
  const Reply raw = infer(floats({1, 2, 3}), "Inference-Header-Content-Length: 0\r\n");
  ASSERT_EQ(raw.status, 200) << raw.body;
  EXPECT_EQ(raw.body.substr(std::stoul(raw.header("Inference-Header-Content-Length"))), floats({3, 5, 7}));
  // Halves: 1, -2 and the smallest there is.
  const std::string half = R"({"inputs": [{"name": "input", "shape": [1, 3], "datatype": "FP16",
      "parameters": {"binary_data_size": 6}}]})";
  EXPECT_NE(infer(half + std::string("\x00\x3c\x00\xc0\x01\x00", 6), length(half)).body.find("[3.0, -3.0, 1.0000001]"),
            std::string::npos);
}

TEST_F(KServe, EveryFaultHasItsSentence) {
  const auto with = [](const std::string& input) { return "{\"inputs\": [" + input + "]}"; };
  const std::string begin = R"({"name": "input", "shape": [1, 3], "datatype": "FP32")";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "the body is empty"},
      {"[]", "the body: expected an object, got a list"},
      {"{}", "inputs is missing"},
      {R"({"inputs": [], "outputs": []})", "inputs: expected one, got 0"},
      {R"({"inputs": {}})", "inputs: expected a list, got an object"},
      {R"({"inputs": [1]})", "inputs[0]: expected an object, got a number"},
      {R"({"more": 1})", "there is no field 'more'"},
      {R"({"id": 7})", "id: expected a text, got a number"},
      {with(R"({"name": "x"})"), "inputs[0]: the model has no 'x', only 'input'"},
      {with(R"({"name": "input"})"), "inputs[0]: expected name, shape and datatype"},
      {with(begin + "}"), "expected either data or parameters.binary_data_size"},
      {with(begin + R"(, "data": [1,2,3], "parameters": {"binary_data_size": 12}})"), "either data or"},
      {with(begin + R"(, "data": [1,2]})"), "inputs[0].data: expected a list of 3, got one of 2"},
      {with(begin + R"(, "data": [[1,2],[3]]})"), "inputs[0].data: expected a list of 1, got one of 2"},
      {with(begin + R"(, "data": [1,2,"3"]})"), "inputs[0].data[2]: expected a number, got a text"},
      {with(begin + R"(, "data": []})"), "inputs[0].data: expected a list of"},
      {with(begin + R"(, "data": 1})"), "inputs[0].data: expected a list of 1, got a number"},
      {with(begin + R"(, "other": 1, "data": [1,2,3]})"), "inputs[0]: there is no field 'other'"},
      {with(R"({"name": "input", "shape": [3], "datatype": "FP32", "data": [1,2,3]})"), "expected [-1, 3]"},
      {with(R"({"name": "input", "shape": [0, 3], "datatype": "FP32", "data": []})"), "one row or more"},
      {with(R"({"name": "input", "shape": [-1, 3], "datatype": "FP32", "data": []})"), "whole number of 0 or more"},
      {with(R"({"name": "input", "shape": [9223372036854775807, 3], "datatype": "FP32", "data": []})"),
       "rows are more"},
      {with(R"({"name": "input", "shape": [1, 3], "datatype": "BYTES", "data": ["a"]})"), "'BYTES' cannot be numbers"},
      {R"({"inputs": [)" + begin + R"(, "data": [1,2,3]}], "outputs": [{"name": "y"}]})", "no 'y', only 'output'"},
  };
  for (const auto& [body, sentence] : cases) {
    const Reply reply = infer(body);
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_NE(reply.error().find(sentence), std::string::npos) << body << "\n" << reply.body;
  }
  const std::string json = with(begin + R"(, "parameters": {"binary_data_size": 12}})");
  EXPECT_NE(infer(json + floats({1, 2}), length(json)).error().find("make 12 bytes"), std::string::npos);
  EXPECT_NE(infer(json + floats({1, 2, NAN}), length(json)).error().find("is not finite as a 32-bit float"),
            std::string::npos);
  EXPECT_EQ(infer(json, "Inference-Header-Content-Length: 9999\r\n").status, 400);
  EXPECT_EQ(infer(json, "Inference-Header-Content-Length: x\r\n").status, 400);
  EXPECT_EQ(infer("{}", "", "none").status, 404);
  EXPECT_EQ(served.ask("GET", "/v2/models/three/versions/7").status, 404);
  EXPECT_EQ(served.ask("GET", "/v2/models/three/versions/x").status, 404);
  EXPECT_EQ(served.ask("GET", "/v2/models/three/infer").status, 405);
  EXPECT_EQ(served.ask("GET", "/v2/other").status, 404);
}

}  // namespace
}  // namespace gradus::test
