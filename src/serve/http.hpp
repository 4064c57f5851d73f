#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Requests and answers as plain values: what is said in them is worked out and tested without sockets.
namespace gradus::serve {

/// Bytes that must lie behind a body's last: the JSON parser reads that far. json_body.cpp checks that it is enough.
constexpr std::size_t body_padding = 64;

using HeaderFields = std::vector<std::pair<std::string, std::string>>;

/// A whole request. Names of header fields are compared without regard to case.
struct Request {
  std::string method;
  std::string target;  ///< as sent: path and query
  int version = 11;    ///< 10 or 11
  HeaderFields headers;
  std::string body;  ///< with room for `body_padding` bytes behind it
  std::string client;
  bool admin = false;  ///< came by the port for health and metrics
  std::string id;      ///< of this request, for logs and answers

  /// The value of the first field of this name; null when there is none.
  [[nodiscard]] const std::string* header(std::string_view name) const;
  /// How many fields have this name.
  [[nodiscard]] std::size_t count(std::string_view name) const;
  /// The target without its query, as sent.
  [[nodiscard]] std::string_view path() const;
  /// The names of the query's parameters in order, decoded; one that cannot be decoded as sent.
  [[nodiscard]] std::vector<std::string> query_names() const;
  /// A parameter of the query, decoded; nothing when it is not there.
  [[nodiscard]] std::optional<std::string> query(std::string_view name) const;
};

/// Brings a target such as "http://host/path" to the usual form; its host takes the place of the Host field's (RFC
/// 9112, 3.2.2). What has no host stays as it is.
void split_absolute_target(Request& request);

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body{};
  HeaderFields headers{};
};

/// {"error": sentence}: what both protocols say.
Response error_response(int status, std::string_view sentence);
/// Too much to do at the moment: 503, or 429, with Retry-After.
Response busy_response(std::string_view sentence);

/// Whether a client's own X-Request-Id can be used: 1 to 128 letters, digits and - _ . : / + = @
bool is_request_id(std::string_view text);
/// A request's id where the client gives none: 16 hexadecimal digits, others for each `number`.
std::string made_request_id(std::uint64_t number);

std::string_view reason_of(int status);
bool same_name(std::string_view a, std::string_view b);
/// %41 -> A; nothing when a % is not followed by two hexadecimal digits or stands for a zero byte.
std::optional<std::string> percent_decoded(std::string_view text);
/// Whether an Accept-Encoding value allows gzip (RFC 9110, 12.5.3).
bool accepts_gzip(std::string_view accept_encoding);
/// Equal texts, in a time that depends on the lengths alone.
bool equal_in_constant_time(std::string_view a, std::string_view b);

/// The head of an answer, blank line included; with X-Request-Id unless the id is empty. A length is stated for every
/// status but 1xx, 204 and 304.
std::string head_of(const Response& response, bool keep_alive, int version, std::string_view request_id = {});

}  // namespace gradus::serve
