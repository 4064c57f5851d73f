#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/http.hpp"

namespace gradus::serve {

/// Which names a server answers to, and whose pages may send it requests: a page of any site can make a browser ask a
/// server that only this machine or network can reach.
class Sites {
 public:
  /// `host` is what the server was told to listen on. The names in requests are checked where it is on the loopback
  /// interface, or where `allowed_hosts` is not empty; "*" allows every name.
  Sites(std::string host, bool on_loopback, std::vector<std::string> allowed_hosts, std::string cors_origin);

  /// An answer that refuses the request, or nothing: 403 for a name that is not the server's (DNS rebinding), and for
  /// a request from a page of another site; 415 for a POST of a type that any page may send.
  [[nodiscard]] std::optional<Response> refusal(const Request& head) const;

 private:
  [[nodiscard]] bool is_own_name(std::string_view host) const;
  [[nodiscard]] bool is_listed(std::string_view name) const;
  [[nodiscard]] bool is_foreign_page(const Request& head) const;

  std::string host_;
  bool on_loopback_, checked_;
  std::vector<std::string> allowed_hosts_;
  std::string cors_origin_;
};

}  // namespace gradus::serve
