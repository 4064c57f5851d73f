#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace gradus::test {

/// An HTTP server on the loopback interface, one connection at a time: what a test says it answers.
class HttpServer {
 public:
  struct Request {
    std::string path;   ///< "/files/a.gz"
    std::string range;  ///< "bytes=100-", or empty
  };
  struct Answer {
    int status = 200;
    std::string body{};
    std::string headers{};             ///< more header lines, each ended by "\r\n"
    std::size_t send_only = SIZE_MAX;  ///< bytes of the body after which the server stops sending
    bool stall = false;                ///< then it keeps the connection open and silent; else it closes it
  };
  using Handler = std::function<Answer(const Request&)>;

  explicit HttpServer(Handler handler) : handler_(std::move(handler)) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (socket_ < 0 || ::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(socket_, 16) != 0 || ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("no loopback server");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~HttpServer() {
    stop_ = true;
    thread_.join();
    ::close(socket_);
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  /// All requests so far.
  [[nodiscard]] std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  // Waits until there is something to read; false when the server is to stop.
  bool readable(int descriptor) const {
    pollfd waiting{descriptor, POLLIN, 0};
    while (!stop_) {
      if (::poll(&waiting, 1, 20) > 0) return true;
    }
    return false;
  }

  void serve() {
    while (readable(socket_)) {
      const int client = ::accept(socket_, nullptr, nullptr);
      if (client < 0) continue;
      std::string head;
      char buffer[4096];
      while (head.find("\r\n\r\n") == std::string::npos && readable(client)) {
        const ssize_t count = ::recv(client, buffer, sizeof buffer, 0);
        if (count <= 0) break;
        head.append(buffer, static_cast<std::size_t>(count));
      }
      if (head.find("\r\n\r\n") != std::string::npos) answer(client, head);
      ::close(client);
    }
  }

  void answer(int client, const std::string& head) {
    Request request;
    const auto begin = head.find(' ') + 1;
    request.path = head.substr(begin, head.find(' ', begin) - begin);
    if (const auto range = head.find("Range: "); range != std::string::npos) {
      request.range = head.substr(range + 7, head.find('\r', range) - range - 7);
    }
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const Answer answer = handler_(request);
    send_all(client, "HTTP/1.1 " + std::to_string(answer.status) + " x\r\nConnection: close\r\nContent-Length: " +
                         std::to_string(answer.body.size()) + "\r\n" + answer.headers + "\r\n");
    send_all(client, answer.body.substr(0, answer.send_only));
    while (answer.stall && !stop_) {  // until the client has had enough
      pollfd waiting{client, POLLIN, 0};
      if (::poll(&waiting, 1, 20) > 0 && ::recv(client, &waiting, sizeof waiting, 0) <= 0) break;
    }
  }

  static void send_all(int client, const std::string& text) {
    std::size_t sent = 0;
    while (sent < text.size()) {
      const ssize_t count = ::send(client, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return;
      sent += static_cast<std::size_t>(count);
    }
  }

  Handler handler_;
  int socket_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_{false};
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::thread thread_;
};

}  // namespace gradus::test
