#include <gradus/error.hpp>
#include <gradus/serve.hpp>

#include <unistd.h>

#include <fstream>

#include "base/gzip.hpp"
#include "base/text.hpp"
#include "cli.hpp"
#include "commands.hpp"
#include "terminal.hpp"

namespace gradus::app {

namespace {

struct ServeWords {
  std::optional<std::string> model_dir, host, token_file, tls_cert, tls_key, cors_origin, access_log;
  bool constant = false;
};

/// A limit: its option on the command line sets the member of the options.
void add_count(Arguments& arguments, const std::string& flag, std::optional<std::int64_t>& value, std::int64_t standard,
               const std::string& help, std::int64_t least = 1) {
  arguments.option(flag, "N", value, help, std::to_string(standard), least);
}

std::string read_token(const std::string& path) {
  const std::vector<std::uint8_t> bytes = read_file(path, 1 << 16);
  const std::string_view token = trim({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (token.empty()) throw Error(ErrorCode::bad_data, path + ": the token file is empty");
  return std::string(token);
}

/// Lines to standard output or to the end of a file, each in one write, so that threads do not mix them.
std::function<void(const std::string&)> line_writer(const std::string& path) {
  if (path == "-") {
    return [](const std::string& line) {
      const std::string text = line + "\n";
      (void)!::write(STDOUT_FILENO, text.data(), text.size());
    };
  }
  auto file = std::make_shared<std::ofstream>(path, std::ios::app);
  if (!*file) throw Error(ErrorCode::io, path + ": the access log cannot be written");
  auto mutex = std::make_shared<std::mutex>();
  return [file, mutex](const std::string& line) {
    const std::lock_guard lock(*mutex);
    *file << line << '\n' << std::flush;
  };
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
  arguments.option("--token-file", "FILE", given.token_file,
                   "requests need the token in FILE as 'Authorization: Bearer TOKEN', health excepted", "none");
  arguments.option("--tls-cert", "FILE", given.tls_cert, "speak HTTPS with this certificate chain (PEM)", "none");
  arguments.option("--tls-key", "FILE", given.tls_key, "and its private key (PEM)", "none");
  arguments.option("--cors-origin", "ORIGIN", given.cors_origin, "pages of this origin may read answers; * for any",
                   "none");
  arguments.option("--access-log", "FILE", given.access_log, "a line of JSON for each request; - is standard output",
                   "none");
  count("--versions", options.versions, "how many of a model's newest versions are served");
  time("--poll-seconds", options.poll_seconds, "between two looks for new versions; 0 looks at SIGHUP alone", 0);
  count("--max-batch-size", options.max_batch_size, "rows computed at a time");
  count("--batch-timeout-micros", options.batch_timeout_micros, "how long a request may wait for company", 0);
  count("--max-enqueued-batches", options.max_enqueued_batches, "that wait for a model; what comes beyond gets 503");
  count("--threads", options.threads, "that read and write; 0: one a core", 0);
  count("--compute-threads", options.compute_threads, "that compute what takes longer than a moment; 0: one a core", 0);
  count("--max-body-bytes", options.max_body_bytes, "of a request (413 beyond)");
  count("--max-header-bytes", options.max_header_bytes, "of a request (431 beyond)", 256);
  count("--max-connections", options.max_connections, "open at a time (503 beyond)");
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
  options.tls_certificate = given.tls_cert.value_or("");
  options.tls_key = given.tls_key.value_or("");
  options.cors_origin = given.cors_origin.value_or("");
  options.constant_handler = given.constant;
  options.handle_signals = true;
  if (given.token_file) options.token = read_token(*given.token_file);
  if (given.access_log) options.access_log = line_writer(*given.access_log);
  options.log = [](const std::string& sentence) { note(sentence); };
  Server server(std::move(options));
  note("Serving on " + server.url());
  server.run();
  return done;
}

}  // namespace gradus::app
