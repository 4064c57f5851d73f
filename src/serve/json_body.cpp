#include "serve/json_body.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <gradus/error.hpp>

#include "base/text.hpp"
#include "formats/json.hpp"

namespace gradus::serve {

namespace {

static_assert(body_padding >= simdjson::SIMDJSON_PADDING);

using simdjson::dom::element;
using simdjson::dom::element_type;

/// Larger bodies get a parser of their own: it takes some ten times the body's size, which is then given back.
constexpr std::size_t kept_parser_bytes = 1 << 18;
/// Up to here a second reader says where in the text the fault is.
constexpr std::size_t explained_bytes = 1 << 16;

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); }

/// Finds a number that is not finite in a text that is JSON but for such numbers: NaN and Infinity, as Python writes
/// them, and those beyond 64 bits.
class NotFinite {
 public:
  explicit NotFinite(std::string_view text) : text_(text) {}

  /// "instances[3][2]: NaN"; empty when there is none.
  std::string find() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        read_text();
      } else if (c == '[' || c == '{') {
        levels_.push_back({c == '[', 0, {}});
        ++at_;
      } else if (c == ']' || c == '}') {
        if (!levels_.empty()) levels_.pop_back();
        ++at_;
      } else if (c == ',') {
        if (!levels_.empty()) ++levels_.back().index;
        ++at_;
      } else if (c == ':') {
        if (!levels_.empty()) levels_.back().key = last_text_;
        ++at_;
      } else if (const std::string_view word = read_word(); !is_finite(word)) {
        return place() + in_quotes(word, 40);
      }
    }
    return {};
  }

 private:
  struct Level {
    bool list;
    std::int64_t index;
    std::string_view key;
  };

  void read_text() {
    const std::size_t begin = ++at_;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    last_text_ = text_.substr(begin, std::min(at_, text_.size()) - begin);
    ++at_;
  }
  std::string_view read_word() {
    const std::size_t begin = at_++;
    while (at_ < text_.size() && std::string_view("[]{},:\" \n\r\t").find(text_[at_]) == std::string_view::npos) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  static bool is_finite(std::string_view word) {
    if (word == "NaN" || word == "Infinity" || word == "-Infinity") return false;
    double value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    // Too large, or too small: what is too small is 0.
    return error != std::errc::result_out_of_range || word.find("e-") != std::string_view::npos ||
           word.find("E-") != std::string_view::npos;
  }
  [[nodiscard]] std::string place() const {
    std::string place;
    for (const Level& level : levels_) {
      if (level.list) {
        place += "[" + std::to_string(level.index) + "]";
      } else {
        place += (place.empty() ? "" : ".") + std::string(level.key);
      }
    }
    return place.empty() ? place : place + ": ";
  }

  std::string_view text_, last_text_{};
  std::size_t at_ = 0;
  std::vector<Level> levels_{};
};

[[noreturn]] void explain(std::string_view text, simdjson::error_code code, std::int64_t most_depth) {
  if (code == simdjson::EMPTY) refuse("the body is empty; expected JSON");
  if (code == simdjson::DEPTH_ERROR) {
    refuse("the body's JSON is nested deeper than " + std::to_string(most_depth) + " levels");
  }
  if (const std::string bad = NotFinite(text).find(); !bad.empty()) {
    refuse(bad + " is not finite as a 32-bit float; numbers must be finite");
  }
  if (text.size() <= explained_bytes) {
    try {
      read_json(text, "body");
    } catch (const Error& error) {
      refuse(error.what());
    }
    refuse("the body holds a whole number beyond 64 bits; write it with a point or an exponent");
  }
  refuse(std::string("the body is no JSON: ") + simdjson::error_message(code));
}

void read_numbers(simdjson::dom::array list, JsonPlace& place, std::vector<Real>& out) {
  std::int64_t index = 0;
  for (const element value : list) {
    double number = 0;
    if (value.get_double().get(number) != simdjson::SUCCESS ||
        !(std::abs(number) <= std::numeric_limits<Real>::max())) {
      place.set(index);
      (void)read_number(value, place);
    }
    out.push_back(static_cast<Real>(number));
    ++index;
  }
}

void read_nested(element value, const Shape& shape, std::size_t axis, JsonPlace& place, std::vector<Real>& out) {
  if (axis == shape.rank()) {
    out.push_back(read_number(value, place));
    return;
  }
  simdjson::dom::array list;
  const std::int64_t expected = shape[axis];
  if (value.get_array().get(list) != simdjson::SUCCESS) {
    place.fail("expected a list of " + std::to_string(expected) + ", got " + std::string(kind_of(value)));
  }
  // A list remembers its length up to 2^24.
  const auto size = static_cast<std::int64_t>(list.size());
  if (size != expected)
    place.fail("expected a list of " + std::to_string(expected) + ", got one of " + std::to_string(size));
  place.enter();
  if (axis + 1 == shape.rank()) {
    read_numbers(list, place, out);
  } else {
    std::int64_t index = 0;
    for (const element inner : list) {
      place.set(index++);
      read_nested(inner, shape, axis + 1, place, out);
    }
  }
  place.leave();
}

}  // namespace

simdjson::dom::parser& json_parser(std::size_t bytes, std::unique_ptr<simdjson::dom::parser>& large) {
  thread_local simdjson::dom::parser kept;
  if (bytes <= kept_parser_bytes) return kept;
  large = std::make_unique<simdjson::dom::parser>();
  return *large;
}

element parse_json(std::string_view text, std::int64_t most_depth, simdjson::dom::parser& parser) {
  const auto depth = static_cast<std::size_t>(most_depth);
  if (parser.max_depth() != depth || parser.capacity() < text.size()) {
    if (parser.allocate(std::max(text.size(), parser.capacity()), depth) != simdjson::SUCCESS) {
      throw Error(ErrorCode::io, "there is not enough memory for this body");
    }
  }
  element root;
  const simdjson::error_code code = parser.parse(text.data(), text.size(), false).get(root);
  if (code != simdjson::SUCCESS) explain(text, code, most_depth);
  return root;
}

std::string_view kind_of(element value) {
  switch (value.type()) {
    case element_type::ARRAY:
      return "a list";
    case element_type::OBJECT:
      return "an object";
    case element_type::STRING:
      return "a text";
    case element_type::BOOL:
      return "true or false";
    case element_type::NULL_VALUE:
      return "null";
    default:
      return "a number";
  }
}

std::string JsonPlace::text() const {
  std::string text = name_;
  for (const std::int64_t index : indices_) text += "[" + std::to_string(index) + "]";
  return text;
}

void JsonPlace::fail(const std::string& sentence) const { refuse(text() + ": " + sentence); }

Real read_number(element value, const JsonPlace& place) {
  double number = 0;
  if (value.get_double().get(number) != simdjson::SUCCESS) {
    place.fail("expected a number, got " + std::string(kind_of(value)));
  }
  if (!(std::abs(number) <= std::numeric_limits<Real>::max())) {
    place.fail("the number is too large for a 32-bit float");
  }
  return static_cast<Real>(number);
}

void read_tensor(element value, const Shape& shape, JsonPlace& place, std::vector<Real>& out) {
  read_nested(value, shape, 0, place, out);
}

}  // namespace gradus::serve
