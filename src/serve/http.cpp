#include "serve/http.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "serve/json_text.hpp"

namespace gradus::serve {

namespace {

char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower_case(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// A weight such as "0.5"; what cannot be read counts as 0.
double quality_of(std::string_view parameters) {
  const std::size_t at = parameters.find("q=");
  if (at == std::string_view::npos) return 1;
  return parse_real(trim(parameters.substr(at + 2))).value_or(0);
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower_case(x) == lower_case(y); });
}

const std::string* Request::header(std::string_view name) const {
  const auto found =
      std::find_if(headers.begin(), headers.end(), [&](const auto& h) { return same_name(h.first, name); });
  return found == headers.end() ? nullptr : &found->second;
}

std::size_t Request::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::count_if(headers.begin(), headers.end(), [&](const auto& h) { return same_name(h.first, name); }));
}

std::string_view Request::path() const { return std::string_view(target).substr(0, target.find('?')); }

std::optional<std::string> Request::query(std::string_view name) const {
  const std::size_t mark = target.find('?');
  if (mark == std::string::npos) return std::nullopt;
  for (std::string part : split_text(std::string_view(target).substr(mark + 1), '&')) {
    std::replace(part.begin(), part.end(), '+', ' ');
    const std::size_t equals = std::min(part.find('='), part.size());
    if (percent_decoded(std::string_view(part).substr(0, equals)) != name) continue;
    return percent_decoded(std::string_view(part).substr(std::min(equals + 1, part.size())));
  }
  return std::nullopt;
}

std::vector<std::string> Request::query_names() const {
  std::vector<std::string> names;
  const std::size_t mark = target.find('?');
  if (mark == std::string::npos) return names;
  for (std::string part : split_text(std::string_view(target).substr(mark + 1), '&')) {
    std::replace(part.begin(), part.end(), '+', ' ');
    if (part.empty()) continue;
    const std::string_view name = std::string_view(part).substr(0, part.find('='));
    names.push_back(percent_decoded(name).value_or(std::string(name)));
  }
  return names;
}

void split_absolute_target(Request& request) {
  const std::string_view target = request.target;
  const std::size_t mark = target.find("://");
  if (mark == std::string_view::npos) return;
  const std::string_view scheme = target.substr(0, mark), rest = target.substr(mark + 3);
  if (!same_name(scheme, "http") && !same_name(scheme, "https")) return;
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string host(rest.substr(0, end));
  if (host.empty() || host.find('@') != std::string::npos) return;
  std::string path(rest.substr(end));
  if (path.empty() && request.method == "OPTIONS") path = "*";
  if (!path.starts_with('/') && path != "*") path.insert(0, "/");
  const auto field = std::find_if(request.headers.begin(), request.headers.end(),
                                  [](const auto& h) { return same_name(h.first, "Host"); });
  if (field != request.headers.end()) {
    field->second = host;
  } else if (request.version < 11) {
    request.headers.emplace_back("Host", host);
  }
  request.target = std::move(path);
}

bool is_request_id(std::string_view text) {
  constexpr std::string_view others = "-_.:/+=@";
  const auto good = [&](char c) {
    return (lower_case(c) >= 'a' && lower_case(c) <= 'z') || (c >= '0' && c <= '9') || others.find(c) != others.npos;
  };
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), good);
}

std::string made_request_id(std::uint64_t number) {
  // SplitMix64's finalizer (Steele, Lea, Flood 2014): one to one, so no two numbers give one id.
  number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9u;
  number = (number ^ (number >> 27)) * 0x94D049BB133111EBu;
  number ^= number >> 31;
  std::string id(16, '0');
  for (std::size_t i = 0; i < id.size(); ++i) id[i] = "0123456789abcdef"[(number >> (60 - 4 * i)) & 15];
  return id;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<bool> gzip, any;
  for (const std::string& part : split_text(accept_encoding, ',')) {
    const std::string all = lower(trim(part));
    const std::string name(trim(std::string_view(all).substr(0, all.find(';'))));
    const bool wanted = quality_of(std::string_view(all).substr(name.size())) > 0;
    if (name == "gzip" || name == "x-gzip") gzip = wanted;
    if (name == "*") any = wanted;
  }
  return gzip.value_or(any.value_or(false));
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  volatile unsigned char difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const char other = b.empty() ? '\0' : b[i % b.size()];
    difference = static_cast<unsigned char>(difference | static_cast<unsigned char>(a[i] ^ other));
  }
  return difference == 0;
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

Response error_response(int status, std::string_view sentence) {
  Response response{.status = status};
  response.body = "{\"error\": ";
  append_json_string(response.body, sentence);
  response.body += "}\n";
  return response;
}

Response busy_response(std::string_view sentence) {
  Response response = error_response(503, sentence);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

std::string head_of(const Response& response, bool keep_alive, int version, std::string_view request_id) {
  std::string head;
  head.reserve(256);
  char number[24];
  const auto decimal = [&](auto value) {
    head.append(number, std::to_chars(number, number + sizeof number, value).ptr);
  };
  head += "HTTP/1.1 ";
  decimal(response.status);
  head += ' ';
  head += reason_of(response.status);
  head += "\r\n";
  if (!response.content_type.empty() && !response.body.empty()) {
    head += "Content-Type: ";
    head += response.content_type;
    head += "\r\n";
  }
  if (response.status >= 200 && response.status != 204 && response.status != 304) {
    head += "Content-Length: ";
    decimal(response.body.size());
    head += "\r\n";
  }
  for (const auto& [name, value] : response.headers) {
    head += name;
    head += ": ";
    head += value;
    head += "\r\n";
  }
  if (!request_id.empty()) {
    head += "X-Request-Id: ";
    head += request_id;
    head += "\r\n";
  }
  // HTTP/1.1 keeps connections unless told otherwise, HTTP/1.0 closes them.
  if (!keep_alive) head += "Connection: close\r\n";
  if (keep_alive && version == 10) head += "Connection: keep-alive\r\n";
  head += "\r\n";
  return head;
}

}  // namespace gradus::serve
