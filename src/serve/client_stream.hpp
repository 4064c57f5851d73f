#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "serve/asio.hpp"
#include "serve/metrics.hpp"
#include "serve/read_buffer.hpp"

namespace gradus::serve {

/// Bytes to and from a client, plain or through TLS. Belongs to its loop's thread.
///
/// GCC 12 makes wrong code of co_await within conditions and of temporaries beside it: here each stands in a statement
/// of its own, and what it is given has a name.
template <bool with_tls>
class ClientStream {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using Tls = boost::asio::ssl::context;
  using Error = boost::system::error_code;
  template <class T>
  using Awaitable = boost::asio::awaitable<T>;

  /// `buffer` holds at most `most_buffered` bytes, but no less than its first size.
  ClientStream(Socket socket, std::shared_ptr<Tls> tls, std::size_t most_buffered, Metrics& metrics)
      : buffer(most_buffered), socket_(std::move(socket)), tls_context_(std::move(tls)), metrics_(metrics) {}

  ReadBuffer buffer;

  /// Ends what is being waited for, with an error.
  void cancel() {
    Error ignored;
    socket_.cancel(ignored);
  }
  /// Whether there are bytes from the client that were not read yet.
  [[nodiscard]] bool has_received() const {
    Error error;
    return socket_.available(error) > 0;
  }
  /// Waits until has_received(), or the end of the connection; false for an error.
  Awaitable<bool> wait() {
    Error error;
    co_await socket_.async_wait(Socket::wait_read, boost::asio::redirect_error(boost::asio::use_awaitable, error));
    co_return !error;
  }
  /// TLS's handshake; takes some 80 KiB of memory. Comes before the first byte is read or written.
  Awaitable<bool> shake_hands() {
    Error error;
    tls_.emplace(socket_, *tls_context_);
    co_await tls_->async_handshake(boost::asio::ssl::stream_base::server,
                                   boost::asio::redirect_error(boost::asio::use_awaitable, error));
    co_return !error;
  }

  Awaitable<bool> read_some(boost::asio::mutable_buffer room, std::size_t& count) {
    Error error;
    count = co_await stream().async_read_some(room, boost::asio::redirect_error(boost::asio::use_awaitable, error));
    metrics_.add_received(count);
    co_return !error && count > 0;
  }
  /// Reads into `buffer`; false at the end of the connection, and when the buffer is full.
  Awaitable<bool> read_more() {
    const boost::asio::mutable_buffer room = buffer.room();
    if (room.size() == 0) co_return false;
    Error error;
    const std::size_t count =
        co_await stream().async_read_some(room, boost::asio::redirect_error(boost::asio::use_awaitable, error));
    metrics_.add_received(count);
    buffer.commit(count);
    co_return !error && count > 0;
  }
  /// Whether all was written.
  Awaitable<bool> write(std::string_view bytes) {
    Error error;
    co_await boost::asio::async_write(stream(), boost::asio::buffer(bytes),
                                      boost::asio::redirect_error(boost::asio::use_awaitable, error));
    co_return !error;
  }

  /// Says that no more comes. `politely`: with TLS's own word for it.
  Awaitable<void> end_writing(bool politely) {
    Error error;
    if constexpr (with_tls) {
      if (politely) co_await tls_->async_shutdown(boost::asio::redirect_error(boost::asio::use_awaitable, error));
    }
    socket_.shutdown(Socket::shutdown_send, error);
  }
  /// Reads and throws away; how many bytes, 0 at the end.
  Awaitable<std::size_t> skip() {
    buffer.consume(buffer.data().size());
    Error error;
    const boost::asio::mutable_buffer room = buffer.room();
    const std::size_t count =
        co_await socket_.async_read_some(room, boost::asio::redirect_error(boost::asio::use_awaitable, error));
    co_return error ? 0 : count;
  }
  void close() {
    Error ignored;
    socket_.close(ignored);
  }

 private:
  [[nodiscard]] auto& stream() {
    if constexpr (with_tls) {
      return *tls_;
    } else {
      return socket_;
    }
  }

  Socket socket_;
  std::shared_ptr<Tls> tls_context_;  // null for plain HTTP
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
  Metrics& metrics_;
};

}  // namespace gradus::serve
