#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include <gradus/serve.hpp>

#include "serve/asio.hpp"
#include "serve/log.hpp"

namespace gradus::serve {

/// The token and the TLS certificate of a server, which are read again when their files have changed. Connections that
/// are open keep the certificate that they began with. Every function may be called from any thread.
class Secrets {
 public:
  using Tls = boost::asio::ssl::context;

  /// Throws `not_found` or `bad_data`, naming the file, when one cannot be used.
  Secrets(const ServeOptions& options, const Log& log);

  /// Empty: none is needed.
  [[nodiscard]] std::shared_ptr<const std::string> token() const;
  /// Null: plain HTTP.
  [[nodiscard]] std::shared_ptr<Tls> tls() const;
  /// Reads the files again that have changed since they were read, or all of them. What cannot be used is reported
  /// once, and what was read before stays.
  void refresh(bool all);

 private:
  /// What tells a file from another of the same name.
  using Stamp = std::array<std::int64_t, 6>;
  static Stamp stamp_of(const std::string& path);

  const std::string token_file_, certificate_, key_;
  const Log& log_;
  std::mutex refresh_mutex_;
  Stamp token_stamp_{}, certificate_stamp_{}, key_stamp_{};  // guarded by refresh_mutex_
  mutable std::mutex mutex_;
  std::shared_ptr<const std::string> token_;  // these two guarded by mutex_
  std::shared_ptr<Tls> tls_;
};

}  // namespace gradus::serve
