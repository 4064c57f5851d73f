#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gradus/gradus.hpp>

#include "formats/json.hpp"
#include "serve/application.hpp"

namespace gradus::test {

/// The bodies that a server is sent, for fuzzers: the first byte says which path and which headers, the rest is the
/// body. What is owed: an answer of status 4xx with a sentence, or as many finite numbers as the rows that they say;
/// and no JSON is taken that another reader refuses.
class BodyTarget {
 public:
  static const std::vector<std::string>& seeds() {
    static const std::vector<std::string> all = {
        std::string(1, '\0') +
            R"({"instances": [[1.5, -2e3], {"input": [0, 1]}], "signature_name": "serving_default"})",
        std::string(1, '\0') + R"({"inputs": {"input": [[1, 2], [3, 4]]}})",
        std::string(1, '\1') + R"({"id": "a\u00e9", "inputs": [{"name": "input", "shape": [1, 2], "datatype": "FP32",
            "parameters": {"a": 1}, "data": [[1, 2]]}], "outputs": [{"name": "output", "parameters": {"binary_data": true}}]})",
        std::string(1, '\2') + R"({"inputs": [{"name": "input", "shape": [1, 2], "datatype": "INT16",
            "parameters": {"binary_data_size": 4}}]})" +
            std::string("\1\0\2\0", 4),
        std::string("\3abcdefgh"),
        std::string("\4a,b\n1,2\n3.5,\"4\"\n"),
    };
    return all;
  }

  static void feed(std::span<const std::uint8_t> bytes) {
    if (bytes.empty()) return;
    const std::string body(bytes.begin() + 1, bytes.end());
    serve::Request request;
    request.method = "POST";
    request.body.reserve(body.size() + 64);
    request.body = body;
    const ServeOptions& given = options();
    const int kind = bytes[0] % 5;
    std::size_t json = body.size();
    if (kind == 2) json = std::min(body.size(), body.rfind('}') + 1);
    if (kind == 3) json = 0;
    if (kind >= 2 && kind <= 3) request.headers.emplace_back("Inference-Header-Content-Length", std::to_string(json));
    request.target = kind == 4 ? "/predict" : "/x";
    serve::Answer answer;
    if (kind == 0) answer = serve::tensorflow_answer(request, "m:predict", catalogue(), given);
    if (kind >= 1 && kind <= 3) answer = serve::kserve_answer(request, "/models/m/infer", catalogue(), given);
    if (kind == 4) answer = serve::predict_answer(request, catalogue(), given);
    check(answer);
    const bool taken = std::holds_alternative<serve::Prediction>(answer.what);
    if (taken && kind < 3 && json > 0) read_json(std::string_view(body).substr(0, json), "body");
  }

 private:
  static void demand(bool good, const char* sentence) {
    if (good) return;
    std::fprintf(stderr, "%s\n", sentence);
    std::abort();
  }
  static void check(const serve::Answer& answer) {
    if (const auto* response = std::get_if<serve::Response>(&answer.what)) {
      demand(response->status >= 400 && response->status < 500, "a fault of the request has a status of its own");
      demand(read_json(response->body, "answer").find("error") != nullptr, "a fault has a sentence");
    } else if (const auto* prediction = std::get_if<serve::Prediction>(&answer.what)) {
      demand(prediction->rows > 0 && prediction->inputs.size() == static_cast<std::size_t>(2 * prediction->rows),
             "as many numbers as rows");
      for (const Real value : prediction->inputs) demand(std::isfinite(value), "all finite");
      const std::vector<Real> outputs(static_cast<std::size_t>(prediction->rows));
      demand(prediction->answer(outputs).status == 200, "and an answer");
    }
  }
  static const ServeOptions& options() {
    static const ServeOptions all;
    return all;
  }
  static const serve::Catalogue& catalogue() {
    static const serve::Catalogue all = [] {
      serve::Catalogue made;
      auto model =
          std::make_shared<serve::ServedModel>(serve::ServedModel{"m", 1, "", Sequential{{2}, {Dense{.units = 1}}}});
      made.models["m"].versions.push_back({1, std::move(model), ""});
      return made;
    }();
    return all;
  }
};

}  // namespace gradus::test
