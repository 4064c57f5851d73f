#include "serve/sites.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "serve/asio.hpp"

namespace gradus::serve {

namespace {

/// The name or address of a Host field, in lower case: without port, brackets and the final dot.
std::string name_of(std::string_view host) {
  host = trim(host);
  if (host.starts_with('[')) return lower(host.substr(1, std::min(host.find(']'), host.size()) - 1));
  host = host.substr(0, host.find(':'));
  if (host.ends_with('.')) host.remove_suffix(1);
  return lower(host);
}

std::string_view authority_of(std::string_view origin) {
  const std::size_t at = origin.find("://");
  return at == std::string_view::npos ? std::string_view() : origin.substr(at + 3);
}

bool is_safe(std::string_view method) { return method == "GET" || method == "HEAD" || method == "OPTIONS"; }

}  // namespace

Sites::Sites(std::string host, bool on_loopback, std::vector<std::string> allowed_hosts, std::string cors_origin)
    : host_(lower(host)),
      on_loopback_(on_loopback),
      checked_(on_loopback || !allowed_hosts.empty()),
      allowed_hosts_(std::move(allowed_hosts)),
      cors_origin_(std::move(cors_origin)) {
  for (std::string& allowed : allowed_hosts_) allowed = allowed == "*" ? allowed : name_of(allowed);
}

std::optional<Response> Sites::refusal(const Request& head) const {
  const std::string* host = head.header("Host");
  if (checked_ && host != nullptr && !is_own_name(*host)) {
    return error_response(
        403, "this server does not answer to the name " + in_quotes(trim(*host)) + "; --allow-host adds names");
  }
  if (is_safe(head.method)) return std::nullopt;
  if (is_foreign_page(head)) {
    return error_response(403, "requests from pages of other sites are refused; --cors-origin allows one");
  }
  const std::string* type = head.header("Content-Type");
  const bool by_page = head.header("Origin") != nullptr || head.header("Sec-Fetch-Site") != nullptr;
  if (checked_ && !by_page && type != nullptr && lower(trim(*type)).starts_with("text/plain")) {
    return error_response(415,
                          "Content-Type text/plain is refused, which any page may send; send application/json, "
                          "text/csv, or the picture's own type");
  }
  return std::nullopt;
}

bool Sites::is_listed(std::string_view name) const {
  return std::any_of(allowed_hosts_.begin(), allowed_hosts_.end(),
                     [&](const std::string& allowed) { return allowed == "*" || allowed == name; });
}

bool Sites::is_own_name(std::string_view host) const {
  const std::string name = name_of(host);
  if (name == "localhost" || name == host_ || is_listed(name)) return true;
  // Rebinding needs a name: who names another address than this machine's was led here by a proxy, or by nobody.
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(name, error);
  return !error && (!on_loopback_ || address.is_loopback());
}

bool Sites::is_foreign_page(const Request& head) const {
  if (cors_origin_ == "*") return false;
  const std::string* origin = head.header("Origin");
  if (origin == nullptr) {
    const std::string* site = head.header("Sec-Fetch-Site");
    return site != nullptr && !same_name(*site, "same-origin") && !same_name(*site, "none");
  }
  if (head.count("Origin") > 1) return true;
  if (!cors_origin_.empty() && same_name(*origin, cors_origin_)) return false;
  const std::string_view authority = authority_of(*origin);
  const std::string* host = head.header("Host");
  const bool own = !authority.empty() && host != nullptr && same_name(authority, trim(*host));
  return !own && !(!authority.empty() && is_listed(name_of(authority)));
}

}  // namespace gradus::serve
