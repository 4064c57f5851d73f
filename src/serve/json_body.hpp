#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gradus/tensor.hpp>

#include "serve/http.hpp"

/// Reading JSON bodies. Only the protocols' own files include this: the parser's header is large.
namespace gradus::serve {

/// A body as JSON, checked whole: UTF-8, syntax, depth. Throws `invalid_argument` naming line and column. What it
/// gives lives until the next call in this thread; `text` must have room for `body_padding` bytes behind it.
simdjson::dom::element parse_json(std::string_view text, std::int64_t most_depth, simdjson::dom::parser& parser);

/// The parser of this thread, or a new one in `large` for a text that is so large that its memory is better given back.
simdjson::dom::parser& json_parser(std::size_t bytes, std::unique_ptr<simdjson::dom::parser>& large);

/// "a list", "a text", "an object", ...: what a value is, for messages.
std::string_view kind_of(simdjson::dom::element value);

/// Where in the body a value stands: "instances[3][5]".
class JsonPlace {
 public:
  explicit JsonPlace(std::string name) : name_(std::move(name)) {}
  void enter() { indices_.push_back(0); }
  void leave() { indices_.pop_back(); }
  void set(std::int64_t index) { indices_.back() = index; }
  [[nodiscard]] std::string text() const;
  /// Throws `invalid_argument`: "instances[3][5]: SENTENCE".
  [[noreturn]] void fail(const std::string& sentence) const;

 private:
  std::string name_;
  std::vector<std::int64_t> indices_;
};

/// Appends the numbers of `value`, which must be lists nested exactly as `shape` says, each a finite 32-bit float.
void read_tensor(simdjson::dom::element value, const Shape& shape, JsonPlace& place, std::vector<Real>& out);
/// One number.
Real read_number(simdjson::dom::element value, const JsonPlace& place);

}  // namespace gradus::serve
