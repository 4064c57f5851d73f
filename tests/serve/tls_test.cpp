#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

#include "serve/served.hpp"
#include "support/expect_error.hpp"
#include "support/subprocess.hpp"

namespace gradus::test {
namespace {

/// A client that speaks TLS and believes any certificate.
class TlsClient {
 public:
  TlsClient(int port, int version) : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
    SSL_CTX_set_max_proto_version(context_.get(), version);
    SSL_CTX_set_security_level(context_.get(), 0);
    bio_.reset(BIO_new_ssl_connect(context_.get()));
    BIO_set_conn_hostname(bio_.get(), ("127.0.0.1:" + std::to_string(port)).c_str());
    connected_ = BIO_do_connect(bio_.get()) == 1 && BIO_do_handshake(bio_.get()) == 1;
    ERR_clear_error();
  }
  [[nodiscard]] bool connected() const { return connected_; }
  /// The certificate of the other side, in hexadecimal digits of its SHA-256.
  [[nodiscard]] std::string certificate() const {
    SSL* ssl = nullptr;
    BIO_get_ssl(bio_.get(), &ssl);
    const std::unique_ptr<X509, decltype(&X509_free)> found(SSL_get1_peer_certificate(ssl), X509_free);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    X509_digest(found.get(), EVP_sha256(), digest, &size);
    return {reinterpret_cast<const char*>(digest), size};
  }
  /// What comes at once for a request.
  std::string ask_one(const std::string& request) {
    BIO_write(bio_.get(), request.data(), static_cast<int>(request.size()));
    char buffer[4096];
    const int count = BIO_read(bio_.get(), buffer, sizeof buffer);
    return {buffer, static_cast<std::size_t>(std::max(count, 0))};
  }
  std::string ask(const std::string& request) {
    BIO_write(bio_.get(), request.data(), static_cast<int>(request.size()));
    std::string answer;
    char buffer[4096];
    for (int count; (count = BIO_read(bio_.get(), buffer, sizeof buffer)) > 0;) {
      answer.append(buffer, static_cast<std::size_t>(count));
    }
    return answer;
  }

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<BIO, decltype(&BIO_free_all)> bio_{nullptr, BIO_free_all};
  bool connected_ = false;
};

TEST(Tls, NamesAFileThatIsNotThere) {
  TwoModels models;
  models.options.tls_certificate = models.options.tls_key = models.directory / "none.pem";
  expect_error(ErrorCode::not_found, {"none.pem: no such file"}, [&] { Server server(models.options); });
}

/// Two models behind TLS.
class TlsServer : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists("/usr/bin/openssl"))
      GTEST_SKIP() << "no openssl program to make a certificate (Debian: openssl)";
    make_certificate();
    models.options.tls_certificate = certificate;
    models.options.tls_key = key;
  }
  void make_certificate() const {
    run({"/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-out", certificate, "-keyout", key});
  }
  TwoModels models;
  const std::string certificate = models.directory / "cert.pem", key = models.directory / "key.pem";
};

TEST_F(TlsServer, ReadsItsCertificateAgainAndKeepsConnections) {
  models.options.poll_seconds = 0;
  Served served(models.options);
  const std::string request = Client::request("GET", "/healthz");
  TlsClient kept(served.port(), TLS1_3_VERSION);
  ASSERT_TRUE(kept.connected());
  EXPECT_EQ(kept.ask_one(request).substr(0, 15), "HTTP/1.1 200 OK");
  const std::string before = kept.certificate();
  // Half of a change: the new key is not there yet.
  const std::string old_key = models.directory / "old.pem";
  std::filesystem::copy(key, old_key);
  make_certificate();
  const std::string new_key = models.directory / "new.pem";
  std::filesystem::rename(key, new_key);
  std::filesystem::rename(old_key, key);
  served.server().reload();
  EXPECT_NE(served.said().find("is not the key of"), std::string::npos) << served.said();
  EXPECT_EQ(TlsClient(served.port(), TLS1_3_VERSION).certificate(), before);
  std::filesystem::rename(new_key, key);
  served.server().reload();
  const TlsClient after(served.port(), TLS1_3_VERSION);
  ASSERT_TRUE(after.connected());
  EXPECT_NE(after.certificate(), before);
  EXPECT_EQ(kept.ask_one(request).substr(0, 15), "HTTP/1.1 200 OK");
}

TEST_F(TlsServer, SilentHandshakesKeepNobodyOut) {
  models.options.threads = 1;
  models.options.max_handshakes = 1;
  models.options.header_timeout = 1000;
  Served served(models.options);
  std::vector<std::unique_ptr<Client>> silent;
  for (int i = 0; i < 10; ++i) {
    silent.push_back(std::make_unique<Client>(served.port()));
    // The beginning of a ClientHello: a handshake of 512 bytes.
    if (i > 5) silent.back()->send(std::string("\x16\x03\x01\x02\x00\x01", 6));
  }
  EXPECT_TRUE(TlsClient(served.port(), TLS1_3_VERSION).connected());
}

TEST_F(TlsServer, SpeaksTls12AndLaterAndNothingElse) {
  Served served(models.options);
  EXPECT_EQ(served.server().url().substr(0, 8), "https://");
  const std::string request = Client::request("GET", "/v1/models/one", "", "Connection: close\r\n");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(served.port(), version);
    ASSERT_TRUE(client.connected());
    const std::string answer = client.ask(request);
    EXPECT_EQ(answer.substr(0, 15), "HTTP/1.1 200 OK");
    EXPECT_NE(answer.find("AVAILABLE"), std::string::npos);
  }
  EXPECT_FALSE(TlsClient(served.port(), TLS1_1_VERSION).connected());
  EXPECT_EQ(served.ask("GET", "/healthz").status, 0);  // plain HTTP gets nothing
  EXPECT_TRUE(TlsClient(served.port(), TLS1_3_VERSION).connected());

  models.options.tls_key = certificate;
  EXPECT_THROW(Server{models.options}, Error);
}

}  // namespace
}  // namespace gradus::test
