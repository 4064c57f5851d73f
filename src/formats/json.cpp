#include "formats/json.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

#include <gradus/error.hpp>

namespace gradus {
namespace {

using Nlohmann = nlohmann::json;

/// JSON has no word for these numbers, Python has. They are handed to the parser as zeros of a spelling that nobody
/// uses, and recognised by it again.
struct Word {
  std::string_view word;
  std::string_view spelling;
  double value;
};
constexpr Word words[] = {
    {"-Infinity", "-0.000e-70001", -std::numeric_limits<double>::infinity()},
    {"Infinity", "0.000e-70001", std::numeric_limits<double>::infinity()},
    {"NaN", "0.000e-70002", std::numeric_limits<double>::quiet_NaN()},
};

std::string respell(std::string_view text) {
  std::string result;
  result.reserve(text.size() + 64);
  bool quoted = false;
  for (std::size_t i = 0; i < text.size();) {
    if (!quoted) {
      const auto* word = std::find_if(std::begin(words), std::end(words),
                                      [&](const Word& w) { return text.substr(i, w.word.size()) == w.word; });
      if (word != std::end(words) && (i == 0 || text[i - 1] != '-')) {
        result += word->spelling;
        i += word->word.size();
        continue;
      }
    } else if (text[i] == '\\' && i + 1 < text.size()) {
      result += text[i++];
    } else if (text[i] == '"') {
      quoted = false;
      result += text[i++];
      continue;
    }
    if (text[i] == '"' && !quoted) quoted = true;
    result += text[i++];
  }
  return result;
}

/// Builds a Value from the parser's events.
class Builder {
 public:
  Builder(std::string_view text, const std::string& name, const JsonLimits& limits)
      : text_(text), name_(name), limits_(limits) {}

  bool null() { return put(Value()); }
  bool boolean(bool value) { return put(value); }
  bool number_integer(std::int64_t value) { return put(value); }
  bool number_unsigned(std::uint64_t value) {
    if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return put(static_cast<std::int64_t>(value));
    }
    return put(static_cast<double>(value));
  }
  bool number_float(double value, const std::string& spelling) {
    for (const Word& word : words) {
      if (spelling == word.spelling) return put(word.value);
    }
    return put(value);
  }
  bool string(std::string& value) { return put(std::move(value)); }
  bool binary(Nlohmann::binary_t&) { return false; }
  bool start_object(std::size_t) { return open(Value::Object{}); }
  bool start_array(std::size_t) { return open(Value::List{}); }
  bool end_array() { return close(); }
  bool end_object() {
    keep_last_of_each_key(std::get<Value::Object>(open_.back().data));
    keys_.pop_back();
    return close();
  }
  bool key(std::string& key) {
    keys_.back() = std::move(key);
    return true;
  }
  bool parse_error(std::size_t position, const std::string& token, const Nlohmann::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while parsing value - ...": the
    // place is said by fail(), and what was read may hold anything.
    std::string reason = error.what();
    for (const std::string_view start : {"syntax error ", "] "}) {
      const std::size_t found = reason.find(start);
      if (found == std::string::npos) continue;
      reason = reason.substr(found + start.size(), 160);
      break;
    }
    for (char& c : reason) {
      if (c < ' ' || c > '~') c = '?';
    }
    if (token.empty() && position > text_.size()) reason = "the text ends too early";
    fail(position == 0 ? 0 : position - 1, "this is no JSON: " + reason);
  }

  Value result() { return std::move(*result_); }
  [[noreturn]] void fail(std::size_t position, const std::string& sentence) const {
    const auto before = text_.substr(0, std::min(position, text_.size()));
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const std::size_t last = before.rfind('\n');
    const std::size_t column = before.size() - (last == std::string_view::npos ? 0 : last + 1) + 1;
    throw Error(ErrorCode::bad_data,
                name_ + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " + sentence);
  }

 private:
  bool put(Value value) {
    if (++count_ > limits_.values) {
      throw Error(ErrorCode::bad_data, name_ + ": more than " + std::to_string(limits_.values) + " values");
    }
    if (open_.empty()) {
      result_ = std::move(value);
    } else if (auto* list = std::get_if<Value::List>(&open_.back().data)) {
      list->push_back(std::move(value));
    } else {
      std::get<Value::Object>(open_.back().data).emplace_back(std::move(keys_.back()), std::move(value));
    }
    return true;
  }
  bool open(Value container) {
    if (open_.size() >= limits_.depth) {
      throw Error(ErrorCode::bad_data, name_ + ": nested more than " + std::to_string(limits_.depth) + " levels deep");
    }
    if (container.get_if<Value::Object>() != nullptr) keys_.emplace_back();
    open_.push_back(std::move(container));
    return true;
  }
  bool close() {
    Value closed = std::move(open_.back());
    open_.pop_back();
    return put(std::move(closed));
  }

  static void keep_last_of_each_key(Value::Object& object) {
    std::vector<std::size_t> order(object.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return object[a].first < object[b].first; });
    std::vector<bool> drop(object.size());
    bool any = false;
    for (std::size_t i = 1; i < order.size(); ++i) {
      if (object[order[i - 1]].first == object[order[i]].first) any = drop[order[i - 1]] = true;
    }
    if (!any) return;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < object.size(); ++i) {
      if (drop[i]) continue;
      if (kept != i) object[kept] = std::move(object[i]);
      ++kept;
    }
    object.erase(object.begin() + static_cast<std::ptrdiff_t>(kept), object.end());
  }

  std::string_view text_;
  const std::string& name_;
  const JsonLimits& limits_;
  std::vector<Value> open_;
  std::vector<std::string> keys_;
  std::optional<Value> result_;
  std::size_t count_ = 0;
};

void write_text(const std::string& text, std::string& out) {
  out += Nlohmann(text).dump(-1, ' ', false, Nlohmann::error_handler_t::replace);
}

void write_number(double number, bool python, std::string& out) {
  if (!std::isfinite(number) && !python) {
    out += "null";
  } else if (std::isnan(number)) {
    out += "NaN";
  } else if (std::isinf(number)) {
    out += number > 0 ? "Infinity" : "-Infinity";
  } else {
    out += Nlohmann(number).dump();
  }
}

class Writer {
 public:
  Writer(int indent, bool python, std::string& out) : indent_(indent), python_(python), out_(out) {}

  void write(const Value& value) {
    if (const auto* flag = value.get_if<bool>()) {
      out_ += *flag ? "true" : "false";
    } else if (const auto* whole = value.get_if<std::int64_t>()) {
      out_ += std::to_string(*whole);
    } else if (const auto* number = value.get_if<double>()) {
      write_number(*number, python_, out_);
    } else if (const auto* text = value.get_if<std::string>()) {
      write_text(*text, out_);
    } else if (const auto* list = value.get_if<Value::List>()) {
      write_all(*list, '[', ']', [&](const Value& item) { write(item); });
    } else if (const auto* object = value.get_if<Value::Object>()) {
      write_all(*object, '{', '}', [&](const auto& item) {
        write_text(item.first, out_);
        out_ += indent_ < 0 ? ":" : ": ";
        write(item.second);
      });
    } else {
      out_ += "null";
    }
  }

 private:
  template <class Items, class Each>
  void write_all(const Items& items, char begin, char end, Each each) {
    out_ += begin;
    ++level_;
    bool first = true;
    for (const auto& item : items) {
      if (!first) out_ += ',';
      first = false;
      new_line();
      each(item);
    }
    --level_;
    if (!first) new_line();
    out_ += end;
  }
  void new_line() {
    if (indent_ >= 0) out_.append("\n").append(static_cast<std::size_t>(indent_ * level_), ' ');
  }

  int indent_;
  bool python_;
  int level_ = 0;
  std::string& out_;
};

}  // namespace

Value read_json(std::string_view text, const std::string& name, const JsonLimits& limits) {
  if (text.size() > limits.bytes) {
    throw Error(ErrorCode::bad_data, name + ": " + std::to_string(text.size()) + " bytes of JSON, more than the " +
                                         std::to_string(limits.bytes) + " allowed");
  }
  std::string respelled;
  std::string_view source = text;
  if (text.find("NaN") != std::string_view::npos || text.find("Infinity") != std::string_view::npos) {
    respelled = respell(text);
    source = respelled;
  }
  Builder builder(source, name, limits);
  Nlohmann::sax_parse(source.begin(), source.end(), &builder);
  return builder.result();
}

std::string write_json(const Value& value, int indent) {
  std::string out;
  Writer(indent, false, out).write(value);
  return out;
}

std::string write_python_json(const Value& value) {
  std::string out;
  Writer(-1, true, out).write(value);
  return out;
}

}  // namespace gradus
