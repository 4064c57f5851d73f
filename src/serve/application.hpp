#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <gradus/serve.hpp>

#include "serve/http.hpp"
#include "serve/metrics.hpp"
#include "serve/secrets.hpp"
#include "serve/sites.hpp"
#include "serve/store.hpp"

namespace gradus::serve {

/// Rows for a model, and how its outputs become the answer.
struct Prediction {
  std::shared_ptr<const ServedModel> model;
  std::vector<Real> inputs;
  std::int64_t rows = 0;
  std::function<Response(std::span<const Real> outputs)> answer;
};

struct Answer;
/// Work that takes longer than a thread with connections may take, for another thread: it gives the answer. The request
/// must stay where it is until then.
using Work = std::function<Answer()>;

/// What a request asks for: an answer at once, or one that must be computed first.
struct Answer {
  std::variant<Response, Prediction, Work> what;
  std::string_view route{};  ///< for the metrics: "/v1/models/{model}:predict"
  std::string model{};       ///< a model that is there, or empty
  std::int64_t rows = 0;
};

/// Says what requests ask for, by both protocols. Knows no sockets and no threads; every function may be called from
/// any thread.
class Application {
 public:
  struct Parts {
    const ServeOptions& options;
    ModelStore& store;
    Metrics& metrics;
    const std::atomic<bool>& stopping;
    const Sites& sites;
    const Secrets& secrets;
  };
  explicit Application(const Parts& parts) : parts_(parts) {}

  /// What is wrong with a request becomes an answer; throws `std::bad_alloc` alone. A body of more than
  /// `most_bytes_at_once` becomes Work: reading it takes longer than a moment.
  [[nodiscard]] Answer answer(const Request& request) const;
  static constexpr std::size_t most_bytes_at_once = 64 << 10;

  /// What must be known before a body is read: an answer that refuses the request, or nothing.
  [[nodiscard]] std::optional<Response> refusal(const Request& head, bool has_body) const;
  /// For a whole request that was counted as in flight: an answer that refuses it where there are too many, or nothing.
  [[nodiscard]] std::optional<Response> busy(const Request& request) const;

 private:
  [[nodiscard]] std::optional<Response> token_fault(const Request& head) const;
  [[nodiscard]] Response body_refusal(const Request& head) const;
  [[nodiscard]] Answer answer_now(const Request& request) const;
  [[nodiscard]] Answer route(const Request& request) const;
  [[nodiscard]] Answer metrics(const Request& request) const;
  [[nodiscard]] Answer health(const Request& request, std::string_view path) const;
  [[nodiscard]] Response options_response(const Request& request) const;
  Parts parts_;
};

// --- the rooms of the interface; each throws gradus::Error for what is wrong with a request ---

/// A version that a request names; throws `not_found`. `label` and `version` exclude each other.
struct ModelName {
  std::string name;
  std::optional<std::int64_t> version;
  std::string label;
};
std::shared_ptr<const ServedModel> find_model(const Catalogue& catalogue, const ModelName& wanted);

/// Throws `invalid_argument` for a parameter of the query that is not among `known`, and for one that is there twice:
/// what would be passed over might have been meant to name the version. `hint` follows where nothing is known.
void check_query(const Request& request, const std::vector<std::string>& known, const std::string& hint);

/// TensorFlow Serving: everything below /v1/models/. `path` is what follows it.
Answer tensorflow_answer(const Request& request, std::string_view path, const Catalogue& catalogue,
                         const ServeOptions& options);
/// KServe V2: everything below /v2 but health. `path` is what follows it.
Answer kserve_answer(const Request& request, std::string_view path, const Catalogue& catalogue,
                     const ServeOptions& options);

/// POST /predict: a picture or rows of numbers, answered with names and probabilities.
Answer predict_answer(const Request& request, const Catalogue& catalogue, const ServeOptions& options);
/// GET /models: what the page shows. GET /, GET /openapi.json.
Response models_response(const Catalogue& catalogue);
Response page_response();
Response openapi_response();

/// An answer to GET (and HEAD) alone, or to POST alone; another method gets 405.
std::optional<Response> wrong_method(const Request& request, std::string_view allowed);

}  // namespace gradus::serve
