#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// How a server answers, and what it will not put up with. Sizes are bytes, times are seconds unless a name says
/// otherwise; a limit of 0 is an error, not "none". Wrong options are `invalid_argument`, named.
struct ServeOptions {
  // --- what is served ---
  /// Model files, each served under its name without ending as version 1; or folders, each served under its name with
  /// the versions that its numbered sub-folders hold.
  std::vector<std::string> models{};
  /// A folder whose model files and model folders are served, those that come later too. Empty: none.
  std::string model_dir{};
  /// How many of the newest versions of each model are served; versions that a label names are served besides.
  std::int64_t versions = 1;
  /// Seconds between two looks at the files; what changed is loaded, checked and swapped in. 0: only on reload().
  double poll_seconds = 1;

  // --- where ---
  std::string host = "127.0.0.1";  ///< an address or a name; "0.0.0.0" and "::" are every interface
  std::int64_t port = 8501;        ///< 0: any that is free, see Server::port()
  /// Health and metrics, and nothing else, are served on this port too, by plain HTTP and without a token. 0: any that
  /// is free, see Server::admin_port(); -1: none.
  std::int64_t admin_port = -1;
  /// Names by which clients may call it besides localhost and `host`; "*": any. Checked where the server listens on
  /// the loopback interface, or where a name is given (403): a page of another site could otherwise reach it by a name
  /// of its own that leads here.
  std::vector<std::string> allowed_hosts{};
  std::string token{};            ///< requests need `Authorization: Bearer TOKEN`, health excepted. Empty: none needed.
  std::string token_file{};       ///< instead of `token`: a file that holds it
  std::string tls_certificate{};  ///< PEM file with the certificate and its chain; with `tls_key`: HTTPS alone
  std::string tls_key{};          ///< PEM file with its private key
  std::string cors_origin{};      ///< pages of this origin ("*": any) may read answers in a browser. Empty: none.

  // The files of token, certificate and key are read again when they change (see `poll_seconds`) and on SIGHUP. One
  // that cannot be used is reported, and what was read before stays. Open connections keep their certificate.

  // --- how requests become batches (TensorFlow Serving's names) ---
  std::int64_t max_batch_size = 64;         ///< rows computed at a time
  std::int64_t batch_timeout_micros = 0;    ///< how long a request may wait for company; 0: only while others compute
  std::int64_t max_enqueued_batches = 100;  ///< of each model; what comes beyond is told to come later (503)
  std::int64_t threads = 0;                 ///< that read, compute small requests and write; 0: one a core
  std::int64_t compute_threads = 0;         ///< that compute what takes longer than a moment; 0: one a core

  // --- limits, and what each protects ---
  std::int64_t max_body_bytes = 16 << 20;  ///< memory: a larger body is refused (413) unread
  /// Memory: of all bodies together, from their first bytes to their answers (503), but never less than max_body_bytes.
  /// The bodies that one client address (of IPv6, one /64) is still sending may have half of it.
  std::int64_t max_body_memory = 256 << 20;
  std::int64_t max_header_bytes = 16 << 10;  ///< memory: of the request line and all header fields (431)
  /// Descriptors and memory: more are told 503 and closed. The process's limit of descriptors is raised to it where
  /// the system allows.
  std::int64_t max_connections = 10'000;
  /// Memory: TLS handshakes at a time, each of which takes some 80 KiB. More wait; one that takes longer than a second
  /// gives way to them.
  std::int64_t max_handshakes = 256;
  std::int64_t max_requests_in_flight = 1'000;  ///< memory and waiting time: more are told 503 and Retry-After
  std::int64_t max_rows = 10'000;               ///< one request's share of the processor: more rows are refused (400)
  std::int64_t max_json_depth = 32;             ///< nested lists and objects of a request
  /// Of a picture, by what its file says of itself: memory and time (400). Larger JPEG files are read at 1/2, 1/4 or
  /// 1/8 of their size, unless they are progressive.
  std::int64_t max_pixels = 16'000'000;
  /// Memory that a model may need when it is loaded, for its weights while they are built and for one row's way through
  /// its layers, besides 16 bytes for each byte of its file. A version that needs more is refused before it is built.
  std::int64_t max_model_bytes = 512 << 20;
  double header_timeout = 10;  ///< from a request's first byte to its header's last: slow senders (408); a handshake
  double body_timeout = 30;    ///< from the header to the body's last byte (408)
  double idle_timeout = 75;    ///< a connection without a request is closed
  double write_timeout = 30;   ///< an answer that nobody fetches is given up
  double grace_seconds = 10;   ///< for what is in flight when the server stops

  // --- what it says ---
  /// One line of JSON a request: time, request (its id), client, method, path, status, bytes, seconds, model, rows. May
  /// be called from several threads at a time. Unset: no access log.
  std::function<void(const std::string& line)> access_log{};
  /// A file that these lines are added to ("-": standard output), instead of `access_log`. It is opened anew on SIGHUP,
  /// and lines that a full disk did not take are counted in `log`.
  std::string access_log_file{};
  /// Lines for the person who runs it: what was loaded, refused, swapped in, each with time and level. May be called
  /// from several threads at a time. Unset: nothing is said.
  std::function<void(const std::string& line)> log{};
  std::string log_format = "text";  ///< of these lines: "text" or "json"
  /// SIGTERM and SIGINT stop it, SIGHUP reloads models, token and certificate and opens the access log anew, while
  /// run() runs.
  bool handle_signals = false;
  /// Answers `GET /constant?bytes=N` with N bytes, to measure how fast the server itself is.
  bool constant_handler = false;
};

/// Models behind HTTP: TensorFlow Serving's REST interface, the Open Inference Protocol (KServe V2), `POST /predict`
/// for people and a page to try it. docs/serving.md describes the interface.
class Server {
 public:
  /// Loads and checks the models and opens the port. Throws `bad_data` or `not_found` naming the file when a model of
  /// `models` cannot be served (in `model_dir` it is reported and left out), `io` when the port is taken.
  explicit Server(ServeOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Answers requests until stop(). Call it once.
  void run();
  /// Takes no more connections, answers what is in flight within the grace time, and lets run() return. From any
  /// thread; what comes after the first call has no effect.
  void stop();
  /// Looks at the files now: new versions are loaded, checked and swapped in, with no request lost. A file that is
  /// broken is reported and what was served stays. Returns how many models or versions came, changed or went. Throws
  /// `io` or `not_found` when a folder cannot be looked at, `invalid_argument` when two models would have one name;
  /// what was served stays then, too.
  std::int64_t reload();

  [[nodiscard]] int port() const;
  [[nodiscard]] int admin_port() const;  ///< -1 where there is none
  /// "http://127.0.0.1:8501"
  [[nodiscard]] std::string url() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gradus
