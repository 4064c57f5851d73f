#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gradus/gradus.hpp>

#include "data/csv_text.hpp"
#include "data/table.hpp"
#include "formats/json.hpp"
#include "serve/application.hpp"

namespace gradus::test {

/// The bodies that a server is sent, for fuzzers: the first byte says which path and which headers, the rest is the
/// body. What is owed: an answer of status 4xx with a sentence, or as many finite numbers as the rows that they say; no
/// JSON is taken that another reader refuses; and what reads numbers straight from the text finds what the parser does.
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
        std::string("\5size,colour\n1.5,red\n,\"blue\"\n"),
        std::string("\5") + R"([{"size": 2e0, "colour": "blue"}, {"colour": null, "size": "3", "label": "x"}])",
    };
    return all;
  }

  static void feed(std::span<const std::uint8_t> bytes) {
    if (bytes.empty()) return;
    const int kind = bytes[0] % 6;
    const std::string body(bytes.begin() + 1, bytes.end());
    std::size_t json = body.size();
    if (kind == 2) json = std::min(body.size(), body.rfind('}') + 1);
    if (kind == 3) json = 0;
    const serve::Answer answer = answer_to(kind, body, json);
    check(answer);
    const auto* taken = std::get_if<serve::Prediction>(&answer.what);
    if (taken != nullptr && kind < 3 && json > 0) {
      try {
        read_json(std::string_view(body).substr(0, json), "body");
      } catch (const Error& error) {
        demand(false, error.what());
      }
    }
    if (kind > 1) return;
    // Names spelled with escapes are for the parser alone.
    const serve::Answer again = answer_to(kind, escaped(body), 0);
    const auto* parsed = std::get_if<serve::Prediction>(&again.what);
    demand((taken == nullptr) == (parsed == nullptr), "taken in both ways or in none");
    if (taken == nullptr) return;
    demand(taken->rows == parsed->rows && taken->inputs.size() == parsed->inputs.size() &&
               std::memcmp(taken->inputs.data(), parsed->inputs.data(), taken->inputs.size() * sizeof(Real)) == 0,
           "the same numbers in both ways");
  }

 private:
  static void demand(bool good, const char* sentence) {
    if (good) return;
    std::fprintf(stderr, "%s\n", sentence);
    std::abort();
  }
  /// `json` is how many bytes of the body are JSON, where other bytes may follow.
  static serve::Answer answer_to(int kind, const std::string& body, std::size_t json) {
    serve::Request request;
    request.method = "POST";
    request.body.reserve(body.size() + 64);
    request.body = body;
    if (kind == 2 || kind == 3) request.headers.emplace_back("Inference-Header-Content-Length", std::to_string(json));
    request.target = kind == 4 ? "/predict?model=m" : kind == 5 ? "/predict?model=t" : "/x";
    if (kind == 0) return serve::tensorflow_answer(request, "m:predict", catalogue(), options());
    if (kind <= 3) return serve::kserve_answer(request, "/models/m/infer", catalogue(), options());
    return serve::predict_answer(request, catalogue(), options());
  }
  static std::string escaped(std::string body) {
    for (const auto& [name, other] :
         {std::pair("\"instances\"", "\"instance\\u0073\""), std::pair("\"inputs\"", "\"input\\u0073\""),
          std::pair("\"data\"", "\"dat\\u0061\"")}) {
      const std::string_view from(name), to(other);
      for (std::size_t at = body.find(from); at != std::string::npos; at = body.find(from, at + to.size())) {
        body.replace(at, from.size(), to);
      }
    }
    return body;
  }
  static void check(const serve::Answer& answer) {
    if (const auto* response = std::get_if<serve::Response>(&answer.what)) {
      demand(response->status >= 400 && response->status < 500, "a fault of the request has a status of its own");
      demand(read_json(response->body, "answer").find("error") != nullptr, "a fault has a sentence");
    } else if (const auto* prediction = std::get_if<serve::Prediction>(&answer.what)) {
      const std::int64_t width = prediction->model->model.input_shape().elements();
      demand(prediction->rows > 0 && prediction->inputs.size() == static_cast<std::size_t>(width * prediction->rows),
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
  /// A model that learnt from a table: a number that may be missing, and a word of two.
  static std::shared_ptr<const serve::ServedModel> table_model() {
    const std::string table = "size,colour,label\n1,red,0\n2,blue,1\n,red,0\n4,blue,1\n";
    datasets::CsvOptions read;
    read.missing = "mean";
    const CsvText text = csv_text("table", bytes_of(table), read);
    Sequential model{{3}, {Dense{.units = 1, .activation = sigmoid}}};
    model.compile({SGD{}, BinaryCrossentropy{}, {}});
    model.fit(dataset_from("table", infer_schema(text, read), text), {.epochs = 1});
    return std::make_shared<serve::ServedModel>(serve::ServedModel{"t", 1, "", std::move(model)});
  }
  static const serve::Catalogue& catalogue() {
    static const serve::Catalogue all = [] {
      serve::Catalogue made;
      auto model =
          std::make_shared<serve::ServedModel>(serve::ServedModel{"m", 1, "", Sequential{{2}, {Dense{.units = 1}}}});
      made.models["m"].versions.push_back({1, std::move(model), ""});
      made.models["t"].versions.push_back({1, table_model(), ""});
      return made;
    }();
    return all;
  }
};

}  // namespace gradus::test
