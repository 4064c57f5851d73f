#pragma once

#include <array>
#include <csignal>

#include <gradus/callbacks.hpp>

namespace gradus::app {

/// While this lives, the first Ctrl-C is only remembered; a second one ends the program as usual. So are the signals
/// that end a terminal, a session or a job (SIGHUP, unless it is ignored, SIGTERM), and SIGPIPE each time it comes:
/// whoever read the output is gone, and what was computed is still to be saved.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  [[nodiscard]] static bool interrupted();

 private:
  static constexpr std::array signals{SIGINT, SIGTERM, SIGHUP, SIGPIPE};
  std::array<struct sigaction, signals.size()> before_{};
};

/// Ends a run after the batch in which Ctrl-C came, and counts its epochs.
class StopOnInterrupt : public Callback {
 public:
  bool on_epoch_end(const TrainingState&, const Logs&) override {
    ++epochs_;
    return true;
  }
  /// Those that came to their end in this run.
  [[nodiscard]] std::int64_t epochs() const { return epochs_; }
  [[nodiscard]] bool interrupted() const override { return InterruptGuard::interrupted(); }

 private:
  std::int64_t epochs_ = 0;
};

}  // namespace gradus::app
