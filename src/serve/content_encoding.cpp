#include "serve/content_encoding.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include <gradus/error.hpp>

#include "base/gzip.hpp"
#include "base/text.hpp"

namespace gradus::serve {

namespace {

/// The encodings of a body in the order in which they were applied, in lower case, without "identity".
std::vector<std::string> encodings_of(const Request& request) {
  std::vector<std::string> encodings;
  for (const auto& [name, value] : request.headers) {
    if (!same_name(name, "Content-Encoding")) continue;
    for (const std::string& part : split_text(value, ',')) {
      std::string encoding = lower(trim(part));
      if (!encoding.empty() && encoding != "identity") encodings.push_back(std::move(encoding));
    }
  }
  return encodings;
}

/// At most `most` + 1 bytes of what is packed. Throws `bad_data` for broken gzip.
std::string unpacked(InputFile& packed, std::size_t most) {
  std::string body;
  for (std::size_t size = 0; size <= most && !packed.at_end();) {
    constexpr std::size_t first_bytes = 16 << 10;
    // Room grows with what really comes.
    body.resize(std::min(most + 1, std::max({first_bytes, 2 * size, static_cast<std::size_t>(packed.file_size())})));
    size += packed.read({reinterpret_cast<std::uint8_t*>(body.data()) + size, body.size() - size});
    body.resize(size);
  }
  return body;
}

}  // namespace

std::optional<Response> unpack_body(Request& request, std::int64_t most_bytes) {
  const std::vector<std::string> encodings = encodings_of(request);
  if (encodings.empty() || request.body.empty()) return std::nullopt;
  if (encodings.size() > 1 || (encodings[0] != "gzip" && encodings[0] != "x-gzip")) {
    std::string all;
    for (const std::string& encoding : encodings) all += (all.empty() ? "" : ", ") + encoding;
    Response response = error_response(
        415, "Content-Encoding " + in_quotes(all) + " is not supported: send the body as it is, or packed with gzip");
    response.headers.emplace_back("Accept-Encoding", "gzip");
    return response;
  }
  try {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(request.body.data());
    InputFile packed("the body", {bytes, request.body.size()});
    if (!packed.compressed()) {
      return error_response(400, "the body is not gzip, which its Content-Encoding says it is");
    }
    const auto most = static_cast<std::size_t>(most_bytes);
    std::string body = unpacked(packed, most);
    if (body.size() > most) {
      return error_response(413, "the unpacked body has more than " + std::to_string(most) + " bytes, the most taken");
    }
    body.reserve(body.size() + body_padding);
    request.body = std::move(body);
  } catch (const gradus::Error& error) {
    return error_response(400, error.what());
  } catch (const std::bad_alloc&) {
    return error_response(503, "there is not enough memory for this request");
  }
  return std::nullopt;
}

}  // namespace gradus::serve
