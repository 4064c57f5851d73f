// What it costs to read a request's body and to write its answer, without sockets and without the model: an image of
// 784 numbers and ten probabilities, as TensorFlow Serving's JSON and as KServe's bytes.
//
//     gradus_bench_bodies ROW.json ROW.bin HEADER_BYTES
//
// Prints one line of JSON: microseconds of this thread's processor time, the least of some rounds' means.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>

#include <gradus/gradus.hpp>

#include "serve/application.hpp"

namespace {

using namespace gradus;

std::string read_all(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "%s cannot be read\n", path);
    std::exit(2);
  }
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

template <class Ask>
double microseconds(const Ask& ask) {
  const Tensor outputs({10}, {1e-7f, 0.0123f, 0.25f, 3.25e-5f, 0.5f, 0.0009765f, 0.1f, 0.07f, 0.0654321f, 0.00123456f});
  constexpr int rounds = 20, repeats = 1000;
  double least = 1e9;
  for (int round = 0; round < rounds; ++round) {
    const double begin = thread_seconds();
    for (int i = 0; i < repeats; ++i) {
      const serve::Answer answer = ask();
      const auto* prediction = std::get_if<serve::Prediction>(&answer.what);
      if (prediction == nullptr || prediction->answer(outputs.values()).body.empty()) {
        std::fputs("the body is refused\n", stderr);
        std::exit(1);
      }
    }
    least = std::min(least, 1e6 * (thread_seconds() - begin) / repeats);
  }
  return least;
}

}  // namespace

int main(int count, char** words) {
  if (count != 4) {
    std::fputs("usage: gradus_bench_bodies ROW.json ROW.bin HEADER_BYTES\n", stderr);
    return 2;
  }
  const ServeOptions options;
  serve::Catalogue catalogue;
  Sequential model{{28, 28, 1}, {Flatten{}, Dense{.units = 90, .activation = relu}, Dense{.units = 10}}};
  catalogue.models["digits"].versions.push_back(
      {1, std::make_shared<serve::ServedModel>(serve::ServedModel{"digits", 1, "", std::move(model)}), ""});
  serve::Request json{.method = "POST", .target = "/", .headers = {}, .body = read_all(words[1]), .client = ""};
  serve::Request binary{.method = "POST",
                        .target = "/",
                        .headers = {{"Inference-Header-Content-Length", words[3]}},
                        .body = read_all(words[2]),
                        .client = ""};
  for (serve::Request* request : {&json, &binary}) request->body.reserve(request->body.size() + 64);
  const double json_time =
      microseconds([&] { return serve::tensorflow_answer(json, "digits:predict", catalogue, options); });
  const double binary_time =
      microseconds([&] { return serve::kserve_answer(binary, "/models/digits/infer", catalogue, options); });
  std::printf("{\"json_us\": %.2f, \"binary_us\": %.2f}\n", json_time, binary_time);
}
