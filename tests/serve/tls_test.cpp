#include <openssl/err.h>
#include <openssl/ssl.h>

#include <filesystem>
#include <memory>

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

TEST(Tls, SpeaksTls12AndLaterAndNothingElse) {
  TwoModels models;
  const std::string certificate = models.directory / "cert.pem", key = models.directory / "key.pem";
  if (!std::filesystem::exists("/usr/bin/openssl"))
    GTEST_SKIP() << "no openssl program to make a certificate (Debian: openssl)";
  run({"/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
       "-out", certificate, "-keyout", key});
  models.options.tls_certificate = certificate;
  models.options.tls_key = key;
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
