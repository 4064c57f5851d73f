#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <exception>
#include <mutex>
#include <new>
#include <utility>

#include <fcntl.h>
#include <openssl/ssl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <gradus/error.hpp>
#include <gradus/serve.hpp>

#include "base/nearest.hpp"
#include "base/text.hpp"
#include "base/thread_group.hpp"
#include "base/thread_pool.hpp"
#include "serve/connection.hpp"

namespace gradus {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using SystemError = boost::system::error_code;

namespace {

void check_positive(double value, const char* name) {
  if (!(value > 0)) {
    throw Error(ErrorCode::invalid_argument,
                std::string(name) + " must be greater than 0, got " + std::to_string(value));
  }
}

ServeOptions checked(ServeOptions o) {
  const std::pair<std::int64_t, const char*> counts[] = {
      {o.versions, "versions"},
      {o.max_batch_size, "max_batch_size"},
      {o.max_enqueued_batches, "max_enqueued_batches"},
      {o.max_body_bytes, "max_body_bytes"},
      {o.max_header_bytes, "max_header_bytes"},
      {o.max_connections, "max_connections"},
      {o.max_requests_in_flight, "max_requests_in_flight"},
      {o.max_rows, "max_rows"},
      {o.max_json_depth, "max_json_depth"},
      {o.max_pixels, "max_pixels"},
      {o.max_model_bytes, "max_model_bytes"},
  };
  for (const auto& [value, name] : counts) check_positive(static_cast<double>(value), name);
  check_threads(o.threads, "threads");
  check_threads(o.compute_threads, "compute_threads");
  check_positive(o.header_timeout, "header_timeout");
  check_positive(o.body_timeout, "body_timeout");
  check_positive(o.idle_timeout, "idle_timeout");
  check_positive(o.write_timeout, "write_timeout");
  const auto refuse = [](const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); };
  constexpr std::int64_t largest = std::int64_t{1} << 30;
  if (o.max_header_bytes > largest || o.max_body_bytes > largest) refuse("a request may have 1 GiB at most");
  if (o.max_json_depth > 1000) refuse("max_json_depth may be 1000 at most");
  if (o.port < 0 || o.port > 65535) refuse("port must be 0 to 65535, got " + std::to_string(o.port));
  if (o.batch_timeout_micros < 0) refuse("batch_timeout_micros must not be negative");
  if (o.grace_seconds < 0) refuse("grace_seconds must not be negative");
  if (o.tls_certificate.empty() != o.tls_key.empty()) refuse("TLS needs both a certificate and its key");
  if (!o.log) o.log = [](const std::string&) {};
  return o;
}

constexpr int watcher_niceness = 10;

std::string address_text(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(endpoint.port());
}

/// Room for a descriptor of each connection, as far as the system allows. Linux lets a process with threads wait some
/// milliseconds each time that its table of descriptors grows; so it grows once, before anyone is served.
void make_room_for_connections(std::int64_t connections, int any_descriptor) {
  constexpr rlim_t others = 64;  // files, the listener, what the event loops hold
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = std::min(static_cast<rlim_t>(connections) + others, limit.rlim_max);
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = wanted;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  const int last = ::fcntl(any_descriptor, F_DUPFD_CLOEXEC, static_cast<int>(wanted) - 1);
  if (last >= 0) ::close(last);
}

}  // namespace

struct Server::State {
  explicit State(ServeOptions given)
      : options(checked(std::move(given))),
        store(options, options.log),
        application({options, store, metrics, stopping}),
        pool(options, metrics),
        context{options, application, metrics, pool, stopping},
        loops(make_loops(options, metrics)),
        acceptor(loops[0]->io()),
        signals(loops[0]->io()) {
    if (!options.tls_certificate.empty()) set_up_tls();
    listen();
    make_room_for_connections(options.max_connections, acceptor.native_handle());
  }

  static std::vector<std::unique_ptr<serve::Loop>> make_loops(const ServeOptions& options, serve::Metrics& metrics) {
    std::vector<std::unique_ptr<serve::Loop>> loops;
    const std::int64_t count = options.threads > 0 ? options.threads : ThreadPool::cores();
    for (std::int64_t i = 0; i < count; ++i) loops.push_back(std::make_unique<serve::Loop>(options, metrics));
    return loops;
  }

  void set_up_tls() {
    tls = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
    SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_2_VERSION);
    SSL_CTX_set_mode(tls->native_handle(), SSL_MODE_RELEASE_BUFFERS);
    const auto check = [](const std::string& path, const char* what, const SystemError& error) {
      if (!error) return;
      if (::access(path.c_str(), F_OK) != 0) throw Error(ErrorCode::not_found, no_such_file(path));
      throw Error(ErrorCode::bad_data,
                  path + ": no " + what + " in PEM form (-----BEGIN ...) can be read from it: " + error.message());
    };
    SystemError error;
    tls->use_certificate_chain_file(options.tls_certificate, error);
    check(options.tls_certificate, "certificate", error);
    tls->use_private_key_file(options.tls_key, asio::ssl::context::pem, error);
    check(options.tls_key, "private key", error);
    if (SSL_CTX_check_private_key(tls->native_handle()) != 1) {
      throw Error(ErrorCode::bad_data, options.tls_key + " is not the key of " + options.tls_certificate);
    }
  }

  void listen() {
    const std::string place = options.host + ":" + std::to_string(options.port);
    const auto check = [&](const SystemError& error) {
      if (!error) return;
      const bool taken = error == asio::error::address_in_use;
      throw Error(ErrorCode::io, "cannot listen on " + place + ": " + error.message() +
                                     (taken ? "; name another port, or 0 for any that is free" : ""));
    };
    SystemError error;
    tcp::resolver resolver(loops[0]->io());
    const auto found = resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, error);
    check(error);
    const tcp::endpoint endpoint = *found.begin();
    acceptor.open(endpoint.protocol(), error);
    check(error);
    acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    acceptor.bind(endpoint, error);
    check(error);
    acceptor.listen(4096, error);
    check(error);
    port = acceptor.local_endpoint().port();
  }

  asio::awaitable<void> accept() {
    for (std::size_t next = 0; !stopping.load(); next = (next + 1) % running_loops) {
      SystemError error;
      tcp::socket socket =
          co_await acceptor.async_accept(loops[next]->io(), asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted) co_return;
      if (error) {
        // Out of descriptors, most likely: those that wait in the system's queue are taken a moment later.
        if (error != asio::error::connection_aborted) options.log("no connection could be taken: " + error.message());
        asio::steady_timer pause(loops[0]->io(), std::chrono::milliseconds(100));
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
        continue;
      }
      try {
        take(std::move(socket), *loops[next]);
      } catch (const std::bad_alloc&) {
        metrics.count_refused_connection();
      }
    }
  }

  void start_accepting() {
    const auto ended = [this](const std::exception_ptr& failure) {
      if (failure && !stopping.load()) start_accepting();  // there was no memory for a moment
    };
    asio::co_spawn(
        loops[0]->io(), [this] { return accept(); }, ended);
  }

  void take(tcp::socket socket, serve::Loop& loop) {
    SystemError error;
    if (metrics.connections() >= options.max_connections) {
      metrics.count_refused_connection();
      const serve::Response busy = serve::busy_response("too many connections are open; try again in a moment");
      const std::string text = serve::head_of(busy, false, 11) + busy.body;
      socket.non_blocking(true, error);
      if (!tls) socket.send(asio::buffer(text), 0, error);
      return;
    }
    socket.set_option(tcp::no_delay(true), error);
    const tcp::endpoint from = socket.remote_endpoint(error);
    serve::start_connection(context, loop, std::move(socket), tls.get(), error ? std::string() : address_text(from));
  }

  void watch_signals() {
    signals.async_wait([this](const SystemError& error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        options.log("SIGHUP: looking at the files");
        wake_watcher();
        watch_signals();
        return;
      }
      options.log(std::string(signal == SIGTERM ? "SIGTERM" : "SIGINT") +
                  ": answering what is in flight, then stopping");
      signals.clear();  // a second one ends the program as usual
      stop();
    });
  }

  /// Looks at the files from time to time, and at once when told to. Loading gives way to answering: on Linux a
  /// niceness is the calling thread's own.
  void watch() {
    (void)::setpriority(PRIO_PROCESS, 0, watcher_niceness);
    std::unique_lock lock(watch_mutex);
    while (!watch_ended) {
      if (options.poll_seconds > 0) {
        watch_changed.wait_for(lock, std::chrono::duration<double>(options.poll_seconds),
                               [this] { return watch_ended || reload_wanted; });
      } else {
        watch_changed.wait(lock, [this] { return watch_ended || reload_wanted; });
      }
      if (watch_ended) return;
      reload_wanted = false;
      lock.unlock();
      try {
        reload();
      } catch (const std::bad_alloc&) {
        // no memory for the sentence; the next look may have some
      }
      lock.lock();
    }
  }

  void wake_watcher() {
    const std::lock_guard lock(watch_mutex);
    reload_wanted = true;
    watch_changed.notify_one();
  }

  std::int64_t reload() {
    try {
      const std::int64_t changes = store.reload();
      watch_fault.clear();
      return changes;
    } catch (const std::exception& error) {
      const std::string fault = std::string("the files could not be looked at: ") + error.what();
      if (std::exchange(watch_fault, fault) != fault) options.log(fault);
      return 0;
    }
  }

  void stop() {
    if (stopping.exchange(true)) return;
    asio::post(loops[0]->io(), [this] {
      SystemError ignored;
      acceptor.close(ignored);
      signals.cancel(ignored);
    });
    const auto grace = serve::seconds(options.grace_seconds);
    for (const auto& loop : loops) loop->stop(grace, [this] { pool.drop(); });
  }

  void run() {
    if (options.handle_signals) {
      for (const int signal : {SIGTERM, SIGINT, SIGHUP}) signals.add(signal);
      watch_signals();
    }
    start_accepting();
    ThreadPool::shared();  // made by the watcher, its threads would be as nice
    ThreadGroup watcher, threads;
    if (watcher.start(1, [this](int) { watch(); }) == 0) {
      options.log(
          "there is no thread to look at the files: what changes is not seen until the server is started again");
    }
    running_loops = 1 + static_cast<std::size_t>(threads.start(static_cast<int>(loops.size()) - 1, [this](int i) {
                      loops[static_cast<std::size_t>(i) + 1]->run();
                    }));
    loops[0]->run();
    threads.join();
    {
      const std::lock_guard lock(watch_mutex);
      watch_ended = true;
      watch_changed.notify_one();
    }
    watcher.join();
  }

  ServeOptions options;
  std::atomic<bool> stopping{false};
  serve::Metrics metrics;
  serve::ModelStore store;
  serve::Application application;
  serve::ComputePool pool;
  serve::Context context;
  std::unique_ptr<asio::ssl::context> tls;
  std::vector<std::unique_ptr<serve::Loop>> loops;
  std::size_t running_loops = 1;  // the first ones; fewer where the system makes no more threads
  tcp::acceptor acceptor;         // in the first loop, as the signals are
  asio::signal_set signals;
  int port = 0;

  std::mutex watch_mutex;
  std::condition_variable watch_changed;
  bool watch_ended = false, reload_wanted = false;
  std::string watch_fault;  // of the watcher's last look: what goes on being wrong is said once
};

Server::Server(ServeOptions options) : state_(std::make_unique<State>(std::move(options))) {}
Server::~Server() = default;
void Server::run() { state_->run(); }
void Server::stop() { state_->stop(); }
std::int64_t Server::reload() { return state_->store.reload(); }
int Server::port() const { return state_->port; }
std::string Server::url() const {
  const std::string& host = state_->options.host;
  const bool v6 = host.find(':') != std::string::npos;
  return (state_->tls ? "https://" : "http://") + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(state_->port);
}

}  // namespace gradus
