#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "serve/answer_text.hpp"
#include "serve/body_budget.hpp"
#include "serve/client_stream.hpp"
#include "serve/request_parser.hpp"

/// Reads the bodies of requests, within the budget for all of them. co_await stands as in ClientStream.
namespace gradus::serve {

/// The answer to a request that Beast's parser does not take.
Response parse_fault(const boost::system::error_code& error);

/// Room for `bytes` of a body; false when the budget or the memory does not allow it.
bool make_room(std::string& body, std::size_t bytes, BodyShare& share);

/// What the sender is told then.
Response no_room();

/// A body grows with what really comes, from this size on.
inline constexpr std::size_t first_body_bytes = 64 << 10;

/// A body whose length its header gives. False when it did not come whole: then `refused` says what the sender is told,
/// or is empty when the sender is gone.
template <bool with_tls>
boost::asio::awaitable<bool> read_counted(ClientStream<with_tls>& stream, RequestParser& parser, BodyShare& share,
                                          std::optional<Response>& refused) {
  std::string& body = parser.request.body;
  const auto length = static_cast<std::size_t>(*parser.content_length());
  // The first bytes wait in the connection's own buffer: a small body needs memory of its own when it is whole.
  while (stream.buffer.data().size() < std::min(length, ReadBuffer::first_bytes)) {
    const bool more = co_await stream.read_more();
    if (!more) co_return false;
  }
  const std::size_t here = std::min(length, stream.buffer.data().size());
  if (here == length) share.finish();
  if (!make_room(body, std::min(length, std::max(first_body_bytes, here)), share)) {
    refused = no_room();
    co_return false;
  }
  body.assign(stream.buffer.data().substr(0, here));
  stream.buffer.consume(here);
  while (body.size() < length) {
    // What is promised is believed as far as it comes: room grows with it.
    const std::size_t before = body.size(), after = std::min(length, std::max(first_body_bytes, 2 * before));
    if (!make_room(body, after, share)) {
      refused = no_room();
      co_return false;
    }
    body.resize(after);
    std::size_t count = 0;
    const bool good = co_await stream.read_some(boost::asio::buffer(body.data() + before, after - before), count);
    body.resize(before + count);
    if (!good) co_return false;
  }
  co_return true;
}

/// The same for a body in chunks.
template <bool with_tls>
boost::asio::awaitable<bool> read_chunked(ClientStream<with_tls>& stream, RequestParser& parser, BodyShare& share,
                                          std::optional<Response>& refused) {
  std::string& body = parser.request.body;
  while (!parser.is_done()) {
    if (!stream.buffer.data().empty()) {
      const std::size_t needed = body.size() + stream.buffer.data().size();
      if (needed > body.capacity() && !make_room(body, std::max(needed, 2 * body.size()), share)) {
        refused = no_room();
        co_return false;
      }
      boost::system::error_code error;
      stream.buffer.consume(parser.read_chunks(stream.buffer.data(), error));
      if (error && error != boost::beast::http::error::need_more) {
        refused = parse_fault(error);
        co_return false;
      }
      if (parser.is_done()) break;
    }
    const bool more = co_await stream.read_more();
    if (!more) {
      if (stream.buffer.room().size() == 0) refused = parse_fault(boost::beast::http::error::bad_chunk);
      co_return false;
    }
  }
  body.reserve(body.size() + body_padding);
  co_return true;
}

}  // namespace gradus::serve
