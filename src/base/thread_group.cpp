#include "base/thread_group.hpp"

#include <mutex>
#include <new>
#include <system_error>
#include <utility>

namespace gradus {
namespace {

struct Listener {
  std::mutex mutex;
  std::function<void(const std::string&)> tell;
};

Listener& listener() {
  static Listener the_one;
  return the_one;
}

void tell_missing(int started, int wanted, const std::string& reason) {
  std::function<void(const std::string&)> tell;
  {
    const std::lock_guard lock(listener().mutex);
    tell = std::exchange(listener().tell, nullptr);
  }
  if (!tell) return;
  tell("only " + std::to_string(started) + " of " + std::to_string(wanted) + " further threads could be started (" +
       reason + "); the work goes on with fewer. The limits on processes and memory (ulimit -u, ulimit -v) may be low");
}

}  // namespace

int ThreadGroup::start(int count, const std::function<void(int)>& work) {
  if (count <= 0) return 0;
  std::string reason;
  int started = 0;
  try {
    threads_.reserve(threads_.size() + static_cast<std::size_t>(count));
    for (; started < count; ++started) threads_.emplace_back(work, started);
  } catch (const std::system_error& error) {
    reason = error.code().message();
  } catch (const std::bad_alloc&) {
    reason = "not enough memory";
  }
  if (started < count) tell_missing(started, count, reason);
  return started;
}

void ThreadGroup::join() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void on_missing_threads(std::function<void(const std::string& sentence)> tell) {
  const std::lock_guard lock(listener().mutex);
  listener().tell = std::move(tell);
}

}  // namespace gradus
