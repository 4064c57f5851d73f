#pragma once

#include <csignal>

#include <gradus/callbacks.hpp>

namespace gradus::app {

/// While this lives, the first Ctrl-C is only remembered; a second one ends the program as usual.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  [[nodiscard]] static bool interrupted();

 private:
  struct sigaction before_ {};
};

/// Ends a run after the batch in which Ctrl-C came.
class StopOnInterrupt : public Callback {
 public:
  [[nodiscard]] bool interrupted() const override { return InterruptGuard::interrupted(); }
};

}  // namespace gradus::app
