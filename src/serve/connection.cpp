#include "serve/connection.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <thread>

#include "base/text.hpp"
#include "serve/answer_text.hpp"
#include "serve/content_encoding.hpp"
#include "serve/request_parser.hpp"

namespace gradus::serve {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using Error = boost::system::error_code;

namespace {

constexpr std::size_t buffer_bytes = 16 << 10;
/// A body grows with what really comes, from this size on.
constexpr std::size_t first_body_bytes = 64 << 10;
/// What is read and thrown away behind a refused request, so that its sender gets to read the answer.
constexpr std::size_t most_lingering_bytes = 1 << 20;

/// Bytes that were read and not yet used.
class ReadBuffer {
 public:
  explicit ReadBuffer(std::size_t most) : most_(std::max(most, buffer_bytes)) {}
  [[nodiscard]] std::string_view data() const { return std::string_view(bytes_).substr(begin_, end_ - begin_); }
  void consume(std::size_t count) {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  /// Room behind the data; empty when there is no more to be had.
  asio::mutable_buffer room() {
    if (bytes_.empty()) bytes_.resize(buffer_bytes);
    if (end_ == bytes_.size() && begin_ > 0) {
      std::copy(bytes_.begin() + static_cast<std::ptrdiff_t>(begin_), bytes_.end(), bytes_.begin());
      end_ -= begin_;
      begin_ = 0;
    }
    if (end_ == bytes_.size()) bytes_.resize(std::min(2 * bytes_.size(), most_));
    return asio::buffer(bytes_.data() + end_, bytes_.size() - end_);
  }
  void commit(std::size_t count) { end_ += count; }

 private:
  std::size_t most_, begin_ = 0, end_ = 0;
  std::string bytes_;
};

Response parse_fault(const Error& error) {
  using Fault = boost::beast::http::error;
  if (error == Fault::header_limit) return error_response(431, "the request's header is too large");
  if (error == Fault::body_limit) return error_response(413, "the request's body is too large");
  if (error == Fault::bad_version) return error_response(505, "expected HTTP/1.1 or HTTP/1.0");
  return error_response(400, "no HTTP request: " + error.message());
}

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

/// GCC 12 makes wrong code of co_await within conditions and of temporaries beside it: here each stands in a statement
/// of its own, and what it is given has a name.
template <class Stream>
class Connection final : public AnyConnection, public std::enable_shared_from_this<Connection<Stream>> {
 public:
  Connection(const Context& context, Loop& loop, CountedConnection counted, Stream stream, std::string client)
      : counted_(std::move(counted)),
        context_(context),
        options_(context.options),
        loop_(loop),
        stream_(std::move(stream)),
        client_(std::move(client)),
        buffer_(static_cast<std::size_t>(options_.max_header_bytes)) {
    place_ = loop_.enter(this);
  }
  ~Connection() override { loop_.leave(place_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void expire() override {
    expired = true;
    Error ignored;
    socket().cancel(ignored);
  }

  void start() {
    asio::co_spawn(
        loop_.io(), [self = this->shared_from_this()] { return self->run(); }, asio::detached);
  }

 private:
  static constexpr bool with_tls = !std::is_same_v<Stream, tcp::socket>;

  [[nodiscard]] tcp::socket& socket() {
    if constexpr (with_tls) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }

  asio::awaitable<void> run() {
    if constexpr (with_tls) {
      Error error;
      arm(options_.header_timeout);
      co_await stream_.async_handshake(asio::ssl::stream_base::server,
                                       asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return;
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
      Error error;
      arm(options_.write_timeout);
      co_await asio::async_write(stream_, asio::buffer(starved_answer),
                                 asio::redirect_error(asio::use_awaitable, error));
    }
    co_await close();
  }

  void arm(double timeout) { deadline = Clock::now() + seconds(timeout); }

  asio::awaitable<bool> read_some(asio::mutable_buffer room, std::size_t& count) {
    Error error;
    count = co_await stream_.async_read_some(room, asio::redirect_error(asio::use_awaitable, error));
    context_.metrics.add_received(count);
    co_return !error && count > 0;
  }
  asio::awaitable<bool> read_more() {
    const asio::mutable_buffer room = buffer_.room();
    if (room.size() == 0) co_return false;
    Error error;
    const std::size_t count = co_await stream_.async_read_some(room, asio::redirect_error(asio::use_awaitable, error));
    context_.metrics.add_received(count);
    buffer_.commit(count);
    co_return !error && count > 0;
  }

  /// One request and its answer; false when the connection is to be closed.
  asio::awaitable<bool> answer_one() {
    answering_ = false;
    RequestParser parser(options_.max_header_bytes, options_.max_body_bytes);
    parser.request.client = client_;
    const bool headed = co_await read_head(parser);
    if (!headed) co_return false;
    Request& request = parser.request;
    const bool has_body = parser.chunked() || parser.content_length().value_or(0) > 0;
    bool keep = parser.keep_alive();

    std::optional<Response> refused = parser.framing_fault();
    if (refused) keep = false;
    if (!refused && parser.content_length().value_or(0) > static_cast<std::uint64_t>(options_.max_body_bytes)) {
      refused = error_response(413, "the body has " + std::to_string(*parser.content_length()) + " bytes; at most " +
                                        std::to_string(options_.max_body_bytes) + " are taken");
    }
    if (!refused) refused = context_.application.refusal(request);
    const std::string* expect = request.header("Expect");
    if (!refused && expect != nullptr && !same_name(trim(*expect), "100-continue")) {
      refused = error_response(417, "the expectation " + in_quotes(*expect) + " is not known here");
    }
    if (refused) {
      // A body that is not read cannot be told from the next request.
      const bool asks_again = refused->status == 401 || refused->status == 503;
      co_return co_await refuse(request, *refused, keep && !has_body && asks_again);
    }
    const InFlight counted(context_.metrics);
    bool whole = true;
    if (has_body) whole = co_await read_body(parser, expect != nullptr);
    if (!whole) co_return false;
    refused = unpack_body(request, options_.max_body_bytes);
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
    bool begun = false;
    std::size_t used = 0;
    for (;;) {
      if (!begun) {
        // Line ends in front of a request are passed over (RFC 9112, 2.2).
        while (buffer_.data().starts_with("\r\n")) buffer_.consume(2);
        begun = !buffer_.data().empty() && buffer_.data() != "\r";
        idle = !begun;
        arm(begun ? options_.header_timeout : options_.idle_timeout);
        if (idle && context_.stopping.load(std::memory_order_relaxed)) co_return false;
      }
      if (begun) {
        Error error;
        const std::size_t count = parser.read_head(buffer_.data(), error);
        if (!parser.head_done() && has_bare_line_end()) error = boost::beast::http::error::bad_line_ending;
        buffer_.consume(count);
        used += count;
        if (parser.head_done()) co_return true;
        if (error == boost::beast::http::error::need_more) error = {};
        if (used + buffer_.data().size() > static_cast<std::size_t>(options_.max_header_bytes)) {
          error = boost::beast::http::error::header_limit;
        }
        if (error) {
          Response fault = parse_fault(error);
          co_return co_await refuse(parser.request, fault, false);
        }
      }
      const bool more = co_await read_more();
      if (more) continue;
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
    const std::string_view data = buffer_.data();
    for (std::size_t at = data.find('\n'); at != std::string_view::npos; at = data.find('\n', at + 1)) {
      if (at > 0 && data[at - 1] != '\r') return true;
    }
    return false;
  }

  asio::awaitable<bool> read_body(RequestParser& parser, bool expects) {
    arm(options_.body_timeout);
    if (expects && buffer_.data().empty()) {
      Error error;
      co_await asio::async_write(stream_, asio::buffer(std::string_view("HTTP/1.1 100 Continue\r\n\r\n")),
                                 asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return false;
    }
    Error error;
    bool whole = false;
    if (parser.chunked()) {
      whole = co_await read_chunked(parser, error);
    } else {
      whole = co_await read_counted(parser);
    }
    if (whole) co_return true;
    if (!error && !expired) co_return false;
    expired = false;
    Response fault = error ? parse_fault(error) : error_response(408, "the request's body took too long");
    co_return co_await refuse(parser.request, fault, false);
  }

  asio::awaitable<bool> read_counted(RequestParser& parser) {
    std::string& body = parser.request.body;
    const auto length = static_cast<std::size_t>(*parser.content_length());
    const std::size_t here = std::min(length, buffer_.data().size());
    body.reserve(std::min(length, std::max(first_body_bytes, here)) + body_padding);
    body.assign(buffer_.data().substr(0, here));
    buffer_.consume(here);
    while (body.size() < length) {
      // What is promised is believed as far as it comes: room grows with it.
      const std::size_t before = body.size(), after = std::min(length, std::max(first_body_bytes, 2 * before));
      body.reserve(after + body_padding);
      body.resize(after);
      std::size_t count = 0;
      const bool good = co_await read_some(asio::buffer(body.data() + before, after - before), count);
      body.resize(before + count);
      if (!good) co_return false;
    }
    co_return true;
  }

  asio::awaitable<bool> read_chunked(RequestParser& parser, Error& error) {
    while (!parser.is_done()) {
      if (!buffer_.data().empty()) {
        buffer_.consume(parser.read_chunks(buffer_.data(), error));
        if (error == boost::beast::http::error::need_more) error = {};
        if (error) co_return false;
        if (parser.is_done()) break;
      }
      const bool more = co_await read_more();
      if (!more) {
        if (buffer_.room().size() == 0) error = boost::beast::http::error::bad_chunk;
        co_return false;
      }
    }
    parser.request.body.reserve(parser.request.body.size() + body_padding);
    co_return true;
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

  /// From another thread: someone waits for it, so it is tried again where there is no memory for a moment.
  template <class Function>
  static void post_surely(asio::io_context& io, const Function& function) noexcept {
    constexpr std::chrono::milliseconds pause{1};
    for (bool posted = false; !posted;) {
      try {
        asio::post(io, function);
        posted = true;
      } catch (const std::bad_alloc&) {
        std::this_thread::sleep_for(pause);
      }
    }
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
    if (context_.stopping.load(std::memory_order_relaxed)) keep = false;
    const std::string out = answer_text(request, response, keep, options_.cors_origin);
    const double took = std::chrono::duration<double>(Clock::now() - begin).count();
    context_.metrics.count_request(answer.model, answer.route, known_method(request.method), response.status, took);
    context_.metrics.add_sent(out.size());
    if (options_.access_log) {
      options_.access_log(access_line(request, response.status, out.size(), took, answer.model, answer.rows));
    }
    arm(options_.write_timeout);
    answering_ = true;
    Error error;
    co_await asio::async_write(stream_, asio::buffer(out), asio::redirect_error(asio::use_awaitable, error));
    co_return keep && !error && !expired;
  }

  /// Says that no more comes, and reads for a moment what the other side still sends: closing at once could make its
  /// system throw away the answer.
  asio::awaitable<void> close() {
    Error error;
    arm(1);
    if constexpr (with_tls) {
      if (!expired) co_await stream_.async_shutdown(asio::redirect_error(asio::use_awaitable, error));
    }
    socket().shutdown(tcp::socket::shutdown_send, error);
    for (std::size_t thrown_away = 0; linger_ && !error && !expired && thrown_away < most_lingering_bytes;) {
      buffer_.consume(buffer_.data().size());
      const std::size_t count =
          co_await socket().async_read_some(buffer_.room(), asio::redirect_error(asio::use_awaitable, error));
      thrown_away += count;
    }
    socket().close(error);
  }

  CountedConnection counted_;
  const Context& context_;
  const ServeOptions& options_;
  Loop& loop_;
  Stream stream_;
  std::string client_;
  ReadBuffer buffer_;
  bool answering_ = false;  // bytes of an answer may be out
  bool linger_ = false;     // the other side may still be sending what nobody reads
  std::list<AnyConnection*>::iterator place_;
};

}  // namespace

void start_connection(const Context& context, Loop& loop, tcp::socket socket, asio::ssl::context* tls,
                      std::string client) {
  CountedConnection counted(context.metrics);
  auto start = [&context, &loop, socket = std::move(socket), tls, counted = std::move(counted),
                client = std::move(client)]() mutable {
    if (tls != nullptr) {
      using Stream = asio::ssl::stream<tcp::socket>;
      std::make_shared<Connection<Stream>>(context, loop, std::move(counted), Stream(std::move(socket), *tls),
                                           std::move(client))
          ->start();
    } else {
      std::make_shared<Connection<tcp::socket>>(context, loop, std::move(counted), std::move(socket), std::move(client))
          ->start();
    }
  };
  asio::post(loop.io(), std::move(start));
}

}  // namespace gradus::serve
