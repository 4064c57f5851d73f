#include <gradus/error.hpp>
#include <gradus/serve.hpp>

#include <unistd.h>

#include "cli.hpp"
#include "commands.hpp"

namespace gradus::app {

namespace {

struct ServeWords {
  std::optional<std::string> model_dir, host, token_file, tls_cert, tls_key, cors_origin, access_log;
  std::vector<std::string> allowed_hosts;
  std::optional<std::int64_t> admin_port;
  std::string log_format = "text";
  bool constant = false;
};

/// A limit: its option on the command line sets the member of the options.
void add_count(Arguments& arguments, const std::string& flag, std::optional<std::int64_t>& value, std::int64_t standard,
               const std::string& help, std::int64_t least = 1) {
  arguments.option(flag, "N", value, help, std::to_string(standard), least);
}

/// A line in one write, so that threads do not mix them.
void write_to_standard_error(const std::string& line) {
  const std::string text = line + "\n";
  (void)!::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

int serve_command(const Words& words) {
  ServeOptions options;
  ServeWords given;
  Arguments arguments("serve",
                      "Answers requests with models: TensorFlow Serving's REST interface, KServe's V2 protocol, and a "
                      "page to try them. docs/serving.md describes the interface.");
  arguments.optional_words("MODEL", options.models, "model files, or folders with a numbered folder for each version");
  arguments.option("--model-dir", "DIR", given.model_dir, "serve every model in DIR, those that come later too",
                   "none");
  arguments.option("--host", "ADDRESS", given.host, "to listen on; 0.0.0.0 and :: are every interface", options.host);
  std::vector<std::pair<std::optional<std::int64_t>, std::int64_t*>> counts;
  counts.reserve(32);
  const auto count = [&](const std::string& flag, std::int64_t& member, const std::string& help,
                         std::int64_t least = 1) {
    counts.emplace_back(std::nullopt, &member);
    add_count(arguments, flag, counts.back().first, member, help, least);
  };
  std::vector<std::pair<std::optional<double>, double*>> times;
  times.reserve(16);
  const auto time = [&](const std::string& flag, double& member, const std::string& help, double least = 0.01) {
    times.emplace_back(std::nullopt, &member);
    arguments.option(flag, "S", times.back().first, help, std::to_string(static_cast<std::int64_t>(member)) + " s",
                     least, 1e6);
  };
  count("--port", options.port, "to listen on; 0 takes any that is free and says which", 0);
  arguments.option("--admin-port", "N", given.admin_port,
                   "serve health and metrics, and nothing else, on this port too, without token and TLS", "none", 0);
  arguments.names("--allow-host", "NAME", given.allowed_hosts,
                  "that clients may call this server by; * for any; checked on the loopback interface, or where given",
                  "localhost and ADDRESS");
  arguments.option("--token-file", "FILE", given.token_file,
                   "requests need the token in FILE as 'Authorization: Bearer TOKEN', health excepted", "none");
  arguments.option("--tls-cert", "FILE", given.tls_cert, "speak HTTPS with this certificate chain (PEM)", "none");
  arguments.option("--tls-key", "FILE", given.tls_key, "and its private key (PEM)", "none");
  arguments.option("--cors-origin", "ORIGIN", given.cors_origin, "pages of this origin may read answers; * for any",
                   "none");
  arguments.option("--access-log", "FILE", given.access_log, "a line of JSON for each request; - is standard output",
                   "none");
  arguments.choice("--log-format", {"text", "json"}, given.log_format,
                   "of the lines on standard error about models, files and faults");
  count("--versions", options.versions, "how many of a model's newest versions are served");
  time("--poll-seconds", options.poll_seconds, "between two looks for new versions; 0 looks at SIGHUP alone", 0);
  count("--max-batch-size", options.max_batch_size, "rows computed at a time");
  count("--batch-timeout-micros", options.batch_timeout_micros, "how long a request may wait for company", 0);
  count("--max-enqueued-batches", options.max_enqueued_batches, "that wait for a model; what comes beyond gets 503");
  count("--threads", options.threads, "that read and write; 0: one a core", 0);
  count("--compute-threads", options.compute_threads, "that compute what takes longer than a moment; 0: one a core", 0);
  count("--max-body-bytes", options.max_body_bytes, "of a request (413 beyond)");
  count("--max-body-memory", options.max_body_memory,
        "bytes for the bodies of all requests together (503 beyond); half of it for what one address is still sending");
  count("--max-header-bytes", options.max_header_bytes, "of a request (431 beyond)", 256);
  count("--max-connections", options.max_connections, "open at a time (503 beyond)");
  count("--max-handshakes", options.max_handshakes, "of TLS at a time; more wait");
  count("--max-in-flight", options.max_requests_in_flight, "requests that are being answered (503 beyond)");
  count("--max-rows", options.max_rows, "of a request (400 beyond)");
  count("--max-pixels", options.max_pixels, "of a picture (400 beyond); larger JPEG files are read reduced");
  count("--max-model-bytes", options.max_model_bytes,
        "of memory that a model may need when it is loaded, besides 16 for each byte of its file");
  count("--max-json-depth", options.max_json_depth, "nested lists and objects of a request (400 beyond)");
  time("--header-timeout", options.header_timeout, "for a request's header, from its first byte (408)");
  time("--body-timeout", options.body_timeout, "for a request's body (408)");
  time("--idle-timeout", options.idle_timeout, "for a connection without a request");
  time("--write-timeout", options.write_timeout, "for an answer to be fetched");
  time("--grace", options.grace_seconds, "for what is in flight when SIGTERM comes", 0);
  arguments.flag("--constant", given.constant, "answer GET /constant?bytes=N too, to measure the server itself");
  if (!arguments.parse(words)) return done;
  for (const auto& [value, member] : counts) *member = value.value_or(*member);
  for (const auto& [value, member] : times) *member = value.value_or(*member);
  if (options.models.empty() && !given.model_dir) throw UsageError("MODEL is missing: what shall be served");

  options.model_dir = given.model_dir.value_or("");
  options.host = given.host.value_or(options.host);
  options.allowed_hosts = given.allowed_hosts;
  options.tls_certificate = given.tls_cert.value_or("");
  options.tls_key = given.tls_key.value_or("");
  options.cors_origin = given.cors_origin.value_or("");
  options.constant_handler = given.constant;
  options.handle_signals = true;
  options.admin_port = given.admin_port.value_or(-1);
  options.token_file = given.token_file.value_or("");
  options.access_log_file = given.access_log.value_or("");
  options.log_format = given.log_format;
  options.log = write_to_standard_error;
  Server server(std::move(options));
  server.run();
  return done;
}

}  // namespace gradus::app
