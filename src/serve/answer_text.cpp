#include "serve/answer_text.hpp"

#include "base/deflate.hpp"
#include "serve/json_text.hpp"
#include "serve/log.hpp"

namespace gradus::serve {

namespace {

/// Answers shorter than this are not worth packing.
constexpr std::size_t least_packed_bytes = 1024;

}  // namespace

std::string answer_text(const Request& request, Response& response, bool keep_alive, const std::string& cors_origin) {
  if (!cors_origin.empty()) {
    response.headers.emplace_back("Access-Control-Allow-Origin", cors_origin);
    if (cors_origin != "*") response.headers.emplace_back("Vary", "Origin");
  }
  if (response.body.size() >= least_packed_bytes) {
    response.headers.emplace_back("Vary", "Accept-Encoding");
    const std::string* accepted = request.header("Accept-Encoding");
    if (accepted != nullptr && accepts_gzip(*accepted)) {
      response.body = gzip(response.body);
      response.headers.emplace_back("Content-Encoding", "gzip");
    }
  }
  std::string text = head_of(response, keep_alive, request.version, request.id);
  if (request.method != "HEAD") text += response.body;
  return text;
}

std::string_view known_method(std::string_view method) {
  for (const std::string_view known : {"GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"}) {
    if (method == known) return known;
  }
  return "other";
}

std::string access_line(const Request& request, int status, std::size_t bytes, double seconds, std::string_view model,
                        std::int64_t rows) {
  std::string line = "{\"time\": \"" + time_text() + "\", \"request\": ";
  append_json_string(line, request.id);
  line += ", \"client\": ";
  append_json_string(line, request.client);
  line += ", \"method\": ";
  append_json_string(line, request.method);
  line += ", \"path\": ";
  append_json_string(line, request.path());
  line += ", \"status\": " + std::to_string(status) + ", \"bytes\": " + std::to_string(bytes) +
          ", \"seconds\": " + std::to_string(seconds) + ", \"model\": ";
  append_json_string(line, model);
  line += ", \"rows\": " + std::to_string(rows) + "}";
  return line;
}

}  // namespace gradus::serve
