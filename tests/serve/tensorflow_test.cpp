#include <cmath>

#include "serve/served.hpp"

namespace gradus::test {
namespace {

const Value& at(const Value& value, const std::string& key) {
  static const Value nothing;
  const Value* found = value.find(key);
  EXPECT_NE(found, nullptr) << "no key " << key << " in " << value.to_string();
  return found == nullptr ? nothing : *found;
}

class TensorFlow : public ::testing::Test {
 protected:
  TwoModels models;
  Served served{models.options};
  Reply predict(const std::string& model, const std::string& body) {
    return served.ask("POST", "/v1/models/" + model + ":predict", body);
  }
};

// The examples of TensorFlow Serving's api_rest.md, on a model of our own.
TEST_F(TensorFlow, RowsOfOneNumber) {
  const Reply reply = predict("one", R"({"instances": [1.0, 2.0, 5.0]})");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Content-Type"), "application/json");
  EXPECT_EQ(reply.json(), read_json(R"({"predictions": [3.0, 5.0, 11.0]})", "expected"));
}

TEST_F(TensorFlow, RowsAndColumns) {
  const char* answer = R"([[3.0, 5.0, 7.0], [-1.0, 1.0, 2.0]])";
  for (const char* rows : {R"({"instances": [[1, 2, 3], [-1, 0, 0.5]]})",
                           R"({"signature_name": "serving_default", "instances": [[1, 2, 3], [-1, 0, 5e-1]]})",
                           R"({"instances": [{"input": [1, 2, 3]}, {"input": [-1, 0, 0.5]}], "signature_name": ""})"}) {
    const Reply reply = predict("three", rows);
    EXPECT_EQ(reply.status, 200) << rows << reply.body;
    EXPECT_EQ(at(reply.json(), "predictions"), read_json(answer, "expected"));
  }
  for (const char* columns :
       {R"({"inputs": [[1, 2, 3], [-1, 0, 0.5]]})", R"({"inputs": {"input": [[1, 2, 3], [-1, 0, 0.5]]}})"}) {
    const Reply reply = predict("three", columns);
    EXPECT_EQ(reply.status, 200) << columns << reply.body;
    EXPECT_EQ(at(reply.json(), "outputs"), read_json(answer, "expected"));
  }
}

TEST_F(TensorFlow, NumbersKeepEveryBit) {
  const Reply reply = predict("one", R"({"instances": [0.1, 1e-30, 16777216, 3.4e38, -0.0]})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Value answer = reply.json();
  const auto& list = *at(answer, "predictions").get_if<Value::List>();
  const Real inputs[] = {0.1f, 1e-30f, 16777216, 3.4e38f, -0.0f};
  ASSERT_EQ(list.size(), 4u + 1u);
  for (std::size_t i = 0; i < 5; ++i) {
    const Real expected = 2 * inputs[i] + 1;
    if (std::isfinite(expected)) {
      EXPECT_EQ(static_cast<Real>(*list[i].get_if<double>()), expected);
    } else {
      EXPECT_EQ(list[i], Value()) << "JSON has no word for it: " << reply.body;
    }
  }
}

TEST_F(TensorFlow, StatusAndMetadata) {
  const Reply status = served.ask("GET", "/v1/models/three");
  EXPECT_EQ(status.json(), read_json(R"({"model_version_status": [{"version": "1", "state": "AVAILABLE",
                                         "status": {"error_code": "OK", "error_message": ""}}]})",
                                     "expected"));
  EXPECT_EQ(served.ask("GET", "/v1/models/three/versions/1").json(), status.json());
  const Value metadata = served.ask("GET", "/v1/models/three/metadata").json();
  EXPECT_EQ(at(at(metadata, "model_spec"), "version"), Value("1"));
  const Value& signature = at(at(at(at(metadata, "metadata"), "signature_def"), "signature_def"), "serving_default");
  EXPECT_EQ(at(at(at(at(signature, "inputs"), "input"), "tensor_shape"), "dim"),
            read_json(R"([{"size": "-1", "name": ""}, {"size": "3", "name": ""}])", "expected"));
  EXPECT_EQ(at(signature, "method_name"), Value("tensorflow/serving/predict"));
}

TEST_F(TensorFlow, EveryFaultHasItsSentence) {
  const std::string depth(40, '['), end(40, ']');
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "the body is empty; expected JSON"},
      {"{", "body:1:"},
      {R"({"instances": [[1, 2, 3]]} x)", "body:1:"},
      {"[1, 2]", "expected an object with \"instances\" or \"inputs\", got a list"},
      {"{}", "Missing 'inputs' or 'instances' key"},
      {R"({"instances": [[1,2,3]], "inputs": [[1,2,3]]})", "got both"},
      {R"({"instances": [[1,2,3]], "instances": [[1,2,3]]})", "there twice"},
      {R"({"instances": [[1,2,3]], "rows": 1})", "there is no field 'rows'"},
      {R"({"instances": [[1,2,3]], "signature_name": "other"})", "one signature"},
      {R"({"instances": []})", "instances: the list is empty"},
      {R"({"instances": 7})", "instances: expected a list of rows, got a number"},
      {R"({"instances": [[1,2]]})", "instances[0]: expected a list of 3, got one of 2"},
      {R"({"instances": [[1,2,3],[1,2,3,4]]})", "instances[1]: expected a list of 3, got one of 4"},
      {R"({"instances": [[1,2,3], 5]})", "instances[1]: expected a list of 3, got a number"},
      {R"({"instances": [[1,[2],3]]})", "instances[0][1]: expected a number, got a list"},
      {R"({"instances": [[1,2,"3"]]})", "instances[0][2]: expected a number, got a text"},
      {R"({"instances": [[1,2,true]]})", "instances[0][2]: expected a number, got true or false"},
      {R"({"instances": [[1,2,null]]})", "instances[0][2]: expected a number, got null"},
      {R"({"instances": [[1,2,{"b64": "AA=="}]]})", "instances[0][2]: expected a number, got an object"},
      {R"({"instances": [[1,2,1e39]]})", "instances[0][2]: the number is too large for a 32-bit float"},
      {R"({"instances": [[1,2,NaN]]})", "instances[0][2]: 'NaN' is not finite"},
      {R"({"instances": [[1,2,3], [1,-Infinity,2]]})", "instances[1][1]: '-Infinity' is not finite"},
      {R"({"instances": [[1,2,3], {"input": [1,Infinity,2]}]})", "instances[1].input[1]: 'Infinity' is not finite"},
      {R"({"instances": [[1,2,1e999]]})", "instances[0][2]: '1e999' is not finite"},
      {R"({"NaN, \"": 1, "instances": [[1,2,NaN]]})", "instances[0][2]: 'NaN' is not finite"},
      {R"({"instances": [{"other": [1,2,3]}]})", "instances[0]: the model has no input 'other', only 'input'"},
      {R"({"instances": [{}]})", "instances[0]: the input 'input' is missing"},
      {R"({"inputs": {"input": [[1,2,3]], "more": 1}})", "inputs: the model has no input 'more'"},
      {R"({"instances": )" + depth + "1" + end + "}", "nested deeper than 32 levels"},
      {"{\"instances\": [[1,2,\"\xff\"]]}", "body"},
  };
  for (const auto& [body, sentence] : cases) {
    const Reply reply = predict("three", body);
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_NE(reply.error().find(sentence), std::string::npos) << body << "\n" << reply.body;
  }
  EXPECT_NE(predict("one", R"({"instances": [1, [2]]})").error().find("of another shape"), std::string::npos);
}

TEST_F(TensorFlow, PathsAndMethods) {
  const auto expect = [&](const std::string& method, const std::string& path, int status, const std::string& words) {
    const Reply reply = served.ask(method, path, method == "POST" ? "{}" : "");
    EXPECT_EQ(reply.status, status) << method << " " << path;
    EXPECT_NE(reply.error().find(words), std::string::npos) << method << " " << path << "\n" << reply.body;
  };
  expect("GET", "/v1/models/none", 404, "Servable not found for request: Latest(none)");
  expect("POST", "/v1/models/none:predict", 404, "there is 'one', 'three'");
  expect("GET", "/v1/models/one/versions/9", 404, "Specific(one, 9); versions served: 1");
  expect("GET", "/v1/models/one/labels/stable", 400, "Unrecognized servable version label: 'stable'");
  expect("GET", "/v1/models/one/versions/1/labels/stable", 400, "Malformed request: GET /v1/models/one/versions/1/lab");
  expect("GET", "/v1/models/one/versions/x", 400, "Malformed request");
  expect("GET", "/v1/models/", 400, "Malformed request");
  expect("POST", "/v1/models/one:classify", 400, "tensorflow/serving/predict alone");
  expect("GET", "/v1/nothing", 400, "Malformed request: GET /v1/nothing");
  expect("GET", "/nothing", 404, "there is nothing at '/nothing'");
  expect("GET", "/v1/models/one:predict", 405, "use POST");
  expect("DELETE", "/v1/models/one", 405, "use GET");
  EXPECT_EQ(served.ask("GET", "/v1/models/one:predict").header("Allow"), "POST, OPTIONS");
  EXPECT_EQ(served.ask("GET", "/v1/models/%6Fne").status, 200);
}

TEST(TensorFlowLimits, RowsAndDepthAreOptions) {
  TwoModels models;
  models.options.max_rows = 2;
  Served served(models.options);
  EXPECT_EQ(served.ask("POST", "/v1/models/one:predict", R"({"instances": [1, 2]})").status, 200);
  const Reply reply = served.ask("POST", "/v1/models/one:predict", R"({"instances": [1, 2, 3]})");
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.error(), "instances: 3 rows are more than the 2 that one request may have");
}

}  // namespace
}  // namespace gradus::test
