#include "serve/request_parser.hpp"

#include "base/text.hpp"

namespace gradus::serve {

std::optional<Response> RequestParser::framing_fault() const {
  if (request.count("Content-Length") > 1) return error_response(400, "two Content-Length fields");
  const std::string* length = request.header("Content-Length");
  if (length != nullptr && trim(*length).find_first_not_of("0123456789") != std::string_view::npos) {
    return error_response(400, "Content-Length must be a number, got " + in_quotes(*length));
  }
  const std::size_t codings = request.count("Transfer-Encoding");
  if (codings == 0) return std::nullopt;
  if (codings > 1) return error_response(400, "two Transfer-Encoding fields");
  if (request.count("Content-Length") > 0) return error_response(400, "both Transfer-Encoding and Content-Length");
  if (request.version < 11) return error_response(400, "Transfer-Encoding in an HTTP/1.0 request");
  const std::string& coding = *request.header("Transfer-Encoding");
  if (!same_name(trim(coding), "chunked")) {
    return error_response(501, "Transfer-Encoding " + in_quotes(coding) + " is not known here, only chunked");
  }
  return std::nullopt;
}

}  // namespace gradus::serve
