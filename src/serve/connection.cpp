#include "serve/connection.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "base/text.hpp"
#include "serve/answer_text.hpp"
#include "serve/body_reader.hpp"
#include "serve/client_stream.hpp"
#include "serve/content_encoding.hpp"
#include "serve/request_parser.hpp"

namespace gradus::serve {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using Error = boost::system::error_code;

namespace {

/// What is read and thrown away behind a refused request, so that its sender gets to read the answer.
constexpr std::size_t most_lingering_bytes = 1 << 20;

/// What is said where there is no memory, not even for an answer that is made for the request.
constexpr const char* memory_sentence = "there is not enough memory for this request; try again in a moment";
constexpr const char* stopping_sentence = "the server stops";
constexpr std::string_view starved_answer =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 80\r\nRetry-After: 1\r\n"
    "Connection: close\r\n\r\n{\"error\": \"there is not enough memory for this request; try again in a moment\"}\n";
static_assert(starved_answer.size() - starved_answer.find('{') == 80);

/// Counts an open connection while it lives.
class CountedConnection {
 public:
  explicit CountedConnection(Metrics& metrics) : metrics_(&metrics) { metrics.add_connections(1); }
  CountedConnection(CountedConnection&& other) noexcept : metrics_(std::exchange(other.metrics_, nullptr)) {}
  CountedConnection& operator=(CountedConnection&&) = delete;
  ~CountedConnection() {
    if (metrics_ != nullptr) metrics_->add_connections(-1);
  }

 private:
  Metrics* metrics_;
};

/// co_await stands as in ClientStream.
template <bool with_tls>
class Connection final : public AnyConnection, public std::enable_shared_from_this<Connection<with_tls>> {
 public:
  Connection(const Context& context, Loop& loop, CountedConnection counted, tcp::socket socket,
             std::shared_ptr<asio::ssl::context> tls, Peer peer)
      : counted_(std::move(counted)),
        context_(context),
        options_(context.options),
        loop_(loop),
        stream_(std::move(socket), std::move(tls), static_cast<std::size_t>(options_.max_header_bytes),
                context.metrics),
        peer_(std::move(peer)) {
    place_ = loop_.enter(this);
  }
  ~Connection() override {
    if constexpr (with_tls) loop_.end_handshake(this);
    loop_.leave(place_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void expire() override {
    expired = true;
    stream_.cancel();
  }

  void start() {
    asio::co_spawn(
        loop_.io(), [self = this->shared_from_this()] { return self->run(); }, asio::detached);
  }

 private:
  asio::awaitable<void> run() {
    if constexpr (with_tls) {
      const bool shaken = co_await shake_hands();
      if (!shaken) co_return;
    }
    bool more = true;
    while (more) {
      bool starved = false;
      try {
        more = co_await answer_one();
      } catch (const std::bad_alloc&) {
        starved = true;  // what the request took is free again
      }
      if (!starved) continue;
      more = false;
      if (answering_) break;  // a second answer would follow the half of one
      linger_ = true;
      arm(options_.write_timeout);
      co_await stream_.write(starved_answer);
    }
    co_await close();
  }

  /// TLS's handshake, whose memory is taken when the client has sent something, and for a limited number of connections
  /// at a time.
  asio::awaitable<bool> shake_hands() {
    arm(options_.header_timeout);
    idle = true;
    const bool awake = co_await stream_.wait();
    idle = false;
    if (!awake && !stream_.has_received()) co_return false;
    expired = false;
    while (!loop_.begin_handshake(this)) {
      Error error;
      asio::steady_timer pause(loop_.io(), std::chrono::milliseconds(20));
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      if (expired) co_return false;
    }
    const bool shaken = co_await stream_.shake_hands();
    loop_.end_handshake(this);
    co_return shaken;
  }

  [[nodiscard]] bool is_stopping() const { return context_.stopping.load(std::memory_order_relaxed); }

  void arm(double timeout) { deadline = Clock::now() + seconds(timeout); }

  /// One request and its answer; false when the connection is to be closed.
  asio::awaitable<bool> answer_one() {
    answering_ = false;
    RequestParser parser(options_.max_header_bytes, options_.max_body_bytes);
    parser.request.client = peer_.text;
    parser.request.admin = peer_.admin;
    parser.request.id = made_request_id(loop_.next_number());
    const bool headed = co_await read_head(parser);
    if (!headed) co_return false;
    Request& request = parser.request;
    split_absolute_target(request);
    const std::string* id = request.header("X-Request-Id");
    if (id != nullptr && is_request_id(trim(*id))) request.id = trim(*id);
    const bool has_body = parser.chunked() || parser.content_length().value_or(0) > 0;
    bool keep = parser.keep_alive();

    std::optional<Response> refused = parser.framing_fault();
    if (refused) keep = false;
    if (!refused && parser.content_length().value_or(0) > static_cast<std::uint64_t>(options_.max_body_bytes)) {
      refused = error_response(413, "the body has " + std::to_string(*parser.content_length()) + " bytes; at most " +
                                        std::to_string(options_.max_body_bytes) + " are taken");
    }
    if (!refused) refused = context_.application.refusal(request, has_body);
    const std::string* expect = request.header("Expect");
    if (!refused && expect != nullptr && !same_name(trim(*expect), "100-continue")) {
      refused = error_response(417, "the expectation " + in_quotes(*expect) + " is not known here");
    }
    if (refused) {
      // A body that is not read cannot be told from the next request.
      const bool asks_again = refused->status == 401 || refused->status == 503;
      co_return co_await refuse(request, *refused, keep && !has_body && asks_again);
    }
    BodyShare share(context_.bodies, peer_.network);
    if (has_body) {
      const bool whole = co_await read_body(parser, expect != nullptr, share, refused);
      if (refused) co_return co_await refuse(request, *refused, false);
      if (!whole) co_return false;
    }
    const InFlight counted(context_.metrics);
    refused = context_.application.busy(request);
    if (!refused) refused = unpack_body(request, options_.max_body_bytes);
    if (!refused && !share.grow(request.body.size())) refused = no_room();
    if (refused) co_return co_await refuse(request, *refused, keep);
    co_return co_await answer_request(request, keep);
  }

  struct InFlight {
    explicit InFlight(Metrics& counters) : metrics(counters) { metrics.add_in_flight(1); }
    ~InFlight() { metrics.add_in_flight(-1); }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;
    Metrics& metrics;
  };

  asio::awaitable<bool> read_head(RequestParser& parser) {
    bool begun = false, drained = false;
    std::size_t used = 0;
    arm(options_.idle_timeout);
    for (;;) {
      if (!begun) {
        // Line ends in front of a request are passed over (RFC 9112, 2.2).
        while (stream_.buffer.data().starts_with("\r\n")) stream_.buffer.consume(2);
        begun = !stream_.buffer.data().empty() && stream_.buffer.data() != "\r";
        idle = !begun;
        if (begun) arm(options_.header_timeout);
        // What came before the server was told to stop is answered: it is read once more.
        if (idle && is_stopping() && (std::exchange(drained, true) || !stream_.has_received())) co_return false;
      }
      if (begun) {
        Error error;
        const std::size_t count = parser.read_head(stream_.buffer.data(), error);
        if (!parser.head_done() && has_bare_line_end()) error = boost::beast::http::error::bad_line_ending;
        stream_.buffer.consume(count);
        used += count;
        if (parser.head_done()) co_return true;
        if (error == boost::beast::http::error::need_more) error = {};
        if (used + stream_.buffer.data().size() > static_cast<std::size_t>(options_.max_header_bytes)) {
          error = boost::beast::http::error::header_limit;
        }
        if (error) {
          Response fault = parse_fault(error);
          co_return co_await refuse(parser.request, fault, false);
        }
      }
      const bool more = co_await stream_.read_more();
      if (more) continue;
      if (idle && is_stopping() && !drained && stream_.has_received()) {
        expired = false;
        continue;
      }
      if (begun && expired) {
        expired = false;
        Response late = error_response(408, "the request's header took too long");
        co_return co_await refuse(parser.request, late, false);
      }
      co_return false;
    }
  }

  /// Lines that end in LF alone never make a header complete; their sender need not wait until the time is over.
  [[nodiscard]] bool has_bare_line_end() const {
    const std::string_view data = stream_.buffer.data();
    for (std::size_t at = data.find('\n'); at != std::string_view::npos; at = data.find('\n', at + 1)) {
      if (at > 0 && data[at - 1] != '\r') return true;
    }
    return false;
  }

  /// Whether the whole body came. When it did not, `refused` says what the sender is told; nothing when it is gone.
  asio::awaitable<bool> read_body(RequestParser& parser, bool expects, BodyShare& share,
                                  std::optional<Response>& refused) {
    arm(options_.body_timeout);
    if (expects && stream_.buffer.data().empty()) {
      const bool sent = co_await stream_.write("HTTP/1.1 100 Continue\r\n\r\n");
      if (!sent) co_return false;
    }
    bool whole = false;
    if (parser.chunked()) {
      whole = co_await read_chunked(stream_, parser, share, refused);
    } else {
      whole = co_await read_counted(stream_, parser, share, refused);
    }
    if (whole) {
      share.finish();
      co_return true;
    }
    if (!refused && expired) refused = error_response(408, "the request's body took too long");
    expired = false;
    co_return false;
  }

  asio::awaitable<bool> answer_request(const Request& request, bool keep) {
    const Clock::time_point begin = Clock::now();
    deadline = Clock::time_point::max();  // what is computed here is our own time
    Answer answer = context_.application.answer(request);
    while (std::holds_alternative<Work>(answer.what)) co_await worked(answer);
    Response response;
    if (auto* prediction = std::get_if<Prediction>(&answer.what)) {
      co_await predicted(*prediction, response);
    } else {
      response = std::move(std::get<Response>(answer.what));
    }
    co_return co_await respond(request, response, keep, answer, begin);
  }

  /// Waits until `start` has called what it was given, which it may do from any thread when `elsewhere`.
  template <class Start>
  asio::awaitable<void> until(bool elsewhere, const Start& start) {
    const auto initiate = [this, elsewhere, &start](auto handler) {
      auto shared = std::make_shared<decltype(handler)>(std::move(handler));
      if (elsewhere) {
        start([shared, &io = loop_.io()] { post_surely(io, [shared] { std::move (*shared)(); }); });
      } else {
        start([shared] { std::move (*shared)(); });
      }
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(initiate, asio::use_awaitable);
  }

  asio::awaitable<void> predicted(Prediction& prediction, Response& response) {
    auto job = std::make_shared<Job>();
    job->model = std::move(prediction.model);
    job->inputs = std::move(prediction.inputs);
    job->rows = prediction.rows;
    const bool small = context_.pool.is_small(*job->model, job->rows);
    bool taken = true;
    if (small && loop_.gather().is_enough()) loop_.gather().flush();
    const auto start = [&](auto done) {
      job->done = done;
      if (small) {
        if (loop_.gather().is_empty()) asio::post(loop_.io(), [&loop = loop_] { loop.gather().flush(); });
        loop_.gather().add(job);
      } else if (!context_.pool.submit(job)) {
        taken = false;
        done();
      }
    };
    co_await until(!small, start);
    if (!taken) {
      response = busy_response("the model's queue is full; try again in a moment");
    } else if (job->fate == Job::Fate::computed) {
      response = prediction.answer(job->outputs);
    } else if (job->fate == Job::Fate::failed) {
      response = error_response(500, job->error);
    } else {
      response = busy_response(job->fate == Job::Fate::dropped ? stopping_sentence : memory_sentence);
    }
  }

  /// Puts what the work in `answer` gives in its place.
  asio::awaitable<void> worked(Answer& answer) {
    const Work work = std::move(std::get<Work>(answer.what));
    bool taken = true, dropped = false;
    std::exception_ptr failure;
    const auto start = [&](auto done) {
      taken = context_.pool.submit([&, done](bool drops) {
        dropped = drops;
        try {
          if (!drops) answer = work();
        } catch (...) {
          failure = std::current_exception();
        }
        done();
      });
      if (!taken) done();
    };
    co_await until(true, start);
    if (failure) answer.what = response_of(failure);
    if (dropped) answer.what = busy_response(stopping_sentence);
    if (!taken) answer.what = busy_response("too much is waiting; try again in a moment");
  }

  static Response response_of(const std::exception_ptr& failure) {
    try {
      std::rethrow_exception(failure);
    } catch (const std::bad_alloc&) {
      return busy_response(memory_sentence);
    } catch (const std::exception& error) {
      return error_response(500, error.what());
    }
  }

  /// Answers a request that is not worked on; false, unless the connection may go on with the next.
  asio::awaitable<bool> refuse(const Request& request, Response& response, bool keep) {
    const Answer nothing{Response{}, "refused"};
    linger_ = !keep;
    const Clock::time_point now = Clock::now();
    co_return co_await respond(request, response, keep, nothing, now);
  }

  asio::awaitable<bool> respond(const Request& request, Response& response, bool keep, const Answer& answer,
                                Clock::time_point begin) {
    if (is_stopping() && stream_.buffer.data().empty() && !stream_.has_received()) keep = false;
    // 503 is not a fault of the server: it says that there is too much to do, and the metrics count it.
    if (response.status >= 500 && response.status != 503) {
      context_.log.error(std::to_string(response.status) + " for " + request.method + " " + request.target + ": " +
                             std::string(trim(response.body)),
                         request.id);
    }
    const std::string out = answer_text(request, response, keep, options_.cors_origin);
    const double took = std::chrono::duration<double>(Clock::now() - begin).count();
    context_.metrics.count_request(answer.model, answer.route, known_method(request.method), response.status, took);
    context_.metrics.add_sent(out.size());
    if (options_.access_log) {
      options_.access_log(access_line(request, response.status, out.size(), took, answer.model, answer.rows));
    }
    arm(options_.write_timeout);
    answering_ = true;
    const bool sent = co_await stream_.write(out);
    co_return keep&& sent && !expired;
  }

  /// Says that no more comes, and reads for a moment what the other side still sends: closing at once could make its
  /// system throw away the answer.
  asio::awaitable<void> close() {
    arm(1);
    co_await stream_.end_writing(!expired);
    for (std::size_t thrown_away = 0; linger_ && !expired && thrown_away < most_lingering_bytes;) {
      const std::size_t count = co_await stream_.skip();
      if (count == 0) break;
      thrown_away += count;
    }
    stream_.close();
  }

  CountedConnection counted_;
  const Context& context_;
  const ServeOptions& options_;
  Loop& loop_;
  ClientStream<with_tls> stream_;
  Peer peer_;
  bool answering_ = false;  // bytes of an answer may be out
  bool linger_ = false;     // the other side may still be sending what nobody reads
  std::list<AnyConnection*>::iterator place_;
};

}  // namespace

void start_connection(const Context& context, Loop& loop, tcp::socket socket, std::shared_ptr<asio::ssl::context> tls,
                      Peer peer) {
  CountedConnection counted(context.metrics);
  auto start = [&context, &loop, counted = std::move(counted), socket = std::move(socket), tls = std::move(tls),
                peer = std::move(peer)]() mutable {
    const auto begin = [&]<bool with_tls>() {
      std::make_shared<Connection<with_tls>>(context, loop, std::move(counted), std::move(socket), std::move(tls),
                                             std::move(peer))
          ->start();
    };
    if (tls) {
      begin.template operator()<true>();
    } else {
      begin.template operator()<false>();
    }
  };
  asio::post(loop.io(), std::move(start));
}

}  // namespace gradus::serve
