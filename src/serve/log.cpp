#include "serve/log.hpp"

#include <chrono>
#include <ctime>
#include <new>

#include "base/text.hpp"
#include "serve/json_text.hpp"

namespace gradus::serve {

std::string time_text() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t whole = std::chrono::system_clock::to_time_t(now);
  std::tm utc{};
  gmtime_r(&whole, &utc);
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  char text[40];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  return std::string(text, length) + "." + std::to_string(1000 + millis).substr(1) + "Z";
}

void Log::line(std::string_view level, std::string_view message, std::string_view request_id) const {
  try {
    write_(text_of(level, message, request_id));
  } catch (const std::bad_alloc&) {
    // The line is lost: what it is about goes on.
  }
}

std::string Log::text_of(std::string_view level, std::string_view message, std::string_view request_id) const {
  std::string text;
  if (json_) {
    text = "{\"time\": \"" + time_text() + "\", \"level\": \"" + std::string(level) + "\", \"message\": ";
    append_json_string(text, message);
    if (!request_id.empty()) {
      text += ", \"request\": ";
      append_json_string(text, request_id);
    }
    text += "}";
  } else {
    text = time_text() + " " + std::string(level) + " " + printable_line(message);
    if (!request_id.empty()) text += " (request " + printable_line(request_id) + ")";
  }
  return text;
}

}  // namespace gradus::serve
