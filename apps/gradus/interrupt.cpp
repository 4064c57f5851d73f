#include "interrupt.hpp"

#include <unistd.h>

namespace gradus::app {

namespace {

volatile std::sig_atomic_t signal_came = 0;

void remember(int) { signal_came = 1; }

}  // namespace

InterruptGuard::InterruptGuard() {
  signal_came = 0;
  struct sigaction action {};
  action.sa_handler = remember;
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &before_);
}

InterruptGuard::~InterruptGuard() { sigaction(SIGINT, &before_, nullptr); }

bool InterruptGuard::interrupted() { return signal_came != 0; }

}  // namespace gradus::app
