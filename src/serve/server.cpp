#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <exception>
#include <list>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <gradus/error.hpp>
#include <gradus/serve.hpp>

#include "base/text.hpp"
#include "base/thread_group.hpp"
#include "base/thread_pool.hpp"
#include "serve/connection.hpp"
#include "serve/line_file.hpp"
#include "serve/secrets.hpp"

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
      {o.max_body_memory, "max_body_memory"},
      {o.max_header_bytes, "max_header_bytes"},
      {o.max_connections, "max_connections"},
      {o.max_handshakes, "max_handshakes"},
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
  if (o.admin_port < -1 || o.admin_port > 65535) {
    refuse("admin_port must be 0 to 65535, or -1 for none, got " + std::to_string(o.admin_port));
  }
  if (o.admin_port > 0 && o.admin_port == o.port) refuse("port and admin_port must differ");
  if (o.batch_timeout_micros < 0) refuse("batch_timeout_micros must not be negative");
  if (o.grace_seconds < 0) refuse("grace_seconds must not be negative");
  if (!o.token.empty() && !o.token_file.empty()) refuse("token and token_file exclude each other");
  if (o.access_log && !o.access_log_file.empty()) refuse("access_log and access_log_file exclude each other");
  if (o.tls_certificate.empty() != o.tls_key.empty()) refuse("TLS needs both a certificate and its key");
  o.max_body_memory = std::max(o.max_body_memory, o.max_body_bytes);
  if (o.log_format != "text" && o.log_format != "json") {
    refuse("log_format must be text or json, got " + in_quotes(o.log_format));
  }
  if (!o.log) o.log = [](const std::string&) {};
  return o;
}

/// SIGHUP, which ends a program as a rule, is passed over until the server runs: it is sent as soon as files are there.
ServeOptions without_hangups(ServeOptions options) {
  if (options.handle_signals) (void)std::signal(SIGHUP, SIG_IGN);
  return options;
}

constexpr int watcher_niceness = 10;
/// Connections at the port for health and metrics, on top of max_connections.
constexpr std::int64_t admin_connections = 64;
/// As many as the system keeps that were not accepted yet.
constexpr int waiting_connections = 4096;

serve::Peer peer_of(const tcp::endpoint& endpoint) {
  const asio::ip::address address = endpoint.address();
  const std::string text = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
  serve::Peer peer{text + ":" + std::to_string(endpoint.port()), {}};
  const auto keep = [&](const auto& bytes, std::size_t count) {
    peer.network.assign(bytes.begin(), bytes.begin() + count);
  };
  if (address.is_v4()) {
    keep(address.to_v4().to_bytes(), 4);
  } else if (address.to_v6().is_v4_mapped()) {
    keep(asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_bytes(), 4);
  } else {
    keep(address.to_v6().to_bytes(), 8);
  }
  return peer;
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
      : options(without_hangups(checked(std::move(given)))),
        log(options.log, options.log_format == "json"),
        store(
            options, [this](const std::string& said) { log.info(said); },
            [this](const std::string& said) { log.warning(said); }),
        secrets(options, log),
        endpoint(resolved(options)),
        sites(options.host, endpoint.address().is_loopback(), options.allowed_hosts, options.cors_origin),
        application({options, store, metrics, stopping, sites, secrets}),
        pool(options, metrics),
        bodies(options.max_body_memory, std::max(options.max_body_memory / 2, options.max_body_bytes), metrics),
        context{options, application, metrics, pool, bodies, log, stopping},
        loops(make_loops(options, metrics, log)),
        signals(loops[0]->io()) {
    if (!options.access_log_file.empty()) {
      access_file.emplace(options.access_log_file, [this](const std::string& said) { log.warning(said); });
      options.access_log = [this](const std::string& line) { access_file->write(line); };
    }
    Listener& main = listen(options.port, false);
    if (options.admin_port >= 0) listen(options.admin_port, true);
    make_room_for_connections(options.max_connections + admin_connections, main.acceptor.native_handle());
  }

  static std::vector<std::unique_ptr<serve::Loop>> make_loops(const ServeOptions& options, serve::Metrics& metrics,
                                                              const serve::Log& log) {
    std::vector<std::unique_ptr<serve::Loop>> loops;
    const std::int64_t count = options.threads > 0 ? options.threads : ThreadPool::cores();
    for (std::int64_t i = 0; i < count; ++i) {
      loops.push_back(
          std::make_unique<serve::Loop>(options, (options.max_handshakes + count - 1) / count, metrics, log));
    }
    return loops;
  }

  /// A port that is listened on; in the first loop, as the signals are.
  struct Listener {
    tcp::acceptor acceptor;
    bool admin;
    int port = 0;
  };

  static void check_listening(const ServeOptions& options, std::int64_t port, const SystemError& error) {
    if (!error) return;
    const bool taken = error == asio::error::address_in_use;
    throw Error(ErrorCode::io, "cannot listen on " + options.host + ":" + std::to_string(port) + ": " +
                                   error.message() + (taken ? "; name another port, or 0 for any that is free" : ""));
  }

  static tcp::endpoint resolved(const ServeOptions& options) {
    asio::io_context io;
    SystemError error;
    tcp::resolver resolver(io);
    const auto found = resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, error);
    check_listening(options, options.port, error);
    return *found.begin();
  }

  Listener& listen(std::int64_t port, bool admin) {
    SystemError error;
    const auto check = [&](const SystemError& fault) { check_listening(options, port, fault); };
    Listener& listener = listeners.emplace_back(Listener{tcp::acceptor(loops[0]->io()), admin});
    tcp::acceptor& acceptor = listener.acceptor;
    endpoint.port(static_cast<unsigned short>(port));
    acceptor.open(endpoint.protocol(), error);
    check(error);
    acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    acceptor.bind(endpoint, error);
    check(error);
    acceptor.listen(waiting_connections, error);
    check(error);
    listener.port = acceptor.local_endpoint().port();
    return listener;
  }

  asio::awaitable<void> accept(Listener& listener) {
    for (std::size_t next = 0; !stopping.load(); next = (next + 1) % running_loops) {
      SystemError error;
      tcp::socket socket =
          co_await listener.acceptor.async_accept(loops[next]->io(), asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted) break;
      if (error) {
        // Out of descriptors, most likely: those that wait in the system's queue are taken a moment later.
        if (error != asio::error::connection_aborted) log.warning("no connection could be taken: " + error.message());
        asio::steady_timer pause(loops[0]->io(), std::chrono::milliseconds(100));
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
        continue;
      }
      take(std::move(socket), *loops[next], listener.admin);
    }
  }

  void start_accepting(Listener& listener) {
    const auto ended = [this, &listener](const std::exception_ptr& failure) {
      if (failure && !stopping.load()) {
        start_accepting(listener);  // there was no memory for a moment
      } else {
        end_accepting(listener);
      }
    };
    asio::co_spawn(
        loops[0]->io(), [this, &listener] { return accept(listener); }, ended);
  }

  void end_accepting(Listener& listener) {
    // Who connected before the server was told to stop is answered.
    take_waiting(listener);
    SystemError ignored;
    listener.acceptor.close(ignored);
    if (--accepting > 0) return;
    const auto grace = serve::seconds(options.grace_seconds);
    for (const auto& loop : loops) loop->stop(grace, [this] { pool.drop(); });
  }

  /// The connections that wait in the system's queue.
  void take_waiting(Listener& listener) {
    SystemError error;
    listener.acceptor.non_blocking(true, error);
    for (int i = 0; i < waiting_connections && !error; ++i) {
      serve::Loop& loop = *loops[static_cast<std::size_t>(i) % running_loops];
      tcp::socket socket(loop.io());
      listener.acceptor.accept(socket, error);
      if (!error) take(std::move(socket), loop, listener.admin);
    }
  }

  /// Never throws `std::bad_alloc`: a connection that there is no memory for is closed.
  void take(tcp::socket socket, serve::Loop& loop, bool admin) {
    try {
      start(std::move(socket), loop, admin);
    } catch (const std::bad_alloc&) {
      metrics.count_refused_connection();
      log.warning("no connection could be taken: there is not enough memory");
    }
  }

  void start(tcp::socket socket, serve::Loop& loop, bool admin) {
    SystemError error;
    const auto tls = admin ? nullptr : secrets.tls();
    if (metrics.connections() >= options.max_connections + (admin ? admin_connections : 0)) {
      metrics.count_refused_connection();
      const serve::Response busy = serve::busy_response("too many connections are open; try again in a moment");
      const std::string text = serve::head_of(busy, false, 11) + busy.body;
      socket.non_blocking(true, error);
      if (!tls) socket.send(asio::buffer(text), 0, error);
      return;
    }
    socket.set_option(tcp::no_delay(true), error);
    const tcp::endpoint from = socket.remote_endpoint(error);
    serve::Peer peer = error ? serve::Peer{} : peer_of(from);
    peer.admin = admin;
    serve::start_connection(context, loop, std::move(socket), tls, std::move(peer));
  }

  void watch_signals() {
    signals.async_wait([this](const SystemError& error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        watch_signals();  // first: what follows may lack memory
        log.info("SIGHUP: looking at the files");
        if (access_file) access_file->reopen();
        secrets.refresh(true);
        wake_watcher();
        return;
      }
      log.info(signal == SIGTERM ? "SIGTERM: answering what is in flight, then stopping"
                                 : "SIGINT: answering what is in flight, then stopping");
      for (const int ending : {SIGTERM, SIGINT}) signals.remove(ending);  // a second one ends the program as usual
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
        secrets.refresh(false);
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
      if (std::exchange(watch_fault, fault) != fault) log.warning(fault);
      return 0;
    }
  }

  void stop() {
    if (stopping.exchange(true)) return;
    serve::post_surely(loops[0]->io(), [this] {
      SystemError ignored;
      for (Listener& listener : listeners) listener.acceptor.cancel(ignored);
      signals.cancel(ignored);
    });
  }

  void run() {
    if (options.handle_signals) {
      for (const int signal : {SIGTERM, SIGINT, SIGHUP}) signals.add(signal);
      watch_signals();
    }
    log.info("Serving on " + url());
    if (listeners.size() > 1) log.info("Health and metrics on " + url_of(listeners.back()));
    if (!endpoint.address().is_loopback() && secrets.token()->empty()) {
      log.warning("anyone who reaches " + url() + " may use the models: it has no token; --token-file sets one");
    }
    accepting = listeners.size();
    for (Listener& listener : listeners) start_accepting(listener);
    ThreadPool::shared();  // made by the watcher, its threads would be as nice
    ThreadGroup watcher, threads;
    if (watcher.start(1, [this](int) { watch(); }) == 0) {
      log.warning(
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

  [[nodiscard]] std::string url_of(const Listener& listener) const {
    const bool v6 = options.host.find(':') != std::string::npos;
    return (secrets.tls() && !listener.admin ? "https://" : "http://") +
           (v6 ? "[" + options.host + "]" : options.host) + ":" + std::to_string(listener.port);
  }
  [[nodiscard]] std::string url() const { return url_of(listeners.front()); }

  ServeOptions options;
  std::atomic<bool> stopping{false};
  serve::Metrics metrics;
  serve::Log log;
  serve::ModelStore store;
  serve::Secrets secrets;
  tcp::endpoint endpoint;
  serve::Sites sites;
  serve::Application application;
  serve::ComputePool pool;
  serve::BodyBudget bodies;
  serve::Context context;
  std::vector<std::unique_ptr<serve::Loop>> loops;
  std::size_t running_loops = 1;  // the first ones; fewer where the system makes no more threads
  std::list<Listener> listeners;
  std::size_t accepting = 0;  // listeners that still do
  asio::signal_set signals;
  std::optional<serve::LineFile> access_file;

  std::mutex watch_mutex;
  std::condition_variable watch_changed;
  bool watch_ended = false, reload_wanted = false;
  std::string watch_fault;  // of the watcher's last look: what goes on being wrong is said once
};

Server::Server(ServeOptions options) : state_(std::make_unique<State>(std::move(options))) {}
Server::~Server() = default;
void Server::run() { state_->run(); }
void Server::stop() { state_->stop(); }
std::int64_t Server::reload() {
  state_->secrets.refresh(false);
  return state_->store.reload();
}
int Server::port() const { return state_->listeners.front().port; }
int Server::admin_port() const { return state_->listeners.size() > 1 ? state_->listeners.back().port : -1; }
std::string Server::url() const { return state_->url(); }

}  // namespace gradus
