#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gradus/gradus.hpp>
#include <gradus/serve.hpp>

#include "formats/json.hpp"
#include "support/temporary_directory.hpp"

namespace gradus::test {

/// An answer as it came over the wire.
struct Reply {
  int status = 0;  ///< 0: the connection ended without one
  std::string head, body;

  /// The value of a header field; empty when there is none.
  [[nodiscard]] std::string header(const std::string& name) const {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
  [[nodiscard]] Value json() const { return read_json(body, "answer"); }
  /// The sentence of an error.
  [[nodiscard]] std::string error() const {
    const Value value = json();
    const Value* found = value.find("error");
    const auto* text = found == nullptr ? nullptr : found->get_if<std::string>();
    return text == nullptr ? "" : *text;
  }
};

/// The value of a figure of /metrics that has no labels; -1 when it is missing.
inline double figure(const std::string& text, const std::string& name) {
  const std::size_t at = ("\n" + text).find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 1));
}

/// A connection to a server on the loopback interface, bytes in and out.
class Client {
 public:
  /// `from` is the last number of the client's own address, 127.0.0.N.
  explicit Client(int port, std::uint32_t from = 1) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{20, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in own = address;
    own.sin_port = 0;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + from);
    if (from != 1 && ::bind(socket_, reinterpret_cast<sockaddr*>(&own), sizeof own) != 0) {
      throw std::runtime_error("cannot bind");
    }
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect");
    }
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// False when the server has closed the connection.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void end_sending() const { ::shutdown(socket_, SHUT_WR); }

  /// The next answer. `to_head`: the request was HEAD, so no body follows.
  Reply read(bool to_head = false) {
    Reply reply;
    std::size_t end;
    while ((end = pending_.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) return reply;
    }
    reply.head = pending_.substr(0, end + 2);
    pending_.erase(0, end + 4);
    reply.status = std::stoi(reply.head.substr(9, 3));
    const std::string length = reply.header("Content-Length");
    const std::size_t size = to_head || length.empty() ? 0 : std::stoul(length);
    while (pending_.size() < size && more()) {
    }
    reply.body = pending_.substr(0, size);
    pending_.erase(0, size);
    return reply;
  }
  /// Whether the server has closed the connection and nothing more came.
  bool ended() { return pending_.empty() && !more(); }
  [[nodiscard]] const std::string& pending() const { return pending_; }

  Reply ask(const std::string& method, const std::string& path, const std::string& body = "",
            const std::string& headers = "") {
    send(request(method, path, body, headers));
    return read(method == "HEAD");
  }
  static std::string request(const std::string& method, const std::string& path, const std::string& body = "",
                             const std::string& headers = "") {
    std::string text = method + " " + path + " HTTP/1.1\r\nHost: test\r\n" + headers;
    if (!body.empty() || method == "POST") text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return text + "\r\n" + body;
  }

 private:
  bool more() {
    char buffer[1 << 16];
    const ssize_t count = ::recv(socket_, buffer, sizeof buffer, 0);
    if (count <= 0) return false;
    pending_.append(buffer, static_cast<std::size_t>(count));
    return true;
  }
  int socket_ = -1;
  std::string pending_;
};

/// A server that runs in a thread while this lives.
class Served {
 public:
  explicit Served(ServeOptions options) : server_(with_defaults(std::move(options), *this)) {
    thread_ = std::thread([this] { server_.run(); });
  }
  ~Served() { stop(); }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  void stop() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] Server& server() { return server_; }
  [[nodiscard]] int port() const { return server_.port(); }
  Reply ask(const std::string& method, const std::string& path, const std::string& body = "",
            const std::string& headers = "") {
    return Client(port()).ask(method, path, body, headers);
  }
  [[nodiscard]] std::string said() {
    const std::lock_guard lock(mutex_);
    return said_;
  }

 private:
  static ServeOptions with_defaults(ServeOptions options, Served& self) {
    options.port = 0;
    if (options.allowed_hosts.empty()) options.allowed_hosts = {"a", "test"};  // as the requests of these tests say
    if (options.threads == 0) options.threads = 2;
    if (options.compute_threads == 0) options.compute_threads = 2;
    options.log = [&self](const std::string& sentence) {
      const std::lock_guard lock(self.mutex_);
      self.said_ += sentence + "\n";
    };
    return options;
  }
  std::mutex mutex_;
  std::string said_;
  Server server_;
  std::thread thread_;
};

/// y = 2 x + 1 for each of `inputs` numbers.
inline Sequential doubling_model(std::int64_t inputs, float plus = 1) {
  Sequential model{{inputs}, {Dense{.units = inputs}}};
  Tensor kernel({inputs, inputs}), bias({inputs});
  for (std::int64_t i = 0; i < inputs; ++i) {
    kernel.values()[static_cast<std::size_t>(i * inputs + i)] = 2;
    bias.values()[static_cast<std::size_t>(i)] = plus;
  }
  model.set_weight(0, kernel);
  model.set_weight(1, bias);
  return model;
}

/// A server of y = 2 x + 1: "one" with one number, "three" with three.
struct TwoModels {
  TemporaryDirectory directory;
  ServeOptions options;
  TwoModels() {
    doubling_model(1).save(directory / "one.keras");
    doubling_model(3).save(directory / "three.keras");
    options.models = {directory / "one.keras", directory / "three.keras"};
  }
};

}  // namespace gradus::test
