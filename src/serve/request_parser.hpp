#pragma once

#include <cstdint>
#include <string>

#include "serve/asio.hpp"
#include "serve/http.hpp"

namespace gradus::serve {

/// Beast's parser of requests (RFC 9112), filling a Request. What it leaves to its users is decided in `refusal`.
class RequestParser : public boost::beast::http::basic_parser<true> {
 public:
  using ErrorCode = boost::beast::error_code;
  using Text = boost::beast::string_view;

  RequestParser(std::int64_t most_header, std::int64_t most_body) : most_body_(most_body) {
    header_limit(static_cast<std::uint32_t>(most_header));
    body_limit(static_cast<std::uint64_t>(most_body));
  }

  /// Reads of `bytes` what belongs to the header; returns how many that were. After `head_done()` the rest is body.
  std::size_t read_head(std::string_view bytes, ErrorCode& error) {
    return put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  }
  [[nodiscard]] bool head_done() const { return is_header_done(); }
  /// Reads of `bytes` what belongs to a chunked body.
  std::size_t read_chunks(std::string_view bytes, ErrorCode& error) {
    eager(true);
    return put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  }

  /// What is wrong with how the header frames the body: an answer, or nothing. Two lengths, or a coding that is not
  /// just "chunked", are how requests are smuggled past a proxy.
  [[nodiscard]] std::optional<Response> framing_fault() const;

  Request request;

 private:
  static std::string text(Text view) { return {view.data(), view.size()}; }

  void on_request_impl(boost::beast::http::verb, Text method, Text target, int version, ErrorCode&) override {
    request.method = text(method);
    request.target = text(target);
    request.version = version;
  }
  void on_response_impl(int, Text, int, ErrorCode&) override {}
  void on_field_impl(boost::beast::http::field, Text name, Text value, ErrorCode& error) override {
    if (in_trailer_) return;  // what comes behind a body changes nothing any more
    if (request.headers.size() >= most_fields) {
      error = boost::beast::http::error::header_limit;
      return;
    }
    request.headers.emplace_back(text(name), text(value));
  }
  void on_header_impl(ErrorCode&) override { in_trailer_ = true; }
  void on_body_init_impl(boost::optional<std::uint64_t> const&, ErrorCode&) override {}
  std::size_t on_body_impl(Text body, ErrorCode& error) override { return append(body, error); }
  void on_chunk_header_impl(std::uint64_t, Text, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text body, ErrorCode& error) override { return append(body, error); }
  void on_finish_impl(ErrorCode&) override {}

  std::size_t append(Text body, ErrorCode& error) {
    if (request.body.size() + body.size() > static_cast<std::size_t>(most_body_)) {
      error = boost::beast::http::error::body_limit;
      return 0;
    }
    request.body.append(body.data(), body.size());
    return body.size();
  }

  static constexpr std::size_t most_fields = 100;
  std::int64_t most_body_;
  bool in_trailer_ = false;
};

}  // namespace gradus::serve
