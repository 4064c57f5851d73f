#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "serve/http.hpp"

namespace gradus::serve {

/// What is sent for an answer: head and, but for HEAD, body. Packed where it is long enough and the client takes gzip;
/// the fields that say so, and those for pages of `cors_origin` unless it is empty, are added to `response`.
std::string answer_text(const Request& request, Response& response, bool keep_alive, const std::string& cors_origin);

/// The method, or "other": what clients make up is no label of a metric.
std::string_view known_method(std::string_view method);

/// A line of the access log, without its end.
std::string access_line(const Request& request, int status, std::size_t bytes, double seconds, std::string_view model,
                        std::int64_t rows);

}  // namespace gradus::serve
