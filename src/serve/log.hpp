#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace gradus::serve {

/// What a server tells the person who runs it: a line each, with the time and how bad it is. No text that comes from a
/// client or a file gets into a line as it is: control characters and bytes that are not UTF-8 are escaped. A line
/// that there is no memory for is lost. Every function may be called from any thread.
class Log {
 public:
  using Write = std::function<void(const std::string& line)>;
  /// As JSON: {"time": ..., "level": "warning", "message": ..., "request": ...}. Else: "TIME warning message".
  Log(Write write, bool json) : write_(std::move(write)), json_(json) {}

  void info(std::string_view message) const { line("info", message, {}); }
  /// Something to look at: a file that cannot be used, a limit that was reached.
  void warning(std::string_view message) const { line("warning", message, {}); }
  /// A request that failed, which is not the client's fault.
  void error(std::string_view message, std::string_view request_id) const { line("error", message, request_id); }

 private:
  void line(std::string_view level, std::string_view message, std::string_view request_id) const;
  [[nodiscard]] std::string text_of(std::string_view level, std::string_view message,
                                    std::string_view request_id) const;
  Write write_;
  bool json_;
};

/// The time of day as RFC 3339 has it, with milliseconds.
std::string time_text();

}  // namespace gradus::serve
