#include "serve/application.hpp"

#include <algorithm>

#include <gradus/error.hpp>

#include "base/nearest.hpp"
#include "base/text.hpp"
#include "serve/json_text.hpp"

namespace gradus::serve {

namespace {

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::bad_data:
      return 400;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::unsupported:
      return 415;
    case ErrorCode::io:
    case ErrorCode::not_finite:
      break;
  }
  return 500;
}

/// Paths that a load balancer asks for are answered however much there is to do, and need no token; nor does the page,
/// which asks for one.
bool is_open(const Request& head) {
  const std::string_view path = head.path();
  return head.admin || path == "/healthz" || path == "/v2/health/live" || path == "/v2/health/ready" || path == "/";
}

/// Whether the body of a request is of use: of those that ask a model alone.
bool takes_body(const Request& head) {
  if (head.method != "POST") return false;
  const std::string_view path = head.path();
  return path == "/predict" || (path.starts_with("/v1/models/") && path.ends_with(":predict")) ||
         (path.starts_with("/v2/models/") && path.ends_with("/infer"));
}

std::string names_of(const Catalogue& catalogue) {
  std::string names;
  for (const auto& [name, entry] : catalogue.models) names += (names.empty() ? "" : ", ") + in_quotes(name);
  return names.empty() ? "no models are served" : "there is " + names;
}

Response ready_response(bool ready, const std::string& body) {
  Response response{.status = ready ? 200 : 503};
  response.body = body;
  return response;
}

Response too_many_in_flight() { return busy_response("too many requests are being answered; try again in a moment"); }

}  // namespace

std::shared_ptr<const ServedModel> find_model(const Catalogue& catalogue, const ModelName& wanted) {
  const auto found = catalogue.models.find(wanted.name);
  const auto missing = [&](const std::string& what) -> Error {
    return {ErrorCode::not_found, "Servable not found for request: " + what + "; " + names_of(catalogue)};
  };
  if (found == catalogue.models.end()) {
    throw missing(wanted.version ? "Specific(" + wanted.name + ", " + std::to_string(*wanted.version) + ")"
                                 : "Latest(" + wanted.name + ")");
  }
  const Catalogue::Entry& entry = found->second;
  std::optional<std::int64_t> version = wanted.version;
  if (!wanted.label.empty()) {
    const auto label = entry.labels.find(wanted.label);
    if (label == entry.labels.end()) {
      throw Error(ErrorCode::invalid_argument, "Unrecognized servable version label: " + in_quotes(wanted.label));
    }
    version = label->second;
  }
  if (!version) {
    if (auto newest = entry.newest()) return newest;
    throw missing("Latest(" + wanted.name + "), none of whose versions could be loaded");
  }
  for (const VersionState& state : entry.versions) {
    if (state.version == *version && state.model) return state.model;
  }
  std::string served;
  for (const VersionState& state : entry.versions) {
    if (state.model) served += (served.empty() ? "" : ", ") + std::to_string(state.version);
  }
  throw Error(ErrorCode::not_found, "Servable not found for request: Specific(" + wanted.name + ", " +
                                        std::to_string(*version) +
                                        "); versions served: " + (served.empty() ? "none" : served));
}

void check_query(const Request& request, const std::vector<std::string>& known, const std::string& hint) {
  std::vector<std::string> seen;
  for (const std::string& name : request.query_names()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::string all;
      for (const std::string& each : known) all += (all.empty() ? "; there is " : ", ") + each;
      throw Error(ErrorCode::invalid_argument, "there is no query parameter " + in_quotes(name) +
                                                   did_you_mean(name, known) + (known.empty() ? "; " + hint : all));
    }
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      throw Error(ErrorCode::invalid_argument, "the query parameter " + in_quotes(name) + " is there twice");
    }
    seen.push_back(name);
  }
}

std::optional<Response> wrong_method(const Request& request, std::string_view allowed) {
  const bool reads = allowed == "GET" && request.method == "HEAD";
  if (request.method == allowed || reads) return std::nullopt;
  Response response = error_response(
      405, request.method + " is not for " + std::string(request.path()) + "; use " + std::string(allowed));
  response.headers.emplace_back("Allow", std::string(allowed) + (allowed == "GET" ? ", HEAD" : "") + ", OPTIONS");
  return response;
}

std::optional<Response> Application::refusal(const Request& head, bool has_body) const {
  if (head.version >= 11 && head.count("Host") != 1) {
    return error_response(400, head.count("Host") == 0 ? "the request has no Host field" : "two Host fields");
  }
  if (head.target.empty() || (head.target[0] != '/' && head.target != "*")) {
    return error_response(400, "the request's target must begin with /, got " + in_quotes(head.target));
  }
  if (auto fault = parts_.sites.refusal(head)) return fault;
  if (!is_open(head)) {
    if (auto fault = token_fault(head)) return fault;
    if (parts_.metrics.in_flight() >= parts_.options.max_requests_in_flight) return too_many_in_flight();
  }
  if (has_body && !takes_body(head)) return body_refusal(head);
  return std::nullopt;
}

std::optional<Response> Application::busy(const Request& request) const {
  if (is_open(request) || parts_.metrics.in_flight() <= parts_.options.max_requests_in_flight) {
    return std::nullopt;
  }
  return too_many_in_flight();
}

std::optional<Response> Application::token_fault(const Request& head) const {
  const std::shared_ptr<const std::string> token = parts_.secrets.token();
  if (token->empty() || head.method == "OPTIONS") return std::nullopt;
  const std::string* given = head.header("Authorization");
  constexpr std::string_view scheme = "Bearer ";
  const bool right = given != nullptr && same_name(std::string_view(*given).substr(0, scheme.size()), scheme) &&
                     equal_in_constant_time(trim(std::string_view(*given).substr(scheme.size())), *token);
  if (right) return std::nullopt;
  Response response = error_response(
      401, given == nullptr ? "this server needs 'Authorization: Bearer TOKEN'" : "the token is not this server's");
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

/// What is wrong with a request whose body nobody would read: the method or the path, or else the body.
Response Application::body_refusal(const Request& head) const {
  Answer without = answer(head);
  auto* response = std::get_if<Response>(&without.what);
  if (response != nullptr && response->status >= 400 && response->status < 500) return std::move(*response);
  return error_response(400, head.method + " " + std::string(head.path()) + " takes no body");
}

Answer Application::answer(const Request& request) const {
  if (request.body.size() <= most_bytes_at_once) return answer_now(request);
  return {Work([this, &request] { return answer_now(request); }), "error"};
}

Answer Application::answer_now(const Request& request) const {
  try {
    return route(request);
  } catch (const Error& error) {
    return {error_response(status_of(error.code()), error.what()), "error"};
  } catch (const std::bad_alloc&) {
    return {error_response(503, "there is not enough memory for this request"), "error"};
  } catch (const std::exception& error) {
    return {error_response(500, error.what()), "error"};
  }
}

Response Application::options_response(const Request& request) const {
  Response response{.status = 204};
  const std::string_view path = request.path();
  const bool posts =
      path.ends_with(":predict") || path.ends_with("/infer") || path == "/predict" || path == "/v1/config/reload";
  const std::string methods = posts ? "POST, OPTIONS" : "GET, HEAD, OPTIONS";
  response.headers.emplace_back("Allow", methods);
  if (!parts_.options.cors_origin.empty() && request.header("Access-Control-Request-Method") != nullptr) {
    response.headers.emplace_back("Access-Control-Allow-Methods", methods);
    response.headers.emplace_back("Access-Control-Allow-Headers",
                                  "Authorization, Content-Encoding, Content-Type, Inference-Header-Content-Length, "
                                  "X-Request-Id");
    response.headers.emplace_back("Access-Control-Max-Age", "86400");
  }
  return response;
}

Answer Application::health(const Request& request, std::string_view path) const {
  if (auto wrong = wrong_method(request, "GET")) return {*wrong, path};
  const bool ready = !parts_.stopping.load() && parts_.store.catalogue()->ready();
  const std::string answer = ready ? "true" : "false";
  if (path == "/v2/health/live") return {ready_response(true, "{\"live\": true}\n"), path};
  if (path == "/v2/health/ready") return {ready_response(ready, "{\"live\": true, \"ready\": " + answer + "}\n"), path};
  return {ready_response(ready, "{\"ready\": " + answer + "}\n"), path};
}

Answer Application::metrics(const Request& request) const {
  if (auto wrong = wrong_method(request, "GET")) return {*wrong, "/metrics"};
  const std::shared_ptr<const Catalogue> catalogue = parts_.store.catalogue();
  const ModelStore::Counts counts = parts_.store.counts();
  Gauges gauges{!parts_.stopping.load() && catalogue->ready(), 0, counts.reloads, counts.failures};
  for (const auto& [name, entry] : catalogue->models) {
    gauges.models += std::count_if(entry.versions.begin(), entry.versions.end(),
                                   [](const VersionState& state) { return state.model != nullptr; });
  }
  return {Response{.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = parts_.metrics.text(gauges)},
          "/metrics"};
}

Answer Application::route(const Request& request) const {
  const std::string_view path = request.path();
  if (request.method == "OPTIONS") return {options_response(request), "OPTIONS"};
  for (const std::string_view known : {"/healthz", "/v2/health/live", "/v2/health/ready"}) {
    if (path == known) return health(request, known);
  }
  if (path == "/metrics" || path == "/monitoring/prometheus/metrics") return metrics(request);
  if (request.admin) {
    return {error_response(404, "this port has /healthz, /v2/health/live, /v2/health/ready and /metrics alone"),
            "other"};
  }
  const std::shared_ptr<const Catalogue> catalogue = parts_.store.catalogue();
  if (path.starts_with("/v1/models/")) {
    return tensorflow_answer(request, path.substr(11), *catalogue, parts_.options);
  }
  if (path == "/v2" || path.starts_with("/v2/")) {
    return kserve_answer(request, path.substr(3), *catalogue, parts_.options);
  }
  if (path == "/predict") return predict_answer(request, *catalogue, parts_.options);
  for (const std::string_view known : {"/", "/models", "/openapi.json"}) {
    if (path != known) continue;
    if (auto wrong = wrong_method(request, "GET")) return {std::move(*wrong), known};
    return {known == "/"         ? page_response()
            : known == "/models" ? models_response(*catalogue)
                                 : openapi_response(),
            known};
  }
  if (path == "/v1/config/reload") {
    if (auto wrong = wrong_method(request, "POST")) return {*wrong, path};
    if (parts_.secrets.token()->empty()) {
      return {error_response(403, "reloading over the network needs a server with a token; send SIGHUP instead"),
              "/v1/config/reload"};
    }
    ModelStore& store = parts_.store;
    return {Work([&store] {
              Response response;
              response.body = "{\"changes\": " + std::to_string(store.reload()) + "}\n";
              return Answer{std::move(response), "/v1/config/reload"};
            }),
            "/v1/config/reload"};
  }
  if (path == "/constant" && parts_.options.constant_handler) {
    const auto bytes = parse_int(request.query("bytes").value_or("0")).value_or(0);
    Response response{.content_type = "text/plain"};
    response.body.assign(static_cast<std::size_t>(std::clamp<std::int64_t>(bytes, 0, 1 << 20)), 'x');
    return {std::move(response), "/constant"};
  }
  if (path.starts_with("/v1/")) {
    return {error_response(400, "Malformed request: " + request.method + " " + std::string(path)), "/v1"};
  }
  return {
      error_response(404, "there is nothing at " + in_quotes(path, 200) + "; GET /openapi.json tells what there is"),
      "other"};
}

}  // namespace gradus::serve
