#include "interrupt.hpp"

#include <unistd.h>

namespace gradus::app {

namespace {

volatile std::sig_atomic_t signal_came = 0;

void remember(int) { signal_came = 1; }

}  // namespace

InterruptGuard::InterruptGuard() {
  signal_came = 0;
  for (std::size_t i = 0; i < signals.size(); ++i) {
    struct sigaction action {};
    action.sa_handler = remember;
    action.sa_flags = SA_RESTART | (signals[i] == SIGPIPE ? 0 : static_cast<int>(SA_RESETHAND));
    sigemptyset(&action.sa_mask);
    sigaction(signals[i], nullptr, &before_[i]);
    const bool left_alone = signals[i] != SIGINT && before_[i].sa_handler == SIG_IGN;  // nohup ignores SIGHUP
    if (!left_alone) sigaction(signals[i], &action, nullptr);
  }
}

InterruptGuard::~InterruptGuard() {
  for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &before_[i], nullptr);
}

bool InterruptGuard::interrupted() { return signal_came != 0; }

}  // namespace gradus::app
