#include "serve/secrets.hpp"

#include <openssl/ssl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include <gradus/error.hpp>

#include "base/gzip.hpp"
#include "base/nearest.hpp"
#include "base/text.hpp"

namespace gradus::serve {

namespace {

std::shared_ptr<const std::string> read_token(const std::string& path) {
  const std::vector<std::uint8_t> bytes = read_file(path, 1 << 16);
  const std::string_view token = trim({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (token.empty()) throw Error(ErrorCode::bad_data, path + ": the token file is empty");
  return std::make_shared<const std::string>(token);
}

std::shared_ptr<Secrets::Tls> read_tls(const std::string& certificate, const std::string& key) {
  auto tls = std::make_shared<Secrets::Tls>(Secrets::Tls::tls_server);
  SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_mode(tls->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  const auto check = [](const std::string& path, const char* what, const boost::system::error_code& error) {
    if (!error) return;
    if (::access(path.c_str(), F_OK) != 0) throw Error(ErrorCode::not_found, no_such_file(path));
    throw Error(ErrorCode::bad_data,
                path + ": no " + what + " in PEM form (-----BEGIN ...) can be read from it: " + error.message());
  };
  boost::system::error_code error;
  // The key first: a certificate of another key then drops it, and that has a sentence of its own.
  tls->use_private_key_file(key, Secrets::Tls::pem, error);
  check(key, "private key", error);
  tls->use_certificate_chain_file(certificate, error);
  check(certificate, "certificate", error);
  if (SSL_CTX_check_private_key(tls->native_handle()) != 1) {
    throw Error(ErrorCode::bad_data, key + " is not the key of " + certificate);
  }
  return tls;
}

}  // namespace

Secrets::Secrets(const ServeOptions& options, const Log& log)
    : token_file_(options.token_file),
      certificate_(options.tls_certificate),
      key_(options.tls_key),
      log_(log),
      token_stamp_(stamp_of(token_file_)),
      certificate_stamp_(stamp_of(certificate_)),
      key_stamp_(stamp_of(key_)),
      token_(token_file_.empty() ? std::make_shared<const std::string>(options.token) : read_token(token_file_)),
      tls_(certificate_.empty() ? nullptr : read_tls(certificate_, key_)) {}

std::shared_ptr<const std::string> Secrets::token() const {
  const std::lock_guard lock(mutex_);
  return token_;
}

std::shared_ptr<Secrets::Tls> Secrets::tls() const {
  const std::lock_guard lock(mutex_);
  return tls_;
}

Secrets::Stamp Secrets::stamp_of(const std::string& path) {
  struct stat file {};
  if (path.empty() || ::stat(path.c_str(), &file) != 0) return {};
  return {static_cast<std::int64_t>(file.st_ino),
          file.st_size,
          file.st_mtim.tv_sec,
          file.st_mtim.tv_nsec,
          file.st_ctim.tv_sec,
          file.st_ctim.tv_nsec};
}

void Secrets::refresh(bool all) {
  const std::lock_guard one_at_a_time(refresh_mutex_);
  // Stamps are taken before the files are read: what changes in between is read next time.
  const auto changed = [](Stamp& known, const std::string& path) {
    const Stamp now = stamp_of(path);
    return std::exchange(known, now) != now;
  };
  const bool token_changed = changed(token_stamp_, token_file_);
  const bool certificate_changed = changed(certificate_stamp_, certificate_);
  const bool key_changed = changed(key_stamp_, key_);
  const auto replace = [&](auto& known, const char* what, const auto& read) {
    try {
      auto next = read();
      const std::lock_guard lock(mutex_);
      known = std::move(next);
    } catch (const std::exception& error) {
      log_.warning(std::string(error.what()) + "; the " + what + " that was read before stays");
      return;
    }
    log_.info(std::string("the ") + what + " was read again");
  };
  if (!token_file_.empty() && (all || token_changed)) {
    replace(token_, "token", [&] { return read_token(token_file_); });
  }
  if (!certificate_.empty() && (all || certificate_changed || key_changed)) {
    replace(tls_, "TLS certificate", [&] { return read_tls(certificate_, key_); });
  }
}

}  // namespace gradus::serve
