#include "serve/body_reader.hpp"

#include <new>

namespace gradus::serve {

Response parse_fault(const boost::system::error_code& error) {
  using Fault = boost::beast::http::error;
  if (error == Fault::header_limit) return error_response(431, "the request's header is too large");
  if (error == Fault::body_limit) return error_response(413, "the request's body is too large");
  if (error == Fault::bad_version) return error_response(505, "expected HTTP/1.1 or HTTP/1.0");
  return error_response(400, "no HTTP request: " + error.message());
}

bool make_room(std::string& body, std::size_t bytes, BodyShare& share) {
  if (!share.grow(bytes)) return false;
  try {
    body.reserve(bytes + body_padding);
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}

Response no_room() { return busy_response("too much is being sent to this server; try again in a moment"); }

}  // namespace gradus::serve
