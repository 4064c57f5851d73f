#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace gradus::test {

/// How a program ended and what it said.
struct Finished {
  int status = -1;  ///< exit status; -1 when a signal ended it
  int signal = 0;   ///< the signal that ended it, or 0
  std::string out;  ///< standard output
  std::string err;  ///< standard error
  double seconds = 0;
};

struct RunOptions {
  std::string input{};                             ///< all of standard input
  std::map<std::string, std::string> variables{};  ///< set on top of this process's environment
  std::vector<std::string> without{};              ///< variables taken out of it
  std::string directory{};                         ///< where to run; default: here
  bool terminal = false;                           ///< standard error is a terminal of 80 columns
  double seconds_limit = 120;                      ///< then it is killed
};

/// A program that runs; killed when this goes out of scope.
class Process {
 public:
  Process(const std::vector<std::string>& command, const RunOptions& options = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void send(int signal) const;
  /// Reads until standard output and error together contain `text`; false when the program ends, or `seconds` pass.
  bool wait_for(const std::string& text, double seconds = 60);
  /// What has been read of its standard error so far.
  [[nodiscard]] const std::string& err() const { return result_.err; }
  /// Reads the rest of the output and waits for the end.
  Finished finish();

 private:
  void start_child(const std::vector<std::string>& command, const RunOptions& options, int in, int out, int err);
  /// Waits up to `seconds` for output; false once both streams have ended.
  bool read_some(double seconds);

  pid_t child_ = -1;
  int out_ = -1, err_ = -1, in_ = -1;
  std::string input_;
  Finished result_;
  std::chrono::steady_clock::time_point begin_;
  double seconds_limit_;
};

/// Runs a program to its end.
Finished run(const std::vector<std::string>& command, const RunOptions& options = {});

}  // namespace gradus::test
